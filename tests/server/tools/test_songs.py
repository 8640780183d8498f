"""A song is the one that was meant: lyrics are not taken for a description, and its length is not promised."""

from typing import Any

import pytest
from support.program import Connect, text_of

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

LYRICS = "[Verse]\nThe river runs\n[Chorus]\nHome again"


@pytest.mark.parametrize("prompt", [LYRICS, "【副歌】我们一起走", "one\ntwo words\nthree\nfour"])
async def test_lyrics_without_a_style_are_refused_with_the_two_ways_on(
    connect: Connect, box: Sandbox, prompt: str
) -> None:
    async with connect() as client:
        answer = await client.call_tool("generate_audio", {"model": "suno", "prompt": prompt})
    assert answer.is_error
    assert "To have it sung, give options.style and options.title" in text_of(answer)
    assert "as a description, give options.customMode: false." in text_of(answer)
    assert box.submits() == []


async def test_a_typed_tool_names_its_own_arguments(connect: Connect, box: Sandbox) -> None:
    async with connect(tools="models", models=("suno",)) as client:
        answer = await client.call_tool("generate_suno", {"prompt": LYRICS, "style": "", "instrumental": False})
    assert "To have it sung, give style and title; " in text_of(answer)
    assert "give customMode: false." in text_of(answer)
    assert box.submits() == []


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"style": "folk", "title": "River"}, True),
        ({"customMode": False}, False),
        ({"customMode": True, "style": "folk", "title": "River"}, True),
        ({"instrumental": True}, False),
    ],
)
async def test_what_was_said_of_lyrics_is_obeyed(
    connect: Connect, box: Sandbox, options: dict[str, Any], sent: bool
) -> None:
    async with connect() as client:
        call = {"model": "suno", "prompt": f"{LYRICS}\n[took:0]", "options": options, "wait_seconds": 20}
        answer = await client.call_tool("generate_audio", call)
    assert not answer.is_error, text_of(answer)
    (post,) = box.submits()
    assert post["input"]["customMode"] is sent
    assert post["input"]["prompt"].startswith(LYRICS)


@pytest.mark.parametrize("given", [{"duration": 120}, {"options": {"duration": 120}}, {"options": {"length": "2:00"}}])
async def test_that_a_length_cannot_be_set_is_said_where_it_is_asked_for(
    connect: Connect, box: Sandbox, given: dict[str, Any]
) -> None:
    said = "The length cannot be set: suno decides how long a song is"
    async with connect() as client:
        answer = await client.call_tool("generate_audio", {"model": "suno", "prompt": "a song of the sea", **given})
    assert answer.is_error
    assert said in text_of(answer)
    async with connect(tools="models", models=("suno",)) as client:
        own = given.get("options", given)
        assert said in text_of(await client.call_tool("generate_suno", {"prompt": "a song of the sea", **own}))
    assert box.submits() == []


async def test_a_prompt_that_asks_for_a_length_is_noted(connect: Connect) -> None:
    async with connect() as client:
        call = {"model": "suno", "prompt": "a song of 2 minutes [took:0]", "wait_seconds": 20}
        answer = await client.call_tool("generate_audio", call)
    assert answer.structured_content is not None
    assert "The prompt asks for 2 minutes: the length of a song cannot be set." in answer.structured_content["notes"]


@pytest.mark.parametrize("given", [{"background": "transparent"}, {"options": {"background": "transparent"}}])
async def test_a_transparent_background_is_refused_with_the_reason(
    connect: Connect, box: Sandbox, given: dict[str, Any]
) -> None:
    async with connect() as client:
        answer = await client.call_tool("generate_image", {"model": "gpt-image-2", "prompt": "a logo", **given})
    assert answer.is_error
    assert "No model's page offers a transparent background" in text_of(answer)
    assert box.submits() == []
