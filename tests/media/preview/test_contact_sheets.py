"""Small pictures side by side, each under its number."""

import io
from pathlib import Path

import pytest
from PIL import Image

from apixo_mcp.media.local import LocalFiles
from apixo_mcp.media.preview.contact_sheet import MOST_TILES, Tile
from apixo_mcp.media.preview.previews import Previews

pytestmark = pytest.mark.anyio

WITHIN = 60.0  # seconds; a busy machine takes long to start a process
COLOURS = ("red", "lime", "blue")


def drawn(folder: Path, number: int, size: tuple[int, int] = (300, 200), form: str = "png") -> Tile:
    path = folder / f"{number}.{form}"
    Image.new("RGB", size, COLOURS[number % 3]).save(path)
    return Tile(str(number), str(path), f"image/{'jpeg' if form == 'jpg' else form}")


async def sheet_of(folder: Path, tiles: list[Tile]) -> tuple[Image.Image, int]:
    shown = await Previews(LocalFiles(folder), patience=WITHIN).sheet(tiles, WITHIN)
    assert shown is not None
    return Image.open(io.BytesIO(shown.data)).convert("RGB"), len(shown.data)


def colour_at(sheet: Image.Image, across: float, down: float) -> str:
    """The name of the nearest colour at a place of the sheet."""
    pixel = sheet.getpixel((int(sheet.width * across), int(sheet.height * down)))
    assert isinstance(pixel, tuple)
    known = {
        "red": (255, 0, 0),
        "lime": (0, 255, 0),
        "blue": (0, 0, 255),
        "empty": (224, 224, 224),
        "ground": (255,) * 3,
    }
    return min(known, key=lambda name: sum(abs(a - b) for a, b in zip(known[name], pixel, strict=True)))


async def test_pictures_stand_row_by_row(tmp_path: Path):
    tiles = [drawn(tmp_path, 0), drawn(tmp_path, 1, (200, 300), "jpg"), drawn(tmp_path, 2, (40, 40), "webp")]
    sheet, size = await sheet_of(tmp_path, tiles)
    assert sheet.size == (768, 768)
    assert [colour_at(sheet, x, y) for x, y in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))] == [
        "red",
        "lime",
        "blue",
        "ground",
    ]
    assert size < 300_000


async def test_each_tile_has_its_number_large_enough_to_read(tmp_path: Path):
    for count in (2, 9, MOST_TILES):
        sheet, _ = await sheet_of(tmp_path, [drawn(tmp_path, number) for number in range(count)])
        side = sheet.width // -(-(count**0.5) // 1)
        corner = sheet.crop((2, 2, 2 + int(side) // 3, 2 + int(side) // 3)).convert("L")
        ink = [pixel for pixel in corner.tobytes() if pixel < 60]
        light = [pixel for pixel in corner.crop((0, 0, 24, 24)).tobytes() if pixel > 150]
        assert len(ink) > 60
        assert len(light) > 4


async def test_what_cannot_be_read_leaves_an_empty_tile(tmp_path: Path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    tiles = [
        Tile("0", str(broken), "image/png"),
        Tile("1", "", ""),
        Tile("2", str(tmp_path / "gone.png"), "image/png"),
        drawn(tmp_path, 3),
    ]
    sheet, _ = await sheet_of(tmp_path, tiles)
    assert [colour_at(sheet, x, y) for x, y in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))] == [
        "empty",
        "empty",
        "empty",
        "red",
    ]


async def test_without_any_picture_there_is_no_sheet(tmp_path: Path):
    previews = Previews(LocalFiles(tmp_path), patience=WITHIN)
    assert await previews.sheet([Tile("0", "", ""), Tile("1", str(tmp_path / "gone.png"), "image/png")], WITHIN) is None


async def test_pictures_that_are_late_leave_empty_tiles_or_no_sheet(tmp_path: Path):
    assert await Previews(LocalFiles(tmp_path)).sheet([drawn(tmp_path, 0), drawn(tmp_path, 1)], 0.0) is None


async def test_many_large_pictures_stay_small(tmp_path: Path):
    noise = Image.effect_noise((1000, 1000), 90).convert("RGB")
    noise.save(tmp_path / "noise.png")
    sheet, size = await sheet_of(
        tmp_path, [Tile(str(number), str(tmp_path / "noise.png"), "image/png") for number in range(16)]
    )
    assert max(sheet.size) <= 768
    assert size <= 300_000
