"""Replicas without a worker say so: what they send is paid for, and nobody fetches its result."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from mcp import Client
from support.amounts import in_time
from support.program import structure, told_once, values_for
from support.task_steps import ask, happens

from apixo_mcp.app import App, open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.engines.queue import QueueLimits
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.settings import Settings, read_settings

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

QUICK = Limits(queue=QueueLimits(workers_every=0.2))


@pytest.fixture
async def settings(postgres_url: str, tmp_path: Path) -> AsyncIterator[Settings]:
    async with Sandbox(speed=20) as box:
        yield read_settings(**values_for(box, tmp_path) | {"database_url": postgres_url})


async def told(app: App) -> str:
    """What the health of a process says of workers."""
    assert app.health is not None
    condition = await app.health.condition()
    assert condition.is_ready, "calls would be as badly off at another replica"
    return condition.workers


async def until_told(app: App, words: str) -> None:
    with in_time(60):
        while await told(app) != words and not (words and words in await told(app)):
            await anyio.sleep(0.1)


async def test_a_replica_says_when_no_worker_is_there_and_when_one_is_again(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_app(settings, lasting=True, limits=QUICK) as replica:
        await until_told(replica, "start one on the same database")
        assert replica.engine.workers() == 0
        await happens(lambda: caplog.text.count("No worker follows tasks on this database") == 1)
        await ask(replica)
        async with open_app(settings, worker=True, lasting=True, limits=QUICK) as worker:
            await until_told(replica, "")
            await until_told(worker, "")
            assert replica.engine.workers() == 1
    assert caplog.text.count("No worker follows tasks on this database") == 1


async def test_an_answer_says_at_once_that_no_worker_goes_on_with_a_task(settings: Settings) -> None:
    async with open_app(settings, lasting=True, limits=QUICK) as replica, Client(build_server(replica)) as client:
        asked = {"model": "nano-banana", "prompt": "a fox", "wait_seconds": 0}
        task = structure(await client.call_tool("generate_image", asked))
        task = await told_once(client, task, lambda now: "waiting_for" in now)
        assert task["waiting_for"].endswith("none runs on this server's database")
        assert task["next_step"].startswith("It stands still, as no worker runs on this server's database: tell ")
        async with open_app(settings, worker=True, limits=QUICK):
            with in_time(60):
                while "waiting_for" in task or task["state"] != "success":
                    task = structure(await client.call_tool("check_task", {"task_id": task["task_id"]}))


async def test_a_process_with_a_file_of_its_own_needs_none(tmp_path: Path) -> None:
    async with Sandbox() as box, open_app(read_settings(**values_for(box, tmp_path)), lasting=True) as alone:
        assert alone.engine.workers() is None
        assert not await told(alone)
