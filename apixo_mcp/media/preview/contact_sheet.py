"""Paints small pictures side by side, each under its number. Blocking, and run in a process of its own."""

import json
import math
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apixo_mcp.media.preview import shrink

if TYPE_CHECKING:
    from PIL import Image, ImageDraw  # imported where they are used: a server that starts needs no pictures

MOST_TILES = 50
"""Pictures of a sheet: more would be too small to tell apart."""

_GAP = 2  # pixels around a tile
_GROUND, _EMPTY, _INK = (255, 255, 255), (224, 224, 224), (0, 0, 0)
_SMALLEST_NUMBER, _LARGEST_NUMBER = 13, 32  # pixels


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a sheet.

    Attributes:
        number: what stands on it.
        path: of its file; empty where there is none to show.
    """

    number: str
    path: str
    mime_type: str


def contact_sheet(tiles: Sequence[Tile], longest: int, max_bytes: int, seconds: float) -> tuple[bytes, str] | None:
    """Returns the sheet and its type; None where no picture of it can be read.

    What cannot be read, or not in time, leaves its number on an empty tile.

    Args:
        tiles: in their order, row by row.
        longest: side of the sheet, in pixels.
        max_bytes: of the sheet.
        seconds: after which no further picture is begun.
    """
    from PIL import Image, ImageDraw

    until = time.monotonic() + seconds
    columns = math.ceil(math.sqrt(len(tiles)))
    side = longest // columns
    sheet = Image.new("RGB", (columns * side, math.ceil(len(tiles) / columns) * side), _GROUND)
    draw = ImageDraw.Draw(sheet)
    shown = 0
    for place, tile in enumerate(tiles):
        left, top = place % columns * side, place // columns * side
        small = _small(tile, side - 2 * _GAP) if tile.path and time.monotonic() < until else None
        if small is None:
            draw.rectangle((left + _GAP, top + _GAP, left + side - _GAP - 1, top + side - _GAP - 1), fill=_EMPTY)
        else:
            sheet.paste(small, (left + (side - small.width) // 2, top + (side - small.height) // 2))
            shown += 1
        _write(draw, tile.number, left + _GAP, top + _GAP, side)
    return shrink.fitted(sheet, max_bytes) if shown else None


def _small(tile: Tile, longest: int) -> "Image.Image | None":
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            small = shrink.small_picture(Path(tile.path), tile.mime_type, longest, shrink.MOST_DRAFTED)
            if small is None:
                return None
            backed = Image.new("RGBA", small.size, (*_GROUND, 255))
            backed.alpha_composite(small.convert("RGBA"))
            return backed.convert("RGB")
    except Exception:  # whatever a broken file makes the decoders raise: its tile stays empty
        return None


def _write(draw: "ImageDraw.ImageDraw", number: str, left: int, top: int, side: int) -> None:
    from PIL import ImageFont

    size = max(_SMALLEST_NUMBER, min(_LARGEST_NUMBER, side // 7))
    font: Any = ImageFont.load_default(size)  # the library's own: no font of the machine is needed
    _, _, width, height = draw.textbbox((0, 0), number, font=font)
    pad = max(2, size // 6)
    draw.rectangle((left, top, left + int(width) + 2 * pad, top + int(height) + 2 * pad), fill=_INK)
    draw.text((left + pad, top + pad), number, fill=_GROUND, font=font)


def asked(tiles: Sequence[Tile], longest: int, max_bytes: int, seconds: float) -> str:
    """Returns what the process is told to paint, as `write_sheet` takes it."""
    work = {"tiles": [asdict(tile) for tile in tiles], "longest": longest, "max_bytes": max_bytes, "seconds": seconds}
    return json.dumps(work)


def write_sheet(asked_for: str) -> int:
    """Writes the type of a sheet, a line end and the sheet to standard output, and returns the exit code."""
    work = json.loads(asked_for)
    tiles = [Tile(**entry) for entry in work.pop("tiles")]
    shrink.limit(tile.mime_type for tile in tiles)
    made = contact_sheet(tiles, **work)
    if made is None:
        return shrink.BROKEN
    sys.stdout.buffer.write(made[1].encode() + b"\n" + made[0])
    return 0
