import io
import struct
import sys
import threading
import time
from pathlib import Path

import anyio
import pytest
from PIL import Image, ImageChops, ImageStat
from support.amounts import here
from support.media_wire import a_costly_jpeg, an_mp4

from apixo_mcp.media.local import LocalFiles
from apixo_mcp.media.preview import shrink
from apixo_mcp.media.preview.cost import Cost, cost_of
from apixo_mcp.media.preview.previews import PATIENCE_IN_PASSING, Kept, NotShown, Preview, Previews
from apixo_mcp.media.probing.contents import kind_of_content
from apixo_mcp.media.probing.probe import probe

FILES = Path(__file__).parents[1] / "files"
pytestmark = pytest.mark.anyio
previews = Previews(LocalFiles(FILES), patience=60.0)  # seconds; a busy machine takes long to start a process
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif", "BMP": "image/bmp"}


async def preview(path: Path, mime_type: str, **options: int) -> Preview | None:
    return await previews.preview(str(path), mime_type, **options)


async def view(path: Path, mime_type: str) -> Preview:
    return await previews.view(str(path), mime_type)


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


async def test_a_modest_view_is_small_however_busy_the_picture(tmp_path):
    path = draw(tmp_path / "a.jpg", "JPEG", (2000, 1500))
    modest = await previews.view(str(path), "image/jpeg", modest=True)
    assert len(modest.data) <= 60_000
    assert max(Image.open(io.BytesIO(modest.data)).size) <= 512
    assert max(Image.open(io.BytesIO((await view(path, "image/jpeg")).data)).size) > 512


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
    pixel = turned.getpixel((50, 20))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize(("turn", "red"), [(1, "top"), (3, "bottom"), (5, "left"), (6, "right"), (8, "left")])
async def test_every_format_that_can_ask_for_a_turn_is_told_and_shown_turned(tmp_path, form, turn, red):
    image = Image.new("RGB", (90, 60), "blue")
    image.paste("red", (0, 0, 90, 30))
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"tiffinfo": {0x0112: turn}} if form == "TIFF" else {"exif": exif}
    image.save(tmp_path / "a", form, **options)
    kind = kind_of_content(tmp_path / "a")
    facts = probe(tmp_path / "a", kind)
    shown = Image.open(io.BytesIO((await view(tmp_path / "a", kind.mime_type)).data)).convert("RGB")
    assert shown.size == (facts.width, facts.height) == ((90, 60) if turn < 5 else (60, 90))
    across, down = {"top": (0.5, 0.1), "bottom": (0.5, 0.9), "left": (0.1, 0.5), "right": (0.9, 0.5)}[red]
    colour = shown.getpixel((int(shown.width * across), int(shown.height * down)))
    assert isinstance(colour, tuple)
    assert colour[0] > 150 > colour[2]


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
    assert Image.open(io.BytesIO(made.data)).width == 1568
    assert len(made.data) <= 700_000


async def test_what_cannot_be_shown_has_no_preview(tmp_path):
    draw(tmp_path / "a.png")
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "a.mp4").write_bytes(an_mp4())
    (tmp_path / "start.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    for name, mime_type in (
        *(("text.png", "image/png"), ("none.png", "image/png"), ("a\0.png", "image/png"), ("start.png", "image/png")),
        *(("", "image/png"), ("a.mp4", "video/mp4"), ("a.png", "image/svg+xml")),
    ):
        assert await preview(tmp_path / name, mime_type) is None, name


@pytest.mark.parametrize("name", ["badcrc.png", "bigtext.png", "noeoi.jpg", "cut.png"])
async def test_a_damaged_picture_is_shown_as_far_as_it_goes(name):
    made = await view(FILES / name, "image/png" if name.endswith("png") else "image/jpeg")
    image = Image.open(io.BytesIO(made.data))
    assert image.size == (640, 360)
    upper = image.convert("RGB").crop((0, 0, 640, 90))
    whole = Image.open(FILES / "ok.png").convert("RGB").crop((0, 0, 640, 90))
    apart = ImageStat.Stat(ImageChops.difference(upper, whole)).mean
    assert name == "noeoi.jpg" or max(apart) < 12, "its upper part is not that of the whole picture"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP"])
@pytest.mark.parametrize("part", [0.5, 0.9])
async def test_a_cut_picture_is_shown(tmp_path, form, part):
    whole = draw(tmp_path / "a", form).read_bytes()
    (tmp_path / "a").write_bytes(whole[: int(len(whole) * part)])
    assert (await opened(tmp_path / "a", form)).size == (768, 384)


@pytest.mark.parametrize("chunk", [b"IHDR", b"IDAT", b"IEND"])
async def test_a_wrong_checksum_does_not_matter(tmp_path, chunk):
    body = bytearray(draw(tmp_path / "a.png").read_bytes())
    at = body.index(chunk)
    body[at + 4 + int.from_bytes(body[at - 4 : at], "big")] ^= 0xFF
    (tmp_path / "a.png").write_bytes(body)
    assert (await opened(tmp_path / "a.png")).size == (768, 384)


@pytest.mark.parametrize(
    ("path", "mime_type", "why"),
    [
        (FILES / "ok.svg", "image/svg+xml", "this format cannot be shown; it has 10 x 10 pixels"),
        (FILES / "ok.glb", "model/gltf-binary", "only pictures can be looked at"),
        (FILES / "id3.aac", "audio/aac", "only pictures can be looked at"),
        (FILES / "ok.glb", "image/png", "it cannot be read"),
    ],
)
async def test_why_there_is_no_picture_is_told(path, mime_type, why):
    with pytest.raises(NotShown, match=why):
        await view(path, mime_type)


async def test_a_frame_that_is_larger_than_the_headers_say_is_not_decoded_here(tmp_path):
    Image.new("P", (4000, 4000), 3).save(tmp_path / "a.gif")
    body = bytearray((tmp_path / "a.gif").read_bytes())
    body[6:10] = struct.pack("<HH", 10, 10)
    (tmp_path / "a.gif").write_bytes(body)
    with pytest.raises(shrink.TooLarge):
        shrink.shrink(tmp_path / "a.gif", "image/gif", 768, 500_000, 100)
    assert (await opened(tmp_path / "a.gif", "GIF")).size == (768, 768)


@pytest.mark.parametrize("size", [(8192, 8192), (12000, 6000)])
async def test_a_huge_jpeg_is_decoded_at_a_part_of_its_size(tmp_path, size):
    Image.new("L", size, 90).save(tmp_path / "a.jpg", "JPEG")
    image = await opened(tmp_path / "a.jpg", "JPEG")
    assert image.size == (768, 768 * size[1] // size[0])
    assert image.convert("L").getpixel((5, 5)) == pytest.approx(90, abs=3)


@pytest.mark.parametrize(("form", "mode"), [("PNG", "1"), ("TIFF", "1"), ("GIF", "P")])
async def test_what_is_too_large_is_told_with_its_megapixels(tmp_path, form, mode):
    Image.new(mode, (12000, 6000)).save(tmp_path / "a", form)
    with pytest.raises(NotShown, match="too large to view: 72 megapixels"):
        await view(tmp_path / "a", f"image/{form.lower()}")


async def test_a_picture_that_is_costly_to_decode_is_not_tried_in_passing(tmp_path):
    (tmp_path / "a.jpg").write_bytes(a_costly_jpeg())
    began = time.monotonic()
    assert await preview(tmp_path / "a.jpg", "image/jpeg") is None
    assert time.monotonic() - began < here(0.5)


async def test_a_decoder_that_takes_too_long_is_ended_and_holds_up_no_other(tmp_path):
    previews = Previews(LocalFiles(tmp_path), patience=here(1.0))
    is_over = False
    (tmp_path / "a.jpg").write_bytes(a_costly_jpeg(4000, 4000))
    draw(tmp_path / "b.png")
    before = children()

    async def costly() -> None:
        nonlocal is_over
        with pytest.raises(NotShown, match="takes too long"):
            await previews.view(str(tmp_path / "a.jpg"), "image/jpeg")
        is_over = True

    async with anyio.create_task_group() as group:
        group.start_soon(costly)
        await anyio.wait_all_tasks_blocked()
        assert await previews.preview(str(tmp_path / "b.png"), "image/png")
        assert not is_over
    assert children() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "b.png"]


def children() -> set[str]:
    """The processes that this one started and that still run, where the system tells."""
    found = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return set(found.read_text().split()) if found.exists() else set()


@pytest.mark.parametrize(
    ("cost", "is_small", "is_quick"),
    [
        (Cost("image/jpeg", 4_000_000), True, True),
        (Cost("image/jpeg", 4_000_000, 10), True, True),
        (Cost("image/jpeg", 4_000_000, 100), False, False),
        (Cost("image/jpeg", 60_000_000), False, True),
        (Cost("image/png", 3_000_000), True, True),
        (Cost("image/webp", 3_000_000), False, True),
        (Cost("image/tiff", 1_000), False, True),
        (Cost("image/png", 0), False, True),
    ],
)
def test_where_a_picture_is_decoded_is_decided_by_its_headers(cost, is_small, is_quick):
    assert cost.is_small(768) is is_small
    assert (cost.seconds <= PATIENCE_IN_PASSING) is is_quick


async def test_a_bomb_is_not_decoded(tmp_path):
    Image.new("1", (9000, 9000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 100_000
    assert await preview(tmp_path / "bomb.png", "image/png") is None


async def test_a_large_picture_is_decoded_in_another_process(tmp_path):
    Image.new("RGB", (2400, 2400), "red").save(tmp_path / "a.png", compress_level=1)
    assert not cost_of(tmp_path / "a.png", "image/png").is_small(768)
    assert (await opened(tmp_path / "a.png")).size == (768, 768)


async def test_a_preview_is_made_once(tmp_path):
    path = draw(tmp_path / "a.png")
    first = await preview(path, "image/png")
    assert await preview(path, "image/png") is first
    draw(path, size=(600, 600))
    assert await preview(path, "image/png") is not first


async def test_the_kept_previews_stay_few():
    kept = Kept()
    for number in range(12):
        kept.put(("a", number, 0, 0, 0), Preview(bytes(1_000_000), "image/jpeg"))
    assert kept.get(("a", 3, 0, 0, 0)) is None
    assert kept.get(("a", 4, 0, 0, 0)) is not None
    kept.put(("a", 99, 0, 0, 0), Preview(bytes(1_000_000), "image/jpeg"))
    assert kept.get(("a", 4, 0, 0, 0)) is not None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_nothing_is_imported_until_the_first_preview():
    code = "import sys, apixo_mcp.media.preview.previews, apixo_mcp.media.saver; sys.exit('PIL' in sys.modules)"
    done = await anyio.run_process([sys.executable, "-c", code], check=False)
    assert done.returncode == 0
