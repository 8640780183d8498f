"""What a task is told to cost before it is paid."""

from pathlib import Path

import pytest
from support.program import Connect
from support.samples import wav

pytestmark = pytest.mark.anyio

FACE = "https://example.com/face.png"


async def test_a_local_recording_gives_the_price_by_its_length(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "speech.wav").write_bytes(wav(seconds=12.3))
    asked = {
        "model": "infinitetalk",
        "image_urls": [FACE],
        "resolution": "480p",
        "wait_seconds": 20,
        "prompt": "[took:0]",
    }
    async with connect(data_urls=True, allowed_roots=(tmp_path,), daily_budget_usd=1) as client:
        told = await client.call_tool("generate_video", {**asked, "audio_urls": [str(tmp_path / "speech.wav")]})
        of_a_url = await client.call_tool("generate_video", {**asked, "audio_urls": ["https://example.com/a.wav"]})
    assert told.structured_content is not None
    assert told.structured_content["cost"]["amount"] == 0.39, "13 seconds that have begun"
    assert of_a_url.is_error, "its length is not known here, and a budget is set"
