"""`quote: true`: what would be sent and for how much, and nothing sent."""

from typing import Any

import pytest
from jsonschema import validate
from mcp.types import ElicitResult
from support.program import Connect, structure, text_of

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]"}
KEY_OF_SUNO = {"style": "folk", "title": "Fox"}


@pytest.mark.parametrize("transport", ["memory", "http", "sse", pytest.param("stdio", marks=pytest.mark.process)])
@pytest.mark.parametrize(
    ("tool", "arguments", "inputs"),
    [
        ("generate_image", FOX | {"aspect_ratio": "16:9"}, {"prompt": "a fox [took:0]", "aspect_ratio": "16:9"}),
        ("generate_video", {"model": "ruxa/sora-2", "prompt": "a fox"}, {"prompt": "a fox"}),
        ("generate_audio", {"model": "suno", "prompt": "a fox", "options": KEY_OF_SUNO}, {"title": "Fox"}),
    ],
)
async def test_it_is_filled_in_and_priced_and_nothing_is_sent(
    connect: Connect, box: Sandbox, tool: str, arguments: dict[str, Any], inputs: dict[str, Any]
) -> None:
    async with connect() as client:
        quote = structure(await client.call_tool(tool, {**arguments, "quote": True}))
        listed = (await client.call_tool("list_tasks", {})).structured_content
    assert quote["model"] == arguments["model"]
    assert inputs.items() <= quote["inputs"].items()
    assert "basis" in quote["cost"]
    assert "task_id" not in quote
    assert listed == {"tasks": []}
    assert box.log() == []


async def test_it_says_what_is_left_and_how_to_go_on(connect: Connect) -> None:
    async with connect(daily_budget_usd=1.0, daily_task_limit=9) as client:
        await client.call_tool("generate_image", {**FOX, "wait_seconds": 20})
        answer = await client.call_tool("generate_image", {**FOX, "quote": True})
    quote = structure(answer)
    assert quote["cost"] == {"amount": 0.03, "currency": "USD", "basis": "estimated"}
    assert quote["budget_left"] == {"usd": 0.97, "tasks": 8}
    assert quote["next_step"] == "Make the same call without quote to buy it."
    assert "Nothing was sent: nano-banana would cost about $0.03" in text_of(answer)


async def test_several_prompts_are_quoted_by_their_sum_and_count(connect: Connect, box: Sandbox) -> None:
    prompts = [f"animal {number}" for number in range(20)]
    async with connect() as client:
        quote = structure(
            await client.call_tool("generate_image", {"model": "nano-banana", "prompts": prompts, "quote": True})
        )
    assert (quote["count"], quote["prompts"]) == (20, [*prompts[:5], "and 15 more"])
    assert quote["cost"]["amount"] == pytest.approx(0.6)
    assert "prompt" not in quote["inputs"]
    assert box.log() == []


@pytest.mark.parametrize(
    ("limits", "told", "step"),
    [
        ({"daily_budget_usd": 0.05}, "It would be refused: this would cost about $0.06", "; the first 1 alone would"),
        ({"daily_budget_usd": 0.01}, "It would be refused: this would cost about $0.06", ": not even one is within"),
        ({"daily_task_limit": 1}, "0 paid requests were made today, this would make 2 more", "; the first 1 alone"),
        ({"apixo_api_key": None, "ruxa_api_key": None}, "No APIXO_API_KEY is set", ": no APIXO_API_KEY is set."),
    ],
)
async def test_what_would_refuse_it_is_said(
    connect: Connect, box: Sandbox, limits: dict[str, Any], told: str, step: str
) -> None:
    two = {"model": "nano-banana", "prompts": ["a fox", "an owl"], "quote": True}
    async with connect(**limits) as client:
        quote = structure(await client.call_tool("generate_image", two))
    assert told in " ".join(quote["notes"])
    assert f"It cannot be bought now{step}" in quote["next_step"]
    assert box.log() == []


@pytest.mark.parametrize("prompts", [["a fox"], ["a fox", "an owl"]])
async def test_what_further_attempts_may_cost_is_said_once(connect: Connect, prompts: list[str]) -> None:
    async with connect() as client:
        call = {"model": "nano-banana", "prompts": prompts, "quote": True}
        told = text_of(await client.call_tool("generate_image", call))
    assert told.count("attempts") == told.count("at most") == 1


async def test_a_refusal_by_the_budget_says_once_that_nothing_was_sent(connect: Connect) -> None:
    two = {"model": "nano-banana", "prompts": ["a fox", "an owl"]}
    async with connect(daily_budget_usd=0.05) as client:
        answer = await client.call_tool("generate_image", two)
    assert answer.is_error
    assert text_of(answer).count("Nothing was sent") == 1
    assert "; the first 1 of them alone would be within it" in text_of(answer)


async def test_what_is_wrong_is_refused_as_without_it(connect: Connect) -> None:
    wrong = {"model": "nano-banana", "aspect_ratio": "7:1", "quote": True}
    async with connect() as client:
        answer = await client.call_tool("generate_image", wrong)
    assert answer.is_error
    assert "prompt: required" in text_of(answer)
    assert "aspect_ratio: " in text_of(answer)


class TestConsent:
    @pytest.mark.parametrize(
        "arguments", [FOX, {"model": "nano-banana", "prompts": ["a fox [took:0]", "an owl [took:0]"]}]
    )
    async def test_a_yes_to_it_counts_once(self, connect: Connect, box: Sandbox, arguments: dict[str, Any]) -> None:
        count = len(arguments.get("prompts", "1"))
        async with connect(confirm_above_usd=0.01) as client:
            quote = structure(await client.call_tool("generate_image", {**arguments, "quote": True}))
            assert "confirm: true in place of quote" in quote["next_step"]
            assert "wants a yes" in " ".join(quote["notes"])
            yes = {**arguments, "confirm": True, "wait_seconds": 20}
            structure(await client.call_tool("generate_image", yes))
            again = await client.call_tool("generate_image", yes)
        assert "Not sent yet" in text_of(again)
        assert len(box.submits()) == count

    async def test_it_sends_nothing_with_a_yes_beside_it(self, connect: Connect, box: Sandbox) -> None:
        async with connect(confirm_above_usd=0.01) as client:
            for _ in range(2):
                answer = await client.call_tool("generate_image", {**FOX, "quote": True, "confirm": True})
                assert "task_id" not in structure(answer)
        assert box.log() == []

    async def test_nobody_is_asked_about_it(self, connect: Connect, box: Sandbox) -> None:
        asked: list[str] = []

        async def person(_: Any, params: Any) -> ElicitResult:
            asked.append(params.message)
            return ElicitResult(action="accept", content={"proceed": True})

        async with connect(own={"elicitation_callback": person}, confirm_above_usd=0.01) as client:
            structure(await client.call_tool("generate_image", {**FOX, "quote": True}))
        assert asked == []
        assert box.log() == []


async def test_it_is_short_whatever_the_inputs_are(connect: Connect) -> None:
    async with connect() as client:
        long = {"model": "nano-banana", "prompts": ["a fox " * 500] * 2, "quote": True}
        quoted = text_of(await client.call_tool("generate_image", long))
        single = text_of(await client.call_tool("generate_image", {**FOX, "prompt": "a fox " * 500, "quote": True}))
    assert len(quoted) < 1200
    assert len(single) < 1200


async def test_a_typed_tool_quotes_too(connect: Connect, box: Sandbox) -> None:
    async with connect(tools="models", models=("nano-banana",)) as client:
        (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == "generate_nano_banana"]
        answer = await client.call_tool(tool.name, {"prompt": "a fox", "quote": True})
        assert tool.output_schema is not None
        validate(answer.structured_content, tool.output_schema)
    assert structure(answer)["cost"]["amount"] == pytest.approx(0.03)
    assert box.log() == []
