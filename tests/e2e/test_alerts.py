"""What may be spent by all together, and what is told of it, over two server processes on one task store."""

import json
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
from support.process import Process, started
from support.program import happens, structure, text_of, values_for
from support.receiver import SECRET, Receiver
from support.sign_in import bearer, let_in
from support.workers import worker_beside

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Owner, Scope
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.ports.outbox import ALERT_RAISED

pytestmark = [pytest.mark.anyio, pytest.mark.process]

PRICE = 0.03
OWNERS = [Owner(name, Scope.GENERATE) for name in ("alice", "bob")]


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000) as running:
        yield running


async def clients_of(servers: Sequence[Process], owners: Sequence[Owner], stack: AsyncExitStack) -> list[Client]:
    """A client of each server for each owner."""
    info = Implementation(name="claude-ai", version="1")
    clients: list[Client] = []
    for owner in owners:
        for server in servers:
            http = await stack.enter_async_context(httpx2.AsyncClient(headers=bearer(owner), timeout=60))
            wire = streamable_http_client(f"{server.url}/mcp", http_client=http)
            clients.append(await stack.enter_async_context(Client(wire, client_info=info)))
    return clients


async def bought(client: Client, prompt: str, **given: Any) -> CallToolResult:
    asked: dict[str, Any] = {"model": "nano-banana", "prompt": f"{prompt} [took:0]", "wait_seconds": 20, **given}
    answer = await client.call_tool("generate_image", asked)
    assert isinstance(answer, CallToolResult)
    return answer


async def test_a_dollar_for_all_holds_under_ten_calls_at_once_from_two_processes(box: Sandbox, tmp_path: Path):
    async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        await let_in(app, *OWNERS)
    answers: list[CallToolResult] = []

    async def buy(client: Client, number: int) -> None:
        answers.append(await bought(client, f"fox {number}", wait_seconds=0))

    async with AsyncExitStack() as stack:
        servers = [stack.enter_context(started(box, tmp_path, daily_budget_usd=1.0)) for _ in range(2)]
        clients = await clients_of(servers, OWNERS, stack)
        for rounds in range(5):
            async with anyio.create_task_group() as group:
                for number in range(10):
                    group.start_soon(buy, clients[number % len(clients)], 10 * rounds + number)
    refused = Counter(text_of(answer) for answer in answers if answer.is_error)
    async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        spent = await app.store.spent(None)
        tasks = [task for owner in OWNERS for task in await app.store.page(owner, TaskQuery(limit=100))]
    assert len(tasks) == int(1.0 / PRICE)
    assert len(tasks) + sum(refused.values()) == len(answers)
    assert spent.usd == pytest.approx(len(tasks) * PRICE)
    assert len(box.submits()) <= len(tasks)
    assert all("this server's $1.00 a day for all" in text for text in refused)


async def test_each_level_is_told_once_in_the_log_by_webhook_and_in_an_answer(box: Sandbox, tmp_path: Path):
    alice = Owner("alice", Scope.GENERATE, budget=Budget(daily_usd=10 * PRICE))
    async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        await let_in(app, alice, OWNERS[1])
    notes: list[str] = []
    logs = [tmp_path / f"{number}.log" for number in range(2)]
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver().open())
        told: dict[str, Any] = {"notify_url": receiver.url, "notify_secret": SECRET, "log_format": "json"}
        servers = [stack.enter_context(started(box, tmp_path, **told, log_file=log)) for log in logs]
        await stack.enter_async_context(worker_beside(read_settings(**values_for(box, tmp_path))))
        clients = await clients_of(servers, [alice, OWNERS[1]], stack)
        for number in range(10):
            answer = structure(await bought(clients[number % 2], f"fox {number}"))
            notes += answer.get("notes", ())
            others = structure(await clients[2 + number % 2].call_tool("get_usage", {}))
            assert (others["alerts"], others.get("notes")) == ([], None)
        await happens(lambda: sum(one.told["type"] == ALERT_RAISED for one in receiver.messages) == 3)
    assert [note.partition(" %")[0] for note in notes if "% of" in note] == ["50", "80", "100"]
    sent = [one.told["data"] for one in receiver.messages if one.told["type"] == ALERT_RAISED]
    assert sorted(one["percent"] for one in sent) == [50, 80, 100]
    lines = [json.loads(line) for log in logs for line in log.read_text(encoding="utf-8").splitlines()]
    assert sorted(line["percent"] for line in lines if line.get("alert") == "budget_used") == [50, 80, 100]
