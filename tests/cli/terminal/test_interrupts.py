"""Ctrl-C and the signals like it: what is not sent is stopped, and what becomes of the rest is said."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync
from support.amounts import in_time
from support.shell import Typed, newest, run, shown, started

from apixo_mcp.sandbox import Sandbox

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.process,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no way to press Ctrl-C in another console"),
]


@asynccontextmanager
async def running(*words: str, variables: dict[str, str]) -> AsyncIterator[subprocess.Popen[str]]:
    process = started(*words, variables=variables)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def until(condition: Callable[[], bool], typed: Typed | None = None) -> None:
    with in_time(30):
        while not condition():
            await anyio.sleep(0.05)


async def is_followed(typed: Typed) -> None:
    with in_time(30):
        while (await newest(typed)).get("state") not in ("pending", "processing"):
            await anyio.sleep(0.05)


async def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    said, told = await run_sync(lambda: process.communicate(timeout=90))
    assert "Traceback" not in told
    return said, told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_what_is_not_sent_is_stopped(typed: Typed, environment: dict[str, str], box: Sandbox, number: int):
    words = ("generate", "nano-banana", "a fox [http:429:after=60]")
    async with running(*words, variables=environment) as process:
        await until(lambda: bool(box.log()))
        assert process.stderr
        while "rate limit" not in await run_sync(process.stderr.readline):
            assert process.poll() is None
        process.send_signal(number)
        said, told = await ended(process)
    assert (process.returncode, said) == (130, "")
    assert "Stopped before it was sent: nothing was charged." in told
    assert (await newest(typed))["state"] == "cancelled"
    assert not box.submits()


async def test_each_of_several_is_told_of(typed: Typed, environment: dict[str, str], box: Sandbox, tmp_path: Path):
    words = (
        "generate",
        "nano-banana",
        "a fox [never]",
        "an owl [http:429:after=60]",
        "--output",
        str(tmp_path / "a b"),
    )
    async with running(*words, variables=environment) as process:
        await until(lambda: len(box.log()) >= 2 and len(box.submits()) == 1)
        assert process.stderr
        while "sent again by itself" not in await run_sync(process.stderr.readline):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said, told = await ended(process)
    listed = (await run(typed, "tasks", "list")).stdout.splitlines()
    assert ["cancelled" in line for line in listed] == ["an owl" in line for line in listed]
    fox = next(line.split()[0] for line in listed if "a fox" in line)
    assert said == f"apixo-mcp tasks download {fox} '{tmp_path / 'a b'}'\n"
    assert "It was sent and is paid for" in told
    assert "Stopped before it was sent" in told


async def test_json_stays_json(typed: Typed, environment: dict[str, str]):
    async with running("generate", "nano-banana", "a fox [never]", "--json", variables=environment) as process:
        await is_followed(typed)
        process.send_signal(signal.SIGINT)
        said, told = await ended(process)
    assert process.returncode == 130
    task = json.loads(said)
    assert task["state"] in ("pending", "processing")
    assert f"apixo-mcp tasks wait {task['task_id']}" in told
    # No further attempt is paid for once nobody waits.
    assert "cancel_requested" in await shown(typed, task["task_id"])


async def test_a_submit_under_way_is_finished_first(typed: Typed, environment: dict[str, str], box: Sandbox):
    async with running("generate", "nano-banana", "a fox [slow-submit:3] [never]", variables=environment) as process:
        await until(lambda: bool(box.log()))
        process.send_signal(signal.SIGINT)
        said, told = await ended(process)
    assert process.returncode == 130
    assert "A paid request is on its way; its answer is waited for, at most " in told
    assert said.startswith("apixo-mcp tasks wait tsk_")
    assert (await newest(typed))["state"] in ("pending", "processing")
    assert len(box.submits()) == 1


async def test_a_second_one_ends_at_once(typed: Typed, environment: dict[str, str], box: Sandbox):
    async with running("generate", "nano-banana", "a fox [slow-submit:20]", variables=environment) as process:
        await until(lambda: bool(box.log()))
        process.send_signal(signal.SIGINT)
        assert process.stderr
        while "A paid request is on its way" not in await run_sync(process.stderr.readline):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        with in_time(5):
            _, told = await ended(process)
    assert process.returncode == 130
    task_id = (await newest(typed))["task_id"]
    assert "may have been charged" in told
    assert f"apixo-mcp tasks wait {task_id}" in told
    assert f"apixo-mcp tasks resolve {task_id} --remote-id ID" in told


async def test_the_others_are_told_of_while_one_is_on_its_way(typed: Typed, environment: dict[str, str], box: Sandbox):
    words = ("generate", "nano-banana", "a fox [slow-submit:20]", "an owl [http:429:after=60]")
    async with running(*words, variables=environment) as process:
        assert process.stderr
        while "rate limit" not in await run_sync(process.stderr.readline):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        told = ""
        while "A paid request is on its way" not in (line := await run_sync(process.stderr.readline)):
            assert process.poll() is None
            told += line
        assert re.search(r"its answer is waited for, at most 1[0-2]\d s\. Ctrl-C once more ends at once", line)
        assert "an owl [http:429:after=60]: Stopped before it was sent: nothing was charged." in told


@pytest.mark.parametrize("command", ["wait", "download"])
async def test_whoever_only_watches_stops_nothing(
    typed: Typed, environment: dict[str, str], box: Sandbox, command: str
):
    async with running("generate", "nano-banana", "a fox [never]", "--no-wait", variables=environment) as process:
        await ended(process)
    task_id = (await newest(typed))["task_id"]
    async with running("tasks", command, task_id, variables=environment) as process:
        assert process.stderr
        await run_sync(process.stderr.readline)
        process.send_signal(signal.SIGINT)
        said, _ = await ended(process)
    assert (process.returncode, said) == (130, f"apixo-mcp tasks wait {task_id}\n")
    assert "cancel_requested" not in await shown(typed, task_id)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize("how", ["no-wait", "interrupted", "resolved"])
async def test_a_worker_goes_on_with_what_a_command_leaves(
    typed: Typed, environment: dict[str, str], box: Sandbox, tmp_path: Path, how: str
):
    lingering = environment | {"APIXO_MCP_LINGER": "1", "APIXO_MCP_POLL_SCALE": "0.2"}
    if how == "resolved":
        await run(typed, "generate", "nano-banana", "a fox [cut]")
        found = box.submits()[0]["remote_id"]
        words = ("tasks", "resolve", (await newest(typed))["task_id"], "--remote-id", found, "--no-wait")
        async with running(*words, variables=lingering) as process:
            await ended(process)
    else:
        extra = ("--no-wait",) if how == "no-wait" else ()
        async with running("generate", "nano-banana", "a fox", *extra, variables=lingering) as process:
            if how == "interrupted":
                await is_followed(typed)
                process.send_signal(signal.SIGINT)
            _, told = await ended(process)
            assert "a worker" in told or how == "no-wait"
    await until(lambda: bool(list((tmp_path / "pictures").rglob("*.jpg"))))
    await until(lambda: not followers(tmp_path))
    assert (await newest(typed))["state"] == "success"
    assert len(box.submits()) == 1


async def test_no_worker_stays_where_that_is_turned_off(typed: Typed, environment: dict[str, str], tmp_path: Path):
    async with running("generate", "nano-banana", "a fox [never]", "--no-wait", variables=environment) as process:
        await ended(process)
    assert followers(tmp_path) == []


def followers(home: Path) -> list[int]:
    """The processes that follow this data folder."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            is_one = b"--until-idle" in (entry / "cmdline").read_bytes()
            if is_one and str(home).encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


async def test_a_worker_follows_until_it_is_told_to_end(typed: Typed, environment: dict[str, str], tmp_path: Path):
    async with running("worker", variables=environment) as process:
        assert process.stderr
        assert "following what is open" in await run_sync(process.stderr.readline)
        # One that was only left behind finds that it is not needed.
        left = await run(typed, "generate", "nano-banana", "a fox", "--no-wait", APIXO_MCP_POLL_SCALE="0.2")
        assert left.exit_code == 0
        await until(lambda: bool(list((tmp_path / "pictures").rglob("*.jpg"))))
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        await ended(process)
    assert process.returncode == 0


async def test_a_worker_without_a_key_says_so(folders: dict[str, str]):
    async with running("worker", variables=folders) as process:
        said, told = await ended(process)
    assert (process.returncode, said) == (1, "")
    assert told.startswith("apixo-mcp: No key is set")


async def test_nothing_is_followed_without_its_key(typed: Typed, environment: dict[str, str]):
    async with running("generate", "nano-banana", "a fox [never]", "--no-wait", variables=environment) as process:
        await ended(process)
    task_id = (await newest(typed))["task_id"]
    async with running("tasks", "wait", task_id, variables=environment | {"APIXO_API_KEY": ""}) as process:
        assert process.stderr
        with in_time(30):
            while "that is not set here" not in await run_sync(process.stderr.readline):
                assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        await ended(process)
