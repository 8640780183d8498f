"""Changes a file of SQLite whole, or not at all."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def whole(database: sqlite3.Connection) -> Generator[None]:
    """Makes everything in it happen, or nothing: in one transaction, which is the file's one writer from its begin on.

    Args:
        database: a connection that begins no transaction by itself.
    """
    database.execute("begin immediate")
    try:
        yield
    except BaseException:
        if database.in_transaction:  # SQLite takes some back by itself, as where the disk is full
            database.execute("rollback")
        raise
    database.execute("commit")
