"""What a process watches: it has raised once what is unusual, and reads nothing of what is not."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.store_tasks import CLOCK, NOW, REFUSED, make

from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.running.watch import Watch
from apixo_mcp.tasks.task import Attempt, State, Task
from apixo_mcp.telemetry.facts import AlertRaised, Telemetry

pytestmark = pytest.mark.anyio

DAY = 86400.0


class Process:
    """A process that watches, and what it told."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.told: list[str] = []
        self.watch = Watch(store, Catalog(), Telemetry(self._hear), clock=CLOCK)

    def _hear(self, fact: Any) -> None:
        if isinstance(fact, AlertRaised):
            self.told.append(fact.alert)

    async def sees(self, **given: Any) -> Task:
        sent = {"sent_at": CLOCK.now - 5, "completed_at": CLOCK.now, "created_at": CLOCK.now, "polls": 1, "due": None}
        task = make(**{"attempts": (Attempt(sent_at=CLOCK.now - 5),), **sent, **given})
        await self.store.add([task])
        await self.watch.changed(task)
        return task


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    CLOCK.now = NOW
    path = tmp_path / "tasks.sqlite3"
    async with (
        SqliteStore(path, clock=CLOCK, elapsed=CLOCK) as one,
        SqliteStore(path, clock=CLOCK, elapsed=CLOCK) as two,
    ):
        yield Process(one), Process(two)


async def test_failures_in_two_processes_are_told_by_one_of_them_once_a_day(both: tuple[Process, Process]):
    for _ in range(2):
        for number in range(10):
            await both[number % 2].sees(state=State.FAILED, failure=REFUSED)
        CLOCK.now += DAY
    assert sorted(both[0].told + both[1].told) == ["many_failures"] * 2


async def test_results_that_take_long_are_told_once(both: tuple[Process, Process]):
    for number in range(6):
        await both[number % 2].sees(state=State.SUCCESS, sent_at=CLOCK.now - 900)
    assert both[0].told + both[1].told == ["slow_results"]
    (alert,) = await both[0].store.alerts.current(LOCAL)
    assert (alert.data["seconds"], alert.data["model"]) == (900, "nano-banana")


async def test_a_dear_day_is_told_once_and_that_of_an_owner_to_them(both: tuple[Process, Process]):
    for ago in (1, 2, 3):
        CLOCK.now = NOW - ago * DAY
        await both[0].sees(state=State.SUCCESS, estimate_usd=2.0, owner="alice")
    CLOCK.now = NOW
    for number in range(20):
        await both[number % 2].sees(state=State.SUCCESS, polls=0, estimate_usd=0.5, owner="alice")
    # Each knows of what the other has bought once it looks anew.
    CLOCK.now += 61
    await both[0].sees(state=State.SUCCESS, polls=0, estimate_usd=0.5, owner="alice")
    assert sorted(both[0].told + both[1].told) == ["unusual_spending"] * 2
    assert {alert.data.get("owner", "") for alert in await both[0].store.alerts.current(LOCAL)} == {""}


async def test_a_first_day_raises_nothing(both: tuple[Process, Process]):
    for _ in range(20):
        await both[0].sees(state=State.SUCCESS, polls=0, estimate_usd=10.0)
    assert both[0].told == []


async def test_a_burst_of_refusals_for_pace_is_told_once(both: tuple[Process, Process]):
    for process in both:
        for _ in range(10):
            await process.watch.limited("apixo", "")
    assert both[0].told + both[1].told == ["rate_limited"]
