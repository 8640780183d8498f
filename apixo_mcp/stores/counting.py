"""What tasks add up to: money, days, and how many wait."""

import time
from collections.abc import Iterable, Sequence

from apixo_mcp.stores import statements
from apixo_mcp.stores.database import Readable, Row
from apixo_mcp.stores.money import spending
from apixo_mcp.stores.part import StorePart
from apixo_mcp.tasks.budget import DAY, Allowance, Budget, Spent, day_start
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.counts import DayCount, Totals
from apixo_mcp.tasks.task import State, Task


class Counting(StorePart):
    """The part of a store that adds up."""

    async def spent(self, owner: Owner | None) -> Spent:
        """See `Store.spent`."""
        return await self._worker.run(spending.spent, owner.name if owner else None)

    async def limits(self, owner: Owner | None, budget: Budget) -> Sequence[Allowance]:
        """See `Store.limits`."""
        return await self._worker.run(spending.limits, owner.name if owner else None, budget)

    async def usage(self, owner: Owner | None, days: int) -> Sequence[DayCount]:
        """See `Store.usage`."""
        return [_day_count(row) for row in await self._worker.run(_usage, owner.name if owner else None, days)]

    async def totals(self) -> Totals:
        """See `Store.totals`."""
        return await self._worker.run(_totals)

    async def owner_names(self) -> Sequence[str]:
        """See `Store.owner_names`."""
        return await self._worker.run(_owner_names)

    async def open_count(self, key_prints: Iterable[str]) -> int:
        """See `Store.open_count`."""
        keys, named = statements.list_of(key_prints)
        if not named:
            return 0
        return int((await self._query(statements.OPEN_COUNT.format(keys=keys), **named))[0]["count"])

    async def place(self, task: Task) -> int:
        """See `Store.place`."""
        rows = await self._query(statements.PLACE, key_print=task.key_print, created_at=task.created_at)
        return int(rows[0]["count"])


def _usage(database: Readable, owner: str | None, days: int) -> Sequence[Row]:
    since = {"since": day_start(database.now()) - (days - 1) * DAY}
    if owner is None:
        return database.execute(statements.USAGE_OF_ALL, since)
    return database.execute(statements.USAGE, {**since, "owner": owner})


def _day_count(row: Row) -> DayCount:
    return DayCount(
        day=time.strftime("%Y-%m-%d", time.gmtime(row["day"] * DAY)),
        gateway=row["gateway"],
        model=row["model"],
        state=State(row["state"]),
        tasks=int(row["tasks"]),
        attempts=int(row["attempts"]),
        estimate_usd=float(row["estimate_usd"]),
        without_price=int(row["without_price"]),
    )


def _totals(database: Readable) -> Totals:
    open_ones = database.execute(statements.OPEN_BY_GATEWAY, {})
    spent = {name: spending.spent(database, name) for name in _owner_names(database)}
    return Totals(
        in_flight={row["gateway"]: row["count"] for row in open_ones if not row["is_queued"]},
        queued={row["gateway"]: row["count"] for row in open_ones if row["is_queued"]},
        spent={name: one for name, one in spent.items() if one != Spent()},
    )


def _owner_names(database: Readable) -> list[str]:
    return [row["owner"] for row in database.execute(statements.OWNER_NAMES, {})]
