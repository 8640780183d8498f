"""Two replicas on one database behind Caddy, by the Caddyfile of `examples/compose`, while one of them is replaced."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Implementation
from support.amounts import in_time
from support.process import Process, started_beside
from support.program import structure, values_for
from support.proxies import NAME, answering, client_for, free_port, proxied
from support.sign_in import bearer, let_in

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.process,
    pytest.mark.postgres,
    pytest.mark.skipif(sys.platform == "win32", reason="the recipes are for other systems"),
]

DRAINED = 10  # seconds: twice as long as Caddy takes to see it, with an answer that is late
OWNERS = tuple(Owner(name) for name in ("alice", "bob", "carol", "dave"))
INFO = Implementation(name="claude-ai", version="1")
WIRES = (("http", "http", "sse", "sse"), ("legacy", "auto", "legacy", "auto"))


@dataclass
class Site:
    """Replicas behind one name.

    Attributes:
        replicas: as processes.
    """

    url: str
    trusted: Path
    replicas: list[Process]

    @asynccontextmanager
    async def client(self, owner: Owner, wire: str, era: str) -> AsyncIterator[Client]:
        async with AsyncExitStack() as stack:
            if wire == "sse":
                transport: Any = sse_client(f"{self.url}/sse", httpx_client_factory=self._factory(owner))
            else:
                http = await stack.enter_async_context(client_for(self.trusted, headers=bearer(owner)))
                transport = streamable_http_client(f"{self.url}/mcp", http_client=http)
            yield await stack.enter_async_context(Client(transport, mode=era, client_info=INFO))

    def _factory(self, owner: Owner) -> Any:
        def made(headers: Any = None, timeout: Any = None, auth: Any = None) -> httpx2.AsyncClient:
            return client_for(self.trusted, headers={**bearer(owner), **(headers or {})}, timeout=timeout, auth=auth)

        return made


@pytest.fixture
async def site(postgres_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    port, proxys = free_port(), tmp_path / "proxy"
    proxys.mkdir()
    url = f"https://{NAME}:{port}"
    async with Sandbox(speed=20) as box:
        values: dict[str, Any] = {"database_url": postgres_url, "public_url": url, "trusted_proxies": "127.0.0.1"}
        async with open_app(read_settings(**values_for(box, tmp_path) | values), worker=True) as worker:
            await let_in(worker, *OWNERS)
            words = ("--transport", "http", "--drain", str(DRAINED))
            async with (
                started_beside(box, tmp_path, *words, **values) as first,
                started_beside(box, tmp_path, *words, **values) as second,
            ):
                with proxied("Caddyfile-for-replicas", proxys, port, f"{first.url} {second.url}") as trusted:
                    await answering(url, trusted)
                    yield Site(url, trusted, [first, second])


@dataclass
class Caller:
    """Calls on and on, each time for something new; one of SSE whose stream has ended connects anew.

    Attributes:
        made: the tasks of its calls that were answered.
        connected: how often it has.
    """

    site: Site
    owner: Owner
    wire: str
    era: str
    made: list[str] = field(default_factory=list[str])
    connected: int = 0

    async def run(self, over: anyio.Event) -> None:
        while not over.is_set():
            try:
                self.connected += 1
                async with self.site.client(self.owner, self.wire, self.era) as client:
                    while not over.is_set():
                        await self._call(client)
            except* Exception:
                if self.wire != "sse":  # its session is in the replica that ended
                    raise

    async def _call(self, client: Client) -> None:
        prompt = f"a fox of {self.owner.name}, {len(self.made)} [took:0]"
        arguments = {"model": "nano-banana", "prompt": prompt, "wait_seconds": 20}
        answer = structure(await client.call_tool("generate_image", arguments))
        assert answer["state"] != "failed", answer
        self.made.append(answer["task_id"])


async def test_no_call_fails_while_one_of_two_replicas_is_replaced(site: Site) -> None:
    callers = [Caller(site, *one) for one in zip(OWNERS, *WIRES, strict=True)]
    over = anyio.Event()

    async def answered(more: int) -> None:
        wanted = [len(caller.made) + more for caller in callers]
        while any(len(caller.made) < count for caller, count in zip(callers, wanted, strict=True)):
            await anyio.sleep(0.05)

    with in_time(80):
        async with anyio.create_task_group() as group:
            for caller in callers:
                group.start_soon(caller.run, over)
            await answered(3)
            first = site.replicas[0]
            first.end()
            async with httpx2.AsyncClient(base_url=first.url, trust_env=False, timeout=60) as http:
                ready = await http.get("/readyz")
                assert (ready.status_code, ready.json()["status"]) == (503, "leaving")
            assert await anyio.to_thread.run_sync(first.ended) == (0, "")
            await answered(3)
            over.set()
    told = [f"{one.wire} {one.era}: {len(one.made)} calls, connected {one.connected} times" for one in callers]
    print("", *told, sep="\n")
    assert all(caller.connected == 1 for caller in callers if caller.wire != "sse")
    assert all(caller.connected <= 2 for caller in callers), "a client of SSE connects once more, to the one that stays"
