"""What is refused over HTTP, each with its status, and how much of it is taken before that."""

import json
import math
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import SocketStream
from mcp import ClientSession
from mcp.client.sse import sse_client
from support.amounts import here, in_time
from support.program import happens, values_for
from support.sign_in import bearer, let_in

from apixo_mcp.app import open_app
from apixo_mcp.net.bounded_protocol import WireLimits
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.limits import HttpLimits
from apixo_mcp.server.http.middleware.calls import Rate
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.telemetry.facts import RequestRefused

pytestmark = pytest.mark.anyio

BOTH = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
PING = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
}
PATIENT = WireLimits(head=8_000, head_within=60.0, body_within=60.0, slowest=100_000, lingers=0.3, connections=20)
"""For what does not wait: a busy machine is slower than `quick`."""


def quick() -> WireLimits:
    """For what waits until its time is up."""
    return replace(PATIENT, head_within=here(0.3), body_within=here(0.3), lingers=here(0.3))


GIGABYTE = 1_000_000_000


class Door:
    """The program over HTTP in this process, and bytes that come to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = int(url.rpartition(":")[2])
        self.refused: list[int] = []

    async def says(self, *pieces: bytes) -> bytes:
        """Sends pieces, and returns all that is answered."""
        async with await anyio.connect_tcp("127.0.0.1", self.port) as stream:
            return await self.told(stream, *pieces)

    async def told(self, stream: SocketStream, *pieces: bytes, until_closed: bool = True) -> bytes:
        answer = b""
        with in_time(15):
            for piece in pieces:
                await stream.send(piece)
            try:
                while until_closed or b"\r\n\r\n" not in answer:
                    answer += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass
        return answer


@asynccontextmanager
async def opened(box: Sandbox, folder: Path, limits: HttpLimits, **settings: Any) -> AsyncIterator[Door]:
    async with open_app(read_settings(**{**values_for(box, folder), **settings})) as app:
        listener = listen("127.0.0.1", 0)
        door = Door(url_of(listener))

        def note(fact: object) -> None:
            if isinstance(fact, RequestRefused):
                door.refused.append(fact.status)

        app.telemetry.subscribe(note)
        async with serving(app, build_server(app), listener, limits=limits):
            yield door


@pytest.fixture
async def door(box: Sandbox, tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(box, tmp_path, HttpLimits(wire=PATIENT)) as one:
        yield one


@pytest.fixture
def limits() -> WireLimits:
    return quick()


@pytest.fixture
async def hurried(box: Sandbox, tmp_path: Path, limits: WireLimits) -> AsyncIterator[Door]:
    """One whose clients have the time of `limits`."""
    async with opened(box, tmp_path, HttpLimits(wire=limits)) as one:
        yield one


def request(method: str, path: str, *lines: str, host: str = "localhost") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", f"host: {host}", *lines, "", "")).encode()


def post(path: str, *lines: str) -> bytes:
    return request(
        "POST", path, "content-type: application/json", "accept: text/event-stream, application/json", *lines
    )


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


MANY = [f"x-{number}: 1" for number in range(200)]
LARGE = [f"content-length: {GIGABYTE}"]
REFUSED = {
    "a foreign host": (421, [request("GET", "/healthz", "connection: close", host="evil.example")]),
    "a foreign origin": (403, [request("GET", "/healthz", "origin: http://evil.example", "connection: close")]),
    "two hosts": (400, [request("GET", "/healthz", "host: evil.example")]),
    "no host": (400, [b"GET /healthz HTTP/1.1\r\n\r\n"]),
    "no request": (400, [b"hello\r\n\r\n"]),
    "a climbing path": (404, [request("GET", "/inputs/../../etc/passwd", "connection: close")]),
    "a climbing path in disguise": (404, [request("GET", "/inputs/%2e%2e%2f%2e%2e/etc/passwd", "connection: close")]),
    "a climbing path to an endpoint": (404, [request("GET", "/callbacks/../mcp", "connection: close")]),
    "an address as the path": (404, [request("GET", "http://evil.example/healthz", "connection: close")]),
    "too many headers": (431, [request("GET", "/healthz", *MANY, "connection: close")]),
    "a header that is too long": (431, [request("GET", "/healthz", f"x: {'x' * 100_000}", "connection: close")]),
    "a line that does not end": (431, [b"GET /" + b"x" * 100_000]),
    "a head that does not end": (408, [b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: "]),
    "a body that does not come": (408, [post("/mcp", "content-length: 50"), b"{"]),
    "a form that does not come": (408, [request("POST", "/healthz", "content-length: 50"), b"a=b"]),
    "a callback that does not come": (404, [post("/callbacks/x", "content-length: 50", "connection: close"), b"{"]),
    "a body that is too large": (413, [post("/mcp", *LARGE), b"x" * 100_000]),
    "a body that is too large in pieces": (
        413,
        [post("/mcp", "transfer-encoding: chunked"), *([b"%x\r\n%s\r\n" % (500_000, b" " * 500_000)] * 9)],
    ),
    "a length that is none": (400, [post("/mcp", "content-length: -1")]),
    "a length and pieces": (400, [post("/mcp", "content-length: 4", "transfer-encoding: chunked"), b"0\r\n\r\n"]),
    "a length beyond all": (413, [post("/mcp", f"content-length: {'9' * 19}")]),
    "a form that is too large": (413, [request("POST", "/healthz", "content-length: 70000")]),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_each_is_refused_with_its_status(box: Sandbox, tmp_path: Path, what: str) -> None:
    expected, pieces = REFUSED[what]
    wire = quick() if expected == 408 else PATIENT
    async with opened(box, tmp_path, HttpLimits(wire=wire)) as door, httpx2.AsyncClient(timeout=60) as http:
        assert status(await door.says(*pieces)) == expected
        assert (await http.get(f"{door.url}/healthz")).status_code == 200, "nobody else notices"
        if expected != 400 or what == "no request":
            assert door.refused == [expected]


@pytest.mark.parametrize("path", ["/mcp", "/messages/"])
async def test_nothing_of_a_gigabyte_is_kept(door: Door, path: str) -> None:
    tracemalloc.start()
    try:
        async with await anyio.connect_tcp("127.0.0.1", door.port) as stream:
            await stream.send(post(path, *LARGE))
            answer = await door.told(stream, until_closed=False)
            sent = await sent_until_closed(stream)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert status(answer) == 413
    assert sent < GIGABYTE, "it was read to its end"
    assert peak < 20_000_000


async def sent_until_closed(stream: SocketStream) -> int:
    """Sends what nobody wants, and returns how much of it was taken."""
    sent, piece = 0, b"x" * 1_000_000
    with in_time(15), suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        while sent < GIGABYTE:
            await stream.send(piece)
            sent += len(piece)
    return sent


async def test_a_client_that_sends_all_the_same_reads_why_it_was_refused(box: Sandbox, tmp_path: Path) -> None:
    limits = HttpLimits(wire=replace(PATIENT, lingers=60.0))
    async with opened(box, tmp_path, limits) as door, httpx2.AsyncClient(timeout=60) as http:
        answer = await http.post(f"{door.url}/mcp", content=b"x" * 6_000_000, headers=BOTH)
        assert answer.status_code == 413
        assert "at most 4194304 bytes" in answer.text


async def test_a_body_that_comes_steadily_may_take_longer(box: Sandbox, tmp_path: Path) -> None:
    pause = here(0.2)
    steady = WireLimits(body_within=1.5 * pause, slowest=math.floor(4 / pause))
    async with (
        opened(box, tmp_path, HttpLimits(wire=steady)) as door,
        await anyio.connect_tcp("127.0.0.1", door.port) as stream,
    ):
        await stream.send(post("/mcp", f"content-length: {len(PING)}"))
        began = anyio.current_time()
        for place in range(0, len(PING), 9):
            await stream.send(PING[place : place + 9])
            await anyio.sleep(pause)  # the pace of a slow line is what is tried
        assert anyio.current_time() - began > 3 * pause
        assert status(await door.told(stream, until_closed=False)) == 400  # it has no session


async def test_a_connection_that_says_nothing_is_closed(hurried: Door) -> None:
    assert await hurried.says() == b""
    assert hurried.refused == []


async def test_a_connection_between_two_requests_is_not(hurried: Door, limits: WireLimits) -> None:
    async with await anyio.connect_tcp("127.0.0.1", hurried.port) as stream:
        for _ in range(2):
            assert status(await hurried.told(stream, request("GET", "/healthz"), until_closed=False)) == 200
            await anyio.sleep(2 * limits.head_within)  # longer than a head may take to come


async def test_a_stream_is_held_open_for_as_long_as_its_client_wants(hurried: Door, limits: WireLimits) -> None:
    async with await anyio.connect_tcp("127.0.0.1", hurried.port) as stream:
        assert status(await hurried.told(stream, request("GET", "/sse"), until_closed=False)) == 200
        await anyio.sleep(2 * limits.body_within)
        with anyio.move_on_after(0.1) as still:
            while True:
                await stream.receive()  # what was told at its beginning
        assert still.cancelled_caught


async def test_with_too_many_connections_one_more_is_told_so(door: Door) -> None:
    async with AsyncExitStack() as stack:
        held = [await stack.enter_async_context(await anyio.connect_tcp("127.0.0.1", door.port)) for _ in range(20)]
        for one in held:
            await door.told(one, request("GET", "/healthz"), until_closed=False)
        answer = await door.says(request("GET", "/healthz"))
        assert status(answer) == 503
        assert b"retry-after: 5" in answer
        assert status(await door.told(held[1], request("GET", "/healthz"), until_closed=False)) == 200
    assert door.refused == [503]


ALICE, BOB = Owner("alice"), Owner("bob")


@asynccontextmanager
async def signed_in(
    box: Sandbox, folder: Path, limits: HttpLimits, owners: Sequence[Owner] = (ALICE, BOB)
) -> AsyncIterator[str]:
    """The program, with owners who may come in."""
    async with open_app(read_settings(**values_for(box, folder))) as app:
        await let_in(app, *owners)
        listener = listen("127.0.0.1", 0)
        async with serving(app, build_server(app), listener, limits=limits):
            yield url_of(listener)


async def test_whoever_is_not_let_in_is_refused_before_anything_is_counted(box: Sandbox, tmp_path: Path) -> None:
    async with signed_in(box, tmp_path, HttpLimits(calls_a_minute=1)) as url, httpx2.AsyncClient(timeout=60) as http:
        for headers in ({}, {"authorization": "Bearer amt_wrong"}, {"authorization": "Basic YTpi"}):
            for path in ("/mcp", "/sse", "/messages/"):
                answer = await http.post(f"{url}{path}", content=PING, headers=BOTH | headers)
                assert answer.status_code == 401, (path, headers)
                assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert (await http.post(f"{url}/mcp", content=PING, headers=BOTH | bearer(ALICE))).status_code == 400


async def test_calls_of_one_owner_in_a_minute(box: Sandbox, tmp_path: Path) -> None:
    async with signed_in(box, tmp_path, HttpLimits(calls_a_minute=3)) as url, httpx2.AsyncClient(timeout=60) as http:

        async def ping(owner: Owner) -> httpx2.Response:
            return await http.post(f"{url}/mcp", content=PING, headers=BOTH | bearer(owner))

        assert [(await ping(ALICE)).status_code for _ in range(4)] == [400, 400, 400, 429]
        answer = await ping(ALICE)
        assert 1 <= int(answer.headers["retry-after"]) <= 20
        assert "more than 3 calls in a minute" in answer.json()["error"]["message"]
        assert (await ping(BOB)).status_code == 400, "what one does is not held against another"
        health = await http.get(f"{url}/healthz", headers=bearer(ALICE))
        assert health.status_code == 200


async def test_streams_of_one_owner_at_once(box: Sandbox, tmp_path: Path) -> None:
    alice, bob = bearer(ALICE), bearer(BOB)
    async with signed_in(box, tmp_path, HttpLimits(streams=1)) as url, httpx2.AsyncClient(timeout=60) as http:
        async with http.stream("GET", f"{url}/sse", headers=alice) as first:
            assert first.status_code == 200
            second = await http.get(f"{url}/sse", headers=alice)
            assert (second.status_code, second.headers["retry-after"]) == (429, "1")
            async with http.stream("GET", f"{url}/sse", headers=bob) as others:
                assert others.status_code == 200
        with in_time(10):
            while True:  # once the server has seen the first one go
                async with http.stream("GET", f"{url}/sse", headers=alice) as again:
                    if again.status_code == 200:
                        break


async def test_calls_of_one_owner_at_once(box: Sandbox, tmp_path: Path) -> None:
    async with signed_in(box, tmp_path, HttpLimits(calls_at_once=1)) as url, httpx2.AsyncClient(timeout=30) as http:

        async def call(number: int, prompt: str) -> httpx2.Response:
            arguments = {"model": "nano-banana", "prompt": prompt, "wait_seconds": 20}
            told = {"_meta": META, "name": "generate_image", "arguments": arguments}
            message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": told}
            return await http.post(f"{url}/mcp", json=message, headers=BOTH | MODERN | bearer(ALICE))

        async with anyio.create_task_group() as group:
            group.start_soon(call, 1, "a fox [never]")
            await happens(lambda: len(box.submits()) == 1)
            refused = await call(2, "an owl [took:0]")
            assert refused.status_code == 429
            group.cancel_scope.cancel()
    assert len(box.submits()) == 1, "what is refused is not bought"


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
MODERN = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "generate_image"}


async def test_sessions_beyond_the_most_make_room_and_lose_nothing(box: Sandbox, tmp_path: Path) -> None:
    listed = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    async with signed_in(box, tmp_path, HttpLimits(sessions_of_owner=2, sessions=5)) as url:
        async with httpx2.AsyncClient(timeout=30) as http:
            known: list[dict[str, str]] = []
            for number in range(12):
                headers = BOTH | bearer((ALICE, BOB)[number % 2])
                answer = await http.post(f"{url}/mcp", json=HELLO, headers=headers)
                assert answer.status_code == 200
                known.append(headers | {"mcp-session-id": answer.headers["mcp-session-id"]})
            for headers in known:
                answer = await http.post(f"{url}/mcp", json=listed, headers=headers)
                assert answer.status_code == 200
                assert "generate_image" in answer.text


async def test_sessions_of_all_owners_have_an_end(box: Sandbox, tmp_path: Path) -> None:
    async with signed_in(box, tmp_path, HttpLimits(sessions=2)) as url, httpx2.AsyncClient(timeout=60) as http:
        owners = (ALICE, BOB, ALICE)
        answers = [await http.post(f"{url}/mcp", json=HELLO, headers=BOTH | bearer(one)) for one in owners]
    assert [answer.status_code for answer in answers] == [200, 200, 503]
    assert json.loads(answers[-1].text)["error"]["message"] == "Too many open sessions"
    assert answers[-1].headers["retry-after"] == "10"


async def test_a_session_for_which_there_is_no_room_just_now_is_not_lost(box: Sandbox, tmp_path: Path) -> None:
    async with httpx2.AsyncClient(timeout=30) as http:
        async with signed_in(box, tmp_path, HttpLimits()) as url:
            opened = await http.post(f"{url}/mcp", json=HELLO, headers=BOTH | bearer(ALICE))
        headers = BOTH | bearer(ALICE) | {"mcp-session-id": opened.headers["mcp-session-id"]}
        listed = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        async with signed_in(box, tmp_path, HttpLimits(sessions=1), ()) as url:
            another = await http.post(f"{url}/mcp", json=HELLO, headers=BOTH | bearer(BOB))
            full = await http.post(f"{url}/mcp", json=listed, headers=headers)
            assert (full.status_code, full.headers["retry-after"]) == (503, "10")
            ended = bearer(BOB) | {"mcp-session-id": another.headers["mcp-session-id"]}
            assert (await http.delete(f"{url}/mcp", headers=ended)).status_code == 200
            assert "generate_image" in (await http.post(f"{url}/mcp", json=listed, headers=headers)).text


async def test_calls_over_sse_count_until_they_are_answered(box: Sandbox, tmp_path: Path) -> None:
    async with signed_in(box, tmp_path, HttpLimits(calls_at_once=1)) as url, httpx2.AsyncClient(timeout=30) as http:
        async with sse_client(f"{url}/sse", headers=bearer(ALICE)) as streams, ClientSession(*streams) as session:
            await session.initialize()
            async with anyio.create_task_group() as group:
                arguments = {"model": "nano-banana", "prompt": "a fox [never]", "wait_seconds": 20}
                group.start_soon(session.call_tool, "generate_image", arguments)
                await happens(lambda: len(box.submits()) == 1)
                listed = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
                refused = await http.post(f"{url}/mcp", json=listed, headers=BOTH | bearer(ALICE))
                assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
                other = await http.post(f"{url}/mcp", json=HELLO, headers=BOTH | bearer(BOB))
                assert other.status_code == 200
                group.cancel_scope.cancel()
        with in_time(10):  # the end of the stream ends its calls
            while (await http.post(f"{url}/mcp", json=HELLO, headers=BOTH | bearer(ALICE))).status_code != 200:
                pass


def test_a_rate_comes_back_as_time_passes() -> None:
    rate = Rate(60, at=0.0)
    assert [rate.take(0.0) for _ in range(60)] == [0.0] * 60
    assert rate.take(0.0) == pytest.approx(1.0)
    assert rate.take(0.5) == pytest.approx(0.5)
    assert rate.take(1.0) == 0.0
    assert rate.take(1.0) > 0
    assert [rate.take(10_000.0) for _ in range(60)] == [0.0] * 60
    assert rate.take(10_000.0) > 0, "no more is saved up than a minute's"
