"""Several tasks in one call: asked about, and brought."""

import base64
import io
import json
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult, ImageContent
from PIL import Image
from support.amounts import here, in_time
from support.program import Connect, structure, text_of

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("era", ["auto"]),
    pytest.mark.parametrize("transport", ["memory", pytest.param("stdio", marks=pytest.mark.process), "http"]),
]


async def made(client: Client, prompt: str, **given: Any) -> dict[str, Any]:
    call = {"model": "nano-banana", "prompt": prompt, "wait_seconds": 20, **given}
    return structure(await client.call_tool("generate_image", call))


async def test_several_tasks_are_told_in_one_answer_a_line_each(connect: Connect) -> None:
    async with connect() as client:
        fox = await made(client, "a fox [took:0]")
        owl = await made(client, "an owl [fail:CONTENT_VIOLATION][took:0]")
        asked = {"task_ids": [fox["task_id"], "tsk_none", owl["remote_id"], fox["task_id"]], "wait_seconds": 20}
        answer = await client.call_tool("check_task", asked)
    told = structure(answer)
    said, _, as_json = text_of(answer).rpartition("\n")
    assert json.loads(as_json) == told
    assert [task["task_id"] for task in told["tasks"]] == [fox["task_id"], "tsk_none", owl["task_id"]]
    assert told["tasks"][0]["paths"] == [fox["results"][0]["path"]]
    assert told["tasks"][1]["error"] == "there is no such task"
    assert told["tasks"][2]["error"].startswith("CONTENT_VIOLATION")
    assert told["model"] == "nano-banana"
    assert said.splitlines()[0] == "3 tasks: 1 done, 1 failed, 1 not found."
    assert [line[:2] for line in said.splitlines()[1:]] == ["1.", "2.", "3."]


async def test_all_are_waited_for_and_progress_says_how_many_are_done(connect: Connect) -> None:
    heard: list[tuple[float, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))

    async with connect() as client:
        first, second = [
            await made(client, f"{what} [took:{here(seconds):.1f}]", wait_seconds=0)
            for what, seconds in (("a", 0.3), ("b", 1.5))
        ]
        ids = [first["task_id"], second["task_id"]]
        answer = await client.call_tool("check_task", {"task_ids": ids, "wait_seconds": 50}, progress_callback=note)
    assert [task["state"] for task in structure(answer)["tasks"]] == ["success", "success"]
    assert [progress for progress, _ in heard] == sorted({progress for progress, _ in heard})
    assert heard[-1] == (1.0, "2 of 2 done")
    assert any(message == "1 of 2 done" for _, message in heard)


async def test_what_is_not_done_in_time_is_told_as_it_is(connect: Connect) -> None:
    async with connect() as client:
        done, endless = await made(client, "a fox [took:0]"), await made(client, "an owl [never]", wait_seconds=0)
        with in_time(15):
            asked = {"task_ids": [done["task_id"], endless["task_id"]], "wait_seconds": 1}
            told = structure(await client.call_tool("check_task", asked))
    assert told["tasks"][0]["state"] == "success"
    assert told["tasks"][1]["state"] in ("submitting", "pending", "processing")
    assert "check_task with the task_ids" in told["next_step"]
    assert "Do not generate them again" in told["next_step"]


async def test_one_is_asked_about_or_several(connect: Connect) -> None:
    async with connect() as client:
        both = await client.call_tool("check_task", {"task_id": "tsk_a", "task_ids": ["tsk_b"]})
        neither = await client.call_tool("check_task", {})
        many = await client.call_tool("check_task", {"task_ids": [f"tsk_{number}" for number in range(51)]})
    assert both.is_error
    assert "not together with task_id" in text_of(both)
    assert neither.is_error
    assert "task_id: required, or task_ids" in text_of(neither)
    assert many.is_error
    assert "at most 50" in text_of(many)


async def test_the_last_task_is_the_newest_of_any_state_and_is_named(connect: Connect) -> None:
    async with connect() as client:
        none = await client.call_tool("check_task", {"task_id": "last"})
        assert none.is_error
        assert "no task yet" in text_of(none)
        await made(client, "a fox [took:0]")
        owl = await made(client, "an owl [fail:CONTENT_VIOLATION][took:0]")
        told = structure(await client.call_tool("check_task", {"task_id": "last"}))
    assert told["task_id"] == owl["task_id"]
    assert told["notes"][0].startswith(f"last is {owl['task_id']} (an owl")


def pictures(answer: CallToolResult) -> list[Image.Image]:
    return [
        Image.open(io.BytesIO(base64.b64decode(part.data))) for part in answer.content if isinstance(part, ImageContent)
    ]


async def test_several_results_of_a_task_give_one_sheet_numbered_by_index(connect: Connect) -> None:
    async with connect() as client:
        call = {"model": "gpt-image-1", "prompt": "foxes [took:0]", "num_images": 4, "wait_seconds": 20}
        structure(await client.call_tool("generate_image", call))
        answer = await client.call_tool("check_task", {"task_id": "last", "wait_seconds": 20})
    assert len(structure(answer)["results"]) == 4
    (sheet,) = pictures(answer)
    assert sheet.width == sheet.height <= 768
    assert "The numbers in the picture are the indexes of the results." in text_of(answer)
    assert len(answer.model_dump_json()) < 700_000


async def test_pictures_of_several_tasks_give_one_sheet_numbered_by_line(connect: Connect) -> None:
    async with connect() as client:
        fox, owl = await made(client, "a fox [took:0]"), await made(client, "an owl [took:0]")
        asked = {"task_ids": [fox["task_id"], "tsk_none", owl["task_id"]]}
        answer = await client.call_tool("check_task", asked)
        single = await client.call_tool("check_task", {"task_ids": [fox["task_id"]]})
    (sheet,) = pictures(answer)
    assert (sheet.width, sheet.height) == (768, 384)
    assert "The numbers in the picture are those of the lines." in text_of(answer)
    assert len(pictures(single)) == 1
    assert "numbers in the picture" not in text_of(single)


async def test_a_client_that_shows_no_pictures_gets_no_sheet(connect: Connect) -> None:
    async with connect("mcp") as client:
        fox, owl = await made(client, "a fox [took:0]"), await made(client, "an owl [took:0]")
        answer = await client.call_tool("check_task", {"task_ids": [fox["task_id"], owl["task_id"]]})
    assert [part.type for part in answer.content] == ["text"]
    assert "numbers" not in text_of(answer)
