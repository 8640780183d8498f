"""Which tasks there are: one by an id, pages of a list, and those that somebody goes through."""

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any, Protocol

from apixo_mcp.stores import statements
from apixo_mcp.stores.database import Database, Readable, Worker
from apixo_mcp.stores.listing import as_searched
from apixo_mcp.stores.part import StorePart, tasks_of
from apixo_mcp.stores.rows import to_row
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.ports.terms import ADOPTED_FOR
from apixo_mcp.tasks.task import Task

_READ_TOGETHER = 100


class Search(Protocol):
    """The index of a database that tells which prompts may hold words."""

    def listed(self, database: Database, owner: str, query: TaskQuery) -> list[Task]:
        """Returns a page of the tasks of an owner, by name; the query as `as_searched` makes it."""
        ...

    def index_some(self, database: Database, count: int) -> int:
        """Reads so many prompts more into the index, and returns how many are left then."""
        ...

    def forget_text(self, database: Database, task: Mapping[str, Any]) -> None:
        """Forgets the prompt of a task, as part of a transaction."""
        ...


class Lookups(StorePart):
    """The part of a store that finds and lists tasks.

    Args:
        worker: has the database.
        search: its index of prompts.
    """

    def __init__(self, worker: Worker, search: Search) -> None:
        super().__init__(worker)
        self._search = search

    async def get(self, task_id: str) -> Task | None:
        """See `Store.get`."""
        return await self._one(statements.GET, task_id=task_id)

    async def get_each(self, task_ids: Iterable[str]) -> Sequence[Task]:
        """See `Store.get_each`."""
        rest, tasks = list(task_ids), list[Task]()
        while rest:
            there, named = statements.list_of(rest[:_READ_TOGETHER])
            tasks += await self._worker.look_up(tasks_of, statements.GET_EACH.format(task_ids=there), named)
            del rest[:_READ_TOGETHER]
        return tasks

    async def with_next_step(self, task_ids: Iterable[str]) -> Set[str]:
        """See `Store.with_next_step`."""
        rest, open_ones = list(task_ids), set[str]()
        while rest:
            there, named = statements.list_of(rest[:_READ_TOGETHER])
            open_ones |= {
                row["task_id"] for row in await self._query(statements.WITH_NEXT_STEP.format(task_ids=there), **named)
            }
            del rest[:_READ_TOGETHER]
        return open_ones

    async def find(self, owner: Owner, any_id: str) -> Task | None:
        """See `Store.find`."""
        named = {"owner": owner.name, "id": any_id}
        task = await self._one(statements.FIND, **named)
        if task is not None or not any_id:
            return task
        if (task := await self._task(statements.FIND_BY_REMOTE, **named)) is not None:
            return task
        quoted = f'"remote_id": {json.dumps(any_id)}'
        return await self._task(statements.FIND_BY_ATTEMPT, owner=owner.name, quoted=quoted)

    async def saved_at(self, owner: Owner, path: str) -> Task | None:
        """See `Store.saved_at`."""
        return await self._task(statements.SAVED_AT, owner=owner.name, quoted=f'"path": {json.dumps(path)}')

    async def made_at(self, owner: Owner, url: str) -> Task | None:
        """See `Store.made_at`."""
        return await self._task(statements.SAVED_AT, owner=owner.name, quoted=f'"url": {json.dumps(url)}')

    async def page(self, owner: Owner, query: TaskQuery = TaskQuery()) -> Sequence[Task]:
        """See `Store.page`."""
        return await self._worker.run(self._listed, owner.name, as_searched(query))

    def _listed(self, database: Database, owner: str, query: TaskQuery) -> list[Task]:
        return self._search.listed(database, owner, query)

    async def index_some(self, count: int) -> int:
        """See `Store.index_some`."""
        return await self._worker.run(self._index_some, count)

    def _index_some(self, database: Database, count: int) -> int:
        return self._search.index_some(database, count)

    async def delete_entry(self, task: Task, note: str) -> bool:
        """See `Store.delete_entry`."""
        return await self._worker.run(self._delete_entry, task, note)

    def _delete_entry(self, database: Database, task: Task, note: str) -> bool:
        named = {"task_id": task.task_id, "owner": task.owner, "created_at": task.created_at}
        failure = replace(task.failure, message="", advice="") if task.failure else None  # its code counts
        bare = to_row(replace(task, failure=failure, notes=(note,)))
        gone = {name: bare[name] for name in ("task_id", "fence", "notes", "failure")}
        gone |= {"now": database.now(), "adopted_for": ADOPTED_FOR}
        with database.transaction():
            if not database.execute(statements.DELETE_ENTRY, gone):
                return False
            self._search.forget_text(database, named)
            return True

    async def changed_since(self, moment: float, limit: int = 500) -> Sequence[Task]:
        """See `Store.changed_since`."""
        return await self._tasks(statements.CHANGED_SINCE, moment=moment, limit=limit)

    async def needs_input(self, text: str, ended_within: float, unknown_for: float) -> bool:
        """See `Store.needs_input`."""
        return await self._worker.run(_needs_input, text, ended_within, unknown_for)

    async def kept_for(self, seconds: float, after: str, limit: int) -> tuple[Sequence[Task], str]:
        """See `Store.kept_for`."""
        last = (await self._query(statements.LAST_OF_PAGE, after=after, limit=limit))[0]["last"]
        if last is None:
            return (), ""
        return await self._worker.run(_kept_for, seconds, after, last), last

    async def dump(self, after: str = "", limit: int = 500) -> Sequence[Task]:
        """See `Store.dump`."""
        return await self._tasks(statements.DUMP, after=after, limit=limit)


def _needs_input(database: Readable, text: str, ended_within: float, unknown_for: float) -> bool:
    named = {"text": text, "ended_within": ended_within, "unknown_for": unknown_for, "now": database.now()}
    return bool(database.execute(statements.NEEDS_INPUT, named))


def _kept_for(database: Readable, seconds: float, after: str, last: str) -> list[Task]:
    named = {"seconds": seconds, "after": after, "last": last, "now": database.now()}
    return tasks_of(database, statements.WITH_OLD_FILES, named)
