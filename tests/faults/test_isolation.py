"""One bad thing touches nothing else: seen by a client of the running program."""

import asyncio
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.program import happens, told_once
from support.table_client import connected, told
from support.wire import Bytes, Wire, answer, envelope, picture

from apixo_mcp.assembly.limits import Limits
from apixo_mcp.media.places import TransferLimits
from apixo_mcp.net.timeouts import Timeouts
from apixo_mcp.tasks.running.parts import StepLimits
from apixo_mcp.tasks.transitions import polls

pytestmark = pytest.mark.anyio
ASK = {"model": "nano-banana", "prompt": "a fox", "wait_seconds": 20}
FOR_EVER = Limits(timeouts=Timeouts(idle=3600.0, until_body=3600.0), transfers=TransferLimits(least_every=3600.0))
"""What stalls is given up only where the test lets it go on."""


class Several(Wire):
    """A gateway whose every task has these results, each at a path of its own; some of them stall until `go_on`."""

    def __init__(self, *paths: str) -> None:
        super().__init__()
        self.paths = paths
        self.bodies: dict[str, Bytes] = {}
        self.go_on = asyncio.Event()
        self.stalling = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()  # a connection on which nothing was asked
            return
        if b" /stall" in head:
            whole = answer(picture(), kind="image/png")
            writer.write(whole[:-20])
            self.stalling += 1
            await self.go_on.wait()
            writer.write(whole[-20:])
            writer.close()
            return
        again = asyncio.StreamReader()
        again.feed_data(head)
        size = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        again.feed_data(await reader.readexactly(size))
        await super()._serve(again, writer)

    def _choose(self, method: str, path: str) -> Bytes:
        if method == "GET" and path in self.bodies:
            return self.bodies[path]
        if method == "GET" and "statusTask" in path:
            result = json.dumps({"resultUrls": [self.url + path for path in self.paths]})
            remote = path.rpartition("taskId=")[2].partition("&")[0]
            return envelope({"taskId": remote, "state": "success", "resultJson": result})
        return super()._choose(method, "/file" if method == "GET" else path)


def files(task: dict[str, Any]) -> list[str]:
    """How it stands with the files of a task's results."""
    return [result["file"] for result in task.get("results", ())]


async def test_siblings_of_a_result_that_stalls_are_told_at_once_and_it_is_saved_in_the_end(tmp_path: Path):
    async with Several("/file/0", *(f"/stall/{number}" for number in range(20)), "/file/1") as wire:
        async with connected(wire.url, tmp_path, FOR_EVER) as client:
            first = await told(client, "generate_image", ASK | {"wait_seconds": 0})
            await told_once(client, first, lambda task: files(task) == ["saved", *["saving"] * 20, "saved"])
            wire.go_on.set()
            await told_once(client, first, lambda task: files(task) == ["saved"] * 22)


async def test_another_task_is_saved_beside_one_whose_results_all_stall(tmp_path: Path):
    async with Several(*(f"/stall/{number}" for number in range(40))) as wire:
        limits = replace(FOR_EVER, transfers=replace(FOR_EVER.transfers, stalled_after=0.5))
        async with connected(wire.url, tmp_path, limits) as client:
            first = await told(client, "generate_image", ASK | {"wait_seconds": 0})
            await happens(lambda: wire.stalling >= limits.transfers.flowing)
            wire.paths = ("/file/0",)
            healthy = await told(client, "generate_image", ASK | {"prompt": "a hare", "wait_seconds": 0})
            await told_once(client, healthy, lambda task: files(task) == ["saved"])
            await told_once(client, first, lambda task: files(task) == ["saving"] * 40)


BAD: dict[str, bytes | None] = {
    "page": answer("<html>Sign in</html>"),
    "empty": answer(b""),
    "closed": None,
    "no HTTP": b"\0" * 3000,
    "500": answer("oops", 500),
    "loop": answer("", 302, location="/bad"),
    "nowhere": answer("", 302, location="http://[::1"),
    "a broken port": answer("", 302, location="http://x:99999999/"),
}


@pytest.mark.parametrize("kind", BAD)
async def test_the_siblings_of_a_bad_result_are_saved(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture):
    async with Several("/file/0", "/bad", "/file/1") as wire:
        wire.bodies["/bad"] = BAD[kind]
        async with connected(wire.url, tmp_path) as client:
            first = await told(client, "generate_image", ASK)
    assert [result["file"] for result in first["results"]] == ["saved", "failed", "saved"]
    assert first["results"][1]["problem"]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_step_that_crashes_is_told_put_off_and_forgotten_once_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    crashes: list[float] = []
    works = polls.after_poll

    def stumbles(task: Any, *_: Any) -> Any:
        if task.prompt == "a fox":
            crashes.append(anyio.current_time())
            raise ValueError("no such thing")
        return works(task, *_)

    monkeypatch.setattr(polls, "after_poll", stumbles)
    async with Several("/file/0") as wire:
        pause = 0.2
        async with connected(wire.url, tmp_path, Limits(steps=StepLimits(crash_pause=pause))) as client:
            asked = await told(client, "generate_image", ASK | {"wait_seconds": 0})
            first = await told_once(
                client, asked, lambda task: "stumbled over this task (ValueError" in task["next_step"]
            )
            assert first["state"] == "pending"
            await happens(lambda: len(crashes) >= 3)
            assert crashes[1] - crashes[0] >= 0.9 * pause
            assert crashes[2] - crashes[1] >= 1.8 * pause
            other = await told(client, "generate_image", ASK | {"prompt": "a hare"})
            assert other["state"] == "success"
        crashes.clear()
        limits = Limits(steps=StepLimits(crash_pause=60.0))
        async with connected(wire.url, tmp_path, limits) as client:  # a restart hurries nothing
            told_again = await told(client, "check_task", {"task_id": first["task_id"], "wait_seconds": 1})
            assert told_again["state"] == "pending"
            assert len(crashes) <= 1
        monkeypatch.setattr(polls, "after_poll", works)
    assert "Traceback" in caplog.text


async def test_a_failed_step_goes_on_where_the_fault_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    works, count = polls.after_poll, iter(range(3))

    def stumbles(*given: Any) -> Any:
        if next(count, None) is not None:
            raise RecursionError
        return works(*given)

    monkeypatch.setattr(polls, "after_poll", stumbles)
    limits = Limits(steps=StepLimits(crash_pause=0.05))
    async with Several("/file/0") as wire, connected(wire.url, tmp_path, limits) as client:
        done = await told(client, "generate_image", ASK)
    assert done["state"] == "success"
    assert "stumbled" not in done["next_step"]


@pytest.mark.parametrize("error", [ValueError, RecursionError, UnicodeError, OverflowError, MemoryError, KeyError])
async def test_a_saving_that_crashes_is_that_results_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    from apixo_mcp.media import outcomes

    works = outcomes.note_of

    def stumbles(result: Any, *given: Any) -> str:
        if result.index == 1:
            raise error
        return works(result, *given)

    monkeypatch.setattr(outcomes, "note_of", stumbles)
    async with Several("/file/0", "/file/1", "/file/2") as wire, connected(wire.url, tmp_path) as client:
        done = await told(client, "generate_image", ASK)
    assert [result["file"] for result in done["results"]] == ["saved", "failed", "saved"]
    assert error.__name__ in done["results"][1]["problem"]
