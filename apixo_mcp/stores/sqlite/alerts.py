"""The alerts in the task store's SQLite file."""

from collections.abc import Iterable, Sequence

from apixo_mcp.stores import alerts
from apixo_mcp.stores.sqlite.database import SqliteDatabase
from apixo_mcp.tasks.oddities import DaySums, Ended
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.alerts import RaisedAlert


class SqliteAlerts:
    """Implements `AlertStore`.

    Args:
        database: the task store's.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def take(self, owner: Owner, call: str, lasts: float) -> Sequence[RaisedAlert]:
        """See `AlertStore.take`."""
        if not await self._database.look_up(alerts.has_unheard, owner):
            return ()  # as with nearly every answer
        return await self._database.run(alerts.take_alerts, self._database, owner, call, lasts)

    async def heard(self, owner: Owner, call: str, names: Iterable[str]) -> None:
        """See `AlertStore.heard`."""
        await self._database.run(alerts.heard_alerts, self._database, owner, call, tuple(names))

    async def give_back(self, owner: Owner, call: str) -> None:
        """See `AlertStore.give_back`."""
        await self._database.run(alerts.give_alerts_back, self._database, owner, call)

    async def current(self, owner: Owner) -> Sequence[RaisedAlert]:
        """See `AlertStore.current`."""
        return await self._database.look_up(alerts.current_alerts, owner)

    async def ended(self, model: str, within: float, limit: int) -> Sequence[Ended]:
        """See `AlertStore.ended`."""
        return await self._database.run(alerts.ended, self._database, model, within, limit)

    async def day_sums(self, owner: Owner | None, days: int) -> DaySums:
        """See `AlertStore.day_sums`."""
        return await self._database.run(alerts.day_sums, self._database, owner.name if owner else None, days)
