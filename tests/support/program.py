"""The real program above a sandbox, as tests reach it: in this process, or in one of its own."""

import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.types import CallToolResult, TextResourceContents
from support.amounts import in_time
from support.workers import worker_beside

from apixo_mcp.app import open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings

Connect = Callable[..., AbstractAsyncContextManager[Client]]
Dial = Callable[[], Any]


def values_for(box: Sandbox, folder: Path) -> dict[str, Any]:
    """The settings of a program above a sandbox."""
    return {
        "apixo_base_url": box.url,
        "ruxa_base_url": box.url,
        "apixo_api_key": "sk-test",
        "ruxa_api_key": "sk-test",
        "home": folder / "home",
        "download_dir": folder / "pictures",
        "allow_private_hosts": True,
        "poll_scale": 0.002,
        "linger": False,
    }


def environment(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings as the variables that a process of its own reads."""
    told: dict[str, str] = {}
    for name, value in values.items():
        variable = name.upper() if name.startswith(("apixo_", "ruxa_")) else f"APIXO_MCP_{name.upper()}"
        if isinstance(value, tuple):
            value = (os.pathsep if name == "allowed_roots" else ",").join(map(str, value))
        if value is not None:
            told[variable] = str(int(value) if isinstance(value, bool) else value)
    return told


@asynccontextmanager
async def program(transport: str, values: Mapping[str, Any]) -> AsyncIterator[Dial]:
    """Runs the program; each call of what this yields gives something for another client to connect to.

    Over stdio each client has a process of its own, and all of them one data folder.
    """
    if transport == "stdio":
        parameters = StdioServerParameters(command=sys.executable, args=["-m", "apixo_mcp"], env=environment(values))
        with Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230
            yield lambda: stdio_client(parameters, errlog=nowhere)
        return
    settings = read_settings(**values)
    async with worker_beside(settings), open_app(settings, public=bool(values.get("public_url"))) as app:
        server = build_server(app)
        if transport == "memory":
            yield lambda: server
            return
        listener = listen("127.0.0.1", 0)
        url = url_of(listener)
        async with serving(app, server, listener):
            yield lambda: f"{url}/mcp" if transport == "http" else sse_client(f"{url}/sse")


def text_of(answer: CallToolResult) -> str:
    first = answer.content[0]
    assert first.type == "text"
    return first.text


def structure(answer: CallToolResult) -> dict[str, Any]:
    """The structure of an answer that is no error."""
    assert not answer.is_error, text_of(answer)
    assert answer.structured_content is not None
    return answer.structured_content


async def text_at(client: Client, uri: str) -> str:
    """The text of a resource."""
    first = (await client.read_resource(uri)).contents[0]
    assert isinstance(first, TextResourceContents)
    return first.text


async def happens(is_so: Callable[[], bool]) -> None:
    """Returns once something is so, which no event tells."""
    with in_time(30):
        while not is_so():
            await anyio.sleep(0.005)


async def given_up(client: Client, tool: str, arguments: Mapping[str, Any], once: Callable[[], bool]) -> None:
    """Makes a call, and leaves it unanswered once something is so."""
    async with anyio.create_task_group() as group:
        group.start_soon(client.call_tool, tool, dict(arguments))
        await happens(once)
        group.cancel_scope.cancel()


def is_open(task: Mapping[str, Any]) -> bool:
    """Whether there is something left to wait for, as a task is told."""
    saving = any(result.get("file") == "saving" for result in task.get("results", ()))
    return task["state"] in ("submitting", "pending", "processing") or saving


async def come_to_rest(client: Client, task: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of a task in the end: one call waits less than a busy machine may need."""
    return dict(task) if not is_open(task) else await told_once(client, task, lambda now: not is_open(now))


async def told_once(client: Client, task: Mapping[str, Any], is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Asks about a task again and again, and returns the first answer of which something is so."""
    with in_time(30):
        while True:
            question = {"task_id": task["task_id"], "wait_seconds": 0}
            answer = (await client.call_tool("check_task", question)).structured_content
            assert answer is not None
            if is_so(answer):
                return answer
            await anyio.sleep(0.02)
