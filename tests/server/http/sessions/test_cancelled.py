"""What a client hears of a request that it has cancelled."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.server.streamable_http import REQUEST_CANCELLED
from starlette.types import Message
from support.program import happens, values_for

from apixo_mcp.app import open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.sessions.cancelled import without_cancelled
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

BOTH = {"accept": "application/json, text/event-stream"}
INFO = {"name": "claude-ai", "version": "1"}
WAITING = {
    "name": "generate_image",
    "arguments": {"model": "nano-banana", "prompt": "a fox [never]", "wait_seconds": 50},
}


@pytest.fixture
async def place(box: Sandbox, tmp_path: Path) -> AsyncIterator[str]:
    listener = listen("127.0.0.1", 0)
    async with open_app(read_settings(**values_for(box, tmp_path))) as app, serving(app, build_server(app), listener):
        yield f"{url_of(listener)}/mcp"


@pytest.mark.parametrize("revision", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_the_stream_of_a_cancelled_request_ends_without_an_answer(
    box: Sandbox, place: str, revision: str
) -> None:
    def message(number: int | None, method: str, params: Any = None) -> dict[str, Any]:
        told = {"jsonrpc": "2.0", "method": method, "params": params or {}}
        return told if number is None else told | {"id": number}

    async with httpx2.AsyncClient(timeout=30, headers=BOTH) as http:
        hello = {"protocolVersion": revision, "capabilities": {}, "clientInfo": INFO}
        greeted = await http.post(place, json=message(0, "initialize", hello))
        http.headers["mcp-session-id"] = greeted.headers["mcp-session-id"]
        await http.post(place, json=message(None, "notifications/initialized"))
        heard: list[str] = []
        async with anyio.create_task_group() as group:

            async def call() -> None:
                heard.append((await http.post(place, json=message(1, "tools/call", WAITING))).text)

            group.start_soon(call)
            await happens(lambda: bool(box.submits() or heard))
            assert not heard
            await http.post(place, json=message(None, "notifications/cancelled", {"requestId": 1}))
        listed = await http.post(place, json=message(2, "tools/list"))
    assert heard == [""]
    assert '"generate_image"' in listed.text


async def test_only_what_says_that_a_request_was_cancelled_is_kept_back() -> None:
    sent: list[bytes] = []

    async def send(message: Message) -> None:
        sent.append(message["body"])

    def event(message: object) -> bytes:
        return f"event: message\r\ndata: {json.dumps(message, separators=(',', ':'))}\r\n\r\n".encode()

    about = {"code": REQUEST_CANCELLED, "message": "Request cancelled"}
    others = (
        event({"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": {"error": about}}}),
        event({"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": json.dumps(about)}}),
        event({"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "data": about, "message": ""}}),
        b': ping "code":-32800',
        b'data: "code":-32800\r\n\r\n',
        b'data: ["code":-32800',
    )
    keep = without_cancelled(send)
    for body in (event({"jsonrpc": "2.0", "id": 1, "error": about}), *others):
        await keep({"type": "http.response.body", "body": body, "more_body": True})
    assert sent == [b"", *others]
