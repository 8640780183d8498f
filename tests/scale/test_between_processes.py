"""What passes between processes on one Postgres: one asks, another follows, and each hears of the other."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest
from mcp.server.subscriptions import ServerEvent
from support.amounts import here, in_time
from support.pgbouncer import pooled
from support.store_tasks import make
from support.task_steps import ask, happens, until

from apixo_mcp.app import App, open_app
from apixo_mcp.engines.job_queue import Following
from apixo_mcp.engines.procrastinate_queue import ProcrastinateQueue
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.subscriptions import Subscriptions
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import State, Task

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

PATIENCE = 30.0
Opened = Callable[..., AbstractAsyncContextManager[App]]


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=20) as box:
        yield box


@pytest.fixture
def opened(box: Sandbox, postgres_url: str, tmp_path: Path) -> Opened:
    """Opens the program on the database, once for each process that is wanted."""

    def open_it(*, worker: bool = False, url: str = postgres_url, **more: Any) -> AbstractAsyncContextManager[App]:
        given = {"home": tmp_path / "home", "download_dir": tmp_path / "pictures", "apixo_api_key": "sk-scale"}
        gateway = {"apixo_base_url": box.url, "allow_private_hosts": True}
        settings = read_settings(**{**given, **gateway, "poll_scale": 0.2, "database_url": url, **more})
        return open_app(settings, worker=worker)

    return open_it


async def waited_for(app: App, task: Task) -> tuple[Task, float]:
    """The task once it is settled, and how long after it was stored so whoever waits knows it."""
    ended = await app.service.wait(task, here(PATIENCE))
    return ended, time.time() - ended.updated_at


async def test_one_asks_another_follows_and_a_third_waits(opened: Opened, box: Sandbox) -> None:
    late: dict[str, float] = {}
    async with opened() as asked, opened() as waits, opened(worker=True):
        await anyio.sleep(0.5)
        task = (await ask(asked)).tasks[0]

        async def wait(name: str, app: App) -> None:
            ended, late[name] = await waited_for(app, task)
            assert (ended.state, [result.file for result in ended.results]) == (State.SUCCESS, ["saved"])

        async with anyio.create_task_group() as group:
            group.start_soon(wait, "asked", asked)
            group.start_soon(wait, "waits", waits)
    print(f"\nheard {late['asked'] * 1000:.0f} ms and {late['waits'] * 1000:.0f} ms after it was stored")
    assert max(late.values()) < here(1.0), "they read anew every 4 s, and were told sooner"
    assert len(box.submits()) == 1


async def test_who_tells_nonsense_on_their_channels_ends_none_of_them(opened: Opened, postgres_url: str) -> None:
    async with opened() as asked, opened(worker=True):
        await anyio.sleep(1.0)
        with psycopg.connect(postgres_url, autocommit=True) as line:
            for channel in ("apixo_mcp_due", "apixo_mcp_changed"):
                for told in ("", " ", "x", "x y", "x nan", "x -inf", "x 1e999", "a" * 7_900, "\ufdd0"):
                    line.execute("select pg_notify(%s, %s)", [channel, told])
        ended, _ = await waited_for(asked, (await ask(asked)).tasks[0])
    assert ended.state is State.SUCCESS


async def test_who_asks_follows_nothing(opened: Opened, box: Sandbox) -> None:
    async with opened() as asked:
        task = (await ask(asked)).tasks[0]
        await happens(lambda: box.submits())
        await until(asked, task, lambda now: now.state is State.PENDING)
        assert (await asked.service.wait(task, 3.0)).state is State.PENDING
        assert not box.looks()
        async with opened(worker=True):
            ended, _ = await waited_for(asked, task)
    assert ended.state is State.SUCCESS


async def test_behind_a_transaction_pooler_it_is_looked_for_within_1_2_s(
    opened: Opened, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pooled(postgres_url) as through:
        async with opened(url=through) as asked, opened(url=through, worker=True):
            await happens(lambda: "do not arrive" in caplog.text)
            ended, late = await waited_for(asked, (await ask(asked)).tasks[0])
    print(f"\nlooked for: {late:.2f} s after it was stored")
    assert ended.state is State.SUCCESS
    assert late < here(2.0), "they read anew every 4 s, and looked once a second"


async def test_a_subscription_is_told_of_what_a_worker_learns(opened: Opened) -> None:
    told: list[ServerEvent] = []
    async with opened() as asked, opened() as told_one, opened(worker=True):
        subscriptions = Subscriptions(told_one.service)
        told_one.changes.listen_elsewhere(subscriptions.changed_elsewhere)
        subscriptions.subscribe(told.append, LOCAL)
        task = (await ask(asked)).tasks[0]
        await waited_for(asked, task)
        await happens(lambda: any(task.task_id in str(event) for event in told))


@pytest.mark.parametrize(("scale", "who"), [(10.0, "the worker that follows it"), (100.0, "one that is found")])
async def test_a_callback_is_heeded_by_a_worker_at_once(opened: Opened, box: Sandbox, scale: float, who: str) -> None:
    """With 30 s between polls a worker holds the task, with 300 s it has gone back into the queue."""
    async with opened(poll_scale=scale) as asked, opened(poll_scale=scale, worker=True):
        task = (await ask(asked)).tasks[0]
        await happens(lambda: box.submits())
        await anyio.sleep(2.5)  # it has been handed out
        assert not box.looks()
        asked.engine.hurry(task.task_id)
        began = time.monotonic()
        await happens(lambda: box.looks())
        print(f"\nby {who}: polled {time.monotonic() - began:.2f} s after the callback")


async def test_what_a_dead_process_did_not_send_is_sent_once(
    opened: Opened, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process finds it, and one sends it."""
    async with opened() as dead:
        monkeypatch.setattr(dead.engine, "wake", lambda *_: None)  # it dies before it sends
        task = (await ask(dead)).tasks[0]
        await dead.store.mark_answer([task.task_id], task.asked_by, "lost")
    async with opened() as one, opened() as two, opened(worker=True), opened(worker=True):
        ended, _ = await waited_for(one, task)
        await anyio.sleep(3)
        await happens(lambda: two.engine.since_sweep() is not None)
    assert ended.state in (State.SUCCESS, State.CANCELLED)
    assert len(box.submits()) <= 1


async def test_what_was_cut_off_while_it_was_sent_is_known_though_no_process_has_a_key(
    opened: Opened, box: Sandbox, postgres_url: str
) -> None:
    """A replica may run for tasks to be looked at alone."""
    async with opened(apixo_api_key="") as looks:
        now = time.time()
        cut = make(key_print="of a process that died", created_at=now, sent_at=now, due=now)
        await looks.store.add([cut])
        ended, _ = await waited_for(looks, cut)
    assert ended.state is State.UNKNOWN
    assert not box.submits()


async def test_jobs_that_can_never_matter_go_and_a_key_that_comes_back_finds_its_own(
    opened: Opened, box: Sandbox, postgres_url: str
) -> None:
    def jobs() -> set[str]:
        with psycopg.connect(postgres_url) as connection:
            rows = connection.execute("select queueing_lock from procrastinate_jobs")
            return {row[0] for row in rows}

    async with opened(apixo_api_key="sk-away") as asked:
        task = (await ask(asked)).tasks[0]
        await happens(lambda: box.submits())
    queue = ProcrastinateQueue(postgres_url, lambda: ())
    async with queue.opened():
        await queue.put([Following("tsk_of_nobody", time.time(), "a key of nobody")])
    assert {task.task_id, "tsk_of_nobody"} <= jobs()
    async with opened(worker=True):
        await happens(lambda: "tsk_of_nobody" not in jobs())
        assert task.task_id in jobs()
    async with opened(worker=True, apixo_api_key="sk-away") as back:
        ended, _ = await waited_for(back, task)
    assert ended.state is State.SUCCESS


async def test_a_worker_follows_what_it_finds_where_the_tables_of_the_queue_are_locked(
    opened: Opened, box: Sandbox, postgres_url: str
) -> None:
    async with opened() as asked, opened(worker=True):
        await waited_for(asked, (await ask(asked)).tasks[0])
        with psycopg.connect(postgres_url) as connection:
            connection.execute("lock table procrastinate_jobs in access exclusive mode")
            ended, _ = await waited_for(asked, (await ask(asked, "another fox")).tasks[0])
    assert ended.state is State.SUCCESS
    assert len(box.submits()) == 2


async def test_an_alert_is_a_line_in_the_log_of_one_process_alone(
    opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened() as one, opened() as two:
        for app in (one, two):
            refused = (await ask(app, "a fox [http:401]")).task
            with in_time(PATIENCE):
                while (await app.service.wait(refused, PATIENCE)).failure is None:
                    pass
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("alert:")]
    assert len(lines) == 1
    assert "key_refused" in lines[0]
