"""A connection to the server, as the task store uses it, and the server's clock."""

import selectors
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.abc import Buffer
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, RowMaker
from psycopg.types.numeric import FloatLoader, NumericBinaryLoader

from apixo_mcp.postgres.connections import IDLE_WITHIN, OWN_SETTINGS, BoundedConnection
from apixo_mcp.stores.postgres.texts import TextsIn, TextsInBinary, TextsOut

STATEMENT_WITHIN = 8.0
"""Seconds that the server gives a statement, and what waits for another one: less than it is waited for here."""

_SAME_WITHIN = 0.25  # seconds: machines whose clocks are kept right are told apart by less
OLDEST = 13
"""The oldest major version: the first that tells what became of a transaction by a number of 64 bits."""


class Unfit(psycopg.NotSupportedError):
    """The server or its database does not do for this program."""


_FOUND = """select pg_backend_pid() as pid, current_setting('server_encoding') as encoding,
    current_setting('transaction_read_only') as read_only, current_setting('synchronous_commit') as waits"""
_BEGINNING = f"""{_FOUND}; {OWN_SETTINGS}; set statement_timeout = {STATEMENT_WITHIN * 1000:.0f};
  set idle_in_transaction_session_timeout = {IDLE_WITHIN * 1000:.0f}; set jit = off"""
"""What is found before anything is set, and what is set then."""


class _FloatBinaryLoader(NumericBinaryLoader):
    """Reads sums."""

    def load(self, data: Buffer) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]
        """See `psycopg.abc.Loader`."""
        return float(super().load(data))


class ServerLine(BoundedConnection[DictRow]):
    """A connection. Rows are values by the names of their columns, and numbers are never `Decimal`.

    Attributes:
        is_direct: whether it leads to one backend of the server: a pooler may hand each transaction to another one,
            which knows neither what was set nor what was prepared on this connection.
        name: of this connection, among all of all processes.
        decides: whether anything was decided on it one at a time.
    """

    is_direct = True
    name = ""
    decides = False

    def is_stale(self) -> bool:
        """Tells whether the server has ended the connection, or sent what was not asked for. Asks nothing."""
        if self.closed or self.pgconn.transaction_status != TransactionStatus.IDLE:
            return True
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.pgconn.socket, selectors.EVENT_READ)
            return bool(waiting.select(0))


def by_name(cursor: psycopg.Cursor[Any]) -> RowMaker[DictRow]:
    """Makes rows of values by the names of their columns; psycopg's own looks up the type of each column as well."""
    answer = cursor.pgresult
    names = [(answer.fname(column) or b"").decode() for column in range(answer.nfields)] if answer else []
    return lambda values: dict(zip(names, values, strict=True))


def set_up(line: ServerLine) -> None:
    """Prepares a new connection.

    Raises:
        psycopg.Error: the server does not do.
    """
    line.row_factory = by_name
    line.name = uuid4().hex
    line.adapters.register_dumper(str, TextsOut)
    line.adapters.register_loader("text", TextsIn)
    line.adapters.register_loader("text", TextsInBinary)
    line.adapters.register_loader("numeric", FloatLoader)
    line.adapters.register_loader("numeric", _FloatBinaryLoader)
    line.set_autocommit(True)
    there = line.execute(_BEGINNING.encode()).fetchone()
    assert there is not None
    line.is_direct = there["pid"] == line.info.backend_pid
    if not line.is_direct:
        line.prepare_threshold = None
    if line.info.server_version < OLDEST * 10_000:
        raise Unfit(f"it is Postgres {line.info.server_version // 10_000}. Name a server of {OLDEST} or newer")
    if there["encoding"] != "UTF8":
        raise Unfit(
            f"its encoding is {there['encoding']}, which has no room for what people write in prompts. Create one with "
            "`createdb --encoding UTF8 --template template0`, and name that in APIXO_MCP_DATABASE_URL"
        )
    if there["read_only"] != "off":
        raise Unfit("it can only be read, as a standby can. Name the server that is written to")
    if there["waits"] == "off":
        if not line.is_direct:
            raise Unfit(
                "synchronous_commit is not on in it, which a pooler lets nobody change. `alter role … set "
                "synchronous_commit = on` ends that"
            )
        # Else a crash would take back that a paid request has left, and it would leave again.
        line.execute("set synchronous_commit = on")


class ServerClock:
    """The server's clock, as a process knows it between two readings: it hangs on no clock of this machine.

    Args:
        wall: this machine's own clock, by which its processes say when a next step is due.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._ahead = 0.0
        self._read_at = float("-inf")

    def now(self) -> float:
        """Returns the present, Unix seconds."""
        return time.monotonic() + self._ahead

    def shift(self) -> float:
        """Returns by how many seconds it is ahead of this machine's clock; 0 where the two are as good as the same."""
        shift = self.now() - self._wall()
        return shift if abs(shift) > _SAME_WITHIN else 0.0

    def is_old(self, seconds: float) -> bool:
        """Tells whether it was last read so many seconds ago."""
        return time.monotonic() - self._read_at > seconds

    def read(self, there: float) -> None:
        """Takes what the server has just told."""
        self._read_at = time.monotonic()
        self._ahead = there - self._read_at
