"""The front door: a client of the real server, and what it is told."""

import base64
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.types import CallToolResult, ImageContent, Implementation, TextContent
from support.program import come_to_rest
from support.scripted_gateway import Gateway, Reply
from support.wire import answer

from apixo_mcp.app import App, open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.server.build import build_server
from apixo_mcp.settings import read_settings

FILES = Path(__file__).parents[1] / "media" / "files"
CALLS = {
    "image": ("generate_image", {"model": "nano-banana", "prompt": "a fox"}),
    "video": ("generate_video", {"model": "ruxa/sora-2", "prompt": "a fox"}),
    "audio": ("generate_audio", {"model": "suno", "prompt": "a song of a fox"}),
}


def sample(name: str) -> bytes:
    return (FILES / name).read_bytes()


@dataclass
class Door:
    """A connected client."""

    client: Client
    app: App
    folder: Path

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        called = await self.client.call_tool(tool, arguments)
        assert isinstance(called, CallToolResult)
        return called

    async def told(self, tool: str, **arguments: Any) -> dict[str, Any]:
        called = await self.call(tool, **arguments)
        assert not called.is_error, words(called)
        assert called.structured_content is not None
        return called.structured_content

    async def made(self, modality: str = "image", **arguments: Any) -> dict[str, Any]:
        """One task, told when there is nothing left to wait for."""
        tool, usual = CALLS[modality]
        return await come_to_rest(self.client, await self.told(tool, **usual | {"wait_seconds": 15} | arguments))

    async def check(self, task: dict[str, Any], wait_seconds: int = 15) -> dict[str, Any]:
        return await self.told("check_task", task_id=task["task_id"], wait_seconds=wait_seconds)

    async def ended(self, task: dict[str, Any]) -> dict[str, Any]:
        """A task that was asked for, told when there is nothing left to wait for."""
        return await come_to_rest(self.client, await self.check(task))

    async def pictures(self, tool: str, **arguments: Any) -> tuple[str, list[bytes]]:
        """The words and the pictures of an answer."""
        called = await self.call(tool, **arguments)
        return words(called), images(called)


def words(called: CallToolResult) -> str:
    return "\n".join(part.text for part in called.content if isinstance(part, TextContent))


def images(called: CallToolResult) -> list[bytes]:
    return [base64.b64decode(part.data) for part in called.content if isinstance(part, ImageContent)]


Enter = Callable[..., AbstractAsyncContextManager[Door]]
"""Opens the server and a client of it."""


@asynccontextmanager
async def door(
    url: str, folder: Path, client: str = "claude-ai", *, limits: Limits = Limits(), **settings: Any
) -> AsyncIterator[Door]:
    """The real server above a gateway, and a client of it."""
    values = {
        "apixo_base_url": url,
        "apixo_api_key": "sk-field-planted",
        "ruxa_base_url": url,
        "ruxa_api_key": "sk-field-planted",
        "home": folder / "home",
        "download_dir": folder / "pictures",
        "allow_private_hosts": True,
        "poll_scale": 0.002,
        "linger": False,
    } | settings
    async with open_app(read_settings(**values), limits=limits) as app:
        info = Implementation(name=client, version="1")
        async with Client(build_server(app), client_info=info) as connected:
            yield Door(connected, app, folder)


def content(result: dict[str, Any]) -> bytes:
    """The saved bytes of a result that is told as saved."""
    assert result["file"] == "saved", result
    data = Path(result["path"]).read_bytes()
    assert len(data) == result["bytes"]
    if "sha256" in result:
        assert hashlib.sha256(data).hexdigest() == result["sha256"]
    return data


def remarks(task: dict[str, Any]) -> str:
    """All that is remarked about a task and its results."""
    problems = [result.get("problem", "") for result in task.get("results", ())]
    return " ".join([*problems, *task.get("notes", ())])


def refused_by_page() -> bytes:
    return answer(
        "<!doctype html><html><head><title>Just a moment...</title></head><body>Wait</body></html>", 403, "text/html"
    )


class Holds:
    """The longest time that the event loop was held.

    Attributes:
        longest: seconds by the clock, those among them in which the machine did other things.
        busiest: seconds of that in which the loop's thread was at work.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.busiest = 0.0

    async def watch(self) -> None:
        while True:
            began, worked = time.perf_counter(), time.thread_time()
            await anyio.sleep(0.002)
            self.longest = max(self.longest, time.perf_counter() - began - 0.002)
            self.busiest = max(self.busiest, time.thread_time() - worked)

    def __str__(self) -> str:
        return f"longest hold {self.longest * 1000:.0f} ms, of work {self.busiest * 1000:.0f} ms"


@asynccontextmanager
async def holds() -> AsyncIterator[Holds]:
    """Watches the event loop meanwhile."""
    watching = Holds()
    async with anyio.create_task_group() as group:
        group.start_soon(watching.watch)
        yield watching
        group.cancel_scope.cancel()


def one_file(gateway: Gateway, path: str, *replies: Reply) -> None:
    """Lets every task succeed with one file."""
    gateway.results(gateway.serve(path, *replies))
