"""What a task is told to cost before it is paid."""

from pathlib import Path

import pytest
from support.program import Connect, text_of
from support.samples import wav

pytestmark = pytest.mark.anyio

FACE = "https://example.com/face.png"


async def test_a_local_recording_gives_the_price_by_its_length(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "speech.wav").write_bytes(wav(seconds=12.3))
    asked = {"model": "infinitetalk", "image_urls": [FACE], "resolution": "480p"}
    async with connect(data_urls=True, allowed_roots=(tmp_path,), confirm_above_usd=0.01) as client:
        told = await client.call_tool("generate_video", {**asked, "audio_urls": [str(tmp_path / "speech.wav")]})
        of_a_url = await client.call_tool("generate_video", {**asked, "audio_urls": ["https://example.com/a.wav"]})
    assert "infinitetalk would cost about $0.39" in text_of(told), "13 seconds that have begun"
    assert "an unknown price" in text_of(of_a_url), "what only the gateway fetches has no length here"
