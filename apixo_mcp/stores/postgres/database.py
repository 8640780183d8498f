"""The database of many machines: its connections, the threads that use them, and what is told where it fails.

Of a process a few pieces of work run side by side, in three lanes, so that none holds up another kind: what is decided
one at a time (a purchase, a paid request that leaves), what is looked up and noted by a key (a lease, a poll), and the
rest. A piece of work that was taken back whole, since two stood in each other's way or the connection ended before it
was done, is done again; one of which nobody knows whether it happened is not.
"""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import anyio
import anyio.to_thread
import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from apixo_mcp.errors import StoreError
from apixo_mcp.generation import NextAction
from apixo_mcp.postgres.connections import CONNECTED_WITHIN
from apixo_mcp.stores.database import Database, Notable, Readable
from apixo_mcp.stores.moving.moved import refuse_moved
from apixo_mcp.stores.postgres import schema
from apixo_mcp.stores.postgres.address import DatabaseAddress
from apixo_mcp.stores.postgres.connection import ServerClock, ServerLine, Unfit, set_up
from apixo_mcp.stores.postgres.session import NOW, InDoubt, Session
from apixo_mcp.stores.postgres.troubles import advice_on, advice_on_start, is_of_former_schema
from apixo_mcp.stores.rows import NotATask

log = logging.getLogger(__name__)

DECIDE, LOOK_UP, REST = 2, 2, 4
"""How many pieces of work of each lane run at once: there are no more connections than all of them."""
CLOCK_READ_EVERY = 5.0  # seconds
_TRIES = 4
_UNUSED_FOR = 60.0  # seconds after which a connection too many is closed
_LASTS = 1800.0  # seconds for which a connection is used: the server may have another address by then
_AGAIN = ("40001", "40P01")  # SQLSTATE serialization_failure, deadlock_detected

_P = ParamSpec("_P")
T = TypeVar("T")


class PostgresDatabase:
    """Implements `Worker` on a server.

    Args:
        address: of the database.
        wall: this machine's clock.
        now: tells the present where the server's clock is not to; for tests.

    Attributes:
        schema: the version that the database has, as this process found it.
    """

    def __init__(
        self, address: DatabaseAddress, wall: Callable[[], float], now: Callable[[], float] | None = None
    ) -> None:
        self._address = address
        self._now = now
        self._clock = ServerClock(wall)
        self._pool: ConnectionPool[ServerLine] | None = None
        self.schema = schema.newest_schema()
        self._decide, self._look_up, self._rest = map(anyio.CapacityLimiter, (DECIDE, LOOK_UP, REST))

    @property
    def shown(self) -> str:
        """The address of the database, as it is told."""
        return self._address.shown

    def open(self) -> None:
        """Connects, and brings the schema up to date.

        Raises:
            SchemaTooNew: a newer version of this program has brought it up to date.
            StoreError: it cannot be used, or was moved away.
        """
        try:
            # A connection of its own first: it tells at once, and why, where a pool goes on trying.
            with ServerLine.connect(**self._address.conninfo) as line:
                set_up(line)
                self.schema = schema.upgrade_schema(line, self._address.shown)
                refuse_moved(Session(line, self._clock, self._now, self._line), f"the task store {self.shown}")
        except psycopg.Error as error:
            raise self._trouble(error, at_start=True) from None
        self._pool = ConnectionPool(
            connection_class=ServerLine,
            kwargs=dict(self._address.conninfo),
            configure=set_up,
            check=self._check,
            min_size=1,
            max_size=DECIDE + LOOK_UP + REST,
            timeout=CONNECTED_WITHIN,
            reconnect_timeout=CONNECTED_WITHIN,
            max_idle=_UNUSED_FOR,
            max_lifetime=_LASTS,
            num_workers=2,
            open=True,
        )

    def close(self) -> None:
        """Closes the connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _check(self, line: ServerLine) -> None:
        """Refuses a connection that the server has ended: the others that nobody uses are likely to have ended too."""
        if line.is_stale():
            line.close()
            if self._pool is not None:
                self._pool.drain()
            raise psycopg.OperationalError("the connection has ended")

    @contextmanager
    def _line(self) -> Generator[ServerLine]:
        pool = self._pool
        if pool is None:
            raise StoreError("the task store is closed")
        line = pool.getconn()
        try:
            if self._now is None and self._clock.is_old(CLOCK_READ_EVERY):
                row = line.execute(NOW.encode()).fetchone()
                assert row is not None
                self._clock.read(row["microseconds"] / 1e6)
            yield line
        finally:
            pool.putconn(line)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Runs `work` in a thread."""
        return await anyio.to_thread.run_sync(work, limiter=self._rest)

    async def run(self, work: Callable[Concatenate[Database, _P], T], *arguments: _P.args, **named: _P.kwargs) -> T:
        """See `Worker.run`."""
        return await self._asked(self._rest, _bound(work, arguments, named))

    async def decide(self, work: Callable[Concatenate[Database, _P], T], *arguments: _P.args, **named: _P.kwargs) -> T:
        """See `Worker.decide`."""
        return await self._asked(self._decide, _bound(work, arguments, named))

    async def look_up(self, work: Callable[Concatenate[Readable, _P], T], *arguments: _P.args, **named: _P.kwargs) -> T:
        """See `Worker.look_up`."""
        return await self._asked(self._look_up, _bound(work, arguments, named))

    async def note(self, work: Callable[Concatenate[Notable, _P], T], *arguments: _P.args, **named: _P.kwargs) -> T:
        """See `Worker.note`."""
        return await self._asked(self._look_up, _bound(work, arguments, named))

    async def _asked(self, lane: anyio.CapacityLimiter, work: Callable[[Database], T]) -> T:
        return await anyio.to_thread.run_sync(self._done, work, limiter=lane)

    def _done(self, work: Callable[[Database], T]) -> T:
        for left in reversed(range(_TRIES)):
            session = None
            try:
                with self._line() as line:
                    session = Session(line, self._clock, self._now, self._line)
                    return work(session)
            except (psycopg.Error, NotATask) as error:
                has_written = session is not None and session.has_written
                if is_of_former_schema(error) and self._pool is not None:
                    self._pool.drain()  # all connections have prepared the same
                if not left or has_written or not _was_taken_back(error):
                    raise self._trouble(error) from error
                log.info("the task store: %s; it is tried again", self._told(error))
        raise AssertionError

    def _told(self, error: BaseException) -> str:
        lines = str(error).strip().splitlines()
        return self._address.without_password(lines[0] if lines else type(error).__name__)

    def _trouble(self, error: psycopg.Error | NotATask, *, at_start: bool = False) -> StoreError:
        """Returns what to tell a caller that the database has just failed; at a start nobody reads it twice."""
        store, told = f"The task store {self._address.shown}", self._told(error)
        if not at_start:
            log.error("%s: %s", store, told)
        if isinstance(error, NotATask):
            return StoreError(f"{store} holds a row that is none of a task ({told}). Look at it with a copy of it.")
        if isinstance(error, PoolClosed):
            return StoreError("the task store is closed")
        if isinstance(error, Unfit):
            return StoreError(f"{store} does not do: {told}.")
        if isinstance(error, PoolTimeout):
            return StoreError(
                f"{store} cannot be reached just now. Try again; whoever runs it looks at the server and at how many "
                "connections it allows.",
            )
        advice = advice_on_start(error, self._address.conninfo) if at_start else advice_on(error)
        text = f"{store} cannot be used just now: {told.rstrip('.')}. {advice or 'Try again.'}"
        return StoreError(text, next_action=None if advice else NextAction.EXAMINE)


def _bound(work: Callable[..., T], arguments: tuple[Any, ...], named: dict[str, Any]) -> Callable[[Database], T]:
    return lambda database: work(database, *arguments, **named)


def _was_taken_back(error: psycopg.Error | NotATask) -> bool:
    """Tells whether nothing of the work has happened, and it may go well another time."""
    if isinstance(error, InDoubt | PoolTimeout | PoolClosed | NotATask | Unfit):
        return False
    if error.sqlstate in _AGAIN or is_of_former_schema(error):
        return True
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate or "57P")[:3] == "57P"
