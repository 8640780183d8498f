"""Leases in the file: which tasks are due, and who may take one, or a name, for a while."""

from collections.abc import Sequence

from apixo_mcp.stores import statements
from apixo_mcp.stores.rows import from_row
from apixo_mcp.stores.sqlite.database import SqliteDatabase
from apixo_mcp.stores.sqlite.inline import Inline
from apixo_mcp.stores.sqlite.watch import LeaseWatch
from apixo_mcp.tasks.task import Task


def due(
    database: SqliteDatabase, watch: LeaseWatch, key_prints: Sequence[str], late_by: float, limit: int
) -> list[tuple[str, float]]:
    """Returns which tasks are due, and for how many seconds each is left to whoever has it. See `Store.due`."""
    keys, named = statements.keys(key_prints)
    now = database.now()
    named |= {"due": now - late_by, "now": now, "limit": limit}
    rows = database.execute(statements.DUE.format(keys=keys), named)
    watch.forget()
    waits = [watch.wait(row["task_id"], row["lease_until"], now) if row["lease_until"] else 0.0 for row in rows]
    return [(row["task_id"], wait or row["due"] - now) for row, wait in zip(rows, waits, strict=True)]


def lease_task(
    database: SqliteDatabase | Inline,
    watch: LeaseWatch,
    task_id: str,
    holder: str,
    lasts: float,
    key_prints: Sequence[str],
) -> Task | None:
    """Takes a task, and returns it; None where somebody else has it. See `Store.claim`."""
    keys, named = statements.keys(key_prints)
    now = database.now()
    named |= {"task_id": task_id, "now": now}
    while True:
        over = watch.over(task_id)
        taking = {**named, "holder": holder, "lasts": lasts, "over": over}
        if rows := database.execute_fleeting(statements.TAKE.format(keys=keys), taking):
            return from_row(rows[0])
        leased = database.execute(statements.LEASE.format(keys=keys), named)
        if not leased or watch.wait(task_id, leased[0]["lease_until"], now) > 0:
            return None


def lease_name(database: SqliteDatabase, watch: LeaseWatch, name: str, holder: str, lasts: float) -> bool:
    """Takes a name, and returns whether nobody else has it. See `Store.hold`."""
    now = database.now()
    while True:
        holding = {"name": name, "holder": holder, "now": now, "lasts": lasts, "over": watch.over(name)}
        if database.execute(statements.HOLD, holding):
            return True
        held = database.execute(statements.HELD, {"name": name})
        if held and watch.wait(name, held[0]["until"], now) > 0:
            return False
