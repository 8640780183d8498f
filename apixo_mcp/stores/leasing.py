"""Who works on a task: leases on tasks and on other names, and when a next step is due."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from apixo_mcp.stores import statements
from apixo_mcp.stores.database import Database, Notable, Readable, Row, Worker
from apixo_mcp.stores.part import StorePart
from apixo_mcp.stores.rows import from_row
from apixo_mcp.stores.watch import SILENT_FOR, LeaseWatch
from apixo_mcp.tasks.task import Task

_TRIES = 3
"""Looks at a lease that others take and give back meanwhile: whoever has no luck so often leaves it to them."""


class Leasing(StorePart):
    """The part of a store that hands out tasks.

    Args:
        worker: has the database.
        elapsed: a clock that runs evenly, whatever its zero is.
        silent_for: seconds for which a lease must have been seen unchanged to be over, where each process has a clock
            of its own.
    """

    def __init__(
        self, worker: Worker, elapsed: Callable[[], float] = time.monotonic, silent_for: float = SILENT_FOR
    ) -> None:
        super().__init__(worker)
        self._watch = LeaseWatch(elapsed, silent_for)

    async def due(
        self, key_prints: Iterable[str], late_by: float = 0.0, limit: int = 500
    ) -> Sequence[tuple[str, float]]:
        """See `Store.due`."""
        return await self._worker.run(self._due, tuple(key_prints), late_by, limit)

    def _due(
        self, database: Readable, key_prints: Sequence[str], late_by: float, limit: int
    ) -> list[tuple[str, float]]:
        keys, named = statements.list_of(key_prints)
        now = database.now()
        named |= {"moment": now - late_by, "now": now, "limit": limit}
        rows = database.execute(statements.DUE.format(keys=keys), named)
        self._watch.forget()
        waits = [
            self._watch.wait(row["task_id"], row["lease_until"], now) if row["lease_until"] else 0.0 for row in rows
        ]
        return [(row["task_id"], wait or row["due_at"] - now) for row, wait in zip(rows, waits, strict=True)]

    async def claim(self, task_id: str, holder: str, lasts: float, key_prints: Iterable[str]) -> Task | None:
        """See `Store.claim`."""
        return await self._worker.note(self._claim, task_id, holder, lasts, tuple(key_prints))

    def _claim(
        self, database: Notable, task_id: str, holder: str, lasts: float, key_prints: Sequence[str]
    ) -> Task | None:
        keys, named = statements.list_of(key_prints)
        now = database.now()
        named |= {"task_id": task_id, "now": now}
        for _ in range(_TRIES):
            over = self._watch.over(task_id)
            taking = {**named, "holder": holder, "lasts": lasts, "over": over}
            if rows := database.execute_fleeting(statements.TAKE.format(keys=keys), taking):
                return from_row(rows[0])
            leased = database.execute(statements.LEASE.format(keys=keys), named)
            if not leased or self._watch.wait(task_id, leased[0]["lease_until"], now) > 0:
                break
        return None

    async def still_sends(self, task: Task, lasts: float) -> bool:
        """See `Store.still_sends`."""
        named = {name: getattr(task, name) for name in ("task_id", "fence", "sent_at")}
        named |= {"holder": task.lease_holder, "lasts": lasts}
        return bool(await self._worker.run(_noted, statements.STILL_SENDS, named))

    async def want(self, process: str, lasts: float) -> bool:
        """See `Store.want`."""
        return bool(await self._worker.run(_noted, statements.WANT, {"asked": f"{process}/", "lasts": lasts}))

    async def vouch(self, asked: Iterable[tuple[str, str]], lasts: float) -> None:
        """See `Store.vouch`."""
        calls = [{"task_id": task_id, "call": call} for task_id, call in asked]
        await self._worker.run(_note_each, statements.VOUCH, calls, lasts)

    async def renew(self, holder: str, task_ids: Iterable[str], lasts: float) -> None:
        """See `Store.renew`."""
        leased = [{"task_id": task_id, "holder": holder} for task_id in task_ids]
        await self._worker.run(_note_each, statements.RENEW, leased, lasts)

    async def release(self, holder: str) -> None:
        """See `Store.release`."""
        await self._query(statements.RELEASE, holder=holder)

    async def wake(self, task_id: str, after: float = 0.0) -> bool:
        """See `Store.wake`."""
        return await self._worker.run(_wake, task_id, after)

    async def hold(self, name: str, holder: str, lasts: float) -> bool:
        """See `Store.hold`."""
        return await self._worker.run(self._hold, name, holder, lasts)

    def _hold(self, database: Readable, name: str, holder: str, lasts: float) -> bool:
        now = database.now()
        for _ in range(_TRIES):
            holding = {"name": name, "holder": holder, "now": now, "lasts": lasts, "over": self._watch.over(name)}
            if database.execute(statements.HOLD, holding):
                return True
            held = database.execute(statements.HELD, {"name": name})
            if held and self._watch.wait(name, held[0]["until"], now) > 0:
                break
        return False

    async def let_go(self, name: str, holder: str) -> None:
        """See `Store.let_go`."""
        await self._query(statements.LET_GO, name=name, holder=holder)


def _noted(database: Notable, statement: str, values: Mapping[str, Any]) -> Sequence[Row]:
    return database.execute_fleeting(statement, {**values, "now": database.now()})


def _note_each(database: Database, statement: str, rows: Sequence[Mapping[str, str]], lasts: float) -> None:
    now = database.now()
    with database.fleeting(), database.transaction():
        for row in sorted(rows, key=lambda row: row["task_id"]):  # in one order: who locks rows waits for no circle
            database.execute(statement, {**row, "now": now, "lasts": lasts})


def _wake(database: Readable, task_id: str, after: float) -> bool:
    return bool(database.execute(statements.WAKE, {"task_id": task_id, "at": database.now() + after}))
