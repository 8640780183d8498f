"""Who gets in over HTTP, and what is said to those who do not."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from support.program import happens, text_of, values_for
from support.sign_in import bearer_of

from apixo_mcp.app import App, open_app
from apixo_mcp.errors import SettingsError
from apixo_mcp.net.uvicorn_server import listen, listening, url_of
from apixo_mcp.owners.entrance import Entrance, Guest
from apixo_mcp.owners.grants import Grant
from apixo_mcp.owners.store import EntryKind, SignInEntry
from apixo_mcp.owners.tokens import new_token, secret_hash
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.application import web_app
from apixo_mcp.server.http.limits import HttpLimits
from apixo_mcp.server.http.paths import BY_SECRET, OPEN, PAGES, is_beneath
from apixo_mcp.server.http.transport import check_reach, serving
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner, Scope
from apixo_mcp.telemetry.logs import AUDIT

pytestmark = pytest.mark.anyio

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
BOTH = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-03-26"}
FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}
ALICE, READER = Owner("alice", Scope.GENERATE), Owner("reader", Scope.READ)

PASSED_ON = [
    {"x-forwarded-for": "203.0.113.7"},
    {"x-forwarded-host": "apixo.example"},
    {"x-forwarded-proto": "https"},
    {"forwarded": "for=203.0.113.7"},
    {"x-real-ip": "203.0.113.7"},
    {"via": "1.1 caddy"},
    {"cf-connecting-ip": "203.0.113.7", "cf-ray": "1"},
    {"cdn-loop": "cloudflare"},
    {"ngrok-trace-id": "1"},
    {"tailscale-user-login": "a@b.example"},
]
"""What a proxy or a tunnel on this very machine sends along."""


@dataclass
class Served:
    """The program over HTTP in this process."""

    app: App
    url: str
    http: httpx2.AsyncClient

    async def asks(self, *, path: str = "/mcp", **headers: str) -> httpx2.Response:
        """Lists the tools."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(self.url + path, json=LIST, headers=BOTH | named)


@pytest.fixture
def given() -> dict[str, Any]:
    return {}


@pytest.fixture
async def served(box: Sandbox, tmp_path: Path, given: dict[str, Any]) -> AsyncIterator[Served]:
    async with open_app(read_settings(**values_for(box, tmp_path) | given)) as app:
        listener = listen("127.0.0.1", 0)
        url = url_of(listener)
        async with serving(app, build_server(app), listener), httpx2.AsyncClient(timeout=30) as http:
            yield Served(app, url, http)


def challenge_of(answer: httpx2.Response) -> dict[str, str]:
    kind, _, rest = answer.headers["www-authenticate"].partition(" ")
    assert kind == "Bearer"
    return {name: value.strip('"') for name, _, value in (part.partition("=") for part in rest.split(", "))}


async def test_this_machine_gets_in_while_there_is_nobody_else(served: Served) -> None:
    opened = await served.http.post(served.url + "/mcp", json=LIST, headers=BOTH)
    assert opened.status_code != 401
    async with Client(f"{served.url}/mcp") as client:
        assert (await client.list_tools()).tools


@pytest.mark.parametrize("headers", PASSED_ON, ids=lambda headers: next(iter(headers)))
async def test_a_proxy_or_a_tunnel_on_the_same_machine_is_no_neighbour(served: Served, headers: dict[str, str]) -> None:
    for path in ("/mcp", "/sse", "/messages/?session_id=0", "/metrics", "/nowhere"):
        answer = await served.http.request("POST", served.url + path, json=LIST, headers=BOTH | headers)
        assert answer.status_code == 401, path


async def test_an_older_proxy_is_no_neighbour_either(served: Served) -> None:
    """As nginx speaks to what is behind it, where nothing more is set: its own name for it, and no header."""
    host, _, port = served.url.removeprefix("http://").partition(":")
    async with await anyio.connect_tcp(host, int(port)) as stream:
        await stream.send(f"POST /mcp HTTP/1.0\r\nHost: {host}:{port}\r\nContent-Length: 0\r\n\r\n".encode())
        assert b" 401 " in await stream.receive()


async def test_from_the_first_owner_on_nobody_gets_in_without_a_token(served: Served) -> None:
    bearer = await bearer_of(served.app, ALICE)
    assert (await served.asks()).status_code == 401
    await served.app.owners.revoke("alice")
    assert (await served.asks()).status_code == 401
    assert (await served.asks(**bearer)).status_code == 401


async def test_what_is_open_needs_no_token(served: Served) -> None:
    await bearer_of(served.app, ALICE)
    assert (await served.http.get(f"{served.url}/healthz")).status_code == 200
    assert (await served.http.get(f"{served.url}/healthzz")).status_code == 401
    assert (await served.http.get(f"{served.url}/.well-known/../mcp")).status_code == 401


async def test_the_challenge_says_how_to_sign_in(served: Served) -> None:
    await bearer_of(served.app, ALICE)
    metadata = f"{served.url}/.well-known/oauth-protected-resource"
    without = await served.asks()
    assert challenge_of(without) == {"resource_metadata": f"{metadata}/mcp", "scope": "read generate"}
    wrong = challenge_of(await served.asks(authorization="Bearer amt_wrong"))
    assert wrong.pop("error_description")
    assert wrong == {
        "error": "invalid_token",
        "resource_metadata": f"{metadata}/mcp",
        "scope": "read generate",
    }
    assert challenge_of(await served.http.get(f"{served.url}/sse"))["resource_metadata"] == f"{metadata}/sse"


NO_TOKENS = ["Bearer", "Basic YTpi", "amt_x", "Bearer amt_" + "a" * 9000, "Bearer a.b.c", "Bearer \xff", "bearer null"]


@pytest.mark.parametrize("authorization", NO_TOKENS)
async def test_what_is_no_token_lets_nobody_in(served: Served, authorization: str) -> None:
    await bearer_of(served.app, ALICE)
    answer = await served.http.post(
        f"{served.url}/mcp", json=LIST, headers=[(b"authorization", authorization.encode("latin-1"))]
    )
    assert answer.status_code == 401


async def test_a_refused_token_is_told_of_and_never_shown(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    await bearer_of(served.app, ALICE)
    caplog.set_level(logging.INFO, AUDIT)
    token = new_token()
    await served.asks(authorization=f"Bearer {token}", path="/messages/secret")
    assert "refused a sign-in: path='/messages' status=401 reason='invalid_token' address='127.0.0.1'" in caplog.text
    assert token not in caplog.text


async def test_no_guess_of_a_token_gets_in(served: Served) -> None:
    bearer = await bearer_of(served.app, ALICE)
    good = bearer["authorization"].removeprefix("Bearer ")
    entrance = Entrance(served.app.owners, served.app.sign_ins)
    near = [good[:-1], good + "a", good.upper(), good[4:], good[:-1] + "~"]
    guesses = [*near, *(new_token() for _ in range(10_000))]
    let_in = [guess for guess in guesses if isinstance(await entrance.guest_of(guess, ()), Guest)]
    assert let_in == []
    guest = await entrance.guest_of(good, ())
    assert isinstance(guest, Guest)
    assert guest.owner == ALICE


@pytest.mark.parametrize("era", ["auto", "legacy"])
@pytest.mark.parametrize("path", ["/mcp", "/sse"])
async def test_an_owner_does_their_job_with_a_token(served: Served, era: str, path: str) -> None:
    headers = await bearer_of(served.app, ALICE)
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        way = streamable_http_client(f"{served.url}/mcp", http_client=http)
        target = way if path == "/mcp" else sse_client(f"{served.url}/sse", headers=headers)
        async with Client(target, mode=era) as client:
            made = await client.call_tool("generate_image", FOX)
    assert not made.is_error
    assert [task.owner for task in await served.app.service.page(ALICE)] == ["alice"]


CALLS = [
    ("generate_image", FOX, 403),
    ("cancel_task", {"task_id": "tsk_" + "a" * 26}, 403),
    ("check_task", {"task_id": "tsk_" + "a" * 26}, 200),
    ("list_tasks", {}, 200),
]


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize(("tool", "arguments", "status"), CALLS, ids=[call[0] for call in CALLS])
async def test_a_tool_that_a_scope_does_not_cover_is_403_on_that_call(
    served: Served, box: Sandbox, revision: str, tool: str, arguments: dict[str, Any], status: int
) -> None:
    headers = await bearer_of(served.app, READER) | BOTH | {"mcp-protocol-version": revision}
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    if revision == "2026-07-28":
        prefix = "io.modelcontextprotocol/"
        params["_meta"] = {f"{prefix}protocolVersion": revision, f"{prefix}clientCapabilities": {}}
        headers |= {"mcp-method": "tools/call", "mcp-name": tool}
    else:
        info = {"name": "raw", "version": "1"}
        hello = {"protocolVersion": revision, "capabilities": {}, "clientInfo": info}
        opening = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}
        opened = await served.http.post(f"{served.url}/mcp", json=opening, headers=headers)
        headers["mcp-session-id"] = opened.headers["mcp-session-id"]
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    answer = await served.http.post(f"{served.url}/mcp", json=call, headers=headers)
    assert answer.status_code == status, answer.text
    if status == 403:
        told = challenge_of(answer)
        assert (told["error"], told["scope"]) == ("insufficient_scope", "read generate")
        assert answer.json()["id"] == 1
        assert "this needs the scope generate" in answer.json()["error"]["message"], "clients show no other body"
    assert box.submits() == []


async def test_over_sse_it_is_an_error_of_the_tool(served: Served, box: Sandbox) -> None:
    headers = await bearer_of(served.app, READER)
    async with Client(sse_client(f"{served.url}/sse", headers=headers)) as client:
        answer = await client.call_tool("generate_image", FOX)
        assert answer.is_error
        assert "scope `generate`" in text_of(answer)
        assert not (await client.call_tool("list_tasks", {})).is_error
    assert box.submits() == []


async def test_metrics_are_for_an_admin(served: Served) -> None:
    for owner, status in ((READER, 403), (ALICE, 403)):
        headers = await bearer_of(served.app, owner)
        answer = await served.http.get(f"{served.url}/metrics", headers=headers)
        assert answer.status_code == status
        assert challenge_of(answer)["scope"] == "admin"
    headers = await bearer_of(served.app, Owner("root", Scope.ADMIN))
    assert (await served.http.get(f"{served.url}/metrics", headers=headers)).status_code not in (401, 403)


async def test_another_owner_does_not_reach_a_stream_of_the_earlier_transport(served: Served) -> None:
    hers, his = await bearer_of(served.app, ALICE), await bearer_of(served.app, READER)
    async with served.http.stream("GET", f"{served.url}/sse", headers=hers) as stream:
        lines = stream.aiter_lines()
        while not (line := await anext(lines)).startswith("data:"):
            pass
        place = served.url + line.removeprefix("data:").strip()
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        assert (await served.http.post(place, json=ping, headers=his)).status_code == 404
        assert (await served.http.post(place, json=ping, headers=hers)).status_code == 202


@pytest.mark.parametrize("by", ["revocation", "another token", "end of the consent"])
@pytest.mark.parametrize("path", ["/sse", "/mcp"])
async def test_what_takes_a_token_back_ends_what_is_open_by_it(
    box: Sandbox, tmp_path: Path, path: str, by: str
) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path))) as app, httpx2.AsyncClient(timeout=30) as http:
        hers, his = await bearer_of(app, ALICE), await bearer_of(app, READER)
        server, listener = build_server(app), listen("127.0.0.1", 0)
        url = url_of(listener)
        if by == "end of the consent":
            grant = Grant(owner="alice", client="c", scopes=(Scope.READ,), resource=f"{url}/mcp", family="family")
            entry = SignInEntry(EntryKind.ACCESS, secret_hash("aat_hers"), grant.text(), "alice", "family")
            await app.sign_ins.put(entry, 3600)
            hers = {"authorization": "Bearer aat_hers"}
        web = web_app(app, server, limits=HttpLimits(looks_every=0.05))
        async with server.session_manager.run(), listening(web, listener), anyio.create_task_group() as group:
            ended: list[str] = []

            async def hear(name: str, headers: dict[str, str], ready: anyio.Event) -> None:
                if path == "/mcp":
                    info = {"name": "raw", "version": "1"}
                    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info}
                    opening = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}
                    opened = await http.post(f"{url}/mcp", json=opening, headers=BOTH | headers)
                    headers = headers | {"mcp-session-id": opened.headers["mcp-session-id"]}
                accept = {"accept": "text/event-stream"}
                async with http.stream("GET", url + path, headers=headers | accept) as stream:
                    assert stream.status_code == 200
                    ready.set()
                    async for _ in stream.aiter_bytes():
                        pass
                ended.append(name)

            for name, headers in (("alice", hers), ("reader", his)):
                ready = anyio.Event()
                group.start_soon(hear, name, headers, ready)
                await ready.wait()
            match by:
                case "revocation":
                    await app.owners.revoke("alice")
                case "another token":
                    await app.owners.set_token("alice", secret_hash(new_token()))
                case _:
                    await app.sign_ins.end("family")
            await happens(lambda: bool(ended))
            assert ended == ["alice"]
            group.cancel_scope.cancel()


async def test_every_route_but_those_that_are_open_asks_who_it_is(served: Served) -> None:
    await bearer_of(served.app, ALICE)
    routes = web_app(served.app, build_server(served.app)).routes
    beginnings = {str(getattr(route, "path", "")).partition("{")[0] for route in routes}
    assert {"/mcp", "/sse", "/messages", "/files/", "/metrics", "/sign-in", "/healthz"} <= beginnings
    assert {path for path in beginnings if is_beneath(path, *OPEN)} == {
        *("/healthz", "/readyz", "/sign-in", "/sign-in/", "/sign-in/consent", "/sign-in/out"),
        *("/authorize", "/token", "/register", "/revoke"),
        *(path for path in beginnings if is_beneath(path, "/.well-known/", *BY_SECRET)),
    }
    for path in beginnings:
        if not is_beneath(path, *OPEN):
            for method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
                answer = await served.http.request(method, served.url + path, headers=BOTH)
                if path in PAGES:  # opened by a person, who is led to where they sign in
                    led_to = answer.headers["location"].partition("?")[0]
                    assert (answer.status_code, led_to) == (303, "/sign-in"), (method, path)
                else:
                    assert answer.status_code == 401, (method, path)


async def test_an_address_that_others_reach_is_not_served_before_anybody_can_sign_in(served: Served) -> None:
    await check_reach(served.app, "127.0.0.1")
    for host in ("0.0.0.0", "::", "192.168.0.7"):
        with pytest.raises(SettingsError, match="owners add") as refused:
            await check_reach(served.app, host)
        assert "owners invite" in str(refused.value)
        assert "APIXO_MCP_AUTH_ISSUER" in str(refused.value)
    await bearer_of(served.app, ALICE)
    await check_reach(served.app, "0.0.0.0")


@pytest.mark.parametrize("given", [{"auth_issuer": "http://127.0.0.1:9"}])
async def test_an_address_that_others_reach_is_served_with_an_issuer(served: Served) -> None:
    await check_reach(served.app, "0.0.0.0")
