"""PNG: the packet stands in an uncompressed `iTXt` chunk right behind the header (XMP, part 3, 1.1.5)."""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from apixo_mcp.provenance.packet import LONGEST_READ
from apixo_mcp.provenance.pieces import CUT, DESCRIBED, ODD, SIGNED, LeftAlone, Pieces, Span, length_of, read_at

PNG_MARK = b"\x89PNG\r\n\x1a\n"

_XMP = b"XML:com.adobe.xmp\0"
_OLD = b"Raw profile type xmp\0"  # ImageMagick's way
_TEXTS = (b"iTXt", b"tEXt", b"zTXt")
_C2PA = b"caBX"
_CHUNKS = 200_000
_HEADER_ENDS = 33


def png_with(file: BinaryIO, packet: bytes) -> Pieces:
    """Returns the pieces of the picture with a packet in it.

    Raises:
        LeftAlone: it stays as it is.
    """
    size = length_of(file)
    end, last = len(PNG_MARK), b""
    for name, at, length in _chunks(file, size):
        if last == b"IEND" or at + length + 4 > size:
            raise LeftAlone(ODD if last == b"IEND" else CUT)
        if not last and (name != b"IHDR" or length != 13 or not _is_sound(file, at, length)):
            raise LeftAlone(ODD)
        if name == _C2PA:
            raise LeftAlone(SIGNED)
        if name in _TEXTS and read_at(file, at, min(length, len(_OLD))).startswith((_XMP, _OLD)):
            raise LeftAlone(DESCRIBED)
        end, last = at + length + 4, name
    if last != b"IEND" or end != size:
        raise LeftAlone(CUT if last != b"IEND" else ODD)
    body = b"iTXt" + _XMP + b"\0\0" + b"\0" + b"\0" + packet  # not compressed, of no language, and no other keyword
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return Span(0, _HEADER_ENDS), chunk, Span(_HEADER_ENDS, size)


def packets_of_png(file: BinaryIO) -> Iterator[bytes]:
    """Yields the packets that stand in the picture, compressed ones too."""
    for name, at, length in _chunks(file, length_of(file)):
        if name != b"iTXt" or not len(_XMP) < length <= LONGEST_READ:
            continue
        body = read_at(file, at, length)
        if not body.startswith(_XMP):
            continue
        is_packed, names = body[len(_XMP)], body[len(_XMP) + 2 :]
        text = names.split(b"\0", 2)[-1]  # behind a language and the keyword in it
        yield _unpacked(text) if is_packed else text


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, LONGEST_READ)
    except zlib.error:
        return b""


def _chunks(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields the name of each chunk, where its body starts, and the length that it claims."""
    at = len(PNG_MARK)
    for _ in range(_CHUNKS):
        if at + 8 > size:
            return
        length, name = struct.unpack(">I4s", read_at(file, at, 8))
        yield name, at + 8, length
        at += length + 12


def _is_sound(file: BinaryIO, at: int, length: int) -> bool:
    body = read_at(file, at - 4, length + 8)
    return zlib.crc32(body[:-4]) == int.from_bytes(body[-4:], "big")
