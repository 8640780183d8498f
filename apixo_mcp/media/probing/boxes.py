"""MP4, QuickTime, 3GP, HEIF and AVIF: files that are a tree of boxes."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from apixo_mcp.media.probing.facts import MediaFacts, seconds

_BOXES = 20_000
"""Boxes of one level that are looked at: real files have fewer, and a hostile one could have millions."""
_TRACKS = 32
_LARGEST = 1 << 20
"""Bytes of one box that are read into memory."""
_OPEN = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
_ALIKE = 0.05  # seconds between what the film says and what its samples come to
_SOUND, _PICTURE = b"soun", b"vide"


@dataclass(slots=True)
class _Track:
    kind: bytes = b""
    size: tuple[int, int] | None = None
    scale: int = 0
    ticks: int = 0
    sample: int = 0
    is_cover: bool = False


@dataclass(slots=True)
class _Film:
    """What is gathered on the way through the boxes."""

    length: float | None = None
    edits: int = 0
    is_fragmented: bool = False
    tracks: dict[int, _Track] = field(default_factory=dict[int, _Track])


def measure_boxes(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the size, the duration and the tracks of a film or recording."""
    film, stop, is_there, is_counted = _Film(), 0, False, True
    for name, body, stop in boxes(file, 0, size):
        if name == b"moov" and stop <= size:
            is_there = True
            _moov(file, body, stop, film)
        elif name == b"moof" and stop <= size:
            is_counted = is_counted and _moof(file, body, stop, film)
    is_cut = stop > size or not is_there
    pictures = [track for track in film.tracks.values() if track.kind == _PICTURE and not track.is_cover]
    shown = next((track.size for track in pictures if track.size), None)
    width, height = shown or (None, None)
    duration = None if is_cut or not is_counted else _length(film)
    alone = not pictures and any(track.kind in (_SOUND, b"") for track in film.tracks.values())
    return MediaFacts(width=width, height=height, duration_seconds=duration, is_cut=is_cut, is_sound_alone=alone)


def _length(film: _Film) -> float | None:
    """Returns the film's own word where its tracks bear it out, else their longest."""
    longest = max((track.ticks / track.scale for track in film.tracks.values() if track.scale), default=0.0)
    if film.is_fragmented:
        return seconds(longest, 1)
    if not film.length or not longest or film.edits > 1:
        return film.length
    is_more = film.length > longest + _ALIKE
    return seconds(longest, 1) if is_more or (not film.edits and film.length < longest - _ALIKE) else film.length


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Returns the boxes between two offsets: name, where the body starts, where the box says it ends."""
    for _ in range(_BOXES):
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


def _read(file: BinaryIO, start: int, stop: int) -> bytes:
    file.seek(start)
    return file.read(min(stop - start, _LARGEST))


def _moov(file: BinaryIO, start: int, end: int, film: _Film) -> None:
    for name, body, stop in boxes(file, start, end):
        if name == b"mvhd":
            film.length = seconds(*_ticks(_read(file, body, body + 32), 12))
        elif name == b"mvex":
            film.is_fragmented = True
            for inner, at, _ in boxes(file, body, stop):
                if inner == b"trex":
                    number, length = struct.unpack(">4xI4xI", _read(file, at, at + 16))
                    film.tracks.setdefault(number, _Track()).sample = length
        elif name == b"trak" and len(film.tracks) < _TRACKS:
            _trak(file, body, stop, film)


def _ticks(body: bytes, at: int) -> tuple[int, int]:
    """Reads duration and scale of `mvhd` and `mdhd`: both stand behind two dates."""
    scale, ticks = struct.unpack_from(">IQ", body, 20) if body[0] == 1 else struct.unpack_from(">II", body, at)
    return (0, scale) if ticks in _OPEN else (ticks, scale)


def _trak(file: BinaryIO, start: int, end: int, film: _Film) -> None:
    number, size, kind = 0, None, b""
    ticks = scale = counted = 0
    is_cover = False
    for name, body, stop in _inside(file, start, end, (b"mdia", b"minf", b"stbl", b"edts")):
        match name:
            case b"tkhd":
                number, size = _tkhd(_read(file, body, body + 96))
            case b"mdhd":
                ticks, scale = _ticks(_read(file, body, body + 32), 12)
            case b"hdlr" if not kind:
                kind = _read(file, body, body + 12)[8:]
            case b"stts":
                counted = _stts(_read(file, body, stop))
            case b"elst":
                film.edits = max(film.edits, int.from_bytes(_read(file, body, body + 8)[4:], "big"))
            case b"stsd":
                is_cover = _read(file, body, body + 16)[12:] in (b"jpeg", b"png ") and kind != _PICTURE
            case _:
                pass
    track = film.tracks.setdefault(number or -1 - len(film.tracks), _Track())
    track.kind, track.size, track.scale, track.is_cover = kind or (_PICTURE if size else b""), size, scale, is_cover
    track.ticks += counted or (0 if film.is_fragmented else ticks)


def _inside(file: BinaryIO, start: int, end: int, folders: tuple[bytes, ...]) -> Iterator[tuple[bytes, int, int]]:
    for name, body, stop in boxes(file, start, end):
        if name in folders:
            # No folder holds one of its own name: a hostile file could nest them without end.
            yield from _inside(file, body, min(stop, end), tuple(other for other in folders if other != name))
        else:
            yield name, body, min(stop, end)


def _stts(body: bytes) -> int:
    count = int.from_bytes(body[4:8], "big")
    if count * 8 + 8 > len(body):
        return 0
    numbers = struct.unpack_from(f">{count * 2}I", body, 8)
    return sum(samples * length for samples, length in zip(numbers[::2], numbers[1::2], strict=True))


def _tkhd(body: bytes) -> tuple[int, tuple[int, int] | None]:
    long = body[0] == 1
    number = struct.unpack_from(">I", body, 20 if long else 12)[0]
    width, height = struct.unpack_from(">II", body, 88 if long else 76)
    turned = struct.unpack_from(">i", body, 52 if long else 40)[0] == 0
    width, height = (height, width) if turned else (width, height)
    return number, ((width + 0x8000) >> 16, (height + 0x8000) >> 16) if width and height else None


def _moof(file: BinaryIO, start: int, end: int, film: _Film) -> bool:
    """Adds the samples of a fragment to its tracks; False where they cannot be counted."""
    film.is_fragmented = True
    for name, body, stop in boxes(file, start, end):
        if name != b"traf":
            continue
        track, length = _Track(), 0
        for inner, at, to in boxes(file, body, min(stop, end)):
            if inner == b"tfhd":
                head = _read(file, at, at + 32)
                flags, number = struct.unpack_from(">II", head)
                track = film.tracks.get(number, track)
                skip = 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
                length = struct.unpack_from(">I", head, skip)[0] if flags & 8 else track.sample
            elif inner == b"trun":
                counted = _trun(_read(file, at, min(to, end)), length)
                if counted is None:
                    return False
                track.ticks += counted
    return True


def _trun(body: bytes, usual: int) -> int | None:
    flags, count = struct.unpack_from(">II", body)
    flags &= 0xFFFFFF
    if not flags & 0x100:
        return count * usual
    width = sum(4 for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit)
    at = 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
    if at + count * width > len(body):
        return None
    return sum(struct.unpack_from(">I", body, at + place * width)[0] for place in range(count))


def measure_picture(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the size of a HEIF or AVIF picture, as shown."""
    best, turned, is_cut = (0, 0), False, False
    for name, body, stop in boxes(file, 0, size):
        is_cut = is_cut or stop > size
        if name == b"moov" and not best[0]:
            return measure_boxes(file, size)
        properties = _inside(file, body + 4, min(stop, size), (b"iprp", b"ipco")) if name == b"meta" else ()
        for inner, at, to in properties or [(name, body, stop)]:
            if inner == b"ispe":  # a tiled picture or one with a thumbnail has several: the largest is the picture
                width, height = struct.unpack(">II", _read(file, at + 4, at + 12))
                best = max(best, (width, height), key=lambda pair: pair[0] * pair[1])
            elif inner == b"irot":
                turned = turned or bool(_read(file, at, min(to, at + 1))[0] & 1)
    if not all(best):
        return MediaFacts(is_cut=is_cut)
    width, height = (best[1], best[0]) if turned else best
    return MediaFacts(width=width, height=height, is_cut=is_cut)
