"""A task that a terminal makes, and when each who watches it sees how it goes: stream, page, app and terminal.

All of it on one task store, and none of those who watch follows the task: what they see, another process has written.
"""
# pyright: reportMissingImports=false

import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpx2
from mcp import Client
from support.app_host import SHOWS_APPS
from support.app_page import AppPage
from support.chromium import window
from support.program import environment, values_for
from support.shell import COMMAND

from apixo_mcp.app import App, open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.task import State, Task

PROMPT = "a fox in the snow [took:6]"

_OBSERVED = """find => {
  window.seen = {}
  const look = () => {
    const one = document.querySelector(find)
    for (const label of [one?.dataset.state, one?.querySelector('img[src]') && 'saved'])
      if (label && !(label in window.seen)) window.seen[label] = Date.now() / 1000
  }
  new MutationObserver(look).observe(document, {subtree: true, childList: true, attributes: true})
  look()
}"""

Seen = dict[str, float]
"""When each state was seen first; `saved` is the picture itself."""


class Sightings:
    """What was seen, by whom.

    Attributes:
        written: when each state was written into the row.
        by: who watched, and when they saw it.
    """

    def __init__(self) -> None:
        self.written: Seen = {}
        self.by: dict[str, Seen] = {}

    def note(self, who: str, label: str) -> None:
        self.by.setdefault(who, {}).setdefault(label, time.time())

    def delays(self) -> dict[str, Seen]:
        """Returns how late each saw what was written once they watched, in seconds."""
        late: dict[str, Seen] = {}
        for who, seen in self.by.items():
            since = min(seen.values())
            late[who] = {
                label: seen[label] - moment
                for label, moment in self.written.items()
                if label in seen and (moment >= since or who in ("stream", "page"))
            }
        return late


async def sightings(box: Sandbox, folder: Path, browser: Any) -> Sightings:
    """Has a terminal make a picture while all watch, and returns who saw what, and when."""
    seen = Sightings()
    # Each in a window of its own: one that is behind another draws once a second.
    async with (
        watchers(box, folder) as (app, url, client),
        window(browser) as page,
        window(browser) as other,
        anyio.create_task_group() as group,
    ):
        chat = AppPage(other, client)
        await chat.open("check_task")
        await page.goto(url)
        began = anyio.Event()
        told: list[str] = []

        async def streamed(*, task_status: anyio.abc.TaskStatus[None]) -> None:
            async with httpx2.AsyncClient(timeout=60) as http, http.stream("GET", f"{url}/api/events") as stream:
                async for line in stream.aiter_lines():
                    if line == ": open":
                        task_status.started()
                    if line.startswith("data: {") and "task_id" in line:
                        task = json.loads(line.removeprefix("data: "))
                        told.append(task["task_id"])
                        began.set()
                        seen.note("stream", task["state"])
                        if any(one.get("file") == "saved" for one in task.get("results", ())):
                            seen.note("stream", "saved")
                            return

        async def written() -> None:
            await began.wait()
            while True:
                task = await app.store.get(told[0])
                assert task
                for label in _labels(task):
                    seen.written.setdefault(label, task.updated_at)
                if task.is_settled:
                    return
                await anyio.sleep(0.005)

        async def watched() -> None:
            await began.wait()
            command = [*COMMAND, "tasks", "wait", told[0]]
            async with await anyio.open_process(command, env=_variables(box, folder), stdin=None) as terminal:
                assert terminal.stderr
                async for data in terminal.stderr:
                    for line in data.decode().splitlines():
                        word = line.split(" s  ", 1)[-1].strip()
                        seen.note("terminal", "success" if word == "saving" else word)
            seen.note("terminal", "saved")

        await group.start(streamed)
        await page.evaluate(_OBSERVED, ".tile")
        group.start_soon(written)
        group.start_soon(watched)
        command = [*COMMAND, "generate", "nano-banana", PROMPT]
        async with await anyio.open_process(command, env=_variables(box, folder), stdin=None) as terminal:
            await began.wait()
            await chat.host("input", {"task_id": told[0]})
            await chat.host("result", {"content": [], "structuredContent": {"task_id": told[0], "state": "pending"}})
            await chat.frame.evaluate(_OBSERVED, ".task")
            assert await terminal.wait() == 0
        for who, frame in (("page", page), ("app", chat.frame)):
            whole = await frame.wait_for_function("() => window.seen.saved && window.seen", polling=20, timeout=20_000)
            seen.by[who] = await whole.json_value()
    return seen


def _labels(task: Task) -> list[str]:
    is_saved = task.state is State.SUCCESS and task.is_settled
    return [str(task.state), *(["saved"] if is_saved else [])]


def _variables(box: Sandbox, folder: Path) -> dict[str, str]:
    return {**os.environ, **environment(values_for(box, folder))}


@asynccontextmanager
async def watchers(box: Sandbox, folder: Path) -> AsyncIterator[tuple[App, str, Client]]:
    """A server that follows nothing: its program, its address, and a client of it that shows apps."""
    async with open_app(read_settings(**values_for(box, folder)), follow=False) as app:
        server, listener = build_server(app), listen("127.0.0.1", 0)
        async with serving(app, server, listener), Client(server, **SHOWS_APPS) as client:
            yield app, url_of(listener), client
