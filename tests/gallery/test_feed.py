"""What has changed is told to all who watch, and read once for all of them."""

import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest
from support.amounts import in_time
from support.store_tasks import make_followed

from apixo_mcp.gallery.feed import Feed
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import State, Task

pytestmark = pytest.mark.anyio

MANY = 100


class Counted(SqliteStore):
    """A store that counts how often it is asked what has changed."""

    looks = 0

    async def changed_since(self, moment: float, limit: int = 500) -> Sequence[Task]:
        """See `Store.changed_since`."""
        self.looks += 1
        return await super().changed_since(moment, limit)


async def test_a_change_is_read_once_however_many_watch(tmp_path: Path) -> None:
    async with Counted(tmp_path / "tasks.sqlite3") as store:
        feed = Feed(store, every=5.0)
        told: list[str] = []
        before, task = MANY, make_followed()

        async def watch() -> None:
            async with aclosing(feed.watch(LOCAL, silence=60.0)) as changes:
                assert await anext(changes) is None, "it watches"
                task = await anext(changes)
                assert task is not None
                told.append(task.task_id)

        async with anyio.create_task_group() as group:
            for _ in range(MANY):
                group.start_soon(watch)
            while store.looks < MANY:
                await anyio.sleep(0.001)
            before = store.looks
            now = time.time()
            await store.add([make_followed(task_id=task.task_id, created_at=now, updated_at=now)])
            await feed.hear(task)
        assert told == [task.task_id] * MANY
        assert store.looks - before <= 3


async def test_more_changes_of_one_moment_than_are_read_at_once_are_all_told(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "tasks.sqlite3") as store:
        feed = Feed(store, every=0.05)
        told: set[str] = set()
        async with aclosing(feed.watch(LOCAL, silence=0.01)) as changes:
            assert await anext(changes) is None
            now = time.time()
            tasks = [make_followed(created_at=now, updated_at=now, state=State.SUCCESS, due=None) for _ in range(1_200)]
            await store.add(tasks)
            with in_time(20):
                while len(told) < len(tasks):
                    if task := await anext(changes):
                        told.add(task.task_id)
    assert told == {task.task_id for task in tasks}
