"""How long calls wait, and what their clients hear meanwhile."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import Implementation
from support.amounts import here, in_time
from support.pipe_client import pipe_client
from support.program import Connect, text_of, values_for

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.patience import STEPS
from apixo_mcp.server.profiles import UNKNOWN
from apixo_mcp.server.tools.receipts import Receipts
from apixo_mcp.server.tools.waiting import NEARLY, SOME_WAIT, deadline_of, progress_after
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}


def test_a_wait_counts_from_when_its_call_came() -> None:
    assert deadline_of(2.0, now=0.0, since=0.0) == 2.0
    assert deadline_of(2.0, now=9.0, since=0.0) == 9.0 + SOME_WAIT


def test_a_call_may_say_that_it_waits_less_long_than_its_client_bears() -> None:
    assert deadline_of(2.0, now=0.0, since=0.0, wish=50) == 2.0
    assert deadline_of(2.0, now=0.0, since=0.0, wish=1) == 1.0
    assert deadline_of(2.0, now=9.0, since=0.0, wish=0) == 9.0


@pytest.mark.parametrize("tool", ["generate_image", "check_task"])
async def test_a_slow_start_is_part_of_what_a_client_waits(box: Sandbox, tmp_path: Path, tool: str) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        receipts = Receipts()
        async with pipe_client(build_server(app, receipts=receipts), receipts, "mcp") as client:
            arguments: dict[str, Any] = {"model": "nano-banana", "prompt": "a fox [never]"}
            await client.call(11, "generate_image", arguments | {"wait_seconds": 0})
            made = await client.answer(11)
            if tool == "check_task":
                arguments = {"task_id": made["task_id"]}
            began = time.monotonic()
            await client.call(12, tool, arguments, ago=5)
            await client.answer(12)
    assert SOME_WAIT <= time.monotonic() - began < here(1.8)


def test_progress_grows_and_never_seems_done() -> None:
    told = [0.0]
    for found in [0.0, 0.3, 0.3, 0.2, 0.95, 1.0] + [1.0] * 500:
        told.append(progress_after(told[-1], found))
    assert told == sorted(set(told))
    assert told[-1] < NEARLY


async def test_a_client_hears_that_files_are_saved(connect: Connect) -> None:
    told: list[tuple[float, str | None]] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, message))

    async with connect() as client:
        arguments = FOX | {"prompt": "a fox [took:0][file:slow:1]"}
        answer = await client.call_tool("generate_image", arguments, progress_callback=progress)
    assert answer.structured_content is not None
    assert answer.structured_content["state"] == "success"
    assert "saving" in [message for _, message in told]
    assert [done for done, message in told if done > NEARLY and message == "saving"] == []
    assert [done for done, _ in told] == sorted({done for done, _ in told})


async def test_an_answer_does_not_wait_long_for_its_preview(box: Sandbox, tmp_path: Path) -> None:
    info = Implementation(name="claude-ai", version="1")
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        async with Client(build_server(app), client_info=info) as client:
            made = (await client.call_tool("generate_image", FOX)).structured_content
            assert made is not None
            await app.previews.for_answers.acquire_on_behalf_of(object())  # another picture is being made small
            with in_time(10):
                answer = await client.call_tool("check_task", {"task_id": made["task_id"], "wait_seconds": 0})
    assert [block.type for block in answer.content] == ["text", "resource_link"]


@pytest.mark.parametrize("era", ["auto"])
async def test_usage_does_not_wait_for_a_gateway_longer_than_its_caller(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with connect("mcp", apixo_base_url=url, ruxa_base_url=url) as client:
            with in_time(UNKNOWN.wait_seconds + 3):
                answer = await client.call_tool("get_usage", {})
    assert answer.structured_content is not None
    assert "has not answered in time" in answer.structured_content["balances"]["apixo"]["note"]
    assert text_of(answer).startswith("0 tasks")


@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
async def test_a_model_is_told_the_wait_that_was_learnt_for_its_client(
    box: Sandbox, tmp_path: Path, several: bool
) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        receipts = Receipts()
        async with pipe_client(build_server(app, receipts=receipts), receipts, "claude-ai") as client:
            arguments: dict[str, Any] = {"model": "nano-banana", "prompt": "a fox [never]"}
            await client.call(11, "generate_image", arguments | {"wait_seconds": 0})
            made = await client.answer(11)
            assert "check_task now; it waits up to 50 s" in made["next_step"]
            ids = [made["task_id"]]
            asked: dict[str, Any] = {"task_ids": ids} if several else {"task_id": ids[0]}
            await client.call(12, "check_task", asked, ago=10)
            await client.call(13, "check_task", asked | {"wait_seconds": 0})  # it has given the other up
            told = await client.answer(13)
            await client.cancel(12)
    assert " now; " not in told["next_step"]
    assert "wait_seconds" not in told["next_step"], "it would not be waited for so long"
    assert "in about" in told["next_step"]


async def test_a_model_is_told_the_wait_that_its_client_has_shown_to_bear(box: Sandbox, tmp_path: Path) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        receipts = Receipts()
        async with pipe_client(build_server(app, receipts=receipts), receipts, "mcp") as client:
            arguments: dict[str, Any] = {"model": "nano-banana", "prompt": "a fox [never]"}
            await client.call(11, "generate_image", arguments | {"wait_seconds": 0})
            made = await client.answer(11)
            assert " now; " not in made["next_step"]
            told = dict[str, Any]()
            for number, step in enumerate(STEPS[:2], 12):
                await client.call(number, "check_task", {"task_id": made["task_id"]}, ago=step)
                told = await client.answer(number)
    assert f"check_task now; it waits up to {STEPS[2]:.0f} s" in told["next_step"]
