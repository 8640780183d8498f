"""What an owner may spend holds over all server processes on one task store, however many calls come at once."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, Implementation
from support.amounts import here, in_time
from support.kills import all_ended
from support.process import Process, started
from support.program import text_of, values_for
from support.sign_in import bearer, let_in

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.lookups import TaskQuery

pytestmark = [pytest.mark.anyio, pytest.mark.process]

DOLLAR = Owner("alice", budget=Budget(daily_usd=1.0))
PRICE = 0.03
CALLS = 1_000
CALLS_OF_SEVERAL = 300
CLIENTS = 10  # of each server
CONNECTIONS = 10  # of each client


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000) as running:
        yield running


@pytest.fixture(params=["two on a file", pytest.param("three on Postgres", marks=pytest.mark.postgres)])
def shared(request: pytest.FixtureRequest) -> tuple[int, dict[str, Any]]:
    """How many servers there are, and what they are told of the store that they share."""
    if request.param == "two on a file":
        return 2, {}
    return 3, {"database_url": request.getfixturevalue("postgres_url")}


async def clients_of(servers: Sequence[Process], owners: Sequence[Owner], stack: AsyncExitStack) -> list[Client]:
    info = Implementation(name="claude-ai", version="1")
    clients: list[Client] = []
    for number in range(len(servers) * CLIENTS):
        owner = owners[number // len(servers) % len(owners)]
        patience = httpx2.Timeout(here(120), pool=None)
        limits = httpx2.Limits(max_connections=CONNECTIONS)
        own = httpx2.AsyncClient(headers=bearer(owner), timeout=patience, limits=limits)
        http = await stack.enter_async_context(own)
        wire = streamable_http_client(f"{servers[number % len(servers)].url}/mcp", http_client=http)
        clients.append(await stack.enter_async_context(Client(wire, client_info=info)))
    return clients


async def bought_at_once(
    box: Sandbox, folder: Path, owners: Sequence[Owner], number: int, calls: int, **more: Any
) -> Counter[str]:
    """What calls are answered that are all made at once, to several servers, each by one of the owners."""
    settings = read_settings(**values_for(box, folder) | more)
    async with open_app(settings, follow=False) as app:
        await let_in(app, *owners)
    answers = Counter[str]()

    async def buy(client: Client, call: int) -> None:
        asked: dict[str, Any] = {"model": "nano-banana", "prompt": f"fox {call} [took:0]", "wait_seconds": 0}
        answer = await client.call_tool("generate_image", asked)
        assert isinstance(answer, CallToolResult)
        answers[text_of(answer) if answer.is_error else ""] += 1

    async with AsyncExitStack() as stack:
        servers = [stack.enter_context(started(box, folder, **more)) for _ in range(number)]
        clients = await clients_of(servers, owners, stack)
        async with anyio.create_task_group() as group:
            for call in range(calls):
                group.start_soon(buy, clients[call % len(clients)], call)
        # Where there is a worker they send what they were asked for, and nothing else.
        bought = answers[""]
        with in_time(60):
            while len(box.submits()) < bought:
                await anyio.sleep(0.1)
    return answers


async def test_a_thousand_calls_at_once_to_several_servers_spend_the_dollar_and_no_more(
    box: Sandbox, tmp_path: Path, shared: tuple[int, dict[str, Any]]
):
    number, store = shared
    answers = await bought_at_once(box, tmp_path, [DOLLAR], number, CALLS, **store)
    settings = read_settings(**values_for(box, tmp_path) | store)
    async with open_app(settings, worker=bool(store)) as app:
        await all_ended(app)
        tasks = await app.store.page(DOLLAR, TaskQuery(limit=CALLS))
        spent = await app.store.spent(DOLLAR)
    assert answers.total() == CALLS
    assert len(tasks) == answers.pop("") == int(1.0 / PRICE)
    for told in answers:  # one of them may tell the alert as well that most of it is spent
        assert "$0.01 of your day's $1.00 are left" in told
    assert len([entry for entry in box.log() if entry["route"] == "submit"]) == len(box.submits()) == len(tasks)
    assert spent.usd == pytest.approx(len(tasks) * PRICE)


async def test_calls_at_once_of_several_owners_spend_no_more_than_all_may(
    box: Sandbox, tmp_path: Path, shared: tuple[int, dict[str, Any]]
):
    number, store = shared
    owners = [Owner(name, budget=Budget(daily_usd=0.9)) for name in ("ann", "bob", "cid")]
    budget = {"daily_budget_usd": 1.0}
    answers = await bought_at_once(box, tmp_path, owners, number, CALLS_OF_SEVERAL, **store, **budget)
    assert answers.total() == CALLS_OF_SEVERAL
    assert answers.pop("") == len(box.submits()) == int(1.0 / PRICE)
    for told in answers:
        assert "of this server's $1.00 a day for all" in told or "of your day's $0.90 are left" in told
