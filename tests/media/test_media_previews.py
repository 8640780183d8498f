import io
import sys
from pathlib import Path

import anyio
import pytest
from media_wire import an_mp4
from PIL import Image

from apixo_mcp.media import previews
from apixo_mcp.media.previews import preview, view

pytestmark = pytest.mark.anyio
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif", "BMP": "image/bmp"}


def draw(path: Path, form: str = "PNG", size: tuple[int, int] = (1000, 500), mode: str = "RGB", **options) -> Path:
    noise = Image.effect_noise(size, 60)
    image = noise.convert(mode) if mode != "RGB" else Image.merge("RGB", (noise, noise.rotate(90), noise))
    if mode in ("RGBA", "LA"):
        image.putalpha(noise)
    image.save(path, form, **options)
    return path


async def opened(path: Path, form: str = "PNG", **options) -> Image.Image:
    made = await preview(path, TYPES[form], **options)
    assert made is not None
    image = Image.open(io.BytesIO(made.data))
    assert Image.MIME[image.format or ""] == made.mime_type
    assert len(made.data) <= options.get("max_bytes", 500_000)
    return image


@pytest.mark.parametrize("form", TYPES)
async def test_every_format(tmp_path, form):
    image = await opened(draw(tmp_path / "a", form), form)
    assert image.size == (768, 384)
    assert image.format == "JPEG"


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA", "I;16"])
async def test_every_mode(tmp_path, mode):
    assert (await opened(draw(tmp_path / "a.png", mode=mode), max_bytes=5_000_000)).size == (768, 384)


async def test_sixteen_bit_grey_stays_grey(tmp_path):
    Image.new("I;16", (900, 900), 0x8000).save(tmp_path / "a.png")
    assert (await opened(tmp_path / "a.png")).convert("L").getpixel((5, 5)) == pytest.approx(128, abs=2)


async def test_small_pictures_are_not_enlarged(tmp_path):
    assert (await opened(draw(tmp_path / "a.png", size=(40, 30)))).size == (40, 30)


async def test_thin_pictures(tmp_path):
    assert (await opened(draw(tmp_path / "a.png", size=(3000, 40)))).width == 768


async def test_a_turned_photograph_stands_upright(tmp_path):
    image = Image.new("RGB", (200, 100), "blue")
    image.paste("red", (0, 0, 100, 100))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", "JPEG", exif=exif)
    turned = await opened(tmp_path / "a.jpg", "JPEG")
    assert turned.size == (100, 200)
    assert turned.getpixel((50, 20))[0] > 200


async def test_transparency_stays_where_there_is_some(tmp_path):
    Image.new("RGBA", (500, 500), (255, 0, 0, 80)).save(tmp_path / "some.png")
    assert (await opened(tmp_path / "some.png")).mode == "RGBA"
    Image.new("RGBA", (500, 500), (255, 0, 0, 255)).save(tmp_path / "none.png")
    assert (await opened(tmp_path / "none.png")).format == "JPEG"
    image = await opened(draw(tmp_path / "noise.png", mode="RGBA", size=(768, 768)))
    assert image.format == "JPEG"
    Image.new("RGBA", (900, 900), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (await opened(tmp_path / "clear.png", max_bytes=3_500)).convert("RGB").getpixel((9, 9)) in (
        (0, 0, 0),
        (255,) * 3,
    )


async def test_the_size_in_bytes_is_kept_to(tmp_path):
    image = await opened(draw(tmp_path / "a.png", size=(1500, 1500)), max_bytes=20_000)
    assert image.width < 768
    assert await preview(tmp_path / "a.png", "image/png", max_bytes=10) is None


async def test_the_picture_to_look_at_is_larger(tmp_path):
    made = await view(draw(tmp_path / "a.png", size=(1700, 850)), "image/png")
    assert made is not None
    assert Image.open(io.BytesIO(made.data)).width == 1568
    assert len(made.data) <= 700_000


async def test_what_cannot_be_shown_has_no_preview(tmp_path):
    whole = draw(tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "a.mp4").write_bytes(an_mp4())
    assert await preview(tmp_path / "cut.png", "image/png") is None
    assert await preview(tmp_path / "text.png", "image/png") is None
    assert await preview(tmp_path / "none.png", "image/png") is None
    assert await preview(tmp_path, "image/png") is None
    assert await preview(tmp_path / "a\0.png", "image/png") is None
    assert await preview(tmp_path / "a.mp4", "video/mp4") is None
    assert await preview(tmp_path / "a.png", "image/heic") is None


async def test_a_bomb_is_not_decoded(tmp_path):
    Image.new("1", (9000, 9000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 100_000
    assert await preview(tmp_path / "bomb.png", "image/png") is None


async def test_a_large_picture_is_decoded_in_another_process(tmp_path):
    Image.new("RGB", (2400, 2400), "red").save(tmp_path / "a.png", compress_level=1)
    assert not previews._is_small(tmp_path / "a.png", "image/png", 768)
    assert (await opened(tmp_path / "a.png")).size == (768, 768)


async def test_a_preview_is_made_once(tmp_path):
    path = draw(tmp_path / "a.png")
    first = await preview(path, "image/png")
    assert await preview(path, "image/png") is first
    draw(path, size=(600, 600))
    assert await preview(path, "image/png") is not first


async def test_the_kept_previews_stay_few():
    kept = previews._Kept()
    for number in range(12):
        kept.put(("a", number, 0, 0, 0), previews.Preview(bytes(1_000_000), "image/jpeg"))
    assert kept.get(("a", 3, 0, 0, 0)) is None
    assert kept.get(("a", 4, 0, 0, 0)) is not None
    kept.put(("a", 99, 0, 0, 0), previews.Preview(bytes(1_000_000), "image/jpeg"))
    assert kept.get(("a", 4, 0, 0, 0)) is not None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_nothing_is_imported_until_the_first_preview():
    code = "import sys, apixo_mcp.media.previews, apixo_mcp.media.saver; sys.exit('PIL' in sys.modules)"
    done = await anyio.run_process([sys.executable, "-c", code], check=False)
    assert done.returncode == 0
