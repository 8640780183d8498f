"""The models as tools tell them: found by what people call things, and with the user's own prices."""

import json
import time
from pathlib import Path

import anyio
import pytest
from mcp import Client
from support.amounts import in_time
from support.program import Connect, text_of, values_for

from apixo_mcp.app import open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.settings import read_settings
from apixo_mcp.views.model_list import list_text

pytestmark = pytest.mark.anyio
CATALOG = Catalog()
PRICES = """
[prices."Seedream 4.5"]
usd = 0.01
per = "image"

[prices."seedraem-5-0"]
usd = 0.01
per = "image"
"""


def found(query: str) -> list[str]:
    return [line.partition(":")[0] for line in list_text(CATALOG, "", query).splitlines() if ": " in line][1:]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("tts", "minimax-speech-2-8"),
        ("text to speech", "minimax-speech-2-8"),
        ("text-to-speech", "minimax-speech-2-8"),
        ("lip sync", "infinitetalk"),
        ("lipsync", "infinitetalk"),
        ("voice clone", "minimax-voice"),
        ("voice cloning", "minimax-voice"),
    ],
)
def test_a_purpose_in_other_words_finds_its_model_first(query: str, first: str) -> None:
    assert found(query)[0] == first


def test_what_ruxa_models_work_from_is_listed_and_found() -> None:
    pictures = {model.id for model in CATALOG.search("image-to-image").models}
    assert {"ruxa/google/nano-banana-edit", "ruxa/google/nano-banana-pro", "nano-banana"} <= pictures
    assert "ruxa/google/nano-banana" not in pictures
    videos = {model.id for model in CATALOG.search("image-to-video").models}
    assert {"ruxa/sora-2", "ruxa/sora-2-hd"} <= videos
    assert "\nruxa/google/nano-banana-edit: image-to-image" in list_text(CATALOG, "", "")


def test_a_range_of_prices_is_shown_as_one_and_each_price_says_when() -> None:
    assert "$0.05-0.13/image" in list_text(CATALOG, "", "flux-2")
    undated = [
        price.seen
        for model in CATALOG
        for price in model.prices
        if not any(word in price.seen for word in ("202", "day not recorded"))
    ]
    assert undated == []


def test_the_whole_list_is_short_and_soon_made() -> None:
    CATALOG.load()
    best, text = 1.0, ""
    for _ in range(20):
        start = time.perf_counter()
        text = list_text(CATALOG, "", "")
        best = min(best, time.perf_counter() - start)
    assert len(text.encode()) < 8_000
    assert best < 0.005


async def test_a_search_over_the_wire_takes_either_language_and_sorts(connect: Connect) -> None:
    async with connect() as client:
        spoken = text_of(await client.call_tool("list_models", {"query": "配音"}))
        asked = {"query": "video with sound", "sort": "price", "modality": None}
        cheapest = text_of(await client.call_tool("list_models", asked))
        wrong = await client.call_tool("list_models", {"sort": "speed"})
    assert spoken.splitlines()[1:3][1].startswith("minimax-speech-2-8: ")
    assert cheapest.splitlines()[2].startswith("sora-2: ")
    assert wrong.is_error
    assert "sort: must be one of price" in text_of(wrong)


async def test_the_users_own_prices_are_shown_and_what_counts_for_nothing_is_told(
    connect: Connect, tmp_path: Path
) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(PRICES, "utf-8")
    async with connect(prices=path) as client:
        listed = text_of(await client.call_tool("list_models", {"query": "seedream-4-5"}))
        described = text_of(await client.call_tool("describe_model", {"model": "seedream-4-5"}))
    assert "$0.01/image" in listed
    assert 'prices."seedraem-5-0" is of no model' in listed
    told = json.loads(described.partition("\n")[2])
    assert told["prices"] == [{"usd": 0.01, "per": "image"}]
    assert told["prices_seen"] == "prices.toml"


async def test_a_broken_file_of_prices_stops_nothing_and_no_price_counts(
    connect: Connect, tmp_path: Path, box: Sandbox
) -> None:
    path = tmp_path / "prices.toml"
    path.write_text("[prices", "utf-8")
    call = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}
    async with connect(prices=path) as client:
        listed = text_of(await client.call_tool("list_models", {"query": "nano-banana"}))
        done = await client.call_tool("generate_image", call)
    assert "APIXO_MCP_PRICES" in listed
    assert "$" not in listed
    assert done.structured_content is not None
    assert done.structured_content["state"] == "success"
    before = len(box.submits())
    async with connect(prices=path, daily_budget_usd=5) as client:
        refused = await client.call_tool("generate_image", {**call, "prompt": "another fox"})
    assert "no known price" in text_of(refused)
    assert len(box.submits()) == before


async def test_two_pictures_for_one_are_refused_before_anything_is_sent(connect: Connect, box: Sandbox) -> None:
    pictures = ["https://example.com/a.png", "https://example.com/b.png"]
    async with connect() as client:
        call = {"model": "ruxa/sora-2", "prompt": "a fox", "image_urls": pictures}
        refused = text_of(await client.call_tool("generate_video", call))
    assert "image_urls: takes one value, not a list" in refused
    assert box.log() == []


async def test_an_earlier_task_is_sent_by_the_gateways_id(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        first = {"model": "midjourney", "prompt": "a fox [took:0]", "wait_seconds": 20}
        made = await client.call_tool("generate_image", first)
        assert made.structured_content is not None
        ours = made.structured_content["task_id"]
        options = {"taskId": ours, "imageIndex": 1}
        call = {"model": "midjourney", "mode": "upscale", "options": options, "wait_seconds": 20}
        again = await client.call_tool("generate_image", call)
    assert again.structured_content is not None, text_of(again)
    assert ours.startswith("tsk_")
    assert box.submits()[1]["input"]["taskId"] != ours
    assert again.structured_content["state"] == "success"


async def test_spoken_switches_and_seconds_are_read(connect: Connect, box: Sandbox) -> None:
    call = {"model": "kling-2-6", "prompt": "a fox [took:0]", "sound": "true", "duration": "5s", "wait_seconds": 20}
    async with connect() as client:
        answer = await client.call_tool("generate_video", call)
    assert answer.structured_content is not None, text_of(answer)
    assert (box.submits()[0]["input"]["sound"], box.submits()[0]["input"]["duration"]) == (True, 5)


async def test_sound_is_told_of_where_nothing_switches_it(connect: Connect, box: Sandbox) -> None:
    call = {"model": "veo-3-1", "prompt": "a fox [took:0]", "wait_seconds": 20}
    async with connect() as client:
        silent = text_of(await client.call_tool("generate_video", {**call, "sound": "off"}))
        unknown = text_of(await client.call_tool("generate_video", {**call, "model": "grok-video", "sound": "on"}))
        sent = box.submits()
        made = await client.call_tool("generate_video", {**call, "sound": "on"})
    assert "sound: veo-3-1 cannot be silent" in silent
    assert "no page says whether its videos are silent" in unknown
    assert "(got on)" in unknown
    assert sent == []
    assert made.structured_content is not None, text_of(made)
    assert "veo-3-1 always makes sound, so sound was left out." in made.structured_content["notes"]
    assert "sound" not in box.submits()[0]["input"]


async def test_a_name_of_no_model_is_told_at_the_start(
    box: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = read_settings(**values_for(box, tmp_path), models=("Nano Banana", "sorra-2"))
    async with open_app(settings, limits=Limits(loaded_after=0.0)) as app, Client(build_server(app)) as client:
        listed = text_of(await client.call_tool("list_models", {}))
        with in_time(15):
            while "no model matches 'sorra-2'" not in caplog.text:
                await anyio.sleep(0.02)
    assert "\nnano-banana: " in listed


class TestTypedTools:
    OFFER = ("nano-banana", "kling-2-6", "ruxa/google/nano-banana", "veo-3-1", "ruxa/sora-2")

    async def test_a_client_that_sends_every_published_default_gets_what_its_inputs_mean(
        self, connect: Connect, box: Sandbox
    ) -> None:
        async with connect(tools="models", models=self.OFFER) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            schema = tools["generate_nano_banana"].input_schema
            defaults = {name: entry["default"] for name, entry in schema["properties"].items() if "default" in entry}
            call = {"prompt": "a fox [took:0]", "image_urls": ["https://example.com/a.png"], "wait_seconds": 20}
            answer = await client.call_tool("generate_nano_banana", defaults | call)
        assert "mode" not in defaults
        assert answer.structured_content is not None, text_of(answer)
        assert box.submits()[0]["input"]["mode"] == "image-to-image"

    async def test_only_models_of_apixo_have_a_provider(self, connect: Connect) -> None:
        async with connect(tools="models", models=self.OFFER) as client:
            tools = {tool.name: tool.input_schema["properties"] for tool in (await client.list_tools()).tools}
        assert "provider" in tools["generate_nano_banana"]
        assert "provider" not in tools["generate_ruxa_google_nano_banana"]

    async def test_two_pictures_for_one_are_refused_here_too(self, connect: Connect, box: Sandbox) -> None:
        pictures = ["https://example.com/a.png", "https://example.com/b.png"]
        async with connect(tools="models", models=self.OFFER) as client:
            call = {"prompt": "a fox", "input_reference": pictures}
            refused = text_of(await client.call_tool("generate_ruxa_sora_2", call))
        assert "input_reference: takes one value, not a list" in refused
        assert box.log() == []
