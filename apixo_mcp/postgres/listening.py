"""Hears what other processes tell through the database (LISTEN), and says where something may have been missed.

A transaction pooler, such as PgBouncer, hands each transaction to any of its connections: LISTEN succeeds there, and
nothing is ever heard. So it is not asked, but tried, on each new connection: what it tells itself must arrive.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence

import anyio
import psycopg
from psycopg import sql

from apixo_mcp.postgres.connections import BoundedAsyncConnection, conninfo_of

log = logging.getLogger(__name__)

CHANGED = "apixo_mcp_changed"
"""Tells the id of a task that was changed."""
DUE_EARLIER = "apixo_mcp_due"
"""Tells the id of a task that was made due earlier, and when that is (Unix seconds)."""

_HEARD_WITHIN = 2.0
"""Seconds that a notification has: on one machine it takes a millisecond."""
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
        heard: called with a channel and what was told on it; it must not wait.
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
        if not await self._is_heard(connection):
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
                self._heard(told.channel, told.payload)
            await connection.execute("select 1")

    async def _is_heard(self, connection: BoundedAsyncConnection) -> bool:
        """Tries whether what another connection tells arrives on this one."""
        channel = f"apixo_mcp_{uuid.uuid4().hex}"
        await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        async with await BoundedAsyncConnection.connect(**self._connection, autocommit=True) as other:
            await other.execute("select pg_notify(%s, '')", [channel])
        told = [one async for one in connection.notifies(timeout=_HEARD_WITHIN, stop_after=1)]
        await connection.execute(sql.SQL("unlisten {}").format(sql.Identifier(channel)))
        return bool(told)
