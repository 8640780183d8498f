"""What a file tells of itself, whatever kind it is of: read out of it, and written into it.

    told_by(file)              what it tells, None where it tells nothing of ours
    pieces_with(file, value)   the file with that in it; raises `LeftAlone` where it stays as it is

Pixels, sound and packets stay as they are: nothing is decoded, and but for what is added only lengths and flags of the
container change. A file that is signed (C2PA), that has an XMP packet (so one of ours, too), or whose structure is not
whole to the last byte is left alone.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from apixo_mcp.provenance.jpeg import JPEG_MARK, LONGEST_IN_JPEG, jpeg_with, packets_of_jpeg
from apixo_mcp.provenance.mp4 import is_mp4, mp4_with, packets_of_mp4
from apixo_mcp.provenance.packet import LONGEST_WRITTEN, packet_of, provenance_in
from apixo_mcp.provenance.pieces import LeftAlone, Pieces
from apixo_mcp.provenance.png import PNG_MARK, packets_of_png, png_with
from apixo_mcp.provenance.provenance import Provenance
from apixo_mcp.provenance.webp import is_webp, packets_of_webp, webp_with

_HEAD = 16
_PACKETS = 4
"""Packets of a file that are read: it has one, and a hostile one could have thousands."""


@dataclass(frozen=True, slots=True)
class _Form:
    is_it: Callable[[bytes], bool]
    packets: Callable[[BinaryIO], Iterator[bytes]]
    pieces: Callable[[BinaryIO, bytes], Pieces]
    longest: int = LONGEST_WRITTEN


_FORMS = (
    _Form(lambda head: head.startswith(PNG_MARK), packets_of_png, png_with),
    _Form(lambda head: head.startswith(JPEG_MARK), packets_of_jpeg, jpeg_with, LONGEST_IN_JPEG),
    _Form(is_webp, packets_of_webp, webp_with),
    _Form(is_mp4, packets_of_mp4, mp4_with),
)


def told_by(file: BinaryIO | bytes) -> Provenance | None:
    """Returns what a file tells of itself, None where it tells nothing of ours. Reads no more of it than that takes.

    Raises:
        OSError: it cannot be read.
    """
    content = io.BytesIO(file) if isinstance(file, bytes) else file
    form = _form_of(content)
    if form is None:
        return None
    try:
        for packet in islice(form.packets(content), _PACKETS):
            if provenance := provenance_in(packet):
                return provenance
    except LeftAlone:
        pass  # cut, or odd from here on
    return None


def pieces_with(file: BinaryIO, provenance: Provenance) -> Pieces:
    """Returns the pieces of a file that tells where it came from.

    Raises:
        LeftAlone: it stays as it is.
        OSError: it cannot be read.
    """
    form = _form_of(file)
    if form is None:
        raise LeftAlone("files of its kind have no place for it here")
    return form.pieces(file, packet_of(provenance, form.longest))


def _form_of(file: BinaryIO) -> _Form | None:
    file.seek(0)
    head = file.read(_HEAD)
    return next((form for form in _FORMS if form.is_it(head)), None)
