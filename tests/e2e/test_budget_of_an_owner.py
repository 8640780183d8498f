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
from support.kills import all_ended
from support.process import Process, started
from support.program import text_of, values_for
from support.sign_in import bearer, let_in

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Owner

pytestmark = [pytest.mark.anyio, pytest.mark.process]

DOLLAR = Owner("alice", budget=Budget(daily_usd=1.0))
PRICE = 0.03
CALLS = 1_000
CLIENTS = 10  # of each server


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000) as running:
        yield running


async def clients_of(servers: Sequence[Process], stack: AsyncExitStack) -> list[Client]:
    info = Implementation(name="claude-ai", version="1")
    clients: list[Client] = []
    for number in range(len(servers) * CLIENTS):
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=bearer(DOLLAR), timeout=120))
        wire = streamable_http_client(f"{servers[number % len(servers)].url}/mcp", http_client=http)
        clients.append(await stack.enter_async_context(Client(wire, client_info=info)))
    return clients


async def test_a_thousand_calls_at_once_in_two_processes_spend_the_dollar_and_no_more(box: Sandbox, tmp_path: Path):
    async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        await let_in(app, DOLLAR)
    answers: list[CallToolResult] = []

    async def buy(client: Client, number: int) -> None:
        asked: dict[str, Any] = {"model": "nano-banana", "prompt": f"fox {number} [took:0]", "wait_seconds": 0}
        answer = await client.call_tool("generate_image", asked)
        assert isinstance(answer, CallToolResult)
        answers.append(answer)

    async with AsyncExitStack() as stack:
        servers = [stack.enter_context(started(box, tmp_path)) for _ in range(2)]
        clients = await clients_of(servers, stack)
        async with anyio.create_task_group() as group:
            for number in range(CALLS):
                group.start_soon(buy, clients[number % len(clients)], number)
    refused = Counter(text_of(answer) for answer in answers if answer.is_error)
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        await all_ended(app)
        tasks = await app.store.page(DOLLAR, limit=CALLS)
        spent = await app.store.spent(DOLLAR)
    assert len(answers) == CALLS
    assert len(tasks) == int(1.0 / PRICE)
    assert len(tasks) + sum(refused.values()) == CALLS
    assert len(refused) == 1, refused
    assert "$0.01 of your day's $1.00 are left" in next(iter(refused))
    assert len([entry for entry in box.log() if entry["route"] == "submit"]) == len(box.submits()) == len(tasks)
    assert spent.usd == pytest.approx(len(tasks) * PRICE)
