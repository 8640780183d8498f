"""A second connection to the task store's file, for what is looked up on the thread that asks.

A row by its key takes some 20 µs; the way to the worker thread and back takes ten times as long, and each request over
HTTP asks for two or three. In the write-ahead log a reader waits for no writer, and sees all that was committed before,
by whichever process.
"""

import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self


class Reader:
    """Reads, waits for nothing, and never writes: whatever stands in its way is for the worker thread to deal with.

    Args:
        connection: that nobody else uses.
        now: this process's clock, Unix seconds.
    """

    def __init__(self, connection: sqlite3.Connection, now: Callable[[], float]) -> None:
        self.now = now
        self._connection = connection
        self._lock = threading.Lock()  # it is closed in the worker thread

    @classmethod
    def opened(cls, path: Path, now: Callable[[], float]) -> Self:
        """Opens a file that another connection of this process has open already.

        Raises:
            sqlite3.Error: it cannot be.
        """
        address = f"{path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        return cls(connection, now)

    def execute(self, statement: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        """Executes a statement that reads, and returns its rows.

        Raises:
            sqlite3.Error: not at once.
        """
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        """Closes the connection."""
        with self._lock:
            self._connection.close()
