"""What the statements that all databases share ask of one."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Row(Protocol):
    """A row: its values by the names of their columns."""

    def __getitem__(self, column: str, /) -> Any: ...


class Connection(Protocol):
    """A connection, as `sqlite3` and `psycopg` have it."""

    def execute(self, statement: str, values: Any, /) -> Any:
        """Executes a statement with named parameters."""


class Database(Protocol):
    """A database that is asked in one thread, a statement after another."""

    @property
    def connected(self) -> Connection:
        """The connection.

        Raises:
            StoreError: the store is closed.
        """
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Everything in it happens, or nothing."""
        ...

    def read(self, statement: str, values: Mapping[str, Any]) -> Sequence[Row]:
        """Returns the rows that a statement returns."""
        ...
