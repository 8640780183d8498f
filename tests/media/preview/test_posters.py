"""The first frame of a video, where a decoder is installed."""

import io
from pathlib import Path

import pytest
from PIL import Image
from support.media_wire import turned

from apixo_mcp.media import kinds
from apixo_mcp.media.local import LocalFiles
from apixo_mcp.media.preview.previews import Preview, Previews
from apixo_mcp.media.probing.probe import probe
from apixo_mcp.sandbox.files.video import film

FILES = Path(__file__).parents[1] / "files"
pytestmark = pytest.mark.anyio


async def preview(path: Path, mime_type: str) -> Preview | None:
    return await Previews(LocalFiles(FILES), patience=60.0).preview(str(path), mime_type)


async def test_a_video_is_shown_by_its_first_frame(tmp_path) -> None:
    pytest.importorskip("av", reason="the extra `video` is not installed")
    path = tmp_path / "a.mp4"
    path.write_bytes(film({"prompt": "a fox", "duration": 2}, 0))
    shown = await preview(path, "video/mp4")
    assert shown is not None
    assert max(Image.open(io.BytesIO(shown.data)).size) <= 768


async def test_a_broken_video_has_no_picture(tmp_path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 500)
    assert await preview(path, "video/mp4") is None


async def test_a_turned_video_has_an_upright_poster(tmp_path) -> None:
    muxers = pytest.importorskip("support.muxers", reason="the extra `video` is not installed")
    path = tmp_path / "a.mp4"
    assert muxers.write(path, "mp4", video="mpeg4", seconds=0.2)
    body = path.read_bytes()
    sizes = set()
    for quarter in range(4):
        path.write_bytes(turned(body, quarter))
        shown = await preview(path, "video/mp4")
        assert shown is not None
        facts = probe(path, kinds.MP4)
        sizes.add((quarter % 2, Image.open(io.BytesIO(shown.data)).size, (facts.width, facts.height)))
    assert sizes == {(0, (64, 48), (64, 48)), (1, (48, 64), (48, 64))}


async def test_a_picture_that_only_the_decoder_of_videos_reads() -> None:
    pytest.importorskip("av", reason="the extra `video` is not installed")
    shown = await preview(FILES / "ok.heic", "image/heic")
    assert shown is not None
    assert Image.open(io.BytesIO(shown.data)).size == (640, 360)
