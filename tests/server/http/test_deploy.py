"""A deploy: the old server ends while calls wait and streams are open, the next one goes on, and nothing is lost."""

import json
import os
import socket
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import TaskStatus
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, Implementation
from support.amounts import here
from support.process import started
from support.program import happens, structure, told_once, values_for
from support.sign_in import bearer, let_in
from support.switch import switching

from apixo_mcp.app import open_app
from apixo_mcp.net.inherited import inherited_listener
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner

pytestmark = pytest.mark.anyio

ALICE = Owner("alice")
INFO = Implementation(name="claude-ai", version="1")
WITHIN = 5.0
SLOW = {"model": "nano-banana", "prompt": "a fox [took:4]", "wait_seconds": 40}
OWL = {"model": "nano-banana", "prompt": "an owl [took:0]", "wait_seconds": 20}


class Called:
    """A call that waits for its answer."""

    def __init__(self, client: Client, arguments: dict[str, Any]) -> None:
        self._client, self._arguments = client, arguments
        self.answer: CallToolResult | None = None

    async def run(self) -> None:
        self.answer = await self._client.call_tool("generate_image", self._arguments)

    def structure(self) -> dict[str, Any]:
        assert self.answer is not None
        return structure(self.answer)


@pytest.mark.parametrize("path", ["/mcp", "/sse"])
async def test_a_call_that_waits_is_answered_when_the_server_ends(
    box: Sandbox, tmp_path: Path, era: str, path: str
) -> None:
    over = anyio.Event()

    async def serve(*, task_status: TaskStatus[str]) -> None:
        listener = listen("127.0.0.1", 0)
        async with serving(app, build_server(app), listener):
            task_status.started(url_of(listener) + path)
            await over.wait()
            began = time.monotonic()
        assert time.monotonic() - began < here(WITHIN)

    async with open_app(read_settings(**values_for(box, tmp_path))) as app, anyio.create_task_group() as group:
        url = await group.start(serve)
        async with Client(url if path == "/mcp" else sse_client(url), mode=era, client_info=INFO) as client:
            await client.list_tools()  # by which it reads the answer
            call = Called(client, {**SLOW, "prompt": "a fox [never]"})
            async with anyio.create_task_group() as calls:
                calls.start_soon(call.run)
                await happens(lambda: len(box.looks()) >= 1)
                over.set()
        made = call.structure()
        assert made["state"] in ("pending", "processing")
        assert made["next_step"]


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are POSIX")
async def test_it_ends_in_time_whatever_is_under_way(box: Sandbox, tmp_path: Path, era: str) -> None:
    with started(box, tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
        async with (
            Client(f"{server.url}/mcp", mode=era, client_info=INFO) as client,
            httpx2.AsyncClient(timeout=60) as http,
            http.stream("GET", f"{server.url}/sse") as stream,
            await anyio.connect_tcp("127.0.0.1", port) as upload,
        ):
            assert stream.status_code == 200
            head = (
                "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n"
            )
            await upload.send(head.encode() + b"{")
            await client.list_tools()  # by which it reads the answer
            call = Called(client, {**SLOW, "prompt": "a fox [never]"})
            async with anyio.create_task_group() as group:
                group.start_soon(call.run)
                await happens(lambda: len(box.looks()) >= 1)
                began = time.monotonic()
                server.end()
                code, said = await anyio.to_thread.run_sync(server.ended)
                assert time.monotonic() - began < here(WITHIN)
                assert (code, said) == (0, "")
    assert call.structure()["state"] in ("pending", "processing")


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are POSIX")
async def test_nothing_is_lost_in_a_deploy(box: Sandbox, tmp_path: Path, era: str) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        await let_in(app, ALICE)
    async with AsyncExitStack() as stack:
        first = stack.enter_context(started(box, tmp_path))
        switch = await stack.enter_async_context(switching())
        switch.to = first.url
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=bearer(ALICE), timeout=60))
        wire = streamable_http_client(f"{switch.url}/mcp", http_client=http)
        client = await stack.enter_async_context(Client(wire, mode=era, client_info=INFO))
        before = structure(await client.call_tool("generate_image", OWL))
        second = stack.enter_context(started(box, tmp_path))
        call = Called(client, SLOW)
        async with anyio.create_task_group() as group:
            group.start_soon(call.run)
            looks = len(box.looks())
            await happens(lambda: len(box.submits()) == 2 and len(box.looks()) > looks)
            switch.to = second.url
            first.end()
            assert (await anyio.to_thread.run_sync(first.ended))[0] == 0
        made = call.structure()
        done = await told_once(client, made, has_ended)
        assert done["state"] == "success"
        for task in (before, done):
            answer = await client.call_tool("check_task", {"task_id": task["task_id"]})
            kinds = [block.type for block in answer.content]
            assert kinds == ["text", "image", "resource_link"], "who the client is, is known still"
        again = structure(await client.call_tool("generate_image", OWL))
        assert again["state"] == "success"
    assert len(box.submits()) == 3


def has_ended(answer: dict[str, Any]) -> bool:
    return answer["state"] in ("success", "failed")


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="systemd is not there")
async def test_who_connects_between_two_servers_is_served_by_the_next_one(box: Sandbox, tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as held:
        url = url_of(held)
        with started(box, tmp_path, held=held) as old:
            assert old.url == url
            old.end()
            old.ended()
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}).encode()
        head = f"POST /mcp HTTP/1.1\r\nHost: {url.removeprefix('http://')}\r\nContent-Length: {len(body)}\r\n"
        head += "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\r\n"
        with socket.create_connection(held.getsockname()) as waiting:
            waiting.sendall(head.encode() + body)
            with started(box, tmp_path, held=held):
                answer = waiting.recv(100)
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_socket_that_is_meant_for_another_process_is_left_alone() -> None:
    assert inherited_listener({"LISTEN_PID": "1", "LISTEN_FDS": "1"}) is None
    assert inherited_listener({}) is None


@pytest.mark.skipif(sys.platform == "win32", reason="systemd is not there")
def test_several_sockets_are_refused_with_the_reason() -> None:
    variables = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"}
    with pytest.raises(ValueError, match="one ListenStream is served"):
        inherited_listener(variables)
    assert not variables, "a child of this process has no such socket"
