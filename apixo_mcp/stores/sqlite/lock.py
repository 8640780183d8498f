"""Who has a task store open: many processes together, or one that must be alone because the file is to be replaced."""

import sqlite3
from pathlib import Path


class Lock:
    """A lock that is shared or held alone, and ends with its process.

    It is the lock of an SQLite file of its own that holds nothing: the one lock of this kind that works alike on every
    platform, and that a damaged task store cannot take along.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def _held(self, begin: str, patience: float) -> bool:
        lock = self._connection
        if lock is None:
            lock = self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            # Nothing is ever read from it, so nothing needs to reach the disk.
            lock.execute("pragma synchronous = off")
            lock.execute("pragma journal_mode = memory")
        if lock.in_transaction:
            lock.execute("rollback")
        lock.execute(f"pragma busy_timeout = {int(patience * 1000)}")
        try:
            lock.execute(begin)
            lock.execute("select count(*) from sqlite_master").fetchone()  # only now a shared lock is taken
        except sqlite3.OperationalError as error:
            if lock.in_transaction:
                lock.execute("rollback")
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise
        return True

    def alone(self, patience: float) -> bool:
        """Gives back what is held, and takes the lock alone; False where another process has it until `patience`."""
        return self._held("begin exclusive", patience)

    def share(self, patience: float) -> bool:
        """Gives back what is held, and shares the lock; False where another process has it alone until `patience`."""
        return self._held("begin", patience)

    def close(self) -> None:
        """Gives back what is held."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
