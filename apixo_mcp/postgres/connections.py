"""Connections that never hang: what is asked is answered within bounds, or the connection is given up.

A connection whose other end has gone without a word (a machine that lost its power, a proxy that stops forwarding) is
told by no error. The kernel's own means, which are set too, notice only that nobody acknowledges; a proxy does that.
"""

import time
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

SERVER_ANSWERS_WITHIN = 10.0
"""Seconds that the server has for each answer: more than any statement here takes, and less than 15 s, after which a
process that cannot reach its database is to say so."""
WHOLE_TABLES_WITHIN = 600.0
"""Seconds for what goes through whole tables, a step of the schema or a move, and for whoever waits behind that."""
CONNECTED_WITHIN = 5  # seconds
IDLE_WITHIN = 5.0
"""Seconds between two statements of a transaction: a process that was frozen in one keeps others out no longer."""

OWN_SETTINGS = """set lock_timeout = 0; set default_transaction_isolation = 'read committed';
  set extra_float_digits = 1; set standard_conforming_strings = on; set array_nulls = on"""
"""What a role or a database may have set otherwise, and is relied on: `statement_timeout` alone says how long a lock is
waited for, a moment in a job or a notification is not rounded, and texts and arrays are taken as they are meant."""

_Row = TypeVar("_Row", covariant=True)
_DEFAULTS: dict[str, Any] = {
    "connect_timeout": CONNECTED_WITHIN,
    "keepalives": 1,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class BoundedConnection(psycopg.Connection[_Row]):
    """A connection that is given up where an answer takes too long.

    Attributes:
        answers_within: seconds that the server has for each.
    """

    answers_within = SERVER_ANSWERS_WITHIN

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """See `Connection.wait`, through which all goes that is asked of the server."""
        began = time.monotonic()
        try:
            return super().wait(gen, interval, self.answers_within if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if timeout is not None or time.monotonic() - began < self.answers_within:
                raise
            raise _given_up(self.pgconn, self.answers_within) from error


class BoundedAsyncConnection(psycopg.AsyncConnection[TupleRow]):
    """The same, for whoever waits without a thread."""

    async def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """See `AsyncConnection.wait`."""
        began = time.monotonic()
        try:
            return await super().wait(gen, interval, SERVER_ANSWERS_WITHIN if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if timeout is not None or time.monotonic() - began < SERVER_ANSWERS_WITHIN:
                raise
            raise _given_up(self.pgconn, SERVER_ANSWERS_WITHIN) from error


def _given_up(connection: psycopg.pq.abc.PGconn, within: float) -> psycopg.OperationalError:
    connection.finish()  # nobody knows what it still brings
    return psycopg.OperationalError(f"the database did not answer within {within:g} s")


def conninfo_of(url: str, name: str) -> dict[str, Any]:
    """Returns the parameters of a connection; what the URL says itself stands, but for the encoding.

    Args:
        url: of the database, any that libpq takes.
        name: under which the database's own tools list it, with the URL's own behind it: by its beginning a move of
            the store notices who has the database open.

    Raises:
        psycopg.ProgrammingError: libpq cannot read the URL.
    """
    given = {key: value for key, value in conninfo_to_dict(url).items() if value is not None}
    own = {"application_name": f"{name} {given.get('application_name', '')}".rstrip(), "client_encoding": "utf8"}
    return {**_DEFAULTS, **given, **own}


async def set_up_connection(connection: psycopg.AsyncConnection[Any]) -> None:
    """Has the server stop what nobody waits for any more, and prepare nothing where a pooler stands between.

    It also ends a transaction that is not gone on with.

    Raises:
        psycopg.Error: the server cannot be asked.
    """
    limits = (("statement_timeout", SERVER_ANSWERS_WITHIN), ("idle_in_transaction_session_timeout", IDLE_WITHIN))
    for name, seconds in limits:
        await connection.execute(f"set {name} = {seconds * 1000:.0f}".encode())
    await connection.execute(OWN_SETTINGS.encode())
    # A pooler may hand each transaction to another backend, which does not know what was prepared.
    row = await (await connection.execute("select pg_backend_pid()")).fetchone()
    if row is None or row[0] != connection.info.backend_pid:
        connection.prepare_threshold = None
