"""Changes that another process made, told to whoever waits here."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from support.amounts import in_time
from support.store_tasks import make_followed

from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.changes import Changes
from apixo_mcp.tasks.elsewhere import Elsewhere
from apixo_mcp.tasks.task import Task
from apixo_mcp.telemetry.facts import Telemetry

pytestmark = pytest.mark.anyio

FOR_EVER = 60.0


class Here:
    """A process that waits, on a store that another one writes to."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.hears = True
        self.changes = Changes(store, Telemetry(lambda _: None))
        self.elsewhere = Elsewhere(store, self.changes, lambda: self.hears)
        self.told: list[str] = []
        self.changes.listen_elsewhere(self.note)

    async def note(self, task_id: str) -> None:
        self.told.append(task_id)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    async with SqliteStore(tmp_path / "tasks.sqlite3") as store:
        yield Here(store)


@pytest.fixture
async def there(tmp_path: Path, here: Here) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "tasks.sqlite3") as store:
        yield store


async def moved_on(store: SqliteStore, task: Task) -> Task:
    """A task that another process has just written."""
    await store.add([replace(task, updated_at=0.0)])
    assert await store.request_cancel(task.task_id)
    return task


async def test_who_waits_is_woken_by_what_is_heard(here: Here) -> None:
    with in_time(5):
        async with anyio.create_task_group() as group:
            group.start_soon(here.elsewhere.run)
            group.start_soon(here.changes.wait, "a", FOR_EVER)
            await anyio.wait_all_tasks_blocked()
            here.elsewhere.heard("a")
            while here.told != ["a"]:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()


async def test_what_is_heard_between_two_waits_ends_the_next_one_alone(here: Here) -> None:
    with here.changes.watching("a") as watching:
        await here.changes.hear("a")
        with in_time(5):
            await watching.wait(FOR_EVER)
        await here.changes.hear("b")
        with anyio.move_on_after(0.05) as waiting:
            await watching.wait(FOR_EVER)
        assert waiting.cancelled_caught


async def test_where_nothing_is_told_it_is_looked_for_within_a_second(here: Here, there: SqliteStore) -> None:
    here.hears = False
    task = make_followed()
    async with anyio.create_task_group() as group:
        group.start_soon(here.elsewhere.run)
        await anyio.wait_all_tasks_blocked()
        with here.changes.watching(task.task_id) as watching:
            await moved_on(there, task)
            with in_time(5):
                await watching.wait(FOR_EVER)
        group.cancel_scope.cancel()
    assert here.told == [task.task_id]


async def test_a_look_tells_of_each_change_once(here: Here, there: SqliteStore) -> None:
    task = await moved_on(there, make_followed())
    async with anyio.create_task_group() as group:
        group.start_soon(here.elsewhere.run)
        for _ in range(3):
            await here.elsewhere.look()
            await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert here.told == [task.task_id]


async def test_a_listener_that_fails_holds_up_no_other(here: Here) -> None:
    async def fail(_: str) -> None:
        raise RuntimeError

    changes = Changes(here.store, Telemetry(lambda _: None))
    changes.listen_elsewhere(fail)
    changes.listen_elsewhere(here.note)
    await changes.hear("a")
    assert here.told == ["a"]
