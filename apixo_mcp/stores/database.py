"""The port of a database, as the statements that all databases share use it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Row(Protocol):
    """A row: its values by the names of their columns."""

    def __getitem__(self, column: str, /) -> Any: ...


class Readable(Protocol):
    """A database as far as it is read."""

    def now(self) -> float:
        """Returns the present, Unix seconds, by the one clock that leases and money are decided with."""
        ...

    def execute(self, statement: str, values: Mapping[str, Any]) -> Sequence[Row]:
        """Executes a statement with named parameters and returns the rows that it returns, if any."""
        ...


class Database(Readable, Protocol):
    """A database that is asked in one thread, a statement after another."""

    def transaction(self) -> AbstractContextManager[None]:
        """Makes everything in it happen, or nothing."""
        ...
