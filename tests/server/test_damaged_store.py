"""A server that starts on a damaged store serves what was recovered, and says so."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.program import Connect, text_of

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}


async def test_the_user_is_told_by_what_lists(connect: Connect, tmp_path: Path) -> None:
    async with connect() as client:
        made = (await client.call_tool("generate_image", FOX)).structured_content
    assert made is not None
    path = tmp_path / "home" / "tasks.sqlite3"
    path.write_bytes(b"\xaa" * 100 + path.read_bytes()[100:])
    async with connect() as client:
        listed = await client.call_tool("list_tasks", {})
        assert "1 task was recovered" in text_of(listed)
        assert made["task_id"] in text_of(listed)
        assert "1 task was recovered" in text_of(await client.call_tool("list_models", {}))
        again = (await client.call_tool("check_task", {"task_id": made["task_id"]})).structured_content
        assert again is not None
        assert again["state"] == "success"


async def test_damage_that_shows_later_is_an_answer_and_no_end(connect: Connect, tmp_path: Path) -> None:
    async with connect() as client:
        made = (await client.call_tool("generate_image", FOX)).structured_content
        assert made is not None

        with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3")) as database:
            database.execute("update task set inputs = '{'")
            database.commit()
        told = await client.call_tool("check_task", {"task_id": made["task_id"]})
        assert told.is_error
        assert "damaged" in text_of(told)
        assert "start again" in text_of(told)
        assert not (await client.call_tool("list_models", {})).is_error
