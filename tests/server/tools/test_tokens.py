"""How much of a conversation an answer takes.

A token is counted as four characters, of what the model sees: the text (a sentence, and the structure as JSON), or the
structure alone, which is shorter. Paths and URLs count as a hundred characters each, whatever they are here.
"""

import pytest
from mcp.types import CallToolResult
from support.program import Connect, text_of, told_once

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
        await told_once(client, asked.structured_content, lambda answer: answer["state"] != "submitting")
        question = {"task_id": asked.structured_content["task_id"], "wait_seconds": 0}
        checked = await client.call_tool("check_task", question)
    assert asked.structured_content["notes"]
    assert checked.structured_content is not None
    assert checked.structured_content["state"] in ("pending", "processing")
    assert tokens(asked) <= 150
    assert tokens(checked) <= 150


async def test_the_last_task_while_it_waits_takes_150_tokens_too(connect: Connect) -> None:
    waiting = FOX | {"prompt": "a fox in the deep snow of a long winter night " * 3 + "[never]", "wait_seconds": 0}
    async with connect() as client:
        asked = await client.call_tool("generate_image", waiting)
        checked = await client.call_tool("check_task", {"task_id": "last", "wait_seconds": 0})
    assert asked.structured_content is not None
    assert checked.structured_content is not None
    [note] = checked.structured_content["notes"]
    assert note.startswith(f"last is {asked.structured_content['task_id']}")
    assert tokens(checked) <= 150


async def test_one_of_several_takes_90_tokens_and_one_of_a_list_60(connect: Connect) -> None:
    prompts = [f"a fox number {number} in the deep snow of a long winter night [took:0]" for number in range(20)]
    async with connect() as client:
        answer = await client.call_tool("generate_image", {"model": "nano-banana", "prompts": prompts})
        ids = [task["task_id"] for task in (answer.structured_content or {})["tasks"]]
        several = await client.call_tool("check_task", {"task_ids": ids, "wait_seconds": 50})
        listed = await client.call_tool("list_tasks", {})
    assert [task["state"] for task in (several.structured_content or {})["tasks"]] == ["success"] * 20
    assert len(text_of(several)) / 4 <= 20 * 90
    assert len((listed.structured_content or {})["tasks"]) == 20
    assert len(text_of(listed)) / 4 <= 20 * 60


@pytest.mark.parametrize("wait_seconds", [0, 50])
async def test_tasks_that_wait_take_no_more(connect: Connect, wait_seconds: int) -> None:
    prompts = [
        f"a fox number {number} [{'never' if not wait_seconds else 'fail:CONTENT_VIOLATION'}]" for number in range(8)
    ]
    call = {"model": "nano-banana", "prompts": prompts, "wait_seconds": wait_seconds}
    async with connect() as client:
        answer = await client.call_tool("generate_image", call)
    assert len(text_of(answer)) / 4 <= 8 * 90
