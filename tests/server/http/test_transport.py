"""What is particular to HTTP: who is let in, one program behind every connection, and how it ends."""

import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from click.testing import CliRunner
from mcp import Client
from mcp.client.sse import sse_client
from mcp.types import Implementation
from support.amounts import here, in_time
from support.process import started
from support.program import happens, told_once, values_for
from support.sign_in import bearer, let_in

from apixo_mcp import __version__
from apixo_mcp.app import open_app
from apixo_mcp.cli.program import program
from apixo_mcp.errors import SettingsError
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import listen_on, serving
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import LOCAL, Owner

pytestmark = pytest.mark.anyio

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are POSIX")
linux_only = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads /proc")

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}
ALICE = Owner("alice")
WITHIN = 30.0  # two seconds are meant; machines that are shared and busy stretch them


@pytest.fixture
async def url(box: Sandbox, tmp_path: Path) -> AsyncIterator[str]:
    """The program over HTTP, in this process."""
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        listener = listen("127.0.0.1", 0)
        async with serving(app, build_server(app), listener):
            yield url_of(listener)


def client_of(url: str, path: str, mode: str = "auto") -> Client:
    target = f"{url}/mcp" if path == "/mcp" else sse_client(f"{url}/sse")
    return Client(target, mode=mode, client_info=Implementation(name="claude-ai", version="1"))


async def structure(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    assert answer.structured_content is not None
    return answer.structured_content


async def test_health_tells_the_version(url: str) -> None:
    async with httpx2.AsyncClient(timeout=60) as http:
        answer = await http.get(f"{url}/healthz")
    assert answer.json() == {"status": "ok", "version": __version__}


STRANGE = [
    ("host", "evil.example", 421),
    ("host", "127.0.0.1.evil.example:80", 421),
    ("host", "localhost.evil.example", 421),
    ("origin", "http://evil.example", 403),
    ("origin", "http://localhost.evil.example", 403),
    ("origin", "null", 403),
]


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/", "/healthz"])
async def test_a_page_of_a_strange_name_is_refused(url: str, path: str) -> None:
    async with httpx2.AsyncClient(timeout=60) as http:
        for method in ("GET", "POST"):
            for header, value, status in STRANGE:
                told = {header: value, "content-type": "application/json"}
                answer = await http.request(method, url + path, headers=told)
                assert answer.status_code == status, (method, header, value)


async def test_a_page_of_this_machine_is_let_in(url: str) -> None:
    async with httpx2.AsyncClient(timeout=60) as http:
        for origin in ("http://localhost:6274", "http://127.0.0.1:5173", "http://[::1]:80"):
            async with http.stream("GET", f"{url}/sse", headers={"origin": origin}) as answer:
                assert answer.status_code == 200, origin


NO_MESSAGES = {
    b"hello": (None, -32700),
    b"[" * 1_000_000: (None, -32700),
    b"5": (None, -32600),
    b"[]": (None, -32600),
    b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]': (None, -32600),
    b'{"jsonrpc": "2.0", "id": 3, "method": 7}': (3, -32600),
    b'{"jsonrpc": "2.0", "id": null, "method": "ping"}': (None, -32600),
}
"""Bodies that are no message, with the id and the code of their answers."""


@pytest.mark.parametrize("path", ["/mcp", "/messages/"])
@pytest.mark.parametrize("revision", ["", "2025-03-26", "2025-11-25", "2026-07-28"])
async def test_a_body_that_is_no_message_is_answered(url: str, path: str, revision: str) -> None:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    headers |= {"mcp-protocol-version": revision} if revision else {}
    async with httpx2.AsyncClient(timeout=30) as http:
        for body, (number, code) in NO_MESSAGES.items():
            answer = await http.post(url + path, content=body, headers=headers)
            assert answer.status_code == 400
            assert (answer.json()["id"], answer.json()["error"]["code"]) == (number, code), body[:40]


async def test_a_stream_has_no_head(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with httpx2.AsyncClient(timeout=60) as http:
        answer = await http.head(f"{url}/sse")
    assert answer.status_code == 405
    assert caplog.records == []


async def test_the_other_side_of_this_machine_is_served_too(box: Sandbox, tmp_path: Path) -> None:
    try:
        listener = listen("::1", 0)
    except SettingsError:
        pytest.skip("this machine has no IPv6")
    url = url_of(listener)
    async with (
        open_app(read_settings(**values_for(box, tmp_path))) as app,
        serving(app, build_server(app), listener),
        client_of(url, "/mcp") as client,
    ):
        assert client.server_info is not None
        assert client.server_info.name == "apixo-mcp"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_others_are_not_served_while_nobody_can_sign_in(host: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("APIXO_MCP_HOME", str(tmp_path))
    done = CliRunner().invoke(program, ["serve", "--transport", "http", "--host", host, "--port", "0"])
    assert done.exit_code == 1
    assert "nobody can sign in yet" in done.stderr
    assert f"--host {host}" in done.stderr


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7", "no-such-host.invalid"])
def test_an_address_that_is_not_this_machines_is_told(host: str) -> None:
    done = CliRunner().invoke(program, ["serve", "--transport", "http", "--host", host, "--port", "0"])
    assert done.exit_code == 1
    assert f"{host} port 0 cannot be listened on" in done.stderr
    assert "an address of this machine" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "0.0.0.0", "::"])
def test_an_address_to_listen_on(host: str) -> None:
    with listen_on(host, 0) as listener:
        url = url_of(listener)
        port = listener.getsockname()[1]
        assert url == f"http://{'[::1]' if ':' in host else '127.0.0.1'}:{port}"
        with socket.create_connection(("::1" if ":" in host else "127.0.0.1", port), 30):
            pass
        if host == "::":
            with socket.create_connection(("127.0.0.1", port), 30):
                pass


@pytest.mark.parametrize("public", ["http://team.example", "http://10.0.0.7/apixo"])
def test_a_public_url_in_the_clear_is_refused(public: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("APIXO_MCP_PUBLIC_URL", public)
    done = CliRunner().invoke(program, ["serve", "--transport", "http", "--port", "0"])
    assert done.exit_code == 1
    assert "APIXO_MCP_PUBLIC_URL must start with https://" in done.stderr


@pytest.mark.process
@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_with_an_owner_others_are_served(box: Sandbox, tmp_path: Path, host: str) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        await let_in(app, ALICE)
    with started(box, tmp_path, "--transport", "http", "--host", host) as server:
        async with httpx2.AsyncClient(timeout=60) as http:
            assert (await http.get(f"{server.url}/sse")).status_code == 401
            async with http.stream("GET", f"{server.url}/sse", headers=bearer(ALICE)) as heard:
                assert heard.status_code == 200


def test_a_port_that_is_taken_is_told() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(program, ["serve", "--transport", "sse", "--port", port])
    assert done.exit_code == 1
    assert f"port {port} cannot be listened on" in done.stderr
    assert "Choose another port." in done.stderr


def test_answers_are_not_held_back_by_nagle() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("era", ["auto", "legacy"])
@pytest.mark.parametrize(("first", "second"), [("/mcp", "/sse"), ("/sse", "/mcp")])
async def test_a_job_of_one_transport_is_seen_over_the_other(url: str, first: str, second: str, era: str) -> None:
    async with client_of(url, first, era) as one, client_of(url, second, era) as other:
        made = await structure(one, "generate_image", **{**FOX, "wait_seconds": 0})
        seen = await structure(other, "check_task", task_id=made["task_id"], wait_seconds=20)
    assert seen["state"] == "success"


@pytest.mark.parametrize("path", ["/mcp", "/sse"])
@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_task_outlives_the_connection_that_asked_for_it(url: str, box: Sandbox, path: str, era: str) -> None:
    with anyio.CancelScope() as connection:
        async with client_of(url, path, era) as client, anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "generate_image", {**FOX, "prompt": "a fox [took:0.5]"})
            await submitted(box)
            connection.cancel()
    async with client_of(url, path, era) as client:
        found = (await structure(client, "list_tasks"))["tasks"]
        ended = await structure(client, "check_task", task_id=found[0]["task_id"], wait_seconds=20)
    assert len(found) == 1
    assert ended["state"] == "success"
    assert ended["results"][0]["file"] == "saved"
    assert len(box.submits()) == 1


async def submitted(box: Sandbox) -> None:
    """Returns once the sandbox has seen a submit."""
    await happens(lambda: bool(box.submits()))


async def test_sse_alone_serves_no_streamable_http(box: Sandbox, tmp_path: Path) -> None:
    listener = listen("127.0.0.1", 0)
    url = url_of(listener)
    async with (
        open_app(read_settings(**values_for(box, tmp_path))) as app,
        serving(app, build_server(app), listener, streamable=False),
        httpx2.AsyncClient(timeout=60) as http,
    ):
        assert (await http.post(f"{url}/mcp", json={})).status_code == 404
        assert (await http.get(f"{url}/healthz")).status_code == 200
        async with client_of(url, "/sse") as client:
            assert len((await client.list_tools()).tools) == 11


@asynccontextmanager
async def open_streams(url: str) -> AsyncIterator[None]:
    """Connections of every kind, each with a stream that the server holds open."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(timeout=60))
        await stack.enter_async_context(http.stream("GET", f"{url}/sse"))
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
        both = {"accept": "application/json, text/event-stream"}
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        greeted = await http.post(f"{url}/mcp", json=message, headers=both)
        session = {"mcp-session-id": greeted.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
        await stack.enter_async_context(http.stream("GET", f"{url}/mcp", headers=both | session))
        modern = {"mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen"}
        prefix = "io.modelcontextprotocol/"
        meta = {f"{prefix}protocolVersion": "2026-07-28", f"{prefix}clientCapabilities": {}}
        asked = {"_meta": meta, "notifications": {"resourcesListChanged": True}}
        message = {"jsonrpc": "2.0", "id": 2, "method": "subscriptions/listen", "params": asked}
        heard = await stack.enter_async_context(http.stream("POST", f"{url}/mcp", json=message, headers=both | modern))
        assert heard.status_code == 200
        yield


@pytest.mark.process
@linux_only
async def test_every_connection_shares_one_store(box: Sandbox, tmp_path: Path) -> None:
    with started(box, tmp_path) as server:
        async with client_of(server.url, "/mcp") as client:
            await structure(client, "list_tasks")
        opened = server.stores()  # what only looks has a connection of its own, from the first look on
        assert len(opened) >= 1
        async with AsyncExitStack() as stack:
            for path in ("/mcp", "/sse", "/sse"):
                for era in ("auto", "legacy"):
                    client = await stack.enter_async_context(client_of(server.url, path, era))
                    await structure(client, "list_tasks")
            assert server.stores() == opened
        async with client_of(server.url, "/sse") as client:  # which is still there once the others are gone
            assert (await structure(client, "generate_image", **FOX))["state"] == "success"
        assert server.stores() == opened


@pytest.mark.process
@posix_only
async def test_it_ends_in_time_with_connections_open(box: Sandbox, tmp_path: Path) -> None:
    with started(box, tmp_path) as server:
        async with open_streams(server.url):
            began = time.monotonic()
            server.end()
            code, said = await anyio.to_thread.run_sync(server.ended)
        assert time.monotonic() - began < here(WITHIN)
        assert code == 0
        assert "Traceback" not in said


@pytest.mark.process
@posix_only
async def test_a_submit_under_way_is_finished_before_the_end(box: Sandbox, tmp_path: Path) -> None:
    slow = {"model": "nano-banana", "prompt": "a fox [slow-submit:2.5] [never]", "wait_seconds": 0}
    with started(box, tmp_path) as server:
        async with client_of(server.url, "/mcp") as client:
            made = await structure(client, "generate_image", **slow)
            await submitted(box)
        server.end()
        code, _ = await anyio.to_thread.run_sync(server.ended)
    assert code == 0
    async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        task = await app.service.find(LOCAL, made["task_id"])
    assert task.remote_id
    assert task.state == "pending"
    assert len(box.submits()) == 1


@pytest.mark.process
@posix_only
async def test_it_says_where_it_is_and_keeps_keys_and_requests_to_itself(box: Sandbox, tmp_path: Path) -> None:
    with started(box, tmp_path, "--transport", "http") as server:
        assert server.said == f"apixo-mcp: serving at {server.url}/mcp and {server.url}/sse\n"
        async with client_of(server.url, "/mcp") as client:
            await structure(client, "generate_image", **FOX)
        server.end(signal.SIGINT)
        code, said = await anyio.to_thread.run_sync(server.ended)
    assert (code, said) == (0, "")


@pytest.mark.process
@posix_only
async def test_with_a_sandbox_it_needs_no_key_and_leaves_a_teams_places_alone(box: Sandbox, tmp_path: Path) -> None:
    team: dict[str, Any] = {"database_url": "postgresql://team@127.0.0.1:1/team", "results": "s3://team/pictures"}
    with started(box, tmp_path, "--transport", "sse", "--sandbox", **team) as server:
        assert server.said == f"apixo-mcp: serving at {server.url}/sse\n"
        async with client_of(server.url, "/sse") as client:
            made = await structure(client, "generate_image", **{**FOX, "wait_seconds": 0})
            made = await told_once(client, made, lambda answer: "remote_id" in answer)
        server.end()
        code, said = await anyio.to_thread.run_sync(server.ended)
    assert made["remote_id"]
    assert code == 0
    (own,) = said.splitlines()
    places = f"APIXO_MCP_DATABASE_URL= APIXO_MCP_HOME={tmp_path / 'home' / 'sandbox'}"
    assert f"tasks and owners of its own: {places} apixo-mcp owners add" in own
    assert box.submits() == []


@pytest.mark.parametrize("prompt", ["a fox [never]", "a fox [took:0]"], ids=["waiting", "answering"])
async def test_a_dropped_connection_leaves_its_task_to_the_same_call(box: Sandbox, tmp_path: Path, prompt: str) -> None:
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
    info = {"name": "claude-ai", "version": "1"}
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
    arguments = {**FOX, "prompt": prompt, "wait_seconds": 30}
    another = object()

    def message(number: int, method: str, params: Any) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}

    listener = listen("127.0.0.1", 0)
    place = f"{url_of(listener)}/mcp"
    async with (
        open_app(read_settings(**values_for(box, tmp_path))) as app,
        serving(app, build_server(app), listener),
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
    ):
        greeted = await http.post(place, json=message(0, "initialize", hello))
        http.headers["mcp-session-id"] = greeted.headers["mcp-session-id"]
        await http.post(place, json={"jsonrpc": "2.0", "method": "notifications/initialized"})

        async def answer_is(wanted: str) -> None:
            with in_time(10):
                while True:
                    tasks = await app.store.page(LOCAL)
                    is_there = "[took" not in prompt or (tasks and tasks[0].is_settled)
                    if is_there and [task.answer for task in tasks] == [wanted]:
                        break
                    await anyio.sleep(0.02)

        # Another picture is being made small: an answer that is ready waits for its own.
        await app.previews.for_answers.acquire_on_behalf_of(another)
        async with anyio.create_task_group() as group:
            call = message(1, "tools/call", {"name": "generate_image", "arguments": arguments})
            group.start_soon(partial(http.post, place, json=call))
            await answer_is("awaited")
            group.cancel_scope.cancel()  # the line is cut
        await answer_is("lost")
        app.previews.for_answers.release_on_behalf_of(another)
        call = message(2, "tools/call", {"name": "generate_image", "arguments": arguments | {"wait_seconds": 0}})
        again = await http.post(place, json=call)
        await answer_is("given")
    assert "deduplicated" in again.text
    assert len(box.submits()) == 1
