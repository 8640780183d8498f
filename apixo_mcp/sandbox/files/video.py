"""A playable MP4 made from a prompt: a few H.264 key frames of raw samples, which need no encoder.

H.264 lets a macroblock carry its samples as they are (I_PCM). Twelve small frames of that are large for what they
show and small enough for a test, and every player and browser opens them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from apixo_mcp.sandbox.files.pictures import canvas, caption, picture_size
from apixo_mcp.sandbox.tasks import digest, prompt_of

LONGEST = 256
FRAMES = 12
SCALE = 1000
"""Time units of the file, a second."""


def film(given: Mapping[str, Any], index: int) -> bytes:
    """Returns an MP4 as long as the input's duration (5 s where it has none)."""
    width, height = (side - side % 2 for side in picture_size({"aspect_ratio": "16:9", **given}, LONGEST))
    prompt = prompt_of(given)
    seed = digest(prompt, given.get("seed"), given.get("image_urls"), index)
    frames: list[bytes] = []
    shape = Shape(width, height)
    for number in range(FRAMES):
        frame = canvas(seed, (width, height), number / FRAMES)
        caption(frame, prompt)
        frames.append(_slice(shape, frame, number))
    return mux(shape, frames, _seconds(given))


def _seconds(given: Mapping[str, Any]) -> float:
    try:
        asked = float(given.get("duration") or given.get("seconds") or 5)
    except (TypeError, ValueError):
        return 5.0
    return min(max(asked, 1.0), 60.0)


@dataclass(frozen=True)
class Shape:
    """The size of a film, in pixels and in macroblocks of 16."""

    width: int
    height: int

    @property
    def columns(self) -> int:
        """Macroblocks across."""
        return -(-self.width // 16)

    @property
    def rows(self) -> int:
        """Macroblocks down."""
        return -(-self.height // 16)


class Bits:
    """A bit string in the making, with H.264's variable length numbers."""

    def __init__(self) -> None:
        self._text: list[str] = []

    def u(self, value: int, width: int) -> Bits:
        """Appends a number of fixed width."""
        self._text.append(f"{value:0{width}b}")
        return self

    def ue(self, *values: int) -> Bits:
        """Appends Exp-Golomb numbers."""
        for value in values:
            digits = f"{value + 1:b}"
            self._text.append("0" * (len(digits) - 1) + digits)
        return self

    def aligned(self) -> bytes:
        """Returns the bytes, filled up with zeros."""
        text = "".join(self._text)
        text += "0" * (-len(text) % 8)
        return int(text or "0", 2).to_bytes(len(text) // 8, "big")

    def ended(self) -> bytes:
        """Returns the bytes with the stop bit that ends a unit."""
        return self.u(1, 1).aligned()


def _unit(kind: int, payload: bytes) -> bytes:
    # Within a unit, 00 00 00..03 would read as a start code.
    return bytes((kind,)) + re.sub(rb"\0\0(?=[\0-\x03])", b"\0\0\x03", payload)


def _sequence(shape: Shape) -> bytes:
    bits = Bits().u(66, 8).u(0xC0, 8).u(30, 8)  # Baseline, level 3
    bits.ue(0, 0, 2, 1).u(0, 1)  # id, frame number width, order of output is that of decoding, one reference
    bits.ue(shape.columns - 1, shape.rows - 1).u(0b11, 2)  # whole frames only
    right, below = (shape.columns * 16 - shape.width) // 2, (shape.rows * 16 - shape.height) // 2
    if right or below:
        bits.u(1, 1).ue(0, right, 0, below)
    else:
        bits.u(0, 1)
    return _unit(0x67, bits.u(0, 1).ended())


def _picture_set() -> bytes:
    bits = Bits().ue(0, 0).u(0, 2).ue(0, 0, 0).u(0, 3).ue(0, 0, 0)
    return _unit(0x68, bits.u(0b100, 3).ended())  # slices say themselves whether edges are smoothed


def _slice(shape: Shape, frame: Image.Image, number: int) -> bytes:
    head = Bits().ue(0, 7, 0).u(0, 4).ue(number % 2).u(0, 2).ue(0, 1)  # all intra, no smoothing of edges
    blocks = _blocks(shape, frame)
    raw_block = 25
    out = [head.ue(raw_block).aligned(), blocks[0]]
    again = Bits().ue(raw_block).aligned()
    for block in blocks[1:]:
        out += (again, block)
    return _unit(0x65, b"".join(out) + b"\x80")


def _blocks(shape: Shape, frame: Image.Image) -> list[bytes]:
    """Returns the samples of each macroblock: 256 of light, then 64 of each colour."""
    padded = Image.new("RGB", (shape.columns * 16, shape.rows * 16))
    padded.paste(frame)
    light, blue, red = padded.convert("YCbCr").split()
    planes = [
        (_narrowed(light, 219), 16),
        (_narrowed(_halved(blue), 224), 8),
        (_narrowed(_halved(red), 224), 8),
    ]
    blocks: list[bytes] = []
    for row in range(shape.rows):
        for column in range(shape.columns):
            parts: list[bytes] = []
            for plane, side in planes:
                stride = shape.columns * side
                start = row * side * stride + column * side
                parts += [plane[start + y * stride : start + y * stride + side] for y in range(side)]
            blocks.append(b"".join(parts))
    return blocks


def _narrowed(plane: Image.Image, reach: int) -> bytes:
    # Video keeps room above and below: samples run from 16, not from 0 to 255.
    table = [16 + n * reach // 255 for n in range(256)]
    return plane.tobytes().translate(bytes(table))


def _halved(plane: Image.Image) -> Image.Image:
    return plane.reduce(2)


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _full(kind: bytes, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def mux(shape: Shape, frames: Sequence[bytes], seconds: float) -> bytes:
    """Returns an MP4 of H.264 key frames, each shown equally long, with its index in front of the frames."""
    samples = [struct.pack(">I", len(frame)) + frame for frame in frames]
    each = max(1, round(seconds * SCALE / len(samples)))
    total = each * len(samples)
    kind = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomavc1mp42")
    # The index holds the place of the frames, and its own length does not depend on it.
    place = len(kind) + len(_movie(shape, samples, each, total, 0)) + 8
    return kind + _movie(shape, samples, each, total, place) + _box(b"mdat", *samples)


def _movie(shape: Shape, samples: Sequence[bytes], each: int, total: int, place: int) -> bytes:
    header = _full(
        b"mvhd",
        0,
        struct.pack(">4IIH10x", 0, 0, SCALE, total, 0x10000, 0x100),
        _MATRIX,
        bytes(24),
        struct.pack(">I", 2),
    )
    track = _full(
        b"tkhd",
        3,
        struct.pack(">5I8xHHHxx", 0, 0, 1, 0, total, 0, 0, 0),
        _MATRIX,
        struct.pack(">II", shape.width << 16, shape.height << 16),
    )
    media = _full(b"mdhd", 0, struct.pack(">4IHH", 0, 0, SCALE, total, 0x55C4, 0))
    handler = _full(b"hdlr", 0, bytes(4), b"vide", bytes(12), b"apixo-mcp sandbox\0")
    here = _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1)))
    information = _box(b"minf", _full(b"vmhd", 1, bytes(8)), here, _table(shape, samples, each, place))
    return _box(b"moov", header, _box(b"trak", track, _box(b"mdia", media, handler, information)))


def _table(shape: Shape, samples: Sequence[bytes], each: int, place: int) -> bytes:
    sequence, picture = _sequence(shape), _picture_set()
    config = _box(
        b"avcC",
        b"\x01",
        sequence[1:4],
        b"\xff\xe1",
        struct.pack(">H", len(sequence)),
        sequence,
        struct.pack(">BH", 1, len(picture)),
        picture,
    )
    entry = _box(
        b"avc1",
        struct.pack(">6xH16xHHIIIH", 1, shape.width, shape.height, 0x480000, 0x480000, 0, 1),
        bytes(32),
        struct.pack(">Hh", 24, -1),
        config,
    )
    count = len(samples)
    return _box(
        b"stbl",
        _full(b"stsd", 0, struct.pack(">I", 1), entry),
        _full(b"stts", 0, struct.pack(">III", 1, count, each)),
        _full(b"stsc", 0, struct.pack(">4I", 1, 1, count, 1)),
        _full(b"stsz", 0, struct.pack(">II", 0, count), *(struct.pack(">I", len(one)) for one in samples)),
        _full(b"stco", 0, struct.pack(">II", 1, place)),
    )
