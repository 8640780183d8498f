"""How long tasks took, in the task store's SQLite file."""

from collections.abc import Mapping, Sequence

from apixo_mcp.stores import durations
from apixo_mcp.stores.sqlite.database import SqliteDatabase
from apixo_mcp.tasks.durations import Duration


class SqliteDurations:
    """Implements `DurationStore`.

    Args:
        database: the task store's.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def note(self, model: str, variant: str, duration: Duration) -> None:
        """See `DurationStore.note`."""
        await self._database.run(self._note, model, variant, duration)

    def _note(self, model: str, variant: str, duration: Duration) -> None:
        with self._database.fleeting(), self._database.transaction():
            durations.note_duration(self._database, model, variant, duration)

    async def newest(self, model: str) -> Mapping[str, Sequence[Duration]]:
        """See `DurationStore.newest`."""
        return await self._database.run(durations.newest_durations, self._database, model)
