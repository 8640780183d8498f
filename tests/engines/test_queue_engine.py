"""The engine of several machines on a job queue that fails: what is followed is not lost with its job."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from support.amounts import in_time
from support.fox_gateway import fox_gateway, unfollowing_app
from support.runners import runner_on
from support.scripted_gateway import Gateway
from support.store_tasks import make_followed
from support.task_steps import happens

from apixo_mcp.app import App
from apixo_mcp.engines.job_queue import Follow, Following, WithNextStep, following_of
from apixo_mcp.engines.queue import QueueEngine, QueueLimits
from apixo_mcp.engines.shared_sweep import SharedSweepLimits
from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.task import State, Task

pytestmark = pytest.mark.anyio

AN_HOUR = 3600.0


class LosingQueue:
    """Gives out what it was given, and ends each call at once; or takes nothing at all.

    Args:
        takes: whether it takes anything.
        gives: whether it gives anything to anybody, as one does not where much else waits in it.
        late_by: seconds that its jobs say too much, as those of a machine do whose clock is wrong.
    """

    def __init__(self, *, takes: bool = True, gives: bool = True, late_by: float = 0.0) -> None:
        self._takes, self._gives, self._late_by = takes, gives, late_by
        self._given: list[Following] = []
        self._news, self._is_stopped = anyio.Event(), False
        self.breaks = False

    @property
    def left(self) -> int:
        """How many it has that it gave to nobody yet."""
        return len(self._given)

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        yield

    async def put(self, followings: Sequence[Following]) -> None:
        if self.breaks:
            raise ZeroDivisionError
        if not self._takes:
            raise StoreError("the queue is away")
        self._given += [replace(one, due=one.due + self._late_by) for one in followings]
        self._news.set()

    async def take(self, follow: Follow) -> None:
        while not self._is_stopped:
            await self._news.wait()
            self._news = anyio.Event()
            while self._gives and self._given and not self._is_stopped:
                with anyio.move_on_after(0):
                    await follow(self._given.pop())

    def stop(self) -> None:
        self._is_stopped = True
        self._news.set()

    async def tidy(self) -> Sequence[str]:
        return ()

    async def clear(self, ask: WithNextStep) -> None:
        pass

    async def workers(self) -> int:
        return 1


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with fox_gateway() as gateway:
        yield gateway


@pytest.fixture
async def app(gateway: Gateway, tmp_path: Path) -> AsyncIterator[App]:
    async with unfollowing_app(gateway, tmp_path) as app:
        yield app


async def followed(app: App, queue: LosingQueue, swept_every: float = AN_HOUR, leased: float = 0.0) -> Task | None:
    """A task that the gateway has and that nobody follows, once the engine has come to the end of it.

    Args:
        app: whose store and accounts it is of.
        queue: of the engine.
        swept_every: seconds.
        leased: seconds of a lease that the engine has left on it, as a step does that could not end.
    """
    now = time.time()
    moments = {"created_at": now, "accepted_at": now, "sent_at": now, "due": now}
    task = make_followed(key_print=app.key_prints[0], **moments)
    await app.store.add([task])
    leases = Leases(app.store)
    if leased:
        assert await app.store.claim(task.task_id, leases.holder, leased, app.key_prints)
        await queue.put([following_of(task)])
    engine = QueueEngine(
        runner_on(app, app.store, leases),
        app.store,
        leases,
        app.accounts,
        queue,
        follows=True,
        limits=QueueLimits(sweep=SharedSweepLimits(every=swept_every, grace=0.0), finished_within=1.0),
    )

    async def has_ended() -> bool:
        row = await app.store.get(task.task_id)
        return row is not None and row.state is State.SUCCESS

    async with anyio.create_task_group() as group:
        group.start_soon(engine.run)
        await happens(has_ended)
        group.cancel_scope.cancel()
    return await app.store.get(task.task_id)


async def test_a_task_whose_job_is_ended_under_it_is_followed_on(app: App, gateway: Gateway) -> None:
    assert await followed(app, LosingQueue())
    assert len(gateway.looks) == 1


@pytest.mark.parametrize("late_by", [AN_HOUR, 1e18])
async def test_a_job_that_says_a_wrong_time_delays_nothing(app: App, gateway: Gateway, late_by: float) -> None:
    assert await followed(app, LosingQueue(late_by=late_by))
    assert len(gateway.looks) == 1


async def test_it_ends_though_its_queue_breaks_as_it_ends(app: App) -> None:
    """In a way that nobody has thought of: what it holds would be waited for without an end."""
    queue = LosingQueue()
    task = make_followed(
        key_print=app.key_prints[0], due=time.time() + 50
    )  # so far ahead it stays with whoever follows it
    await app.store.add([task])
    await queue.put([following_of(task)])
    leases = Leases(app.store)
    runner = runner_on(app, app.store, leases)
    engine = QueueEngine(runner, app.store, leases, app.accounts, queue, follows=True)

    async def run() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(engine.run)
            await happens(lambda: not queue.left and engine.since_sweep() is not None)
            queue.breaks = True
            group.cancel_scope.cancel()

    with in_time(10), pytest.raises(ExceptionGroup) as ended:
        await run()
    assert ended.group_contains(ZeroDivisionError)


async def test_a_task_that_is_overdue_is_taken_now_whatever_its_job_said(app: App, gateway: Gateway) -> None:
    assert await followed(app, LosingQueue(late_by=50.0), swept_every=0.2)
    assert len(gateway.looks) == 1


async def test_a_lease_of_its_own_that_a_broken_step_has_left_holds_it_up_for_nothing(
    app: App, gateway: Gateway
) -> None:
    assert await followed(app, LosingQueue(), leased=AN_HOUR)
    assert len(gateway.looks) == 1


async def test_what_the_queue_does_not_take_a_worker_follows_itself(app: App, gateway: Gateway) -> None:
    assert await followed(app, LosingQueue(takes=False))
    assert len(gateway.looks) == 1


async def test_what_the_queue_takes_and_gives_to_nobody_a_worker_follows_itself(app: App, gateway: Gateway) -> None:
    assert await followed(app, LosingQueue(gives=False), swept_every=0.2)
    assert len(gateway.looks) == 1
