"""The task store's file as a store leaves it, or arrives in it."""

import sqlite3
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from apixo_mcp.errors import StoreError
from apixo_mcp.stores.moving.moves import MoveEnd, twice
from apixo_mcp.stores.sqlite import damage, schema
from apixo_mcp.stores.sqlite.lock import Lock
from apixo_mcp.stores.sqlite.repair import repair
from apixo_mcp.stores.sqlite.whole import whole
from apixo_mcp.tasks.ports.leases import LEASE_LASTS, RENEWED_EVERY

_ALONE_AT_ONCE, _ALONE_WITHIN = 0.5, 4 * RENEWED_EVERY
"""Seconds given to being alone with the file: at first, and to a follower that was told to leave."""
_FOLLOWS = f"""update lease set holder = 'a move', until = :now + {10 * LEASE_LASTS} where name = 'follower'"""
"""A background follower that finds another one in its place leaves within `RENEWED_EVERY`."""
_FOLLOWS_NO_MORE = "delete from lease where holder = 'a move'"
_MADE = (
    "drop table if exists gram_parts",
    "drop table if exists grams",
    "delete from searched",
    "update gram_index set upto = 0",
)
"""What is made from tasks, as it is where there are none."""


class SqliteEnd:
    """Implements `MoveEnd`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shown = self.place = str(path.absolute())
        self._lock = Lock(damage.beside(path, ".lock"))
        self._database: sqlite3.Connection | None = None

    def close(self) -> None:
        """Closes the file."""
        self._disconnect()
        self._lock.close()

    def _disconnect(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def connect(self) -> sqlite3.Connection:
        """Returns the connection to the file, which has the newest schema."""
        if self._database is None:
            database = self._database = sqlite3.connect(self.path, timeout=10, isolation_level=None)
            database.row_factory = sqlite3.Row
            schema.teach(database)
            schema.refuse_newer(self.path, schema.version(database))
            database.execute("pragma journal_mode = wal")
            database.execute("pragma synchronous = full")
            if schema.version(database) == 0:
                with self.transaction():
                    schema.upgrade(database, 0)
        return self._database

    @contextmanager
    def alone(self) -> Generator[None]:
        """See `MoveEnd.alone`: whoever has the file open shares its lock."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self._lock.alone(_ALONE_AT_ONCE) and not self._alone_without_follower():
            raise StoreError(
                f"another process has {self.shown} open, and nothing was changed. End every program that uses it, "
                "servers of MCP hosts and workers too, and do this again."
            )
        try:
            repair(self.path)
            schema.bring_up_to_date(self.path)
            self.connect()
            with self.transaction():
                yield
        finally:
            self._lock.share(0)

    def _alone_without_follower(self) -> bool:
        with closing(sqlite3.connect(self.path, timeout=10, isolation_level=None)) as database:
            if not database.execute(_FOLLOWS, {"now": self.now()}).rowcount:
                return False
            is_alone = self._lock.alone(_ALONE_WITHIN)
            database.execute(_FOLLOWS_NO_MORE)
        return is_alone

    @contextmanager
    def transaction(self) -> Generator[None]:
        """See `MoveEnd.transaction`."""
        with whole(self.connect()):
            yield

    def now(self) -> float:
        """Returns the present."""
        return time.time()

    def execute(self, statement: str, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """See `Readable.execute`."""
        return [dict(row) for row in self.connect().execute(statement, values)]

    def columns(self, table: str) -> Mapping[str, bool]:
        """See `MoveEnd.columns`."""
        rows = self.execute(f"pragma table_info({table})", {})
        return {row["name"]: row["type"].lower() == "text" for row in rows}

    def rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        """See `MoveEnd.rows`."""
        for row in self.connect().execute(f"select * from {table} order by rowid"):
            yield dict(row)

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """See `MoveEnd.insert`: a trigger adds tasks to the search."""
        names = tuple(rows[0])
        statement = f"insert into {table} ({', '.join(names)}) values ({', '.join(f':{name}' for name in names)})"
        self.connect().executemany(statement, rows)

    def empty(self, tables: Sequence[str]) -> None:
        """See `MoveEnd.empty`."""
        for statement in (*(f"delete from {table}" for table in tables), *_MADE):
            self.connect().execute(statement)

    def shut(self, is_moved: bool) -> None:
        """See `MoveEnd.shut`: nobody has the file open, and what may have to be repaired is told beside it."""
        note = damage.moved_note(self.path)
        if is_moved:
            note.touch()
        else:
            note.unlink(missing_ok=True)


def is_newest(path: Path) -> bool:
    """Tells whether a file has the newest schema. Changes nothing."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        return schema.version(database) == schema.newest()


@contextmanager
def sqlite_end(path: Path) -> Generator[MoveEnd]:
    """Opens a file for a move.

    Raises:
        StoreError: it cannot be used.
    """
    end = SqliteEnd(path)
    try:
        yield end
    except sqlite3.IntegrityError as error:
        raise twice(end.shown, str(error)) from error
    except sqlite3.Error as error:
        raise StoreError(f"{end.shown} cannot be used: {error}. Nothing was changed.") from error
    except OSError as error:
        raise StoreError(f"{end.shown} cannot be used: {error.strerror or error}. Nothing was changed.") from error
    finally:
        end.close()
