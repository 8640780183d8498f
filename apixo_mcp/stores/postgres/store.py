"""The store on a Postgres server, shared by as many processes and machines as needed."""

import time
from collections.abc import Callable, Sequence
from typing import Self

import anyio

from apixo_mcp.stores.kept.pace import KeptPace
from apixo_mcp.stores.postgres.address import database_address
from apixo_mcp.stores.postgres.database import PostgresDatabase
from apixo_mcp.stores.postgres.search import PostgresSearch
from apixo_mcp.stores.postgres.spent import SpentHours
from apixo_mcp.stores.store import TaskStore
from apixo_mcp.tasks.budget import LOCAL_NAME
from apixo_mcp.tasks.ports.terms import Admitted, Terms
from apixo_mcp.tasks.task import Task


class PostgresStore(TaskStore):
    """Implements `Store`. Its clock is the server's: leases, dues and money hang on no clock of this machine.

    Args:
        url: of the database, as libpq takes it.
        wall: this machine's clock, by which its processes say when a next step is due.
        clock: tells the present in the server's place; for tests.

    Raises:
        SettingsError: the URL cannot be read.
    """

    def __init__(
        self, url: str, *, wall: Callable[[], float] = time.time, clock: Callable[[], float] | None = None
    ) -> None:
        self._server = PostgresDatabase(database_address(url), wall, clock)
        if clock is None:
            super().__init__(self._server, PostgresSearch(), silent_for=0.0)
        else:
            super().__init__(self._server, PostgresSearch(), elapsed=clock, silent_for=0.0)
        self.pace = KeptPace(self._server)
        self._spent = SpentHours(self._server, clock or time.monotonic)

    @property
    def told(self) -> str:
        """See `TaskStore.told`."""
        return f"{self._server.shown} opens, of schema {self._server.schema}"

    async def admit(self, tasks: Sequence[Task], terms: Terms) -> Admitted:
        """See `Store.admit`."""
        of_all = [""] if terms.budget.is_limited else []
        own = [tasks[0].owner] if tasks[0].owner != LOCAL_NAME else []
        await self._spent.add_up(*of_all, *own)
        return await super().admit(tasks, terms)

    async def __aenter__(self) -> Self:
        """Connects, and brings the schema up to date.

        Raises:
            SchemaTooNew: a newer version of this program has brought it up to date.
            StoreError: it cannot be used.
        """
        await self._server.in_thread(self._server.open)
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await self._server.in_thread(self._server.close)
