"""The store on the standard library's SQLite: one file, one worker thread, durable at every commit."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import anyio

from apixo_mcp.stores.sqlite.database import SqliteDatabase
from apixo_mcp.stores.sqlite.schema import newest
from apixo_mcp.stores.sqlite.search import SqliteSearch
from apixo_mcp.stores.store import TaskStore


def _wall_clock() -> float:
    return time.time()


class SqliteStore(TaskStore):
    """Implements `Store`. Several processes may open the same file.

    Args:
        path: of the database file; its folder is made if it is missing.
        clock: this process's, Unix seconds.
        elapsed: one that runs evenly, whatever its zero is.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = _wall_clock,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = SqliteDatabase(path, clock)
        super().__init__(self._file, SqliteSearch(), elapsed=elapsed)

    async def __aenter__(self) -> Self:
        """Opens the file, repaired if it is damaged, and brings its schema up to date.

        Raises:
            SchemaTooNew: a newer version of this program wrote it.
            StoreError: it cannot be opened.
        """
        await self._file.in_thread(self._file.open)
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await self._file.in_thread(self._file.close)

    @property
    def told(self) -> str:
        """See `TaskStore.told`."""
        return f"{self._file.path} opens, of schema {newest()}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about the file, as sentences: that it was damaged, and what was recovered."""
        return self._file.warnings
