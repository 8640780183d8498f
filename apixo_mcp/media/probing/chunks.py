"""WAV, Wave64, AIFF, AU, CAF and AVI: files that are a row of chunks."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from apixo_mcp.media.probing.facts import MediaFacts, seconds

_CHUNKS = 5_000
"""Chunks that are looked at: real files have fewer, and a hostile one could have millions."""
_UNCOMPRESSED = (1, 3)
_OPEN = 1_900_000_000
"""Sizes from here on stand for one that was not known when the header was written: no file that is kept is as large."""


def measure_wav(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the duration of a WAV file, by the bytes of its sound that are there."""
    rate, most, whole = 0.0, None, file.read(4) in (b"RF64", b"BW64")
    for name, at, length in _chunks(file, 12, size, "<"):
        if name == b"ds64":
            most = struct.unpack("<8xQ", file.read(16))[0]
        elif name == b"fmt ":
            rate = _rate(file.read(min(length, 40)))
        elif name == b"data":
            rest = size - at
            length = most if whole and most is not None and length >= _OPEN else length
            is_open = length == 0 or (length >= _OPEN and length > rest)
            return MediaFacts(
                duration_seconds=seconds(rest if is_open else min(length, rest), rate),
                is_cut=not is_open and length > rest,
            )
    return MediaFacts()


def measure_wave64(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the duration of a Wave64 file: its chunks are named and sized in longer words."""
    rate, at = 0.0, 40
    for _ in range(_CHUNKS):
        file.seek(at)
        name, length = struct.unpack("<4s12xQ", file.read(24))
        if name == b"fmt ":
            rate = _rate(file.read(min(length, 40)))
        elif name == b"data":
            rest = size - at - 24
            return MediaFacts(duration_seconds=seconds(min(max(0, length - 24) or rest, rest), rate))
        at += max(24, length + 7 & ~7)
    return MediaFacts()


def _rate(body: bytes) -> float:
    """Returns bytes a second, computed where the format allows: what is written there is often wrong."""
    form, channels, rate, stated, _, bits = struct.unpack_from("<HHIIHH", body)
    if form == 0xFFFE and len(body) >= 26:
        form = struct.unpack_from("<H", body, 24)[0]
    return rate * channels * ((bits + 7) // 8) if form in _UNCOMPRESSED else stated


def _chunks(file: BinaryIO, at: int, size: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Returns the chunks from an offset on: name, where the body starts, its length; the file stands at the body."""
    for _ in range(_CHUNKS):
        if at + 8 > size:
            return
        file.seek(at)
        name, length = struct.unpack(f"{order}4sI", file.read(8))
        yield name, at + 8, length
        at += 8 + length + length % 2


def measure_aiff(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the duration of an AIFF file."""
    duration = None
    is_cut = False
    for name, at, length in _chunks(file, 12, size, ">"):
        is_cut = is_cut or at + length > size + 1
        if name == b"COMM":
            frames, exponent, mantissa = struct.unpack(">2xI2xHQ", file.read(18))
            duration = seconds(frames, mantissa * 2.0 ** ((exponent & 0x7FFF) - 16383 - 63))
    return MediaFacts(duration_seconds=None if is_cut else duration, is_cut=is_cut)


def measure_au(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the duration of an AU file."""
    start, length, form, rate, channels = struct.unpack(">4xIIIII", file.read(24))
    width = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}.get(form, 0)
    rest = size - start
    there = rest if length >= _OPEN else min(length, rest)
    return MediaFacts(duration_seconds=seconds(there, rate * channels * width), is_cut=rest < length < _OPEN)


def measure_caf(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the duration of a CAF file of uncompressed sound, or of packets of one length."""
    rate, width, frames, at = 0.0, 0, 0, 8
    for _ in range(_CHUNKS):
        if at + 12 > size:
            break
        file.seek(at)
        name, length = struct.unpack(">4sq", file.read(12))
        if name == b"desc":
            rate, width, frames = struct.unpack(">d8xII", file.read(24))
        elif name == b"pakt":
            return MediaFacts(duration_seconds=seconds(struct.unpack(">8xq", file.read(16))[0], rate))
        elif name == b"data":
            rest = size - at - 12
            if width:
                there = rest if length < 0 else min(length, rest)
                return MediaFacts(duration_seconds=seconds((there - 4) // width * frames, rate), is_cut=length > rest)
            if length < 0:
                break
            if length > rest:
                return MediaFacts(is_cut=True)
        at += 12 + max(0, length)
    return MediaFacts()


def measure_avi(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the size and the duration of an AVI file."""
    file.seek(4)
    stated = int.from_bytes(file.read(4), "little") + 8
    width = height = None
    length = 0.0
    kinds: set[bytes] = set()
    file.seek(0)
    body = file.read(65_536)
    for mark, at in _found(body, (b"avih", b"strh")):
        if mark == b"avih":
            step, frames, width, height = struct.unpack_from("<I12xI12xII", body, at + 8)
            length = step * frames / 1e6
        else:
            kind, scale, rate, count = struct.unpack_from("<4s16xII4xI", body, at + 8)
            kinds.add(kind)
            if rate and scale:
                length = max(length, count * scale / rate) if kind != b"auds" or not length else length
    is_cut = size + 1 < stated < _OPEN
    alone = bool(kinds) and b"vids" not in kinds
    return MediaFacts(
        width=width or None,
        height=height or None,
        duration_seconds=None if is_cut else seconds(length, 1),
        is_cut=is_cut,
        is_sound_alone=alone,
    )


def _found(body: bytes, marks: tuple[bytes, ...]) -> Iterator[tuple[bytes, int]]:
    for mark in marks:
        at = body.find(mark)
        for _ in range(16):
            if at < 0:
                break
            yield mark, at
            at = body.find(mark, at + 4)
