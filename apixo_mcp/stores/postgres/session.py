"""A connection for one piece of work, as the statements that all databases share use it."""

import logging
import time
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import psycopg

from apixo_mcp.postgres.connections import IDLE_WITHIN
from apixo_mcp.stores.postgres.connection import STATEMENT_WITHIN, ServerClock, ServerLine
from apixo_mcp.stores.postgres.dialect import translated

log = logging.getLogger(__name__)

LOCKS = 0x61706978
"""The first half of every advisory lock of this program's: `apix`. The second is made of what it is for."""
_DECIDED_WITHIN, _ASKED_EVERY = 3.0, 0.05  # seconds
NOW = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint as microseconds"
"""A whole number, which no setting rounds."""
_SET_LOCALLY = f"""set local lock_timeout = 0; set local statement_timeout = {STATEMENT_WITHIN * 1000:.0f};
  set local idle_in_transaction_session_timeout = {IDLE_WITHIN * 1000:.0f};"""

_ITSELF_FLEETING = ", set_config('synchronous_commit', 'off', true) as fleeting"
"""Behind what a statement returns: for each row that it writes, and until it is committed, which it is by itself."""


_FORGET_OLD = "delete from decided where decided_at < now() - interval '1 day'"
_DECIDES = """insert into decided (line, number) values ('{line}', pg_current_xact_id()::text) on conflict (line)
  do update set number = excluded.number, decided_at = now()"""
_STATUS = "select pg_xact_status(%s::text::xid8) as status"
_IS_THERE = "select exists (select from decided where line = %s and number = %s) as is_there"
"""Asked in a statement of its own, once it is decided: one that began before that would not see it."""


class InDoubt(psycopg.OperationalError):
    """The connection ended, and it is not known whether what was asked has happened."""


def lock_of(name: str) -> str:
    """Returns the statement that waits for an advisory lock, held until the end of the transaction."""
    number = zlib.crc32(name.encode())
    return f"select pg_advisory_xact_lock({LOCKS}, {number - (1 << 32) if number >= 1 << 31 else number})"


class Session:
    """Implements `Database` on one connection, for one piece of work.

    A transaction whose COMMIT was asked for when the connection ended is looked for on another one: the server knows
    what became of each.

    When a next step is due is written by the clock of the process that decided on it, and read by that of the process
    that takes it: in between it is kept by the server's, so that no machine is early or late for another's clock.

    Args:
        line: that nobody else uses meanwhile.
        clock: the server's.
        now: tells the present where the server's clock is not to; for tests.
        another: opens one connection more, to ask what became of a transaction.
    """

    def __init__(
        self,
        line: ServerLine,
        clock: ServerClock,
        now: Callable[[], float] | None,
        another: Callable[[], AbstractContextManager[ServerLine]],
    ) -> None:
        self._line = line
        self._clock = clock
        self._now = now or clock.now
        self._shift = 0.0 if now else clock.shift()
        self._another = another
        self._is_fleeting = False
        self.has_written = False

    def now(self) -> float:
        """Returns the present by the server's clock, Unix seconds."""
        return self._now()

    def execute(self, statement: str, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Executes a statement and returns its rows."""
        text = translated(statement)
        is_write = self._line.info.transaction_status is psycopg.pq.TransactionStatus.IDLE and not text.startswith(
            "select"
        )
        if self._shift and values.get("due") is not None:
            values = {**values, "due": values["due"] + self._shift}
        try:
            # In binary form a moment is the one that was written; as text it is rounded as the server is set.
            cursor = self._line.execute(text.encode(), values, binary=True)
        except psycopg.OperationalError as error:
            if is_write and self._line.closed:
                raise InDoubt(str(error)) from error
            raise
        self.has_written |= is_write
        answer = cursor.pgresult
        rows = cursor.fetchall() if answer is not None and answer.nfields else []
        if self._shift:
            for row in rows:
                if row.get("due") is not None:
                    row["due"] -= self._shift
        return rows

    @contextmanager
    def transaction(self, one_at_a_time: str = "") -> Generator[None]:
        """Makes everything in it happen, or nothing; all of one name follow one another, on all machines."""
        transaction = self._begin(one_at_a_time)
        try:
            yield
        except BaseException:
            with suppress(psycopg.Error):  # a connection that has ended takes it back by itself
                self._line.execute("rollback")
            raise
        try:
            self._line.execute("commit")
        except psycopg.OperationalError as error:
            if not self._line.closed:
                raise
            if not transaction:
                raise InDoubt(str(error)) from error
            if not self._is_committed(transaction):
                raise
        self.has_written = True

    def _begin(self, one_at_a_time: str) -> str:
        """Begins a transaction; returns its number where it is known from now on."""
        begin = ["begin isolation level read committed"]
        if not self._line.is_direct:
            begin.append(_SET_LOCALLY.rstrip(";"))
        if self._is_fleeting:
            begin.append("set local synchronous_commit = off")
        if one_at_a_time:
            # A statement of its own: what is read after it was committed by whoever had the lock before.
            begin.append(lock_of(one_at_a_time))
            if not self._line.decides:
                begin.append(_FORGET_OLD)
            begin.append(_DECIDES.format(line=self._line.name))
            begin.append(f"{NOW}, pg_current_xact_id()::text as number")
        cursor = self._line.execute("; ".join(begin).encode())
        if not one_at_a_time:
            return ""
        while cursor.nextset():
            pass
        row = cursor.fetchone()
        assert row is not None
        self._clock.read(row["microseconds"] / 1e6)
        self._line.decides = True
        return row["number"]

    def _is_committed(self, number: str) -> bool:
        """Finds out what became of a transaction whose COMMIT was not answered.

        Raises:
            InDoubt: the server does not tell in time.
        """
        until = time.monotonic() + _DECIDED_WITHIN
        while time.monotonic() < until:
            try:
                with self._another() as line:
                    row = line.execute(_STATUS, (number,)).fetchone()
                    if row is not None and row["status"] != "in progress":
                        row = line.execute(_IS_THERE, (self._line.name, number)).fetchone()
                        return row is not None and row["is_there"]
            except psycopg.errors.InvalidParameterValue:  # a number that this server has not given out yet
                return False
            except psycopg.Error as error:
                log.debug("it is asked again what became of a transaction: %s", error)
            time.sleep(_ASKED_EVERY)
        raise InDoubt("the connection ended as a transaction was committed, and it is not known whether it was")

    def alone(self, one_at_a_time: str) -> AbstractContextManager[None]:
        """See `Database.alone`."""
        return self.transaction(one_at_a_time)

    @contextmanager
    def fleeting(self) -> Generator[None]:
        """See `Database.fleeting`."""
        self._is_fleeting = True
        try:
            yield
        finally:
            self._is_fleeting = False

    def execute_fleeting(self, statement: str, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Executes like `execute`, without waiting for the disk: one round trip, where a transaction takes three."""
        if self._line.is_direct:
            return self.execute(statement + _ITSELF_FLEETING, values)
        with self.fleeting(), self.transaction():
            return self.execute(statement, values)

    def execute_at_any_price(self, statement: str, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Executes like `execute`: the room on a server's disk is its operator's."""
        return self.execute(statement, values)

    def keep_room(self) -> None:
        """Does nothing: see `execute_at_any_price`."""
