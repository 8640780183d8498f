"""What every engine must do, whatever it is built on. The gateway, the store and the steps are the real ones."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from support.amounts import in_time
from support.fox_gateway import fox_gateway, unfollowing_app
from support.runners import runner_on
from support.scripted_gateway import Asked, Gateway, Send
from support.store_tasks import NO_LIMITS, make, make_followed
from support.task_steps import happens
from support.wire import envelope

from apixo_mcp.app import App
from apixo_mcp.engines.embedded import EmbeddedEngine, SweepLimits
from apixo_mcp.engines.queue import QueueEngine, QueueLimits
from apixo_mcp.engines.shared_sweep import SharedSweepLimits
from apixo_mcp.engines.steps import CrashLimits
from apixo_mcp.errors import StoreError
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.ports.engine import Engine
from apixo_mcp.tasks.ports.leases import LEASE_LASTS
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.running.parts import StepLimits
from apixo_mcp.tasks.running.runner import Runner
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.tasks.transitions.delays import CRASHED

pytestmark = pytest.mark.anyio

AN_HOUR = 3600.0
CRASH_PAUSE = 0.3


class Clock:
    """A process's own time, which a test can put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def wall(self) -> float:
        return time.time() + self.ahead

    def elapsed(self) -> float:
        return time.monotonic() + self.ahead


class FlakyStore(SqliteStore):
    """A store that does not let some tasks be claimed, and notes when it was asked to; and what it was given to write.

    Attributes:
        breaks: how many times more nothing can be written.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(path, clock=clock.wall, elapsed=clock.elapsed)
        self.refuses: dict[str, list[float]] = {}
        self.breaks = 0
        self.written: list[Task] = []

    async def claim(self, task_id: str, holder: str, lasts: float, key_prints: Iterable[str]) -> Task | None:
        if task_id in self.refuses:
            self.refuses[task_id].append(time.monotonic())
            raise StoreError("the disk has gone")
        return await super().claim(task_id, holder, lasts, key_prints)

    async def commit(self, before: Task, after: Task) -> bool:
        if self.breaks:
            self.breaks -= 1
            raise StoreError("the database is starting")
        self.written.append(after)
        return await super().commit(before, after)


@dataclass
class Process:
    """What an engine has about it."""

    store: FlakyStore
    leases: Leases
    runner: Runner
    accounts: Accounts
    clock: Clock
    sweeps_every: float
    database: str
    finished_within: float
    engine: Engine = field(init=False)


def queue_engine(process: Process) -> Engine:
    from apixo_mcp.engines.procrastinate_queue import ProcrastinateQueue

    return QueueEngine(
        process.runner,
        process.store,
        process.leases,
        process.accounts,
        ProcrastinateQueue(process.database, lambda: process.accounts.key_prints),
        follows=True,
        limits=QueueLimits(
            sweep=SharedSweepLimits(every=process.sweeps_every, grace=0.0),
            finished_within=process.finished_within,
            again_after=0.1,
            crashes=CrashLimits(CRASH_PAUSE),
        ),
    )


ENGINES: dict[str, Callable[[Process], Engine]] = {
    "embedded": lambda process: EmbeddedEngine(
        process.runner,
        process.store,
        process.leases,
        process.accounts,
        SweepLimits(every=process.sweeps_every, grace=0.0, crashes=CrashLimits(CRASH_PAUSE)),
    ),
    "queue": queue_engine,
}
"""Every engine that keeps the contract: one line each, which says how to make it in a process."""

Begin = Callable[..., AbstractAsyncContextManager[Process]]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with fox_gateway() as gateway:
        yield gateway


@pytest.fixture
async def app(gateway: Gateway, tmp_path: Path) -> AsyncIterator[App]:
    async with unfollowing_app(gateway, tmp_path) as app:
        yield app


@pytest.fixture(params=["embedded", pytest.param("queue", marks=pytest.mark.postgres)])
def begin(request: pytest.FixtureRequest, app: App, tmp_path: Path) -> Begin:
    """Begins a process on the one store, as often as wanted."""
    database: str = request.getfixturevalue("postgres_url") if request.param == "queue" else ""

    @asynccontextmanager
    async def begin_it(
        sweeps_every: float = 0.05,
        poll_scale: float = 0.01,
        finished_within: float = 1.0,
        accounts: Accounts = app.accounts,
    ) -> AsyncGenerator[Process]:
        clock = Clock()
        async with FlakyStore(tmp_path / "home" / "tasks.sqlite3", clock) as store:
            leases = Leases(store)
            runner = runner_on(app, store, leases, poll_scale)
            process = Process(store, leases, runner, accounts, clock, sweeps_every, database, finished_within)
            process.engine = ENGINES[request.param](process)
            yield process

    return begin_it


@asynccontextmanager
async def running(process: Process) -> AsyncGenerator[anyio.CancelScope]:
    """Runs the engine meanwhile, and stops it as a process does that ends: it has two seconds."""
    async with anyio.create_task_group() as group:
        group.start_soon(process.engine.run)
        try:
            yield group.cancel_scope
        finally:
            group.cancel_scope.cancel()


async def add(app: App, **given: object) -> Task:
    """A task that the gateway has, due now."""
    now = time.time()
    usual = {"key_print": app.key_prints[0], "created_at": now, "accepted_at": now, "sent_at": now, "due": now}
    task = make_followed(**{**usual, **given})
    await app.store.add([task])
    return task


async def state(store: Store, task: Task) -> State:
    row = await store.get(task.task_id)
    assert row is not None
    return row.state


async def ends(app: App, *tasks: Task) -> None:
    for task in tasks:
        await happens(lambda task=task: _is_done(app, task))


async def _is_done(app: App, task: Task) -> bool:
    return await state(app.store, task) is State.SUCCESS


class Held:
    """An answer of the gateway that is held back."""

    def __init__(self, answer: bytes) -> None:
        self.asked, self.free = anyio.Event(), anyio.Event()
        self._answer = answer

    async def __call__(self, _: Asked, send: Send) -> None:
        self.asked.set()
        await self.free.wait()
        await send(self._answer)


async def test_what_is_due_as_it_begins_is_followed_to_its_end(begin: Begin, app: App, gateway: Gateway) -> None:
    tasks = [await add(app) for _ in range(3)]
    async with begin() as process, running(process):
        await ends(app, *tasks)
    assert sorted(gateway.looks) == sorted(task.remote_id for task in tasks)


async def test_what_is_not_due_is_left_alone(begin: Begin, app: App, gateway: Gateway) -> None:
    later, due = await add(app, due=time.time() + AN_HOUR), await add(app)
    async with begin() as process, running(process):
        await ends(app, due)
    assert later.remote_id not in gateway.looks


async def test_a_step_is_made_when_it_is_due(begin: Begin, app: App, gateway: Gateway) -> None:
    task = await add(app, due=time.time() + 0.5)
    async with begin(AN_HOUR) as process, running(process):
        process.engine.wake(task.task_id, time.time() + 0.5)
        await ends(app, task)
        assert time.time() >= (task.due or 0)


async def test_of_what_comes_while_it_runs_it_is_told(begin: Begin, app: App, gateway: Gateway) -> None:
    """A sweep would find it too, but is far away; and a later time does not put off an earlier one."""
    async with begin(AN_HOUR) as process, running(process):
        first = await add(app)
        process.engine.wake(first.task_id, time.time())
        process.engine.wake(first.task_id, time.time() + AN_HOUR)
        await ends(app, first)
        second = await add(app)
        process.engine.wake(second.task_id, time.time() + AN_HOUR)
        process.engine.wake(second.task_id, time.time())
        await ends(app, second)


async def test_a_wake_up_that_is_lost_costs_a_delay(begin: Begin, app: App, gateway: Gateway) -> None:
    async with begin() as process, running(process):
        await ends(app, await add(app))
        await ends(app, await add(app))


async def test_a_task_that_is_hurried_is_polled_now(begin: Begin, app: App, gateway: Gateway) -> None:
    task = await add(app, due=time.time() + AN_HOUR)
    async with begin(AN_HOUR) as process, running(process):
        process.engine.hurry(task.task_id)
        await ends(app, task)


async def test_one_that_is_just_being_polled_is_polled_once_more(begin: Begin, app: App, gateway: Gateway) -> None:
    task = await add(app)
    gateway.polls.append(held := Held(envelope({"taskId": task.remote_id, "state": "processing"})))
    async with begin(AN_HOUR, poll_scale=100.0) as process, running(process):
        process.engine.wake(task.task_id, time.time())
        await held.asked.wait()
        process.engine.hurry(task.task_id)
        held.free.set()
        with in_time(5):
            await ends(app, task)
    assert len(gateway.looks) == 2


async def test_it_stops_at_once_and_leaves_a_poll_where_it_is(begin: Begin, app: App, gateway: Gateway) -> None:
    task = await add(app)
    gateway.polls.append(held := Held(b""))
    async with begin() as process:
        with in_time(5):
            async with running(process):
                await held.asked.wait()
    assert await state(app.store, task) is State.PENDING


async def test_a_submit_that_is_under_way_is_finished_first(begin: Begin, app: App, gateway: Gateway) -> None:
    now = time.time()
    task = make(key_print=app.key_prints[0], created_at=now, updated_at=now, due=now, asked_until=now + AN_HOUR)
    assert (await app.store.admit([task], NO_LIMITS)).how == "new"
    gateway.submits.append(held := Held(envelope({"taskId": "paid"})))
    stopped = anyio.Event()
    async with begin(finished_within=600.0) as process, anyio.create_task_group() as group:

        async def run_and_stop() -> None:
            async with running(process):
                await held.asked.wait()
            stopped.set()

        group.start_soon(run_and_stop)
        await held.asked.wait()
        await anyio.wait_all_tasks_blocked()
        assert not stopped.is_set()
        held.free.set()
        with in_time(5):
            await stopped.wait()
    row = await app.store.get(task.task_id)
    assert row is not None
    assert (row.state, row.remote_id) == (State.PENDING, "paid")
    assert len(gateway.posts) == 1


async def test_a_step_that_crashes_is_put_off_for_ever_longer_and_holds_up_no_other(
    begin: Begin, app: App, gateway: Gateway
) -> None:
    bad, good = await add(app), await add(app)
    async with begin() as process, running(process):
        tries = process.store.refuses[bad.task_id] = []
        await ends(app, good)
        await happens(lambda: len(tries) >= 3)
        assert tries[1] - tries[0] >= CRASH_PAUSE * 0.9
        assert tries[2] - tries[1] >= CRASH_PAUSE * 1.8
        del process.store.refuses[bad.task_id]
        await ends(app, bad)


async def test_one_whose_store_was_away_for_a_moment_is_tried_again_soon(
    begin: Begin, app: App, gateway: Gateway
) -> None:
    """It is no fault of the task's: that is waited with for ten seconds."""
    task = await add(app)
    async with begin() as process:
        process.store.breaks = 1
        async with running(process):
            await ends(app, task)
        (put_off,) = [one for one in process.store.written if one.failure is not None and one.failure.code == CRASHED]
    assert put_off.due is not None
    assert put_off.due - put_off.updated_at == pytest.approx(StepLimits().store_pause)
    assert len(gateway.looks) == 2


async def test_what_a_dead_process_held_is_taken_over_once_its_lease_is_over(
    begin: Begin, app: App, gateway: Gateway
) -> None:
    task, seen = await add(app), await add(app, due=time.time() + AN_HOUR)
    gateway.polls.append(held := Held(b""))
    async with begin() as dead, begin() as heir:
        async with running(dead):
            await held.asked.wait()
        async with running(heir):
            heir.engine.hurry(seen.task_id)
            await ends(app, seen)
            assert gateway.looks.count(task.remote_id) == 1
            heir.clock.ahead += LEASE_LASTS + 1
            await ends(app, task)


async def test_one_that_was_cut_off_while_it_was_sent_is_unknown_though_its_key_is_gone(
    begin: Begin, app: App, gateway: Gateway
) -> None:
    now = time.time()
    cut = make(key_print="of somebody who has another by now", created_at=now, sent_at=now, due=now)
    await app.store.add([cut])
    async with begin() as process, running(process):

        async def is_unknown() -> bool:
            return await state(app.store, cut) is State.UNKNOWN

        await happens(is_unknown)
    assert not gateway.posts


async def test_a_process_without_any_key_notes_what_was_cut_off_and_leaves_the_rest_alone(
    begin: Begin, app: App, gateway: Gateway
) -> None:
    """A server may run for its tasks to be looked at alone."""
    now = time.time()
    cut = make(key_print="of a process that died", created_at=now, sent_at=now, due=now)
    unsent = make(key_print="of a process that died", created_at=now, due=now, asked_until=now + AN_HOUR)
    followed = await add(app)
    await app.store.add([cut, unsent])
    async with begin(accounts=Accounts()) as process, running(process):

        async def is_unknown() -> bool:
            return await state(app.store, cut) is State.UNKNOWN

        await happens(is_unknown)
        assert process.engine.since_sweep() is not None
    assert [await state(app.store, task) for task in (unsent, followed)] == [State.SUBMITTING, State.PENDING]
    assert not gateway.posts
    assert not gateway.looks


async def test_a_key_that_comes_later_has_its_tasks_followed(begin: Begin, app: App, gateway: Gateway) -> None:
    task = await add(app)
    account = app.accounts.held(app.key_prints[0])
    assert account is not None
    async with begin(accounts=Accounts()) as process, running(process):
        await happens(lambda: process.engine.since_sweep() is not None)
        process.accounts.add(account)
        await ends(app, task)
    assert len(gateway.looks) == 1


async def test_two_at_once_never_work_on_one_task_together(begin: Begin, app: App, gateway: Gateway) -> None:
    tasks = [await add(app) for _ in range(20)]
    async with begin() as one, begin() as two, running(one), running(two):
        await ends(app, *tasks)
    assert sorted(gateway.looks) == sorted(task.remote_id for task in tasks)
