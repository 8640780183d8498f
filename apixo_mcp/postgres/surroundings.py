"""What stands between this process and its database: tried once, as the process starts.

A transaction pooler, such as PgBouncer, hands each transaction to any of its connections. LISTEN then succeeds, and
nothing is ever heard; so it is not asked, but tried.
"""

import uuid
from dataclasses import dataclass

import psycopg
from psycopg import sql

from apixo_mcp.postgres.connections import BoundedAsyncConnection, conninfo_of

_HEARD_WITHIN = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands between.

    Attributes:
        takes_options: whether a connection may begin with settings of its own.
        hears: whether notifications arrive.
    """

    takes_options: bool = True
    hears: bool = True

    @property
    def is_pooled(self) -> bool:
        """Whether a transaction's end may put another server behind a connection."""
        return not self.hears


async def surroundings_of(url: str) -> Surroundings:
    """Tries a database.

    Raises:
        psycopg.Error: it cannot be reached.
    """
    try:
        return Surroundings(takes_options=True, hears=await _hears(url, takes_options=True))
    except psycopg.OperationalError as error:
        # PgBouncer's words for any that `ignore_startup_parameters` does not name; FATAL 08P01, by its source.
        if "unsupported startup parameter" not in str(error):
            raise
    return Surroundings(takes_options=False, hears=await _hears(url, takes_options=False))


async def _hears(url: str, *, takes_options: bool) -> bool:
    channel = f"apixo_mcp_{uuid.uuid4().hex}"
    conninfo = conninfo_of(url, "apixo-mcp start", takes_options=takes_options, is_pooled=True)
    async with (
        await BoundedAsyncConnection.connect(**conninfo, autocommit=True) as listening,
        await BoundedAsyncConnection.connect(**conninfo, autocommit=True) as telling,
    ):
        await listening.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        await telling.execute("select pg_notify(%s, 'here')", [channel])
        async for _ in listening.notifies(timeout=_HEARD_WITHIN, stop_after=1):
            return True
    return False
