"""The models as tools tell them, models of the user's own, and a tool per model."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from support.program import Connect, text_of
from support.schemas import BANNED, nodes

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio


async def test_all_models_are_listed_in_under_8_kilobytes(connect: Connect) -> None:
    async with connect() as client:
        text = text_of(await client.call_tool("list_models", {}))
    assert len(text.encode()) < 8_000
    for model in ("nano-banana-pro", "ruxa/sora-2-hd", "suno", "happyHorse", "seedream-5-0-pro"):
        assert f"\n{model}: " in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [("cinematic", "sora-2"), ("fast prototype", "nano-banana"), ("music", "suno"), ("speech", "minimax-speech-2-8")],
)
async def test_a_purpose_finds_its_model(connect: Connect, query: str, expected: str) -> None:
    async with connect() as client:
        text = text_of(await client.call_tool("list_models", {"query": query}))
    assert f"\n{expected}: " in text
    assert text.count("\n") < 6


async def test_a_described_model_tells_its_exact_schema_and_times_and_nothing_of_the_inside(connect: Connect) -> None:
    async with connect() as client:
        text = text_of(await client.call_tool("describe_model", {"model": "Seedream 4.5"}))
    told = json.loads(text.partition("\n")[2])
    assert told["id"] == "seedream-4-5"
    assert told["input_schema"]["properties"]["max_images"]["maximum"] == 10
    assert told["common_arguments"] == {"num_images": "max_images"}
    assert told["filled_in_if_left_out"] == {"max_images": 1}
    assert told["times"] == "2K 25-35 s, 4K 40-55 s"
    assert told["tips"]
    assert told["fail_codes"]
    assert not {"schedule", "result_urls_live_hours", "sources", "gateway", "modes"} & set(told)
    assert "apixo.ai/docs" not in text


async def test_a_filled_in_default_is_mentioned(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        call = {"model": "seedream-4-5", "prompt": "a fox [took:0]", "wait_seconds": 20}
        text = text_of(await client.call_tool("generate_image", call))
    assert "max_images was set to 1" in text
    assert box.submits()[0]["input"]["max_images"] == 1


async def test_a_model_of_the_users_own_is_offered(connect: Connect, tmp_path: Path, box: Sandbox) -> None:
    home = tmp_path / "home"
    home.mkdir()
    own = '[models.my-banana]\nwire_id = "nano-banana"\ngateway = "apixo"\nmodality = "image"\ninput = "any"\n'
    (home / "models.toml").write_text(own, encoding="utf-8")
    async with connect() as client:
        call = {"model": "my-banana", "prompt": "a fox [took:0]", "wait_seconds": 20, "mode": "text-to-image"}
        answer = await client.call_tool("generate_image", call)
    assert answer.structured_content is not None, text_of(answer)
    assert answer.structured_content["state"] == "success"
    assert box.submits()[0]["model"] == "nano-banana"


async def test_a_broken_file_of_own_models_is_told_and_changes_nothing(connect: Connect, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "models.toml").write_text('[models.x]\ngateway = "apixo"\nmodality = "smell"\n', encoding="utf-8")
    async with connect() as client:
        text = text_of(await client.call_tool("list_models", {"query": "nano-banana-pro"}))
    assert "models.toml" in text
    assert "\nnano-banana-pro: " in text


class TestToolPerModel:
    OFFER = ("nano-banana", "seedream-4-5", "kling-2-6", "ruxa/google/nano-banana", "suno")

    async def test_each_offered_model_has_a_flat_typed_tool(self, connect: Connect) -> None:
        async with connect(tools="models", models=self.OFFER) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert "generate_image" not in tools
        assert "check_task" in tools
        typed = ["nano_banana", "seedream_4_5", "kling_2_6", "ruxa_google_nano_banana", "suno"]
        for name in typed:
            schema = tools[f"generate_{name}"].input_schema
            Draft202012Validator.check_schema(schema)
            assert not any(BANNED.intersection(node) for node in nodes(schema))
        ratios = tools["generate_nano_banana"].input_schema["properties"]["aspect_ratio"]["enum"]
        assert "16:9" in ratios

    async def test_a_typed_tool_takes_the_models_own_fields(self, connect: Connect, box: Sandbox) -> None:
        async with connect(tools="models", models=self.OFFER) as client:
            call = {"prompt": "a boat [took:0]", "image_size": "16:9", "output_format": None, "wait_seconds": 20}
            answer = await client.call_tool("generate_ruxa_google_nano_banana", call)
        assert answer.structured_content is not None, text_of(answer)
        assert answer.structured_content["state"] == "success"
        assert box.submits()[0]["input"]["image_size"] == "16:9"

    async def test_a_typed_tool_refuses_what_its_model_does_not_take(self, connect: Connect, box: Sandbox) -> None:
        async with connect(tools="models", models=self.OFFER) as client:
            call = {"prompt": "a boat", "max_images": 11, "colour": "red", "wait_seconds": 99}
            answer = await client.call_tool("generate_seedream_4_5", call)
        assert answer.is_error
        for field in ("max_images: must be from 1 to 10", "colour: ", "wait_seconds: must be from 0 to 50"):
            assert field in text_of(answer)
        assert box.log() == []

    async def test_only_tools_that_are_there_are_named(self, connect: Connect) -> None:
        async with connect(tools="models", models=self.OFFER) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            listed = text_of(await client.call_tool("list_models", {}))
            described = text_of(await client.call_tool("describe_model", {"model": "ruxa/google/nano-banana"}))
            said = [client.instructions or "", listed, described]
            arguments = {"picture_from_idea": {"idea": "x"}, "video_shot": {"scene": "x", "model": "kling-2-6"}}
            arguments |= {"variations": {"idea": "x"}, "edit": {"picture": "x", "change": "y"}, "song": {"theme": "x"}}
            arguments |= {"storyboard": {"story": "x"}, "product_shots": {"photo": "https://example.com/x.png"}}
            for prompt in (await client.list_prompts()).prompts:
                told = await client.get_prompt(prompt.name, arguments[prompt.name])
                said += [message.content.text for message in told.messages if message.content.type == "text"]
        named = {name for text in said for name in re.findall(r"\bgenerate_\w+", text)}
        assert named <= tools
        assert "generate_ruxa_google_nano_banana" in named
        assert "made with generate_ruxa_google_nano_banana." in described
        assert "\ngenerate_seedream_4_5 makes seedream-4-5: " in listed

    async def test_many_typed_tools_tell_their_price(self, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
        async with connect(tools="models"):
            pass
        assert "tokens of every conversation" in caplog.text
        assert "APIXO_MCP_MODELS" in caplog.text
