"""How a server of Postgres stands, as it tells itself, and whether notifications arrive through what leads to it."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from apixo_mcp.postgres.connections import BoundedAsyncConnection, conninfo_of

MOST_OF_A_PROCESS = 13
"""Connections that a process has at most: eight of the task store, four of the job queue, and one that listens."""

_HEARD_WITHIN = 2.0
"""Seconds that a notification has: on one machine it takes a millisecond."""
_ASKED = """select current_setting('server_version') as version, pg_backend_pid() as pid,
  extract(epoch from clock_timestamp())::double precision as now,
  current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer as allowed,
  (select rolconnlimit from pg_roles where rolname = current_user) as of_user,
  (select count(*) from pg_stat_activity where backend_type = 'client backend')::integer as used,
  (select count(*) from pg_stat_activity where usename = current_user)::integer as used_by_user"""


@dataclass(frozen=True, slots=True)
class ServerStanding:
    """A server, as a process finds it.

    Attributes:
        version: as it tells it.
        is_direct: whether no pooler is between that hands a transaction to any of its connections.
        hears: whether what one connection tells arrives at another.
        ahead: seconds by which its clock is ahead of this machine's, as exact as its answer was quick.
        took: seconds that it took to answer.
        left: connections that it, or the user's limit, allows besides those that there are.
        allowed: connections that it, or the user's limit, allows in all.
    """

    version: str
    is_direct: bool
    hears: bool
    ahead: float
    took: float
    left: int
    allowed: int


async def server_standing(url: str) -> ServerStanding:
    """Asks a server how it stands.

    Raises:
        psycopg.Error: it does not answer.
    """
    conninfo = conninfo_of(url, "apixo-mcp looks")
    async with await BoundedAsyncConnection.connect(**conninfo, autocommit=True) as connection:
        began = time.time()
        row = await (await connection.execute(_ASKED)).fetchone()
        took = time.time() - began
        assert row is not None
        version, pid, now, allowed, of_user, used, used_by_user = row
        places = [(allowed - used, allowed), *([(of_user - used_by_user, of_user)] if of_user >= 0 else [])]
        left, of = min(places)
        return ServerStanding(
            version=version,
            is_direct=pid == connection.info.backend_pid,
            hears=await is_heard(connection, conninfo),
            ahead=now - (began + took / 2),
            took=took,
            left=left,
            allowed=of,
        )


async def is_heard(connection: psycopg.AsyncConnection, conninfo: Mapping[str, Any]) -> bool:
    """Tries whether what another connection tells arrives on this one.

    A transaction pooler, such as PgBouncer, hands each transaction to any of its connections: LISTEN succeeds there,
    and nothing is ever heard. So it is not asked, but tried.

    Args:
        connection: that listens.
        conninfo: of the other one.

    Raises:
        psycopg.Error: the server does not answer.
    """
    channel = f"apixo_mcp_{uuid.uuid4().hex}"
    await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
    async with await BoundedAsyncConnection.connect(**conninfo, autocommit=True) as other:
        await other.execute("select pg_notify(%s, '')", [channel])
    told = [one async for one in connection.notifies(timeout=_HEARD_WITHIN, stop_after=1)]
    await connection.execute(sql.SQL("unlisten {}").format(sql.Identifier(channel)))
    return bool(told)
