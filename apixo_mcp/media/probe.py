"""How large a file's picture is and how long it plays, read from its headers without decoding anything.

Whatever cannot be read cheaply stays None: these are facts for the reader, never a reason to refuse a file.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from apixo_mcp.media import kinds
from apixo_mcp.media.kinds import Kind

_HEAD = 65_536
_PARTS = 5_000
"""Boxes, chunks or markers that are looked at: real files have fewer, and a hostile one could have millions."""

_MP3_RATES = (44_100, 48_000, 32_000)
_MP3_BITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_BITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the headers tell.

    Attributes:
        is_cut: the file's own structure says that its end is missing.
    """

    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    is_cut: bool = False


def probe(path: Path, kind: Kind) -> Facts:
    """Reads the facts of a file of this kind; empty ones where its headers make no sense."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            return _probe(file, size, kind)
    except (OSError, struct.error, IndexError, ValueError, ZeroDivisionError, OverflowError):
        return Facts()


def _probe(file: BinaryIO, size: int, kind: Kind) -> Facts:
    match kind:
        case kinds.MP4 | kinds.MOV | kinds.M4A:
            return _boxed(file, size)
        case kinds.JPEG:
            return _jpeg(file, size)
        case kinds.WAV:
            return _wav(file, size)
        case kinds.MP3:
            return _mp3(file, size)
        case kinds.OGG:
            return _ogg(file, size)
        case _:
            return _fixed(file.read(_HEAD), file, size, kind)


def _fixed(head: bytes, file: BinaryIO, size: int, kind: Kind) -> Facts:
    match kind:
        case kinds.PNG:
            width, height = struct.unpack_from(">II", head, 16)
            return Facts(width=width, height=height, is_cut=b"IEND" not in _tail(file, size))
        case kinds.GIF:
            width, height = struct.unpack_from("<HH", head, 6)
            return Facts(width=width, height=height)
        case kinds.BMP:
            width, height = struct.unpack_from("<ii", head, 18)
            return Facts(width=width, height=abs(height), is_cut=int.from_bytes(head[2:6], "little") > size)
        case kinds.WEBP:
            return _webp(head, size)
        case kinds.AVIF | kinds.HEIC:
            return _largest_extent(head)
        case kinds.FLAC:
            packed = int.from_bytes(head[18:26], "big")
            rate, samples = packed >> 44, packed & (1 << 36) - 1
            return Facts(duration_seconds=_seconds(samples, rate))
        case _:
            return Facts()


def _tail(file: BinaryIO, size: int, length: int = 4096) -> bytes:
    file.seek(max(0, size - length))
    return file.read(length)


def _seconds(count: float, rate: float) -> float | None:
    return round(count / rate, 3) if count > 0 and rate > 0 else None


def _webp(head: bytes, size: int) -> Facts:
    is_cut = int.from_bytes(head[4:8], "little") + 8 > size
    match head[12:16]:
        case b"VP8X":
            width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        case b"VP8L":
            bits = int.from_bytes(head[21:25], "little")
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", head, 26))
        case _:
            return Facts(is_cut=is_cut)
    return Facts(width=width, height=height, is_cut=is_cut)


def _jpeg(file: BinaryIO, size: int) -> Facts:
    is_cut = b"\xff\xd9" not in _tail(file, size)
    file.seek(2)
    for _ in range(_PARTS):
        marker = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF:
            break
        if marker[1] == 0xFF:
            file.seek(-1, 1)
            continue
        length = int.from_bytes(file.read(2), "big")
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">xHH", file.read(5))
            return Facts(width=width, height=height, is_cut=is_cut)
        file.seek(length - 2, 1)
    return Facts(is_cut=is_cut)


def _largest_extent(head: bytes) -> Facts:
    """The largest `ispe` property: a tiled or thumbnailed picture has several."""
    best, at = (0, 0), head.find(b"ispe")
    while at >= 0:
        extent = struct.unpack_from(">II", head, at + 8)
        best = max(best, (extent[0], extent[1]), key=lambda pair: pair[0] * pair[1])
        at = head.find(b"ispe", at + 4)
    return Facts(width=best[0], height=best[1]) if all(best) else Facts()


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two offsets: name, where the body starts, where the box says it ends."""
    for _ in range(_PARTS):
        if start + 8 > end:
            return
        file.seek(start)
        length, name = struct.unpack(">I4s", file.read(8))
        body = start + 8
        if length == 1:
            length, body = int.from_bytes(file.read(8), "big"), start + 16
        stop = end if length == 0 else start + length
        if stop < body:
            return
        yield name, body, stop
        start = stop


def _boxed(file: BinaryIO, size: int) -> Facts:
    width = height = duration = None
    found, stop = False, 0
    for name, body, stop in _boxes(file, 0, size):
        if name != b"moov" or stop > size:
            continue
        found = True
        for inner, at, end in _boxes(file, body, min(stop, size)):
            if inner == b"mvhd":
                duration = _mvhd(file, at)
            elif inner == b"trak" and width is None:
                width, height = _tkhd(file, at, end)
    return Facts(width=width, height=height, duration_seconds=duration, is_cut=stop > size or not found)


def _mvhd(file: BinaryIO, at: int) -> float | None:
    file.seek(at)
    body = file.read(32)
    scale, duration = struct.unpack_from(">IQ", body, 20) if body[0] == 1 else struct.unpack_from(">II", body, 12)
    return None if duration in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) else _seconds(duration, scale)


def _tkhd(file: BinaryIO, start: int, end: int) -> tuple[int | None, int | None]:
    for name, at, _ in _boxes(file, start, end):
        if name == b"tkhd":
            file.seek(at)
            body = file.read(96)
            width, height = struct.unpack_from(">II", body, 88 if body[0] == 1 else 76)
            turned = struct.unpack_from(">i", body, 52 if body[0] == 1 else 40)[0] == 0
            width, height = (height, width) if turned else (width, height)
            return (width >> 16, height >> 16) if width and height else (None, None)
    return None, None


def _wav(file: BinaryIO, size: int) -> Facts:
    rate, at = 0, 12
    for _ in range(_PARTS):
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"fmt ":
            rate = struct.unpack("<8xI", file.read(12))[0]
        elif name == b"data":
            rest = size - at - 8
            streamed = length in (0, 0xFFFFFFFF) or length >= 0x7FFFFFFF  # written before the length was known
            return Facts(
                duration_seconds=_seconds(min(length, rest) if not streamed else rest, rate),
                is_cut=not streamed and length > rest,
            )
        at += 8 + length + length % 2
    return Facts()


def _mp3(file: BinaryIO, size: int) -> Facts:
    start = 0
    head = file.read(10)
    if head[:3] == b"ID3":
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    file.seek(start)
    body = file.read(_HEAD)
    at = next((i for i in range(len(body) - 4) if kinds.sniff(body[i : i + 4]) is kinds.MP3), -1)
    if at < 0 or body[at + 1] >> 1 & 3 != 1:
        return Facts()
    version, rate_index = body[at + 1] >> 3 & 3, body[at + 2] >> 2 & 3
    rate = _MP3_RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    bits = (_MP3_BITS_1 if version == 3 else _MP3_BITS_2)[body[at + 2] >> 4] * 1000
    mark = next((found for tag in (b"Xing", b"Info") if (found := body.find(tag, at, at + 200)) >= 0), -1)
    if mark >= 0 and body[mark + 7] & 1:  # the encoder counted the frames: exact, also where the bit rate varies
        frames = int.from_bytes(body[mark + 8 : mark + 12], "big")
        return Facts(duration_seconds=_seconds(frames * (1152 if version == 3 else 576), rate))
    return Facts(duration_seconds=_seconds((size - start - at) * 8, bits))


def _ogg(file: BinaryIO, size: int) -> Facts:
    head, tail = file.read(256), _tail(file, size, _HEAD)
    last = tail.rfind(b"OggS")
    if last < 0:
        return Facts()
    samples = int.from_bytes(tail[last + 6 : last + 14], "little", signed=True)
    if (at := head.find(b"OpusHead")) >= 0:
        return Facts(duration_seconds=_seconds(samples - int.from_bytes(head[at + 10 : at + 12], "little"), 48_000))
    if (at := head.find(b"\x01vorbis")) >= 0:
        return Facts(duration_seconds=_seconds(samples, int.from_bytes(head[at + 12 : at + 16], "little")))
    return Facts()
