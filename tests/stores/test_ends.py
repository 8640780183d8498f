"""Whatever becomes of what a store writes, what it is asked has an end."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from support.store_tasks import KEYS, NOW, make
from support.stores import Open

from apixo_mcp.stores.store import TaskStore
from apixo_mcp.tasks.hearing import Hearer

pytestmark = pytest.mark.anyio

_TRIED = 100
"""Times that something is written in vain until the database itself refuses it."""
_SQLITE = """create table tried (n integer);
  create trigger {table}_{verb} before {verb} on {table} begin
    insert into tried values (1);
    select case when (select count(*) from tried) > {most} then raise(abort, 'tried without an end')
      else raise(ignore) end;
  end;"""
_POSTGRES = """create sequence if not exists tried;
  create or replace function in_vain() returns trigger language plpgsql as $$ begin
    if nextval('tried') > {most} then raise exception 'tried without an end'; end if;
    return null;
  end $$;
  create trigger {table}_{verb} before {verb} on {table} for each row execute function in_vain();"""

InVain = Callable[[str, str], None]


@pytest.fixture
async def store(open_store: Open) -> AsyncIterator[TaskStore]:
    async with open_store() as store:
        yield store


@pytest.fixture
def in_vain(request: pytest.FixtureRequest, tmp_path: Path) -> InVain:
    """Has what is written to a table from now on leave no trace, and tell of no error."""

    def begin(table: str, verb: str) -> None:
        given = {"table": table, "verb": verb, "most": _TRIED}
        if request.node.callspec.params["open_store"] == "sqlite":
            with closing(sqlite3.connect(tmp_path / "data" / "tasks.sqlite3")) as database:
                database.executescript(_SQLITE.format(**given))
        else:
            with psycopg.connect(request.getfixturevalue("postgres_store_url"), autocommit=True) as connection:
                connection.execute(_POSTGRES.format(**given).encode())

    return begin


async def test_a_task_that_cannot_be_leased_is_not_claimed(store: TaskStore, in_vain: InVain):
    task = make(due=NOW - 1)
    await store.add([task])
    in_vain("task", "update")
    assert await store.claim(task.task_id, "me", 8, KEYS) is None


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_name_that_cannot_be_leased_is_not_held(store: TaskStore, in_vain: InVain, is_there: bool):
    if is_there:
        assert await store.hold("a name", "gone", -1000)  # a lease that is over
    in_vain("lease", "update" if is_there else "insert")
    assert not await store.hold("a name", "me", 8)


async def test_who_heard_of_a_task_is_noted_or_not(store: TaskStore, in_vain: InVain):
    task = make(heard_by="")
    await store.add([task])
    in_vain("task", "update")
    await store.mark_heard([task.task_id], Hearer("connection", "client"))
    assert await store.get(task.task_id) == task
