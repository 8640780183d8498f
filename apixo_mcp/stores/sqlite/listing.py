"""Reads the tasks of a file: one by what is known of it, or a list of them a page at a time."""

import json
from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Row
from typing import Any

from apixo_mcp.generation import Modality
from apixo_mcp.stores import statements
from apixo_mcp.stores.database import Readable
from apixo_mcp.stores.listing import ListQuery, lowered
from apixo_mcp.stores.rows import from_row
from apixo_mcp.stores.sqlite import search
from apixo_mcp.stores.sqlite.database import SqliteDatabase
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.task import State, Task


def _read_one(database: Readable, statement: str, key: Mapping[str, Any]) -> Task | None:
    return next((from_row(row) for row in database.execute(statement, key)), None)


class SqliteListing:
    """Implements what `Store` finds and lists.

    Args:
        database: the open file.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def get(self, task_id: str) -> Task | None:
        """See `Store.get`."""
        return await self._one(statements.GET, task_id=task_id)

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

    async def page(
        self,
        owner: Owner,
        *,
        state: State | None = None,
        modality: Modality | None = None,
        model: str = "",
        since: float = 0.0,
        until: float | None = None,
        words: Iterable[str] = (),
        connection: str = "",
        like: str | None = None,
        limit: int = 20,
        before: tuple[float, str] | None = None,
        with_deleted: bool = False,
    ) -> Sequence[Task]:
        """See `Store.page`."""
        listing = ListQuery(
            owner=owner.name,
            state=state,
            modality=modality,
            model=model,
            since=since,
            until=until,
            words=tuple(dict.fromkeys(lowered(word) for word in words if word)),
            connection=connection,
            like=None if like is None else lowered(like),
            limit=limit,
            before=before,
            with_deleted=with_deleted,
        )
        return await self._database.run(search.listed, self._database, listing)

    async def changed_since(self, moment: float, limit: int = 500) -> Sequence[Task]:
        """See `Store.changed_since`."""
        return await self._tasks(statements.CHANGED_SINCE, moment=moment, limit=limit)

    async def kept_for(self, seconds: float, after: str, limit: int) -> tuple[Sequence[Task], str]:
        """See `Store.kept_for`."""
        last = (await self._query(statements.LAST_OF_PAGE, after=after, limit=limit))[0]["last"]
        if last is None:
            return (), ""
        named = {"seconds": seconds, "after": after, "last": last, "now": self._database.now()}
        return await self._tasks(statements.WITH_OLD_FILES, **named), last

    async def dump(self, after: str = "", limit: int = 500) -> Sequence[Task]:
        """See `Store.dump`."""
        return await self._tasks(statements.DUMP, after=after, limit=limit)

    async def _query(self, statement: str, **values: Any) -> list[Row]:
        return await self._database.run(self._database.execute, statement, values)

    async def _task(self, statement: str, **values: Any) -> Task | None:
        return next(iter(await self._tasks(statement, **values)), None)

    async def _one(self, statement: str, **key: Any) -> Task | None:
        """Returns the task of a key."""
        return await self._database.look_up(_read_one, statement, key)

    async def _tasks(self, statement: str, **values: Any) -> list[Task]:
        return await self._database.run(self._read, statement, values)

    def _read(self, statement: str, values: Mapping[str, Any]) -> list[Task]:
        return [from_row(row) for row in self._database.execute(statement, values)]
