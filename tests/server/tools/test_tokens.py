"""How much of a conversation an answer takes.

A token is counted as four characters, of what the model sees: the text (a sentence, and the structure as JSON), or the
structure alone, which is shorter. Paths and URLs count as a hundred characters each, whatever they are here.
"""

import pytest
from mcp.types import CallToolResult
from support.program import Connect, text_of

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}
LONGEST = 100


def tokens(answer: CallToolResult) -> float:
    text = text_of(answer)
    for result in (answer.structured_content or {}).get("results", []):
        for place in (result["path"], result["url"]):
            text = text.replace(place, place.ljust(LONGEST, "x")[:LONGEST])
    return len(text) / 4


@pytest.mark.parametrize("letter", ["x", "é", "絵", "🦊"])
async def test_a_finished_picture_takes_300_tokens_whatever_its_prompt(connect: Connect, letter: str) -> None:
    async with connect() as client:
        answer = await client.call_tool("generate_image", FOX | {"prompt": letter * 200 + " [took:0]"})
    told = answer.structured_content
    assert told is not None
    assert told["state"] == "success"
    assert told["prompt"].endswith("…")
    assert len(told["prompt"].encode()) <= 160
    assert tokens(answer) <= 300


async def test_four_results_take_600_tokens(connect: Connect) -> None:
    async with connect() as client:
        answer = await client.call_tool("generate_image", FOX | {"model": "seedream-4-5", "num_images": 4})
    assert answer.structured_content is not None
    assert len(answer.structured_content["results"]) == 4
    assert tokens(answer) <= 600


@pytest.mark.parametrize("client_name", ["claude-ai", "mcp"])
@pytest.mark.parametrize("letter", ["x", "🦊"])
async def test_a_waiting_task_takes_150_tokens(connect: Connect, letter: str, client_name: str) -> None:
    waiting = FOX | {"prompt": letter * 200 + "[never]", "wait_seconds": 0}
    async with connect(client_name) as client:
        asked = await client.call_tool("generate_image", waiting)
        assert asked.structured_content is not None
        question = {"task_id": asked.structured_content["task_id"], "wait_seconds": 1}
        checked = await client.call_tool("check_task", question)
    assert asked.structured_content["notes"]
    assert checked.structured_content is not None
    assert checked.structured_content["state"] in ("pending", "processing")
    assert tokens(asked) <= 150
    assert tokens(checked) <= 150
