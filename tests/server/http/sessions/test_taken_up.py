"""Sessions that outlive the server that opened them."""

import base64
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.types import Implementation
from support.process import started
from support.program import happens, values_for
from support.sign_in import bearer_of

from apixo_mcp.app import App, open_app
from apixo_mcp.net.uvicorn_server import listen, listening, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.application import web_app
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}
REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
BOTH = {"accept": "application/json, text/event-stream"}


def message(method: str, params: Any = None, number: int | None = 1) -> dict[str, Any]:
    told: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    return told | ({"id": number} if number is not None else {}) | ({"params": params} if params else {})


LIST = message("tools/list")


class Running:
    """The program over HTTP in this process."""

    def __init__(self, app: App, url: str, manager: Any) -> None:
        self.app = app
        self.place = f"{url}/mcp"
        self.manager = manager

    async def opened(self, http: httpx2.AsyncClient, revision: str = "2025-11-25", **headers: str) -> dict[str, str]:
        """Does the handshake; returns the headers of what follows."""
        info = {"name": "claude-ai", "version": "1"}
        hello = {"protocolVersion": revision, "capabilities": {"elicitation": {}}, "clientInfo": info}
        answer = await http.post(self.place, json=message("initialize", hello), headers=BOTH | headers)
        assert answer.status_code == 200
        then = {"mcp-session-id": answer.headers["mcp-session-id"], **headers}
        if revision >= "2025-06-18":
            then["mcp-protocol-version"] = revision
        await http.post(self.place, json=message("notifications/initialized", number=None), headers=BOTH | then)
        return BOTH | then


@asynccontextmanager
async def running(box: Sandbox, folder: Path, idle: float = 1800) -> AsyncIterator[Running]:
    async with open_app(read_settings(**values_for(box, folder))) as app:
        server = build_server(app)
        web, listener = web_app(app, server), listen("127.0.0.1", 0)
        server.session_manager.session_idle_timeout = idle
        async with server.session_manager.run(), listening(web, listener):
            yield Running(app, url_of(listener), server.session_manager)


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=30) as client:
        yield client


@pytest.mark.parametrize("revision", REVISIONS)
async def test_the_next_server_takes_a_session_up(
    box: Sandbox, tmp_path: Path, http: httpx2.AsyncClient, revision: str
) -> None:
    async with running(box, tmp_path) as first:
        known = await first.opened(http, revision)
    async with running(box, tmp_path) as second:
        listed = await http.post(second.place, json=LIST, headers=known)
        assert listed.status_code == 200
        assert '"generate_image"' in listed.text
        assert listed.headers["mcp-session-id"] == known["mcp-session-id"]
        made = await http.post(
            second.place, json=message("tools/call", {"name": "generate_image", "arguments": FOX}), headers=known
        )
    assert '"image"' in made.text, "it no longer knows that this client shows pictures"


async def test_many_requests_at_once_take_a_session_up_once(
    box: Sandbox, tmp_path: Path, http: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(box, tmp_path) as first:
        known = await first.opened(http)
    caplog.set_level(logging.INFO, "mcp.server")
    caplog.clear()
    statuses: list[int] = []
    async with running(box, tmp_path) as second, anyio.create_task_group() as group:

        async def ask(number: int) -> None:
            told = message("tools/list", number=number)
            statuses.append((await http.post(second.place, json=told, headers=known)).status_code)

        for number in range(8):
            group.start_soon(ask, number)
    assert statuses == [200] * 8
    assert caplog.text.count("Created new transport") == 1


async def test_a_stream_that_is_asked_for_again_begins_anew(
    box: Sandbox, tmp_path: Path, http: httpx2.AsyncClient
) -> None:
    async with running(box, tmp_path) as first:
        known = await first.opened(http)
    async with running(box, tmp_path) as second:
        stream = {**known, "accept": "text/event-stream", "last-event-id": "7"}
        async with http.stream("GET", second.place, headers=stream) as heard:
            assert heard.status_code == 200
            assert heard.headers["content-type"].startswith("text/event-stream")
            assert heard.headers["mcp-session-id"] == known["mcp-session-id"]


async def test_a_session_that_was_silent_for_long_is_taken_up(
    box: Sandbox, tmp_path: Path, http: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mcp.server")
    async with running(box, tmp_path, idle=0.05) as server:
        known = await server.opened(http)
        await happens(lambda: "idle timeout" in caplog.text)
        server.manager.session_idle_timeout = 1800
        assert (await http.post(server.place, json=LIST, headers=known)).status_code == 200


async def test_a_session_that_its_client_ended_is_not_there(
    box: Sandbox, tmp_path: Path, http: httpx2.AsyncClient
) -> None:
    async with running(box, tmp_path) as server:
        known = await server.opened(http)
        assert (await http.delete(server.place, headers=known)).status_code == 200
        answer = await http.post(server.place, json=LIST, headers=known)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "Session not found"


async def test_a_session_that_was_ended_is_so_everywhere_and_stays_so(
    box: Sandbox, tmp_path: Path, http: httpx2.AsyncClient
) -> None:
    async with running(box, tmp_path) as one, running(box, tmp_path) as two:
        known, other = await one.opened(http), await one.opened(http)
        assert (await http.post(two.place, json=LIST, headers=known)).status_code == 200, "both have it"
        assert (await http.delete(one.place, headers=known)).status_code == 200
        for server in (two, one):
            for method in ("POST", "GET", "DELETE"):
                answer = await http.request(method, server.place, json=LIST, headers=known)
                assert answer.status_code == 404, method
    async with running(box, tmp_path) as later:
        assert (await http.post(later.place, json=LIST, headers=known)).status_code == 404
        assert (await http.post(later.place, json=LIST, headers=other)).status_code == 200
        nonce = json.loads(base64.urlsafe_b64decode(known["mcp-session-id"].split(".")[0] + "=="))["no"]
    assert nonce.encode() not in (tmp_path / "home" / "tasks.sqlite3").read_bytes(), "an id is as good as a key"


async def test_another_owner_does_not_find_a_session(box: Sandbox, tmp_path: Path, http: httpx2.AsyncClient) -> None:
    async with running(box, tmp_path) as first:
        headers = {name: await bearer_of(first.app, Owner(name)) for name in ("alice", "bob")}
        known = await first.opened(http, **headers["alice"])
    async with running(box, tmp_path) as second:
        for name, status in (("bob", 404), ("alice", 200), ("bob", 404)):
            answer = await http.post(second.place, json=LIST, headers=known | headers[name])
            assert answer.status_code == status, name


async def test_a_foreign_id_is_not_found(box: Sandbox, tmp_path: Path, http: httpx2.AsyncClient) -> None:
    async with running(box, tmp_path / "other") as other:
        foreign = (await other.opened(http))["mcp-session-id"]
    async with running(box, tmp_path) as server:
        known = await server.opened(http)
        own = known["mcp-session-id"]
        for wrong in (foreign, own[:-1], own + "x", "0" * 32, "."):
            for method in ("POST", "GET", "DELETE"):
                headers = known | {"mcp-session-id": wrong}
                answer = await http.request(method, server.place, json=LIST, headers=headers)
                assert answer.status_code == 404, (method, wrong)
        assert (await http.post(server.place, json=LIST, headers=known)).status_code == 200


@pytest.mark.process
async def test_a_client_notices_nothing_of_a_restart(box: Sandbox, tmp_path: Path) -> None:
    with started(box, tmp_path) as first:
        port = first.url.rpartition(":")[2]
        info = Implementation(name="claude-ai", version="1")
        async with Client(f"{first.url}/mcp", mode="legacy", client_info=info) as client:
            made = await client.call_tool("generate_image", FOX)
            first.end()
            await anyio.to_thread.run_sync(first.ended)
            with started(box, tmp_path, "--transport", "http", "--port", port):
                tools = await client.list_tools()
                assert made.structured_content is not None
                again = await client.call_tool("check_task", {"task_id": made.structured_content["task_id"]})
    assert "generate_image" in [tool.name for tool in tools.tools]
    assert [block.type for block in again.content] == ["text", "image", "resource_link"]
    assert len(box.submits()) == 1
