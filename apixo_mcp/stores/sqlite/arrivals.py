"""What is known of callbacks in the task store's SQLite file."""

from collections.abc import Sequence

from apixo_mcp.stores import arrivals
from apixo_mcp.stores.sqlite.database import SqliteDatabase
from apixo_mcp.tasks.ports.arrivals import Arrivals
from apixo_mcp.tasks.task import Task


class SqliteArrivals:
    """Implements `ArrivalStore`.

    Args:
        database: the task store's.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def came(self, task_id: str, interval: float) -> float | None:
        """See `ArrivalStore.came`."""
        return await self._database.run(arrivals.callback_came, self._database, task_id, interval)

    async def arrive(self, gateway: str, url: str) -> bool:
        """See `ArrivalStore.arrive`."""
        return await self._database.run(arrivals.callbacks_arrive, self._database, gateway, url)

    async def ended_uncalled(self, task: Task) -> None:
        """See `ArrivalStore.ended_uncalled`."""
        await self._database.run(arrivals.ended_uncalled, self._database, task.task_id)

    async def missed(self, within: float) -> Sequence[Arrivals]:
        """See `ArrivalStore.missed`."""
        if not await self._database.look_up(arrivals.has_missed, within):
            return ()
        return await self._database.run(arrivals.missed_callbacks, self._database, within)

    async def known(self) -> Sequence[Arrivals]:
        """See `ArrivalStore.known`."""
        return await self._database.run(arrivals.known_callbacks, self._database)
