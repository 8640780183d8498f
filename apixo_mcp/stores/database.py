"""The port of a database, as the statements that all databases share use it.

What is decided in several statements is a transaction, and those that decide on the same thing follow one another: each
names it (`transaction("money")`). So of two that would both spend the last dollar, or both take an id, the second reads
what the first has written. A file has one writer at a time, whatever the names; a server runs those side by side that
have nothing to do with each other. Within one only statements are asked that compare and set what others write without
a transaction: leases, answers, the moves of a task.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

_P = ParamSpec("_P")
T = TypeVar("T")


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


class Notable(Readable, Protocol):
    """A database as far as it is read, and noted in what only living processes need."""

    def execute_fleeting(self, statement: str, values: Mapping[str, Any]) -> Sequence[Row]:
        """Executes a statement that returns what it writes, and waits for no disk: a power cut may take it back."""
        ...


class Database(Notable, Protocol):
    """A database that is asked in one thread, a statement after another."""

    def transaction(self, one_at_a_time: str = "") -> AbstractContextManager[None]:
        """Makes everything in it happen, or nothing; all of one name follow one another."""
        ...

    def alone(self, one_at_a_time: str) -> AbstractContextManager[None]:
        """Keeps one statement that looks at other rows before it writes from running beside another of the name."""
        ...

    def fleeting(self) -> AbstractContextManager[None]:
        """Lets nothing in it wait for the disk: for what only living processes need, such as a lease."""
        ...

    def execute_at_any_price(self, statement: str, values: Mapping[str, Any]) -> Sequence[Row]:
        """Executes like `execute`, with the room that is kept for what was paid for, where the disk is full."""
        ...

    def keep_room(self) -> None:
        """Sees to it that `execute_at_any_price` will have room.

        Raises:
            StoreError: there is none.
        """
        ...


class Worker(Protocol):
    """Has a database asked in a thread that may wait for it."""

    async def run(self, work: Callable[Concatenate[Database, _P], T], *arguments: _P.args, **named: _P.kwargs) -> T:
        """Runs `work`, which is one decision, with a database.

        Raises:
            StoreError: the database could not do it, or a row is damaged; says what helps.
        """
        ...

    async def decide(self, work: Callable[Concatenate[Database, _P], T], *arguments: _P.args, **named: _P.kwargs) -> T:
        """Runs `work`, in which money is decided on: it takes its turn with others of its kind, and holds up no other.

        Raises:
            StoreError: as of `run`.
        """
        ...

    async def look_up(self, work: Callable[Concatenate[Readable, _P], T], *arguments: _P.args, **named: _P.kwargs) -> T:
        """Runs `work`, which reads a row or two by their keys, as soon as it can be.

        Raises:
            StoreError: as of `run`.
        """
        ...

    async def note(self, work: Callable[Concatenate[Notable, _P], T], *arguments: _P.args, **named: _P.kwargs) -> T:
        """Runs `work`, which writes what only living processes need, as soon as it can be.

        Raises:
            StoreError: as of `run`.
        """
        ...
