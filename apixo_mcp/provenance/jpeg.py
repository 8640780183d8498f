"""JPEG: the packet stands in an `APP1` segment behind those that must come first (XMP, part 3, 1.1.3)."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from apixo_mcp.provenance.pieces import CUT, DESCRIBED, ODD, SIGNED, LeftAlone, Pieces, Span, length_of, read_at

JPEG_MARK = b"\xff\xd8\xff"

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_DESCRIBED = (_XMP, b"http://ns.adobe.com/xmp/extension/\0")
LONGEST_IN_JPEG = 0xFFFF - 2 - len(_XMP)
"""Bytes of a packet: a segment has no more."""

_APP0, _APP1, _APP2, _JUMBF = 0xE0, 0xE1, 0xE2, 0xEB
_SCAN = 0xDA
_END = b"\xff\xd9"
_ALONE = (0x00, 0x01, *range(0xD0, 0xDA), 0xFF)  # markers without a body, and what is none
_SEGMENTS = 10_000
_BLOCK = 1 << 20


def jpeg_with(file: BinaryIO, packet: bytes) -> Pieces:
    """Returns the pieces of the picture with a packet in it.

    Raises:
        LeftAlone: it stays as it is.
    """
    size, place, is_leading, scan = length_of(file), 2, True, 0
    for marker, at, length in _segments(file, size):
        if at + length > size:
            raise LeftAlone(CUT)
        if marker == _JUMBF:
            raise LeftAlone(SIGNED)
        start = read_at(file, at, min(length, len(_DESCRIBED[1])))
        if marker == _APP1 and start.startswith(_DESCRIBED):
            raise LeftAlone(DESCRIBED)
        if marker == _APP2 and start.startswith(b"MPF\0"):
            raise LeftAlone("it holds several pictures, whose places it names")
        is_leading = is_leading and marker in (_APP0, _APP1)
        place = at + length if is_leading else place
        scan = at + length if marker == _SCAN else 0
    if not scan:
        raise LeftAlone(CUT)
    _must_end_at_last(file, scan, size)
    segment = b"\xff\xe1" + struct.pack(">H", len(_XMP) + len(packet) + 2) + _XMP + packet
    return Span(0, place), segment, Span(place, size)


def packets_of_jpeg(file: BinaryIO) -> Iterator[bytes]:
    """Yields the packets that stand in the picture."""
    for marker, at, length in _segments(file, length_of(file)):
        if marker == _APP1 and length > len(_XMP):
            body = read_at(file, at, length)
            if body.startswith(_XMP):
                yield body[len(_XMP) :]


def _segments(file: BinaryIO, size: int) -> Iterator[tuple[int, int, int]]:
    """Yields the marker of each segment up to the first scan, where its body starts, and the length that it claims."""
    at = 2
    for _ in range(_SEGMENTS):
        if at + 4 > size:
            return
        mark, marker, length = struct.unpack(">BBH", read_at(file, at, 4))
        if mark != 0xFF or marker in _ALONE or length < 2:
            raise LeftAlone(ODD)
        yield marker, at + 4, length - 2
        if marker == _SCAN:
            return
        at += 2 + length


def _must_end_at_last(file: BinaryIO, start: int, size: int) -> None:
    """Looks for the end of the picture, which no data of a picture can hold; nothing may stand behind it.

    Raises:
        LeftAlone: the end is missing, or something does.
    """
    if size - start < 2 or read_at(file, size - 2, 2) != _END:
        raise LeftAlone("its end is missing, or something stands behind it")
    file.seek(start)
    at, kept = start, b""
    while block := file.read(_BLOCK):
        place = (kept + block).find(_END)
        if place >= 0 and at - len(kept) + place != size - 2:
            raise LeftAlone("something stands behind its end")
        at, kept = at + len(block), block[-1:]
