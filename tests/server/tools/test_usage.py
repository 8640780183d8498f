"""What get_usage tells of tasks and money."""

import pytest
from support.program import Connect, text_of

pytestmark = pytest.mark.anyio


async def test_spending_is_told_by_model_and_what_still_runs_counts_too(connect: Connect) -> None:
    made = (
        ("nano-banana", "a fox [took:0]", 20),
        ("nano-banana", "a fox [never]", 0),
        ("nano-banana", "a fox [http:402]", 20),
        ("seedream-4-5", "a fox [took:0]", 20),
        ("seedream-5-0", "a fox [took:0]", 20),
    )
    async with connect() as client:
        for model, prompt, seconds in made:
            asked = {"model": model, "prompt": prompt, "wait_seconds": seconds}
            assert not (await client.call_tool("generate_image", asked)).is_error
        answer = await client.call_tool("get_usage", {})
    told = answer.structured_content
    assert told is not None
    by_model = {row["model"]: row for row in told["models"]}
    assert list(by_model) == ["nano-banana", "seedream-4-5", "seedream-5-0"], "what cost most comes first"
    banana = by_model["nano-banana"]
    assert (banana["tasks"], banana["attempts"], banana["failed"]) == (3, 2, 1)
    assert (banana["spent_usd"], banana["reserved_usd"]) == (0.06, 0.03)
    assert by_model["seedream-4-5"]["spent_usd"] == 0.04
    assert by_model["seedream-5-0"]["without_price"] == 1
    assert "spent_usd" not in by_model["seedream-5-0"], "it would read as free"
    assert told["totals"]["spent_usd"] == told["days"][0]["spent_usd"] == 0.1
    said = text_of(answer).partition("\n")[0]
    assert "about $0.10 by the prices known, $0.03 of it for what still runs" in said
    assert "Most went to nano-banana $0.06, seedream-4-5 $0.04, seedream-5-0 (price unknown)." in said
    assert "1 paid request had no known price and counts for nothing here" in said
    assert "$0.00" not in said


async def test_where_no_price_is_known_nothing_is_said_to_have_gone_to_a_model(connect: Connect) -> None:
    async with connect() as client:
        for model in ("seedream-5-0", "kling-2-6"):
            tool = "generate_image" if model == "seedream-5-0" else "generate_video"
            asked = {"model": model, "prompt": "a fox [took:0]", "wait_seconds": 20}
            assert not (answer := await client.call_tool(tool, asked)).is_error, text_of(answer)
        said = text_of(await client.call_tool("get_usage", {})).partition("\n")[0]
    assert "Most went to" not in said
    assert "2 paid requests had no known price and count for nothing here" in said


async def test_before_anything_was_made_nothing_is_told_of_models(connect: Connect) -> None:
    async with connect() as client:
        told = (await client.call_tool("get_usage", {})).structured_content
    assert told is not None
    assert (told["days"], told["models"], told["totals"]["tasks"]) == ([], [], 0)
