"""Sound that is a row of frames without a container (MPEG audio, ADTS): its duration is that of its frames, counted.

A bit rate says nothing where it varies, and what an encoder noted in the first frame is wrong in a file that was cut.
"""

from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

from apixo_mcp.media.probing.facts import MediaFacts, seconds
from apixo_mcp.media.probing.signatures import tag_size

_MOST_FRAMES = 500_000
"""Frames that are counted (more than three hours of MP3): beyond that there is no duration."""
_BLOCK = 1 << 20
_TAGS = 8
_PADDING = 1 << 20
"""Zero bytes that are looked past: some speech services send as many before the first frame."""
_GARBAGE = 65_536
"""Other bytes that are looked past in search of a first frame."""
_SURE = 4
"""Frames in a row that cannot be chance."""

_MPEG_RATES = (44_100, 48_000, 32_000)
_BITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITS_1_2 = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_BITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_ADTS_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)


@dataclass(frozen=True, slots=True)
class Frame:
    """The header of one frame.

    Attributes:
        size: its bytes, header included.
        bits: a second, 0 where a header does not tell.
    """

    size: int
    samples: int
    rate: int
    bits: int
    is_adts: bool


def start(file: BinaryIO) -> int:
    """Tells where a file begins, behind its ID3 tags and the zero bytes before its first frame."""
    at = 0
    for _ in range(_TAGS):
        file.seek(at)
        if not (size := tag_size(file.read(10))):
            break
        at += size
    file.seek(at)
    body = file.read(16)
    body += file.read(_PADDING) if not any(body) else b""
    zeros = len(body) - len(body.lstrip(b"\0"))
    return at + zeros if 16 <= zeros < len(body) else at


def first(file: BinaryIO, at: int) -> tuple[int, Frame] | None:
    """Returns the first frame at or behind an offset that others follow, and where it is."""
    file.seek(at)
    body = file.read(_GARBAGE)
    for place in range(len(body) - 7):
        if body[place] == 0xFF and (frame := read_frame(body, place)) and _is_sure(body, place, frame):
            return at + place, frame
    return None


def measure_frames(file: BinaryIO, size: int) -> MediaFacts:
    """Returns the duration of all frames together; none where they cannot be counted to the end."""
    begin = start(file)
    first_frame = first(file, begin)
    if first_frame is None:
        return MediaFacts()
    end = size - _trailer(file, size)
    at, like = first_frame
    skipped = _is_note(file, at, like)
    samples = count = 0
    rates: set[int] = set()
    body, base = b"", at
    total = 0
    while at + 7 <= end:
        if at - base + 8 > len(body):
            file.seek(at)
            body, base = file.read(_BLOCK), at
        frame = read_frame(body, at - base)
        if frame is None or frame.is_adts != like.is_adts or frame.rate != like.rate:
            again = _again(body, at - base, like)
            if again is None:
                if end - at < _GARBAGE and count:
                    break  # a tag or padding behind the last frame
                return MediaFacts()
            at = base + again
            continue
        if at + frame.size > end + 4:
            break  # cut within its last frame
        if not skipped:
            samples, total = samples + frame.samples, total + frame.size
            rates.add(frame.bits)
        skipped = False
        at, count = at + frame.size, count + 1
        if count > _MOST_FRAMES:
            return MediaFacts()
    if len(rates) == 1 and (bits := rates.pop()):
        return MediaFacts(duration_seconds=seconds(total * 8, bits))
    return MediaFacts(duration_seconds=seconds(samples, like.rate))


def read_frame(body: bytes, at: int) -> Frame | None:
    """Returns the frame whose header stands at this place, None where none does."""
    if at + 7 > len(body) or body[at] != 0xFF or body[at + 1] & 0xE0 != 0xE0:
        return None
    second, third = body[at + 1], body[at + 2]
    if second & 0xF6 == 0xF0:
        rate = third >> 2 & 15
        size = (body[at + 3] & 3) << 11 | body[at + 4] << 3 | body[at + 5] >> 5
        if rate >= len(_ADTS_RATES) or size < 7:
            return None
        return Frame(size, 1024 * (1 + (body[at + 6] & 3)), _ADTS_RATES[rate], 0, True)
    return _mpeg_frame(second, third)


@cache
def _mpeg_frame(second: int, third: int) -> Frame | None:
    """Returns the frame of MPEG sound that the second and third byte of its header describe: few pairs exist."""
    version, layer = second >> 3 & 3, second >> 1 & 3
    index, rate_index, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if version == 1 or layer not in (1, 2) or index in (0, 15) or rate_index == 3:
        return None
    rate = _MPEG_RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    table = (_BITS_1 if layer == 1 else _BITS_1_2) if version == 3 else _BITS_2
    samples = 1152 if version == 3 or layer == 2 else 576
    bits = table[index] * 1000
    return Frame(samples // 8 * bits // rate + padding, samples, rate, bits, False)


def _is_sure(body: bytes, at: int, like: Frame) -> bool:
    """Tells whether frames of the same sort follow, as far as the bytes go."""
    frame: Frame | None = like
    for follows in range(_SURE):
        if frame is None or frame.is_adts != like.is_adts or frame.rate != like.rate:
            return False
        at += frame.size
        if at + 7 > len(body):
            return follows > 0 or at == len(body)
        frame = read_frame(body, at)
    return True


def _again(body: bytes, at: int, like: Frame) -> int | None:
    """Tells where frames go on behind a damaged place."""
    for place in range(at + 1, min(len(body) - 7, at + _GARBAGE)):
        if body[place] == 0xFF:
            frame = read_frame(body, place)
            if frame and frame.rate == like.rate and frame.is_adts == like.is_adts and _is_sure(body, place, frame):
                return place
    return None


def _is_note(file: BinaryIO, at: int, frame: Frame) -> bool:
    """Tells whether a first frame holds the encoder's notes (Xing, Info, VBRI) in place of sound."""
    file.seek(at)
    body = file.read(min(frame.size, 64))
    return not frame.is_adts and any(mark in body for mark in (b"Xing", b"Info", b"VBRI"))


def _trailer(file: BinaryIO, size: int) -> int:
    file.seek(max(0, size - 128))
    return 128 if size > 128 and file.read(3) == b"TAG" else 0
