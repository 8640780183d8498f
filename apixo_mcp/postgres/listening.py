"""Hears what other processes tell through the database (LISTEN), and says where something may have been missed.

Whether anything is heard at all is tried on each new connection (`postgres.standing`).
"""

import logging
from collections.abc import Awaitable, Callable, Sequence

import anyio
import psycopg
from psycopg import sql

from apixo_mcp.postgres.connections import BoundedAsyncConnection, conninfo_of
from apixo_mcp.postgres.standing import is_heard

log = logging.getLogger(__name__)

CHANGED = "apixo_mcp_changed"
"""Tells the id of a task that was changed."""
DUE_EARLIER = "apixo_mcp_due"
"""Tells the id of a task that was made due earlier, and when that is (Unix seconds)."""

_TRIED_EVERY = 4.0
"""Seconds between two looks whether a silent connection is alive: with the time for an answer, less than 15 s."""
_AGAIN_AFTER = 1.0  # seconds
_DEAF_AGAIN_AFTER = 60.0  # seconds: somebody may have put the pooler right

DEAF = (
    "Notifications of the database do not arrive, as behind a transaction pooler (PgBouncer with pool_mode = "
    "transaction): what other processes change is looked for once a second instead. Name the database itself in "
    "APIXO_MCP_DATABASE_URL, or a pool with pool_mode = session."
)


class Listening:
    """Listens on channels, on a connection of its own, which is made anew where it fails.

    Args:
        url: of the database.
        channels: that are listened on.
        heard: called with a channel and what was told on it; it must not wait. It raises `ValueError` for what is none
            of this program's: whoever may use the database may tell something on any channel.
        missed: called each time when it begins to listen: nobody heard what was told before.

    Attributes:
        hears: whether notifications arrive just now.
    """

    def __init__(
        self,
        url: str,
        channels: Sequence[str],
        heard: Callable[[str, str], None],
        missed: Callable[[], Awaitable[None]],
    ) -> None:
        self._connection = conninfo_of(url, "apixo-mcp listen")
        self._channels = channels
        self._heard = heard
        self._missed = missed
        self._is_deaf = False
        self.hears = False

    async def run(self) -> None:
        """Listens until it is cancelled."""
        while True:
            try:
                async with await BoundedAsyncConnection.connect(**self._connection, autocommit=True) as connection:
                    await self._listen(connection)
            except psycopg.Error as error:
                if self.hears:
                    log.warning("the database tells nothing just now; it is tried again: %s", error)
            finally:
                self.hears = False
            await anyio.sleep(_DEAF_AGAIN_AFTER if self._is_deaf else _AGAIN_AFTER)

    async def _listen(self, connection: BoundedAsyncConnection) -> None:
        if not await is_heard(connection, self._connection):
            if not self._is_deaf:
                log.warning("%s", DEAF)
            self._is_deaf = True
            return
        for channel in self._channels:
            await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        self._is_deaf, self.hears = False, True
        await self._missed()
        while True:
            async for told in connection.notifies(timeout=_TRIED_EVERY):
                try:
                    self._heard(told.channel, told.payload)
                except ValueError:
                    log.warning("what was told on %s is none of this program's", told.channel)
            await connection.execute("select 1")
