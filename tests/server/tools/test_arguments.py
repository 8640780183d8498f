"""Arguments of any size and kind: each is refused or taken, and never fails inside the server."""

import math
from typing import Any

import pytest
from mcp import MCPError
from mcp.types import CallToolResult, PromptReference, ResourceTemplateReference, TextContent
from support.program import Connect, text_of

from apixo_mcp.server.tools.table import COMMON_TOOLS, GENERAL_TOOLS

pytestmark = pytest.mark.anyio


@pytest.fixture
def era() -> str:
    return "auto"


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


ODD: dict[str, Any] = {
    "brackets": "[" * 100_000,
    "closed brackets": "[" * 50_000 + "]" * 50_000,
    "objects": '{"a":' * 20_000,
    "nines": "9" * 5_000,
    "nine seconds": "9" * 5_000 + "s",
    "spaces": " " * 5_000 + "s",
    "5 MB": "x" * 5_000_000,
    "control characters": "\x00\x1b\n\x7f",
    "big": 10**5_000,
    "negative": -(10**5_000),
    "infinite": math.inf,
    "nan": math.nan,
    "1e308": 1e308,
    "many": ["x"] * 100_000,
    "deep": nested(150),
    "many names": {f"k{number}": 1 for number in range(50_000)},
    "odd names": {"\x00": "\x7f", "": {}},
    "true": True,
    "a list of odd": [None, {}, [], 10**5_000, "\x00"],
    "url": "https://a/" + "," * 50_000,
    "data": "data:image/png;base64," + "A" * 50_000,
    "path": "/" + "a/" * 40_000,
}


@pytest.mark.parametrize("tool", [*GENERAL_TOOLS, *COMMON_TOOLS], ids=lambda tool: tool.name)
async def test_every_argument_takes_or_refuses_every_value(tool: Any, connect: Connect):
    fitting = {"model": "nano-banana", "prompt": "a fox [fail:NSFW_DETECTED]", "wait_seconds": 0, "task_id": "tsk_x"}
    properties = tool.input["properties"]
    async with connect(daily_task_limit=1) as client:
        for name in properties:
            for kind, value in ODD.items():
                given = {known: one for known, one in fitting.items() if known in properties} | {name: value}
                called = await client.call_tool(tool.name, given)
                assert isinstance(called, CallToolResult)
                [said, *_] = called.content
                words = getattr(said, "text", "")
                assert "failed inside the server" not in words, (name, kind)
                assert len(words) < 20_000, (name, kind)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[" * 100_000, "must be a whole number"),
        ("9" * 5_000 + "s", "must be a whole number"),
        (10**5_000, "a whole number of more than 64 bits"),
        ("x" * 200_000, "a text of more than 100,000 characters"),
    ],
    ids=["brackets", "nines", "digits", "long"],
)
async def test_what_is_too_much_is_refused_with_its_field(connect: Connect, value: Any, words: str):
    async with connect() as client:
        called = await client.call_tool("check_task", {"task_id": "tsk_x", "wait_seconds": value})
    assert called.is_error
    assert "wait_seconds: " in text_of(called)
    assert words in text_of(called)


async def test_thousands_of_unknown_arguments_are_told_in_few_words(connect: Connect):
    async with connect() as client:
        called = await client.call_tool("list_tasks", {f"{'n' * 300}{number}": 1 for number in range(20_000)})
    assert called.is_error
    assert "20000 unknown ones" in text_of(called)
    assert len(text_of(called)) < 10_000


@pytest.mark.parametrize("tool", ["generate_nano_banana", "generate_suno", "generate_seedance_2_0"])
async def test_every_input_of_a_typed_tool_takes_or_refuses_every_value(tool: str, connect: Connect):
    async with connect(tools="models", daily_task_limit=1) as client:
        listed = await client.list_tools()
        properties = next(entry for entry in listed.tools if entry.name == tool).input_schema["properties"]
        for name in properties:
            for kind, value in ODD.items():
                usual = {"prompt": "a fox [fail:NSFW_DETECTED]", "wait_seconds": 0}
                called = await client.call_tool(tool, usual | {name: value})
                assert isinstance(called, CallToolResult)
                words = getattr(called.content[0], "text", "")
                assert "failed inside the server" not in words, (name, kind)
                assert len(words) < 20_000, (name, kind)


TEXTS = {kind: value for kind, value in ODD.items() if isinstance(value, str) and len(value) < 1_000_000}


@pytest.mark.parametrize("kind", TEXTS)
async def test_prompts_resources_and_completions_take_or_refuse_every_text(kind: str, connect: Connect):
    odd = TEXTS[kind]
    async with connect() as client:
        for prompt in (await client.list_prompts()).prompts:
            names = [argument.name for argument in prompt.arguments or ()]
            for name in names:
                answer = await client.get_prompt(prompt.name, dict.fromkeys(names, "x") | {name: odd})
                said = answer.messages[0].content
                assert isinstance(said, TextContent)
                assert odd in said.text
            with pytest.raises(MCPError, match="unknown argument"):
                await client.get_prompt(prompt.name, {odd: "x"})
        places = ("apixo://tasks/{}", "apixo://results/{}/0", "apixo://results/tsk_x/{}", "apixo://models/{}", "{}")
        for place in places:
            with pytest.raises(MCPError) as refused:
                await client.read_resource(place.format(odd))
            assert refused.value.error.code in (-32002, -32602), place
        for reference in (
            PromptReference(type="ref/prompt", name="picture_from_idea"),
            PromptReference(type="ref/prompt", name=odd),
            ResourceTemplateReference(type="ref/resource", uri="apixo://tasks/{task_id}"),
        ):
            for name in ("model", "task_id", odd):
                completed = await client.complete(reference, {"name": name, "value": odd})
                assert completed.completion.values == []
