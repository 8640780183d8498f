"""Ogg, FLAC, Windows Media and Flash: files whose duration stands in their last page, frame or tag, or in a header."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from apixo_mcp.media.probing.facts import MediaFacts, seconds
from apixo_mcp.media.probing.frames import start

_HEAD = 65_536
_LATE = 10.0
"""Seconds: a stream whose first page ends later was cut out of a longer one, and its last page tells no duration."""


@dataclass(frozen=True, slots=True)
class _Stream:
    """One stream of an Ogg file: ticks a second, ticks before its beginning, and the size of its picture."""

    serial: bytes
    rate: float
    skip: int = 0
    shift: int = 0
    size: tuple[int, int] | None = None
    is_picture: bool = False

    def ticks(self, granule: int) -> int:
        if self.shift:
            return (granule >> self.shift) + (granule & (1 << self.shift) - 1)
        return granule - self.skip


def measure_ogg(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the duration by the last page of its longest stream, and the size of its picture."""
    head = file.read(_HEAD)
    file.seek(max(0, size - 2 * _HEAD))
    tail = file.read(2 * _HEAD)
    streams = [stream for page in _pages(head) if page[5] & 2 and (stream := _stream(page))]
    lengths: list[float] = []
    for stream in streams:
        own = [page for page in _pages(head) if page[14:18] == stream.serial and stream.ticks(_granule(page)) > 0]
        last = [page for page in _pages(tail) if page[14:18] == stream.serial and _granule(page) >= 0]
        if not last or stream.rate <= 0:
            continue
        length = stream.ticks(_granule(last[-1])) / stream.rate
        if len(own) > 1 and stream.ticks(_granule(own[0])) / stream.rate > _LATE:
            return MediaFacts(is_sound_alone=not any(stream.is_picture for stream in streams))
        lengths.append(length)
    shown = next((stream.size for stream in streams if stream.size), None)
    width, height = shown or (None, None)
    alone = bool(streams) and not any(stream.is_picture for stream in streams)
    return MediaFacts(
        width=width, height=height, duration_seconds=seconds(max(lengths, default=0), 1), is_sound_alone=alone
    )


def _pages(body: bytes) -> list[bytes]:
    """Returns the pages that are whole in these bytes, the beginning of each."""
    pages: list[bytes] = []
    at = body.find(b"OggS")
    while 0 <= at <= len(body) - 27:
        sizes = body[at + 27 : at + 27 + body[at + 26]]
        if body[at + 4] == 0 and at + 27 + len(sizes) + sum(sizes) <= len(body):
            pages.append(body[at : at + 400])
        at = body.find(b"OggS", at + 4)
    return pages


def _granule(page: bytes) -> int:
    return int.from_bytes(page[6:14], "little", signed=True)


def _stream(page: bytes) -> _Stream | None:
    """Returns a stream by its first page, whose body stands behind the table of segments."""
    serial, body = page[14:18], page[27 + page[26] :]
    if body.startswith(b"OpusHead") and len(body) >= 12:
        return _Stream(serial, 48_000, int.from_bytes(body[10:12], "little"))
    if body.startswith(b"\x01vorbis") and len(body) >= 16:
        return _Stream(serial, int.from_bytes(body[12:16], "little"))
    if body.startswith(b"Speex   ") and len(body) >= 40:
        return _Stream(serial, int.from_bytes(body[36:40], "little"))
    if body.startswith(b"\x7fFLAC") and len(body) >= 30:
        return _Stream(serial, int.from_bytes(body[27:30], "big") >> 4)
    if body.startswith(b"\x80theora") and len(body) >= 42:
        width, height = int.from_bytes(body[14:17], "big"), int.from_bytes(body[17:20], "big")
        over, under = struct.unpack_from(">II", body, 22)
        shift = int.from_bytes(body[40:42], "big") >> 5 & 31
        return _Stream(serial, over / under if under else 0, 0, shift, (width, height), True)
    is_picture = body.startswith((b"BBCD\0", b"\x01video\0", b"OVP80"))
    return _Stream(serial, 0, is_picture=is_picture) if is_picture else None


def measure_flac(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the duration that the header tells, where the last frame bears it out."""
    begin = start(file)
    file.seek(begin)
    head = file.read(42)
    most = int.from_bytes(head[10:12], "big")
    packed = int.from_bytes(head[18:26], "big")
    rate, samples = packed >> 44, packed & (1 << 36) - 1
    file.seek(max(begin + 42, size - _HEAD))
    end = _last_sample(file.read(_HEAD), most)
    if end is None:
        return MediaFacts(duration_seconds=seconds(samples, rate))
    if samples and end < samples - 2 * most:
        return MediaFacts(is_cut=True)
    return MediaFacts(duration_seconds=seconds(samples or end, rate))


def _last_sample(body: bytes, block: int) -> int | None:
    """Tells where the last frame that begins in these bytes starts, in samples, and a block more."""
    at = len(body)
    for _ in range(_HEAD):
        at = body.rfind(b"\xff", 0, at)
        if at < 0:
            return None
        header = body[at : at + 16]
        if len(header) < 6 or header[1] not in (0xF8, 0xF9):
            continue
        coded, used = _coded(header[4:11])
        more = {6: 1, 7: 2}.get(header[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(header[2] & 15, 0)
        end = 4 + used + more
        if used and end < len(header) and _crc8(header[:end]) == header[end]:
            return coded * (1 if header[1] == 0xF9 else block) + block
    return None


def _coded(body: bytes) -> tuple[int, int]:
    """Returns a number written as UTF-8 writes characters, and its bytes; 0 bytes where none stands there."""
    ones = 8 - (body[0] ^ 0xFF).bit_length()
    if ones == 0:
        return body[0], 1
    if ones in (1, 8) or len(body) < ones or any(byte & 0xC0 != 0x80 for byte in body[1:ones]):
        return 0, 0
    value = body[0] & (0x7F >> ones)
    for byte in body[1:ones]:
        value = value << 6 | byte & 0x3F
    return value, ones


def _crc8(body: bytes) -> int:
    value = 0
    for byte in body:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x07 if value & 0x80 else value << 1) & 0xFF
    return value


_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_STREAM = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_ASF_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")


def measure_asf(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the duration and the picture of a Windows Media file, by its header."""
    body = file.read(_HEAD)
    duration, width, height, is_cut, kinds = None, None, None, False, set[bytes]()
    at = body.find(_ASF_FILE)
    if at >= 0:
        whole, length, _, preroll, flags = struct.unpack_from("<Q16xQQQI", body, at + 40)
        is_cut = size < whole and not flags & 1
        duration = None if is_cut or flags & 1 else seconds(length / 1e7 - preroll / 1e3, 1)
    at = body.find(_ASF_STREAM)
    while at >= 0:
        kinds.add(body[at + 24 : at + 40])
        if body[at + 24 : at + 40] == _ASF_VIDEO and len(body) >= at + 86:
            width, height = struct.unpack_from("<II", body, at + 78)
        at = body.find(_ASF_STREAM, at + 16)
    alone = bool(kinds) and _ASF_VIDEO not in kinds
    return MediaFacts(width=width, height=height, duration_seconds=duration, is_cut=is_cut, is_sound_alone=alone)


def measure_flv(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the duration of a Flash video by the time of its last tag; its size is in no header."""
    flags = file.read(5)[4]
    file.seek(size - 4)
    back = int.from_bytes(file.read(4), "big")
    file.seek(max(0, size - 4 - back))
    tag = file.read(8)
    duration = None
    if 11 <= back < size - 13 and len(tag) == 8 and tag[0] in (8, 9) and int.from_bytes(tag[1:4], "big") + 11 == back:
        duration = seconds(int.from_bytes(tag[4:7], "big") | tag[7] << 24, 1000)
    return MediaFacts(duration_seconds=duration, is_sound_alone=flags & 5 == 4)
