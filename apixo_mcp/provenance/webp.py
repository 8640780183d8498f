"""WebP: the packet is a chunk of its own at the end, and the first chunk says so (RFC 9649, 2.7)."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from apixo_mcp.provenance.packet import LONGEST_READ
from apixo_mcp.provenance.pieces import CUT, DESCRIBED, ODD, SIGNED, LeftAlone, Pieces, Span, length_of, read_at

_XMP, _EXTENDED, _LOSSY, _LOSSLESS, _C2PA = b"XMP ", b"VP8X", b"VP8 ", b"VP8L", b"C2PA"
_HAS_XMP, _HAS_ALPHA = 0x04, 0x10
_CHUNKS = 100_000
_LONGEST = 0xFFFF_FFF6
"""The length that the head may claim at most (RFC 9649, 2.4)."""


def is_webp(head: bytes) -> bool:
    """Tells whether a file begins as a WebP picture does."""
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def webp_with(file: BinaryIO, packet: bytes) -> Pieces:
    """Returns the pieces of the picture with a packet in it.

    Raises:
        LeftAlone: it stays as it is.
    """
    size = length_of(file)
    stated = int.from_bytes(read_at(file, 4, 4), "little") + 8
    if stated != size or size % 2:
        raise LeftAlone(CUT if stated > size else ODD)
    names: list[bytes] = []
    end = 12
    for name, at, length in _chunks(file, size):
        end = at + length + length % 2
        if end > size:
            raise LeftAlone(CUT)
        if name in (_C2PA, _XMP):
            raise LeftAlone(SIGNED if name == _C2PA else DESCRIBED)
        names.append(name)
    if end != size or not names:
        raise LeftAlone(ODD)
    extended, start = _extended(file, names)
    chunk = _XMP + struct.pack("<I", len(packet)) + packet + b"\0" * (len(packet) % 2)
    length = 4 + len(extended) + (size - start) + len(chunk)
    if length > _LONGEST:
        raise LeftAlone("there is no room")
    return b"RIFF" + struct.pack("<I", length) + b"WEBP" + extended, Span(start, size), chunk


def packets_of_webp(file: BinaryIO) -> Iterator[bytes]:
    """Yields the packets that stand in the picture."""
    for name, at, length in _chunks(file, length_of(file)):
        if name == _XMP and length <= LONGEST_READ:
            yield read_at(file, at, length)


def _chunks(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields the name of each chunk, where its body starts, and the length that it claims."""
    at = 12
    for _ in range(_CHUNKS):
        if at + 8 > size:
            return
        name, length = struct.unpack("<4sI", read_at(file, at, 8))
        yield name, at + 8, length
        at += 8 + length + length % 2


def _extended(file: BinaryIO, names: list[bytes]) -> tuple[bytes, int]:
    """Returns the chunk that says what stands in the picture, made where it is missing, and where the rest starts.

    Raises:
        LeftAlone: the picture is not what it says.
    """
    if names[0] == _EXTENDED:
        head = read_at(file, 12, 18)
        if int.from_bytes(head[4:8], "little") != 10 or head[8] & _HAS_XMP:
            raise LeftAlone(ODD)
        return head[:8] + bytes([head[8] | _HAS_XMP]) + head[9:], 30
    if len(names) > 1:
        raise LeftAlone(ODD)
    head = read_at(file, 20, 10)
    flags = _HAS_XMP
    if names[0] == _LOSSY and not head[0] & 1 and head[3:6] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", head[6:10]))
    elif names[0] == _LOSSLESS and head[0] == 0x2F:
        bits = int.from_bytes(head[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags |= _HAS_ALPHA if bits >> 28 & 1 else 0
    else:
        raise LeftAlone(ODD)
    if not width or not height:
        raise LeftAlone(ODD)
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return _EXTENDED + struct.pack("<I", 10) + bytes([flags, 0, 0, 0]) + sides, 12
