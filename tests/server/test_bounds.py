"""Arguments of any size and kind: each is refused or taken, and never fails inside the server."""

import math
from typing import Any

import pytest
from mcp.types import CallToolResult
from server.program import Connect

from apixo_mcp.server.definitions import COMMON, GENERAL

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


@pytest.mark.parametrize("tool", [*GENERAL, *COMMON], ids=lambda tool: tool.name)
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
    assert "wait_seconds: " in called.content[0].text
    assert words in called.content[0].text


async def test_thousands_of_unknown_arguments_are_told_in_few_words(connect: Connect):
    async with connect() as client:
        called = await client.call_tool("list_tasks", {f"{'n' * 300}{number}": 1 for number in range(20_000)})
    assert called.is_error
    assert "20000 unknown ones" in called.content[0].text
    assert len(called.content[0].text) < 10_000
