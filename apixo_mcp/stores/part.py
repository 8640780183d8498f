"""What the parts of a task store share: one statement asked of its database."""

from collections.abc import Mapping, Sequence
from typing import Any

from apixo_mcp.stores import statements
from apixo_mcp.stores.database import Database, Readable, Row, Worker
from apixo_mcp.stores.rows import from_row, to_row
from apixo_mcp.tasks.task import Task


def execute(database: Readable, statement: str, values: Mapping[str, Any]) -> Sequence[Row]:
    """Executes one statement."""
    return database.execute(statement, values)


def tasks_of(database: Readable, statement: str, values: Mapping[str, Any]) -> list[Task]:
    """Returns the tasks of a statement's rows."""
    return [from_row(row) for row in database.execute(statement, values)]


def write_over(database: Database, before: Task, after: Task) -> bool:
    """Writes `after` over the row that it was made of, and tells whether that is still there as it was."""
    values = {**to_row(after), "fence": before.fence, "state_before": str(before.state)}
    return bool(database.execute(statements.COMMIT, values))


class StorePart:
    """A part of a store, whose statements its worker has asked.

    Args:
        worker: has the database.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def _query(self, statement: str, **values: Any) -> Sequence[Row]:
        return await self._worker.run(execute, statement, values)

    async def _tasks(self, statement: str, **values: Any) -> list[Task]:
        return await self._worker.run(tasks_of, statement, values)

    async def _task(self, statement: str, **values: Any) -> Task | None:
        return next(iter(await self._tasks(statement, **values)), None)

    async def _one(self, statement: str, **key: Any) -> Task | None:
        """Returns the task of a key."""
        return next(iter(await self._worker.look_up(tasks_of, statement, key)), None)
