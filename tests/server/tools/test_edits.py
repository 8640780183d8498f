"""What is sent is what was meant: an edit keeps its shape, a slip is not paid for; in a chat and with typed tools."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from PIL import Image
from support.program import Connect, text_of

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

ANSWER = "the same at night [took:0]"


async def made(client: Client, tool: str = "generate_image", **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool(tool, {"prompt": ANSWER, "wait_seconds": 20, **arguments})
    assert answer.structured_content is not None, text_of(answer)
    return answer.structured_content


async def test_an_earlier_result_gives_the_shape(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        wide = await made(client, model="nano-banana", aspect_ratio="16:9")
        picture = f"task:{wide['task_id']}/0"
        edit = await made(client, model="flux-kontext", image_urls=[picture])
        size = f"{wide['results'][0]['width']}x{wide['results'][0]['height']}"
        assert f"aspect_ratio was set to 16:9, the nearest to the picture's {size}." in edit["notes"]
        again = await made(client, model="nano-banana", image_urls=[picture])
        assert "aspect_ratio was set to auto, so that the picture keeps its shape." in again["notes"]
        own = await made(client, model="flux-kontext", image_urls=[picture], aspect_ratio="1:1")
        assert not any("aspect_ratio" in note for note in own.get("notes", ()))
    assert [post["input"]["aspect_ratio"] for post in box.submits()] == ["16:9", "16:9", "auto", "1:1"]


async def test_a_local_picture_gives_the_shape(connect: Connect, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGB", (80, 120)).save(pictures / "tall.png")
    turned = Image.Exif()
    turned[0x0112] = 6  # a photo of a phone held upright, whose file lies on its side
    Image.new("RGB", (160, 90)).save(pictures / "turned.jpg", exif=turned)
    async with connect(data_urls=True, allowed_roots=(pictures,)) as client:
        first = await made(client, model="gpt-image-1", image_urls=[str(pictures / "tall.png")])
        second = await made(client, model="flux-kontext", image_urls=[(pictures / "turned.jpg").as_uri()])
    assert "aspect_ratio was set to 2:3, the nearest to the picture's 80x120." in first["notes"]
    assert "aspect_ratio was set to 9:16, the nearest to the picture's 90x160." in second["notes"]


async def test_of_a_picture_on_the_net_the_choice_is_told(connect: Connect, box: Sandbox) -> None:
    url = "https://example.com/a.png"
    async with connect() as client:
        left_out = await made(client, "generate_video", model="sora-2", image_urls=[url])
        needed = await made(client, model="gpt-image-1", image_urls=[url])
    assert left_out["notes"][0].startswith("aspect_ratio was left out, as the picture's size is not known here")
    assert needed["notes"][0].startswith("aspect_ratio was set to 1:1, as the picture's size is not known here")
    assert "aspect_ratio" not in box.submits()[0]["input"]


async def test_a_typed_tool_keeps_the_shape_too(connect: Connect, box: Sandbox) -> None:
    async with connect(tools="models", models=("nano-banana", "ruxa/sora-2")) as client:
        tall = await made(client, "generate_nano_banana", aspect_ratio="9:16")
        picture = f"task:{tall['task_id']}/0"
        film = await made(client, "generate_ruxa_sora_2", input_reference=picture)
        edit = await made(client, "generate_nano_banana", image_urls=[picture])
    assert film["notes"][0].startswith("size was set to 720x1280, the nearest to the picture's ")
    assert edit["notes"][0] == "aspect_ratio was set to auto, so that the picture keeps its shape."
    assert [post["input"].get("size", post["input"].get("aspect_ratio")) for post in box.submits()] == [
        *("9:16", "720x1280", "auto")
    ]


async def test_an_option_that_may_be_ignored_is_said_to_be_so(connect: Connect) -> None:
    told = "emotion: passed on as given; no page of minimax-speech-2-8 names it, so it may be ignored."
    async with connect() as client:
        speech = await made(client, "generate_audio", model="minimax-speech-2-8", options={"emotion": "happy"})
    async with connect(tools="models", models=("minimax-speech-2-8",)) as client:
        typed = await made(client, "generate_minimax_speech_2_8", voice_id="preset_x", emotion="sad")
    assert told in speech["notes"]
    assert told in typed["notes"]


async def test_a_slip_in_an_option_is_refused_before_anything_is_sent(connect: Connect, box: Sandbox) -> None:
    call = {"model": "minimax-speech-2-8", "prompt": "hello", "options": {"voice": "preset_calm_man"}}
    async with connect() as client:
        answer = await client.call_tool("generate_audio", call)
    assert answer.is_error
    assert "voice: not an input of minimax-speech-2-8" in text_of(answer)
    assert "Did you mean voice_id?" in text_of(answer)
    async with connect(tools="models", models=("minimax-speech-2-8",)) as client:
        typed = {"prompt": "hello", "voice_id": "preset_x", "voice": "preset_calm_man"}
        assert "Did you mean voice_id?" in text_of(await client.call_tool("generate_minimax_speech_2_8", typed))
    assert box.submits() == []
