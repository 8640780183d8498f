"""What is known of callbacks in the database: written once, for every database.

Each function runs in the thread in which its database is asked.
"""

from collections.abc import Sequence

from apixo_mcp.stores import statements
from apixo_mcp.stores.database import Database, Readable, Row, Worker
from apixo_mcp.stores.kept.alerts import raise_alerts
from apixo_mcp.stores.rows import from_row
from apixo_mcp.tasks.alerts import callbacks_alert
from apixo_mcp.tasks.ports.arrivals import Arrivals
from apixo_mcp.tasks.schedule import turn_of_call
from apixo_mcp.tasks.task import TERMINAL, Task

_ARRIVED = """insert into callback values (:gateway, :url, :now, 0)
  on conflict (gateway, url) do update set arrived_at = :now"""
_FORGET_OLD = "delete from callback where arrived_at < :now - :kept and missed_at < :now - :kept"
_CALLED = "update task set calls = calls + 1, called_at = :turn where task_id = :task_id"
_NOT_UNCALLED = "delete from uncalled where task_id = :task_id"
_ARRIVE = "select 1 from callback where gateway = :gateway and url = :url and arrived_at > missed_at"
_ENDED = """insert into uncalled select task_id, gateway, reached_at, :now from task
  where task_id = :task_id and calls = 0 and reached_at <> '' on conflict (task_id) do nothing"""
_LATE = "select distinct gateway, url from uncalled where since not between :now - :within and :now + :within"
_FORGET_UNCALLED = "delete from uncalled where gateway = :gateway and url = :url"
_MISSED = """update callback set missed_at = :now
  where gateway = :gateway and url = :url and arrived_at > missed_at returning *"""
_DUE_NOW = """update task set due = :now
  where gateway = :gateway and reached_at = :url and state in ('pending', 'processing') and due > :now"""
_KNOWN = "select * from callback order by arrived_at desc"

_KEPT = 30 * 86400.0
"""Seconds that the address of a tunnel is remembered, which is another one each time."""


def callback_came(database: Database, task_id: str, interval: float) -> float | None:
    """See `ArrivalStore.came`."""
    if _is_covered(database, task_id, interval):  # a flood of them writes nothing
        return None
    with database.transaction("callbacks"):
        task, now = _task(database, task_id), database.now()
        turn = turn_of_call(interval, task.calls, task.called_at, now) if task else None
        if task is None or turn is None:
            return None
        if task.calls == 0 and task.reached_at:
            arrived = {"gateway": task.gateway, "url": task.reached_at, "now": now}
            database.execute(_ARRIVED, arrived)
            database.execute(_FORGET_OLD, {"now": now, "kept": _KEPT})
            database.execute(_NOT_UNCALLED, {"task_id": task_id})
        database.execute(_CALLED, {"task_id": task_id, "turn": turn})
        return turn - now if task.state not in TERMINAL else None


def _is_covered(database: Database, task_id: str, interval: float) -> bool:
    task = _task(database, task_id)
    if task is None or (task.calls and task.state in TERMINAL):
        return True
    return turn_of_call(interval, task.calls, task.called_at, database.now()) is None


def _task(database: Database, task_id: str) -> Task | None:
    rows = database.execute(statements.GET, {"task_id": task_id})
    return from_row(rows[0]) if rows else None


def callbacks_arrive(database: Database, gateway: str, url: str) -> bool:
    """See `ArrivalStore.arrive`."""
    return bool(database.execute(_ARRIVE, {"gateway": gateway, "url": url}))


def ended_uncalled(database: Database, task_id: str) -> None:
    """See `ArrivalStore.ended_uncalled`."""
    database.execute(_ENDED, {"task_id": task_id, "now": database.now()})


def has_missed(database: Readable, within: float) -> bool:
    """Tells whether `missed_callbacks` has anything to do: it is asked again and again, and nearly never has."""
    return bool(database.execute(_LATE, {"now": database.now(), "within": within}))


def missed_callbacks(database: Database, within: float) -> Sequence[Arrivals]:
    """See `ArrivalStore.missed`."""
    missed: list[Row] = []
    with database.transaction("callbacks"):
        now = database.now()
        for late in database.execute(_LATE, {"now": now, "within": within}):
            of_address = {"gateway": late["gateway"], "url": late["url"]}
            database.execute(_FORGET_UNCALLED, of_address)
            if rows := database.execute(_MISSED, {**of_address, "now": now}):
                missed += rows
                raise_alerts(database, [callbacks_alert(late["gateway"], now)])
                database.execute(_DUE_NOW, {**of_address, "now": now})
    return [_arrivals(row) for row in missed]


def known_callbacks(database: Database) -> Sequence[Arrivals]:
    """See `ArrivalStore.known`."""
    return [_arrivals(row) for row in database.execute(_KNOWN, {})]


def _arrivals(row: Row) -> Arrivals:
    return Arrivals(row["gateway"], row["url"], row["arrived_at"], row["missed_at"])


class KeptArrivals:
    """Implements `ArrivalStore`."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def came(self, task_id: str, interval: float) -> float | None:
        """See `ArrivalStore.came`."""
        return await self._worker.run(callback_came, task_id, interval)

    async def arrive(self, gateway: str, url: str) -> bool:
        """See `ArrivalStore.arrive`."""
        return await self._worker.run(callbacks_arrive, gateway, url)

    async def ended_uncalled(self, task: Task) -> None:
        """See `ArrivalStore.ended_uncalled`."""
        await self._worker.run(ended_uncalled, task.task_id)

    async def missed(self, within: float) -> Sequence[Arrivals]:
        """See `ArrivalStore.missed`."""
        if not await self._worker.look_up(has_missed, within):
            return ()
        return await self._worker.run(missed_callbacks, within)

    async def known(self) -> Sequence[Arrivals]:
        """See `ArrivalStore.known`."""
        return await self._worker.run(known_callbacks)
