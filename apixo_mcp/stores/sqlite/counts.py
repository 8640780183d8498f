"""Counts the tasks of a file: by day, by gateway, and whose they are."""

import time
from sqlite3 import Row
from typing import Any

from apixo_mcp.stores import admit, statements
from apixo_mcp.stores.sqlite.database import SqliteDatabase
from apixo_mcp.tasks.budget import DAY, Spent, day_start
from apixo_mcp.tasks.ports.counts import DayCount, Totals
from apixo_mcp.tasks.task import State


def count_days(database: SqliteDatabase, owner: str | None, days: int) -> list[DayCount]:
    """Counts the tasks of the last days, by day, model and state; of one owner, or of all (None). See `Store.usage`."""
    since = day_start(database.now()) - (days - 1) * DAY
    if owner is None:
        rows = database.execute(statements.USAGE_OF_ALL, {"since": since})
    else:
        rows = database.execute(statements.USAGE, {"owner": owner, "since": since})
    return [_day_count(row) for row in rows]


def _day_count(row: Row) -> DayCount:
    day = time.strftime("%Y-%m-%d", time.gmtime(row["day"] * DAY))
    counted: dict[str, Any] = {**dict(row), "day": day, "state": State(row["state"])}
    return DayCount(**counted)


def totals(database: SqliteDatabase) -> Totals:
    """Counts the tasks that are open, and what each owner has spent. See `Store.totals`."""
    open_ones = database.execute(statements.OPEN_BY_GATEWAY, {})
    spent = {name: admit.spent(database, name) for name in owner_names(database)}
    return Totals(
        in_flight={row["gateway"]: row["count"] for row in open_ones if not row["is_queued"]},
        queued={row["gateway"]: row["count"] for row in open_ones if row["is_queued"]},
        spent={name: one for name, one in spent.items() if one != Spent()},
    )


def owner_names(database: SqliteDatabase) -> list[str]:
    """Returns the names of all who have tasks."""
    return [row["owner"] for row in database.execute(statements.OWNER_NAMES, {})]
