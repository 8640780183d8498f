"""MP4, and what is built like it: the packet is a `uuid` box at the end; nothing else moves (XMP, part 3, 1.2.7)."""

import struct
from collections.abc import Iterator
from typing import BinaryIO
from uuid import UUID

from apixo_mcp.provenance.packet import LONGEST_READ
from apixo_mcp.provenance.pieces import CUT, DESCRIBED, ODD, SIGNED, LeftAlone, Pieces, Span, length_of, read_at

_XMP = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
_C2PA = UUID("d8fec3d6-1b0e-483c-9297-5828877ec481").bytes
_BOXES = 200_000


def is_mp4(head: bytes) -> bool:
    """Tells whether a file begins as an MP4 video does; pictures that are built alike are told apart later."""
    return head[4:8] == b"ftyp"


def mp4_with(file: BinaryIO, packet: bytes) -> Pieces:
    """Returns the pieces of the video or recording with a packet in it.

    Raises:
        LeftAlone: it stays as it is.
    """
    size = length_of(file)
    names: list[bytes] = []
    stop, open_at = 0, None
    for name, body, stop, is_open in _boxes(file, 0, size):
        open_at = body - 8 if is_open else None
        names.append(name)
        if stop > size:
            raise LeftAlone(CUT)
        if name == b"jumb" or (name == b"uuid" and _id_at(file, body, stop) == _C2PA):
            raise LeftAlone(SIGNED)
        if (name == b"uuid" and _id_at(file, body, stop) == _XMP) or (name == b"moov" and _has_xmp(file, body, stop)):
            raise LeftAlone(DESCRIBED)
        if name in (b"mfra", b"meta"):  # told from the file's end where it starts; a picture
            raise LeftAlone(ODD)
    if stop != size or names[0] != b"ftyp" or b"moov" not in names:
        raise LeftAlone(CUT)
    if b"mdat" not in names or names[-1] == b"moof":
        raise LeftAlone(CUT)
    box = struct.pack(">I", 24 + len(packet)) + b"uuid" + _XMP + packet
    if open_at is None:
        return Span(0, size), box
    if size - open_at > 0xFFFF_FFFF:
        raise LeftAlone("the size of its last box has no room")
    return Span(0, open_at), struct.pack(">I", size - open_at), Span(open_at + 4, size), box


def packets_of_mp4(file: BinaryIO) -> Iterator[bytes]:
    """Yields the packets that stand in the video or recording."""
    size = length_of(file)
    for name, body, stop, _ in _boxes(file, 0, size):
        if name == b"uuid" and 16 < stop - body <= LONGEST_READ and stop <= size and _id_at(file, body, stop) == _XMP:
            yield read_at(file, body + 16, stop - body - 16)


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int, bool]]:
    """Yields the name of each box, where its body starts, where it says that it ends, and whether its size is open.

    Raises:
        LeftAlone: one is shorter than its own head.
    """
    for _ in range(_BOXES):
        if at == end:
            return
        if at + 8 > end:
            raise LeftAlone(CUT)
        length, name = struct.unpack(">I4s", read_at(file, at, 8))
        body, stop = at + 8, end if length == 0 else at + length
        if length == 1:
            body, stop = at + 16, at + int.from_bytes(read_at(file, at + 8, 8), "big")
        if stop < body:
            raise LeftAlone(ODD)
        yield name, body, stop, length == 0
        at = stop
        if at > end:
            return
    raise LeftAlone(ODD)


def _id_at(file: BinaryIO, body: int, stop: int) -> bytes:
    return read_at(file, body, 16) if stop - body >= 16 else b""


def _has_xmp(file: BinaryIO, body: int, stop: int) -> bool:
    """Tells whether there is a packet where QuickTime has it."""
    for name, at, end, _ in _boxes(file, body, stop):
        if name == b"uuid" and _id_at(file, at, end) == _XMP:
            return True
        if name == b"udta" and end <= stop and b"XMP_" in [inner for inner, *_ in _user_data(file, at, end)]:
            return True
    return False


def _user_data(file: BinaryIO, body: int, stop: int) -> Iterator[tuple[bytes, int, int, bool]]:
    """Yields the boxes of user data, which may end with four bytes of nothing."""
    try:
        yield from _boxes(file, body, stop)
    except LeftAlone:
        return
