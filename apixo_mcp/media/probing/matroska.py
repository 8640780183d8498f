"""Matroska and WebM: files that are a tree of elements, written as a stream whose sizes are often unknown."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from apixo_mcp.media.probing.facts import MediaFacts, seconds

_ELEMENTS = 100_000
"""Elements that are looked at: a file with more has the duration that it says itself, or none."""
_HEADER = 0x1A45DFA3
_SEGMENT, _CLUSTER, _TRACKS, _ENTRY, _GROUP = 0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0xA0
_VIDEO, _PROJECTION = 0xE0, 0x7670
_FOLDERS = (_SEGMENT, _CLUSTER, 0x1549A966, _TRACKS, _ENTRY, _VIDEO, _PROJECTION, _GROUP)
_LONGEST_VALUE = 64
_HALF_SECOND = 0.5


@dataclass(slots=True)
class _Track:
    numbers: dict[int, int] = field(default_factory=dict[int, int])
    roll: float = 0.0

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height as shown: the display's where it is in pixels, or a shape to stretch to."""
        width, height = self.numbers.get(0xB0, 0), self.numbers.get(0xBA, 0)
        across, down = self.numbers.get(0x54B0, 0), self.numbers.get(0x54BA, 0)
        unit = self.numbers.get(0x54B2, 0)
        if across and down and unit == 0:
            width, height = across, down
        elif across and down and unit == 3 and height:
            width = round(height * across / down)
        if not width or not height:
            return None
        return (height, width) if round(self.roll) % 180 else (width, height)


@dataclass(slots=True)
class _Film:
    scale: int = 1_000_000
    length: float = 0.0
    time: int = 0
    last: dict[int, int] = field(default_factory=dict[int, int])
    first: int | None = None
    step: dict[int, int] = field(default_factory=dict[int, int])
    block: tuple[int, int] = (0, 0)
    is_counted: bool = True
    is_cut: bool = False
    tracks: list[_Track] = field(default_factory=list[_Track])


def measure_matroska(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the size, the duration and the tracks of a film or recording."""
    film, end = _Film(), 0
    for count, (name, body, length) in enumerate(_elements(file, size)):
        if count > _ELEMENTS:
            film.is_counted = False
            break
        if length is not None and body + length > size and name != _HEADER:
            film.is_cut = True
        end = body if name in _FOLDERS or length is None else body + length
        if name == _ENTRY:
            film.tracks.append(_Track())
        elif name in (0xA3, 0xA1):
            _block(file, body, film)
        elif length is not None and length <= _LONGEST_VALUE and name not in _FOLDERS:
            _value(name, file.read(length), film)
    pictures = [track for track in film.tracks if track.numbers.get(0x83) == 1]
    shown = next((track.size for track in pictures if track.size), None)
    width, height = shown or (None, None)
    alone = not pictures and any(track.numbers.get(0x83) == 2 for track in film.tracks)
    duration = None if film.is_cut else _length(film, is_whole=end >= size)
    return MediaFacts(width=width, height=height, duration_seconds=duration, is_cut=film.is_cut, is_sound_alone=alone)


def _length(film: _Film, *, is_whole: bool) -> float | None:
    """Tells what the file says where its blocks bear it out, or what they come to where it says nothing."""
    stated = film.length * film.scale / 1e9
    if not film.is_counted:
        return seconds(stated, 1)
    if not film.last or film.first is None:
        return None
    steps = {int(track.numbers.get(0xD7, 0)): track.numbers.get(0x23E383, 0) / 1e9 for track in film.tracks}
    ends = [
        (last - film.first) * film.scale / 1e9 + (steps.get(number) or film.step.get(number, 0) * film.scale / 1e9)
        for number, last in film.last.items()
    ]
    counted = max(ends)
    if stated <= 0:
        return seconds(counted, 1) if is_whole else None
    begin = film.first * film.scale / 1e9
    is_borne_out = min(abs(stated - counted), abs(stated - counted - begin)) <= max(_HALF_SECOND, stated / 50)
    return seconds(stated, 1) if is_borne_out else None


def _elements(file: BinaryIO, size: int) -> Iterator[tuple[int, int, int | None]]:
    """Returns the elements in their order, folders opened: name, where the body starts, its length (None: unknown)."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(12)
        name, used = _number(head, 0, keep_mark=True)
        length, more = _number(head, used, keep_mark=False)
        if not used or not more:
            return
        body = at + used + more
        unknown = length == (1 << 7 * more) - 1
        file.seek(body)
        yield name, body, None if unknown else length
        if name in _FOLDERS:
            at = body
        elif unknown:
            return
        else:
            at = body + length


def _number(head: bytes, at: int, *, keep_mark: bool) -> tuple[int, int]:
    """Returns a number of variable length and the bytes it takes, which are 0 where none stands there."""
    if at >= len(head) or not head[at]:
        return 0, 0
    used = 9 - head[at].bit_length()
    if at + used > len(head) or (keep_mark and used > 4):
        return 0, 0
    value = int.from_bytes(head[at : at + used], "big")
    return value if keep_mark else value & (1 << 7 * used) - 1, used


def _value(name: int, body: bytes, film: _Film) -> None:
    whole = int.from_bytes(body[:8], "big")
    if name == 0x2AD7B1:
        film.scale = whole or film.scale
    elif name == 0x4489:
        film.length = _real(body)
    elif name == 0xE7:
        film.time = whole
    elif name == 0x9B:
        number, _ = film.block
        film.step[number] = whole
    elif not film.tracks:
        return
    elif name == 0x7675:
        film.tracks[-1].roll = _real(body)
    elif name in (0xD7, 0x83, 0x23E383, 0xB0, 0xBA, 0x54B0, 0x54BA, 0x54B2):
        film.tracks[-1].numbers.setdefault(name, whole)


def _real(body: bytes) -> float:
    if len(body) not in (4, 8):
        return 0.0
    value: float = struct.unpack(">f" if len(body) == 4 else ">d", body)[0]
    return value if 0 < abs(value) < 1e15 else 0.0


def _block(file: BinaryIO, body: int, film: _Film) -> None:
    head = file.read(12)
    number, used = _number(head, 0, keep_mark=False)
    time = film.time + int.from_bytes(head[used : used + 2], "big", signed=True)
    before = film.last.get(number)
    if before is not None and time > before:
        film.step[number] = time - before
    film.last[number] = max(time, before or 0)
    film.first = time if film.first is None else min(film.first, time)
    film.block = (number, body)
