"""The first frame of a video, where a decoder is installed."""

import io

import pytest
from PIL import Image

from apixo_mcp.media.previews import preview
from apixo_mcp.sandbox.video import film

pytestmark = pytest.mark.anyio


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
