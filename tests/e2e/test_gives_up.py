"""Clients that give up after 5 s without a word, and make their call three times more: one paid task, on every wire."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter
from mcp.types.jsonrpc import JSONRPCResponse
from support.amounts import here, in_time
from support.pipe import INITIALIZED, META, initialize, request
from support.program import program, values_for

from apixo_mcp.sandbox import Sandbox

pytestmark = [pytest.mark.process, pytest.mark.anyio]


def limit() -> float:
    """After how many seconds a client gives up: the program itself waits 50 s at most."""
    return min(here(5.0), 25.0)


NAME = {"name": "claude-ai", "version": "1"}
FOX = {"model": "nano-banana", "prompt": "a fox [never]", "wait_seconds": 50}

Call = Callable[[int], Awaitable[dict[str, Any] | None]]
"""Makes the call, and returns its structure, or None where the client gave it up."""


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000.0) as running:
        yield running


@asynccontextmanager
async def on_streams(transport: str, values: dict[str, Any], era: str) -> AsyncIterator[Call]:
    """A connection of the SDK's own transports, spoken over message by message."""
    async with program(transport, values) as dial:
        dialled = dial()
        async with streamable_http_client(dialled) if isinstance(dialled, str) else dialled as (heard, said):

            async def send(message: dict[str, Any]) -> None:
                await said.send(SessionMessage(jsonrpc_message_adapter.validate_python(message, by_name=False)))

            async def answer(number: int) -> dict[str, Any]:
                while True:
                    item = await heard.receive()
                    message = item.message if isinstance(item, SessionMessage) else None
                    if isinstance(message, JSONRPCResponse) and message.id == number:
                        return message.result

            async def call(number: int) -> dict[str, Any] | None:
                more = {"_meta": {**META, "io.modelcontextprotocol/clientInfo": NAME}} if era == "modern" else {}
                await send(request("tools/call", {"name": "generate_image", "arguments": FOX, **more}, number))
                with anyio.move_on_after(limit()):
                    return (await answer(number))["structuredContent"]
                return None

            if era == "legacy":
                await send(initialize(clientInfo=NAME))
                with in_time(30):
                    await answer(0)
                await send(INITIALIZED)
            yield call


@asynccontextmanager
async def on_posts(values: dict[str, Any]) -> AsyncIterator[Call]:
    """Requests of the modern era, which has no connection: the client goes on reading what it gave up."""
    meta = {**META, "io.modelcontextprotocol/clientInfo": NAME}
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "generate_image",
    }
    async with program("http", values) as dial, httpx2.AsyncClient(timeout=60) as http:
        async with anyio.create_task_group() as group:

            async def call(number: int) -> dict[str, Any] | None:
                params = {"name": "generate_image", "arguments": FOX, "_meta": meta}
                answered, answers = anyio.Event(), list[dict[str, Any]]()

                async def post() -> None:
                    posted = await http.post(dial(), json=request("tools/call", params, number), headers=headers)
                    answers.append(posted.json()["result"]["structuredContent"])
                    answered.set()

                group.start_soon(post)
                with anyio.move_on_after(limit()):
                    await answered.wait()
                return answers[0] if answers else None

            yield call
            group.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("transport", "era"),
    [("stdio", "legacy"), ("http", "legacy"), ("sse", "legacy"), ("stdio", "modern"), ("http", "modern")],
)
async def test_it_pays_once(box: Sandbox, tmp_path: Path, transport: str, era: str) -> None:
    values = values_for(box, tmp_path)
    is_posted = (transport, era) == ("http", "modern")
    async with on_posts(values) if is_posted else on_streams(transport, values, era) as call:
        answers = [await call(number) for number in range(1, 5)]
    assert answers[0] is None
    told = [answer for answer in answers[1:] if answer is not None]
    assert len(told) == 3, "from the second call on it is answered in time"
    assert all(answer["deduplicated"] for answer in told)
    assert len({answer["task_id"] for answer in told}) == 1
    assert len(box.submits()) == 1
