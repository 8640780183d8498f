"""The task store's SQLite file, opened: its one connection, the thread that uses it, and what is done about damage."""

import logging
import os
import sqlite3
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from apixo_mcp.errors import StoreError
from apixo_mcp.stores.database import Database, Notable, Readable
from apixo_mcp.stores.moving.moved import refuse_moved
from apixo_mcp.stores.rows import NotATask
from apixo_mcp.stores.sqlite import damage, schema
from apixo_mcp.stores.sqlite.disk_reserve import DiskReserve
from apixo_mcp.stores.sqlite.inline import Inline
from apixo_mcp.stores.sqlite.lock import Lock
from apixo_mcp.stores.sqlite.repair import repair
from apixo_mcp.stores.sqlite.whole import whole

log = logging.getLogger(__name__)

_P = ParamSpec("_P")
T = TypeVar("T")

ALONE_WITHIN = (0.003, 3.0)
"""Seconds given to being alone with the file: at first just enough to decide among processes that start together, then,
where the file turned out to be damaged or of an older schema, enough for one that is about to end."""
NOTED_AT_MOST = 250
"""Notes on the thread that asks, between two of the worker thread: each is a few pages of the log."""
REPAIRED_WITHIN = 60.0  # seconds given to another process that is repairing the file


class SqliteDatabase:
    """One file, one connection, one worker thread; and one connection more on the thread that asks, which never waits.

    Several processes may have the same file open.

    Args:
        path: of the file; its folder is made if it is missing.
        now: this process's clock, Unix seconds.
    """

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self.now = now
        self.warnings: tuple[str, ...] = ()
        self.path = path
        self._lock = Lock(damage.beside(path, ".lock"))
        self._reserve = DiskReserve(damage.beside(path, ".ballast"))
        self._limiter = anyio.CapacityLimiter(1)
        self._database: sqlite3.Connection | None = None
        self._inline: Inline | None = None
        self._noted = 0
        self._file = (0, 0)
        self._deleted: list[sqlite3.Connection] = []

    def open(self) -> None:
        """Opens the file, repaired if it is damaged, and brings its schema up to date.

        Raises:
            SchemaTooNew: a newer version of this program wrote it.
            StoreError: it cannot be opened, or was moved away.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
            self.warnings = damage.notices(self.path)
        except (OSError, sqlite3.Error) as error:
            self.close()
            reason = f"it cannot be made ({error.strerror})" if isinstance(error, OSError) else str(error)
            raise StoreError(
                f"the task store {self.path} cannot be opened: {reason}. Check the data folder that it stands in, or "
                "set APIXO_MCP_HOME to another one, which can be written to"
            ) from error
        except StoreError:
            self.close()
            raise

    def _open(self) -> None:
        state, then = "", ""
        for patience in ALONE_WITHIN:
            try:
                # A file that a living process has open is neither moved away nor upgraded under it.
                if self._lock.alone(patience):
                    repair(self.path)
                    schema.bring_up_to_date(self.path)
                if not self._lock.share(REPAIRED_WITHIN):
                    raise StoreError(f"the task store {self.path} is being repaired by another process; start again")
                if self._connect():
                    return
                state, then = "has an older schema", "it is then brought up to date, and a copy is kept."
            except sqlite3.Error as error:
                if not damage.is_damage(error):
                    raise
                log.warning("the task store %s is damaged: %s", self.path, error)
                damage.mark(self.path)
                state, then = "is damaged", "what can be read is then recovered, and the damaged file is kept."
            self._disconnect()
        raise StoreError(
            f"the task store {self.path} {state}, and another process has it open. End every program that uses "
            f"apixo-mcp and start again: {then}"
        )

    def _connect(self) -> bool:
        """Returns whether the file that is connected has the newest schema."""
        database = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
        database.row_factory = sqlite3.Row
        schema.teach(database)
        self._database = database
        have = schema.version(database)
        schema.refuse_newer(self.path, have)
        database.execute("pragma journal_mode = wal")
        # FULL, not WAL's usual NORMAL: a commit that a power cut takes back could be a submit that was paid for.
        database.execute("pragma synchronous = full")
        if have == 0:
            with self.transaction():
                if schema.version(database) == 0:  # again: from here on nobody else makes it
                    schema.upgrade(database, 0)
        self._file = _identity(self.path) or (0, 0)
        if is_newest := schema.version(database) == schema.newest():
            refuse_moved(self, f"the task store {self.path}")
        return is_newest

    def _go_on(self) -> None:
        """Goes on in a file of the same name where this one was deleted or replaced under the running process.

        The connection still holds all that was ever in the deleted file: without this, what is paid for from now on
        would be gone with the process.
        """
        if self._database is None or (there := _identity(self.path)) == self._file:
            return
        self._close_inline()
        # It stays open: closing it would delete, by name, the log of the file that is there now.
        self._deleted.append(self._database)
        if there is None:
            log.error("the task store %s was deleted while it was in use; it is written anew, whole", self.path)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            copy = damage.beside(self.path, f".{uuid.uuid4().hex}")
            with closing(sqlite3.connect(copy)) as whole:
                self._database.backup(whole)
            for suffix in ("-wal", "-shm"):
                damage.beside(self.path, suffix).unlink(missing_ok=True)
            with suppress(FileExistsError):  # another process was as quick
                os.link(copy, self.path)
            copy.unlink(missing_ok=True)
        self._lock.close()
        self._lock.share(REPAIRED_WITHIN)
        self._connect()

    def _close_inline(self) -> None:
        if self._inline is not None:
            self._inline.close()
            self._inline = None

    def _disconnect(self) -> None:
        self._close_inline()  # first: SQLite tidies up with the last connection, and this one may not
        if self._database is not None:
            self._database.close()
            self._database = None

    def close(self) -> None:
        """Closes the file."""
        self._disconnect()
        self._lock.close()

    @property
    def connected(self) -> sqlite3.Connection:
        """The connection to the file.

        Raises:
            StoreError: the store is closed.
        """
        if self._database is None:
            raise StoreError("the task store is closed")
        return self._database

    @contextmanager
    def transaction(self, one_at_a_time: str = "") -> Generator[None]:
        """Makes everything in it happen, or nothing. For use in the worker thread."""
        with whole(self.connected):
            yield

    def alone(self, one_at_a_time: str) -> AbstractContextManager[None]:
        """See `Database.alone`: one statement is one transaction of a file's one writer."""
        return nullcontext()

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Runs `work` in the worker thread.

        Raises:
            StoreError: SQLite could not do it, or a row is damaged; says what helps.
        """
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        except (sqlite3.Error, NotATask) as error:
            raise damage.store_error(self.path, error) from error

    async def run(self, work: Callable[Concatenate[Database, _P], T], *arguments: _P.args, **named: _P.kwargs) -> T:
        """See `Worker.run`."""
        return await self.in_thread(partial(self._work, partial(work, self, *arguments, **named)))

    async def decide(self, work: Callable[Concatenate[Database, _P], T], *arguments: _P.args, **named: _P.kwargs) -> T:
        """See `Worker.decide`: a file has one worker for all that is written."""
        return await self.run(work, *arguments, **named)

    def _work(self, work: Callable[[], T]) -> T:
        self._go_on()
        return work()

    async def look_up(self, work: Callable[Concatenate[Readable, _P], T], *arguments: _P.args, **named: _P.kwargs) -> T:
        """See `Worker.look_up`: at once on this thread, or else in the worker thread."""
        await anyio.lowlevel.checkpoint()  # whoever asks again and again lets others have their turn
        inline = self._inline  # the worker thread closes it where the file is another
        if inline is not None and _identity(self.path) == self._file:
            with suppress(sqlite3.Error, NotATask):  # the worker thread can wait, and tells what is wrong
                return work(inline, *arguments, **named)
        return await self.in_thread(partial(self._look_up, partial(work, self, *arguments, **named)))

    def _look_up(self, work: Callable[[], T]) -> T:
        looked_up = self._work(work)
        self._open_inline()
        return looked_up

    async def note(self, work: Callable[Concatenate[Notable, _P], T], *arguments: _P.args, **named: _P.kwargs) -> T:
        """See `Worker.note`: at once on this thread, or else in the worker thread, where `work` is done anew.

        Now and then it is the worker thread's turn, which brings what was written from the log into the file.
        """
        await anyio.lowlevel.checkpoint_if_cancelled()
        self._noted += 1
        is_full = self._noted > NOTED_AT_MOST
        inline = self._inline
        if inline is not None and not is_full and _identity(self.path) == self._file:
            try:
                return work(inline, *arguments, **named)
            except NotATask as error:
                raise damage.store_error(self.path, error) from error
            except sqlite3.Error:
                pass  # somebody else writes just now, or the worker thread can tell what is wrong
        if is_full:
            self._noted = 0
        return await self.in_thread(partial(self._note, is_full, partial(work, self, *arguments, **named)))

    def _note(self, is_full: bool, work: Callable[[], T]) -> T:
        self._go_on()
        self._open_inline()
        if is_full:  # before the work: whoever writes first after that waits for the disk once more
            self.execute("pragma wal_checkpoint(passive)", {})
        return work()

    def _open_inline(self) -> None:
        if self._inline is None:
            with suppress(sqlite3.Error):
                self._inline = Inline.opened(self.path, self.now)

    def execute(self, statement: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        """Executes a statement and returns its rows. For use in the worker thread."""
        return self.connected.execute(statement, values).fetchall()

    def execute_at_any_price(self, statement: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        """Executes like `execute`, with the room that was kept for it where the disk is full."""
        try:
            return self.execute(statement, values)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL or not self._reserve.drop():
                raise
            return self.execute(statement, values)

    def keep_room(self) -> None:
        """Sees to it that `execute_at_any_price` will have room. For use in the worker thread.

        Raises:
            StoreError: the disk is full.
        """
        try:
            self._reserve.take_up()
        except OSError as error:
            raise StoreError(
                f"There is no room left beside the task store {self.path} ({error.strerror or error}), so nothing is "
                "sent: what became of it could not be noted. Make room on the disk."
            ) from error

    @contextmanager
    def fleeting(self) -> Generator[None]:
        """Lets nothing in it wait for the disk: for what only living processes need, such as a lease.

        A power cut may take it back, as it ends those processes; the end of this process does not.
        """
        database = self.connected
        database.execute("pragma synchronous = normal")
        try:
            yield
        finally:
            database.execute("pragma synchronous = full")

    def execute_fleeting(self, statement: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        """Executes like `execute`, without waiting for the disk."""
        with self.fleeting():
            return self.execute(statement, values)


def _identity(path: Path) -> tuple[int, int] | None:
    """Returns what tells a file from another one under the same name, None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
