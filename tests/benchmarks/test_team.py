"""Two hundred clients of a team's server, a call every 5 s each for a minute, beside a bare server's empty tool."""

import re
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from support.figures import at_most, record
from support.process import started
from support.program import values_for
from support.sign_in import bearer, let_in

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner

pytestmark = pytest.mark.anyio

CLIENTS = 200
EVERY = 5.0
ROUNDS = 12  # a minute
RATIO_LIMIT = 1.5
RSS_LIMIT_MB = 250
OWNERS = tuple(Owner(f"person-{number}") for number in range(10))

BARE = """
import socket, sys
import uvicorn
from mcp.server import MCPServer

server = MCPServer("bare", log_level="ERROR")

@server.tool()
async def empty() -> str:
    return ""

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY by the last
listener.bind(("127.0.0.1", 0))
listener.listen(2048)
print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
app = server.streamable_http_app()
uvicorn.Server(uvicorn.Config(app, http="h11", log_level="error", timeout_keep_alive=75)).run(sockets=[listener])
"""
HEADERS = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "claude-ai", "version": "1"}}


@dataclass
class Measured:
    """What was seen: seconds by kind of call, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    errors: list[str] = field(default_factory=list[str])

    def note(self, kind: str, seconds: float) -> None:
        self.seconds.setdefault(kind, []).append(seconds)

    def told(self, kind: str) -> tuple[float, float]:
        """The median and the 99th of a hundred, in milliseconds."""
        each = sorted(self.seconds[kind])
        return statistics.median(each) * 1000, each[int(len(each) * 0.99)] * 1000


class Session:
    """A session of the handshake era with one server, over a connection of its own."""

    def __init__(self, http: httpx2.AsyncClient, url: str) -> None:
        self._http, self._place, self._number = http, f"{url}/mcp", 1

    async def post(self, method: str, params: dict[str, Any], **more: Any) -> httpx2.Response:
        message = {"jsonrpc": "2.0", "method": method, "params": params, **more}
        return await self._http.post(self._place, json=message)

    async def call(self, tool: str, arguments: dict[str, Any]) -> str:
        """Calls a tool, and returns what went wrong, if anything did."""
        self._number += 1
        try:
            answer = await self.post("tools/call", {"name": tool, "arguments": arguments}, id=self._number)
        except httpx2.TransportError as error:
            return repr(error)
        is_wrong = answer.status_code != 200 or '"error"' in answer.text or '"isError":true' in answer.text
        return f"{answer.status_code} {answer.text[:300]}" if is_wrong else ""


@asynccontextmanager
async def session(url: str, headers: dict[str, str]) -> AsyncIterator[Session]:
    async with httpx2.AsyncClient(headers=HEADERS | headers, timeout=60) as http:
        one = Session(http, url)
        answer = await one.post("initialize", HELLO, id=1)
        assert answer.status_code == 200, answer.text
        http.headers["mcp-session-id"] = answer.headers["mcp-session-id"]
        await one.post("notifications/initialized", {})
        yield one


@contextmanager
def bare() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", BARE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def memory_mb(pid: int) -> float:
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def call_of(number: int, task_id: str) -> tuple[str, str, dict[str, Any]]:
    """The kind, the tool and the arguments of a client's next call."""
    if number % 8 == 7:
        return (
            "make",
            "generate_image",
            {"model": "nano-banana", "prompt": f"load {number} [took:1]", "wait_seconds": 3},
        )
    if number % 4 == 2:
        return "wait", "check_task", {"task_id": task_id, "wait_seconds": 3}
    return "check", "check_task", {"task_id": task_id, "wait_seconds": 0}


async def plays(number: int, url: str, bare_url: str, task_id: str, measured: Measured) -> None:
    """Plays one client: a call of ours and one of the bare server's, half a period apart, again and again."""
    owner = OWNERS[number % len(OWNERS)]
    async with session(url, bearer(owner)) as ours, session(bare_url, {}) as theirs:
        began = anyio.current_time() + 5 + EVERY * number / CLIENTS
        for turn in range(2 * ROUNDS):
            await anyio.sleep_until(began + turn * EVERY / 2)
            kind, tool, arguments = ("bare", "empty", {}) if turn % 2 else call_of(number + turn // 2, task_id)
            at = anyio.current_time()
            wrong = await (theirs if turn % 2 else ours).call(tool, arguments)
            measured.note(kind, anyio.current_time() - at)
            if wrong:
                measured.errors.append(f"{kind}: {wrong}")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="measured by /proc")
async def test_two_hundred_clients(tmp_path: Path) -> None:
    measured = Measured()
    async with Sandbox(speed=1) as box:
        async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
            await let_in(app, *OWNERS)
        with started(box, tmp_path, poll_scale=1) as server, bare() as bare_url:
            ids = [await asked(server.url, owner) for owner in OWNERS]
            async with anyio.create_task_group() as group:
                for number in range(CLIENTS):
                    group.start_soon(plays, number, server.url, bare_url, ids[number % len(ids)], measured)
            memory = memory_mb(server.pid)
    told = {kind: measured.told(kind) for kind in measured.seconds}
    ratio = told["check"][0] / told["bare"][0]
    for kind, (median, slowest) in sorted(told.items()):
        print(f"{kind}: {len(measured.seconds[kind])} calls, p50 {median:.1f} ms, p99 {slowest:.1f} ms")
    print(f"ratio of the medians {ratio:.2f} (at most {RATIO_LIMIT}), memory {memory:.0f} MB (at most {RSS_LIMIT_MB})")
    checks = {"ours": told["check"][0] / 1e3, "beside": told["bare"][0] / 1e3, "ratio": ratio}
    figures = {
        "check": {**checks, "aim": at_most(RATIO_LIMIT), "n": len(measured.seconds["check"])},
        "slowest": {
            "ours": told["check"][1] / 1e3,
            "beside": told["bare"][1] / 1e3,
            "ratio": told["check"][1] / told["bare"][1],
            "n": len(measured.seconds["check"]),
        },
        "memory": {"ours": memory, "aim": at_most(RSS_LIMIT_MB), "n": 1},
    }
    record("team", figures)
    assert measured.errors == []
    assert ratio <= RATIO_LIMIT
    assert memory <= RSS_LIMIT_MB


async def asked(url: str, owner: Owner) -> str:
    """A task of an owner that goes on for as long as the test does."""
    async with session(url, bearer(owner)) as one:
        arguments = {"model": "nano-banana", "prompt": "a fox [never]", "wait_seconds": 0}
        answer = await one.post("tools/call", {"name": "generate_image", "arguments": arguments}, id=2)
    found = re.search(r"tsk_[a-z2-7]{26}", answer.text)
    assert found, answer.text
    return found[0]
