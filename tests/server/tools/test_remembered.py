"""Tasks that are found by what is remembered of them, and their files brought in one call."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support.program import Connect, structure, text_of

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("era", ["auto"]),
    pytest.mark.parametrize("transport", ["memory", pytest.param("stdio", marks=pytest.mark.process), "http"]),
]


async def made(client: Client, prompt: str, tool: str = "generate_image", **given: Any) -> dict[str, Any]:
    call = {"model": "nano-banana", "prompt": prompt, "wait_seconds": 20, **given}
    return structure(await client.call_tool(tool, call))


async def listed(client: Client, **given: Any) -> list[str]:
    return [task["task_id"] for task in structure(await client.call_tool("list_tasks", given))["tasks"]]


async def test_a_task_is_found_by_words_of_its_prompt_and_its_time(connect: Connect) -> None:
    async with connect() as client:
        fox = (await made(client, "A red Fox in snow [took:0]"))["task_id"]
        chinese = (await made(client, "雪地里的一只狐狸 [took:0]"))["task_id"]
        assert await listed(client, query="SNOW fox") == [fox]
        assert await listed(client, query="狐狸") == [chinese]
        assert await listed(client, query="100% fox") == []
        assert await listed(client, since="today") == [chinese, fox]
        assert await listed(client, since="2h", query="fox", state="success", modality="image") == [fox]
        assert await listed(client, since="2999-01-01") == []
        first = structure(await client.call_tool("list_tasks", {"since": "1d", "limit": 1}))
        assert await listed(client, since="1d", limit=1, cursor=first["next_cursor"]) == [fox]
        answer = await client.call_tool("list_tasks", {"since": "2026-01-01T00:00Z"})
        assert "2 tasks made since 202" in text_of(answer)
        wrong = await client.call_tool("list_tasks", {"since": "the other day"})
    assert wrong.is_error
    assert "since: must be today, yesterday, 2h" in text_of(wrong)


async def test_the_files_of_several_tasks_are_copied_in_one_call(connect: Connect, tmp_path: Path) -> None:
    folder = tmp_path / "pictures" / "wanted"
    async with connect() as client:
        fox, owl = await made(client, "a fox [took:0]"), await made(client, "an owl [took:0]")
        lost = await made(client, "a cat [took:0]")
        shutil.rmtree(Path(lost["results"][0]["path"]).parent, ignore_errors=False)
        again = structure(await client.call_tool("download_results", {"task_ids": [fox["task_id"], owl["task_id"]]}))
        assert all(Path(path).is_file() for task in again["tasks"] for path in task["paths"])
        asked = {"task_ids": [fox["task_id"], "tsk_none", owl["task_id"]], "directory": "wanted"}
        told = structure(await client.call_tool("download_results", asked))
    paths = [Path(path) for task in told["tasks"] for path in task.get("paths", ())]
    assert [path.parent for path in paths] == [folder, folder]
    assert all(path.is_file() for path in paths)
    assert told["tasks"][1]["error"] == "there is no such task"
    assert told["next_step"].startswith("Show the user the paths of the files that are copied;")


async def test_the_files_of_a_time_are_brought_in_one_call(connect: Connect, tmp_path: Path) -> None:
    async with connect() as client:
        fox = await made(client, "a fox [took:0]")
        await made(client, "an owl [fail:CONTENT_VIOLATION][took:0]")
        await made(client, "a cat [never]", wait_seconds=0)
        film = await made(client, "it runs [took:0]", "generate_video", model="veo-3-1")
        both = structure(await client.call_tool("download_results", {"since": "today"}))
        asked = {"since": "1h", "modality": "image", "directory": "wanted"}
        images = structure(await client.call_tool("download_results", asked))
        none = structure(await client.call_tool("download_results", {"since": "2999-01-01"}))
    assert [task["task_id"] for task in both["tasks"]] == [film["task_id"], fox["task_id"]]
    assert both["notes"][0].startswith("Made since ")
    assert both["notes"][1] == "1 task of that time still runs."
    assert [task["task_id"] for task in images["tasks"]] == [fox["task_id"]]
    assert Path(images["tasks"][0]["paths"][0]).parent == tmp_path / "pictures" / "wanted"
    assert none["tasks"] == []


async def test_what_is_brought_is_said_in_one_way(connect: Connect) -> None:
    async with connect() as client:
        for given in ({}, {"task_id": "tsk_a", "since": "today"}, {"task_ids": ["tsk_a"], "since": "today"}):
            answer = await client.call_tool("download_results", given)
            assert answer.is_error
            assert "task_ids" in text_of(answer)
        outside = await client.call_tool("download_results", {"since": "today", "directory": "/elsewhere"})
    assert outside.is_error
    assert "must be inside" in text_of(outside)


async def test_the_allowed_folders_are_named(connect: Connect, tmp_path: Path) -> None:
    async with connect() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    told = tools["download_results"].input_schema["properties"]["directory"]["description"]
    assert told == f"In {tmp_path / 'pictures'}."
