"""A second connection to the task store's file, for what is looked up and noted on the thread that asks.

A row by its key takes some 20 µs; the way to the worker thread and back takes ten times as long, and each request over
HTTP asks for two or three, each poll of a task for two. In the write-ahead log a reader waits for no writer, and sees
all that was committed before, by whichever process; and a writer that need not wait for the disk waits for nothing.
"""

import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from apixo_mcp.stores.sqlite import schema


class Inline:
    """Reads, and writes what need not outlive a power cut. It waits for nothing: neither for a writer nor for the disk.

    Whatever stands in its way is for the worker thread to deal with, and so is what the log has grown to.

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
        address = f"{path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        schema.teach(connection)
        connection.execute("pragma synchronous = normal")
        connection.execute("pragma wal_autocheckpoint = 0")  # that waits for the disk
        return cls(connection, now)

    def execute(self, statement: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        """Executes a statement, and returns its rows.

        Raises:
            sqlite3.Error: not at once.
        """
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def execute_fleeting(self, statement: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        """Executes like `execute`: nothing here waits for the disk."""
        return self.execute(statement, values)

    def close(self) -> None:
        """Closes the connection."""
        with self._lock:
            self._connection.close()
