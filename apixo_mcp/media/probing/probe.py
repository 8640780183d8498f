"""How large a file's picture is and how long it plays, read from its headers without decoding anything.

Whatever cannot be told for certain stays None: these are facts for the reader, never a reason to refuse a file.
"""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.probing import boxes, chunks, frames, matroska, pictures, streams
from apixo_mcp.media.probing.facts import MediaFacts

_READS = 700_000
"""Reads of one file: seconds at most, and more than a film of hours needs."""

_MEASURES: dict[str, Callable[[BinaryIO, int], MediaFacts]] = {
    **dict.fromkeys(("mp4", "quicktime", "3gpp", "3gpp2"), boxes.measure_boxes),
    **dict.fromkeys(("heic", "heif", "avif"), boxes.measure_picture),
    **dict.fromkeys(("webm", "x-matroska"), matroska.measure_matroska),
    **dict.fromkeys(("mpeg", "aac"), frames.measure_frames),
    **dict.fromkeys(("x-ms-asf", "x-ms-wmv", "x-ms-wma"), streams.measure_asf),
    "ogg": streams.measure_ogg,
    "flac": streams.measure_flac,
    "x-flv": streams.measure_flv,
    "wav": chunks.measure_wav,
    "x-w64": chunks.measure_wave64,
    "aiff": chunks.measure_aiff,
    "basic": chunks.measure_au,
    "x-caf": chunks.measure_caf,
    "x-msvideo": chunks.measure_avi,
}
"""The reader of each type, by what its MIME type says behind the slash."""

__all__ = ["MediaFacts", "probe", "read_facts"]


def probe(path: Path, kind: Kind) -> MediaFacts:
    """Reads the facts of a file of this kind; empty ones where its headers make no sense."""
    try:
        with path.open("rb") as file:
            return read_facts(file, kind)
    except OSError:
        return MediaFacts()


def read_facts(file: BinaryIO, kind: Kind) -> MediaFacts:
    """Returns the facts of an open file of this kind; empty ones where its headers make no sense."""
    frugal = _Frugal(cast("Any", file))
    try:
        size = frugal.seek(0, 2)
        frugal.seek(0)
        return _read(frugal, size, kind)
    except (OSError, struct.error, IndexError, ValueError, ArithmeticError):
        return MediaFacts()
    finally:
        frugal.detach()


class _Frugal(io.BufferedReader):
    """A file that may be read so often and no oftener, whatever the sizes in it make a reader do."""

    _left = _READS

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many parts")
        return super().read(size)


def _read(file: BinaryIO, size: int, kind: Kind) -> MediaFacts:
    subtype = kind.mime_type.partition("/")[2]
    if subtype == "mpeg" and kind.modality != "audio":
        return _sequence(file.read(65_536))
    if measure := _MEASURES.get(subtype):
        return measure(file, size)
    return pictures.measure_bitmap(file, size, kind) if kind.modality == "image" else MediaFacts()


def _sequence(head: bytes) -> MediaFacts:
    """Returns the size of an MPEG video by its first sequence header."""
    at = head.find(b"\0\0\x01\xb3")
    packed = int.from_bytes(head[at + 4 : at + 7], "big") if at >= 0 else 0
    return MediaFacts(width=packed >> 12, height=packed & 0xFFF) if packed >> 12 and packed & 0xFFF else MediaFacts()
