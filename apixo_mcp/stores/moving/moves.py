"""A store that leaves one database for another: at no moment do two go on with its tasks, wherever it is cut short.

    leaves    alone with the database, in one transaction: marked as moved; from here on nobody opens it
    is read   as lines, as often as needed: nobody changes it any more
    arrives   in one transaction, which ends with its last line: all of it or nothing. Right before that the store
              that has left is told by whom it is taken, and lets no second one have it

Between leaving and arriving nobody goes on. A store that has left and was taken by nobody can be taken back; one that
was taken comes back as it went.
"""

import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from apixo_mcp.errors import StoreError
from apixo_mcp.generation import NextAction
from apixo_mcp.stores.database import Readable
from apixo_mcp.stores.moving.move_file import FILLED, MOVED, STORE_ID, Head, StoreLines, lines_of
from apixo_mcp.stores.moving.moved import OUT
from apixo_mcp.stores.statements import MAKE_SECRET, SECRET

_CAME = "select * from moved where way = 'in' and move_id = :move_id"
_NOTE = "insert into moved (move_id, way, at, other, other_id) values (:move_id, :way, :at, :other, :other_id)"
_TAKE = "update moved set other = :other, other_id = :other_id where way = 'out' and move_id = :move_id"
_FORGET_OUT = "delete from moved where way = 'out'"
_OPEN = "select key_print, count(*) as count from task where due is not null group by key_print"
_HELD = ("task", "owner", "kept", "webhook")
"""What a database holds that is not empty: the rest a server makes as it starts."""
_TOGETHER = 500


class MoveEnd(Readable, Protocol):
    """A database as a store leaves it or arrives in it. It is asked in one thread.

    Attributes:
        shown: where it is, as it is told to people.
        place: where a program on the same machine finds it; empty where that takes a password.
    """

    shown: str
    place: str

    def alone(self) -> AbstractContextManager[None]:
        """Begins a transaction that no program shares this database with, and ends it well or takes it back.

        Raises:
            StoreError: some program has it open; says what to do.
        """
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Makes everything in it happen, or nothing, whoever else has the database open."""
        ...

    def columns(self, table: str) -> Mapping[str, bool]:
        """Returns a table's columns by name, and whether each holds texts; the others hold numbers."""
        ...

    def rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        """Yields the rows of a table, in the order in which they were made, a few at a time."""
        ...

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows, which have the same columns; those of tasks to the search as well."""
        ...

    def empty(self, tables: Sequence[str]) -> None:
        """Deletes all rows of tables, and what was made of them."""
        ...

    def shut(self, is_moved: bool) -> None:
        """Has writes of programs refused that have it open in spite of all, or lets them be."""
        ...


ReachSource = Callable[[str], AbstractContextManager[MoveEnd | None]]
"""Opens the store at a place, without waiting to be alone with it; None where it cannot be reached from here."""


def twice(shown: str, told: str) -> StoreError:
    """Returns what is told of a file with two rows that a database keeps one of: it was changed since it was written.

    Args:
        shown: where it was to arrive.
        told: what the database says.
    """
    return StoreError(
        f"{shown} was given a row twice ({told}): the file is not as it was exported. Export it anew, and import that. "
        "Nothing was changed."
    )


def store_id(end: Readable) -> str:
    """Returns what tells a store from every other one."""
    end.execute(MAKE_SECRET, {"name": STORE_ID, "value": secrets.token_hex(16)})
    return str(end.execute(SECRET, {"name": STORE_ID})[0]["value"])


def leave(end: MoveEnd, version: str) -> tuple[Head, bool]:
    """Marks a store as moved, from when on nobody opens it.

    Returns:
        The first line of its file, and whether it was marked just now.

    Raises:
        StoreError: some program has it open, or it is empty; nothing was changed.
    """
    with end.alone():
        marks = end.execute(OUT, {})
        if marks:
            move_id, at = marks[0]["move_id"], marks[0]["at"]
        else:
            if not _holds_any(end):
                raise StoreError(f"{end.shown} holds no task and no owner, so there is nothing to move.")
            move_id, at = secrets.token_hex(8), end.now()
            end.execute(_NOTE, {"move_id": move_id, "way": "out", "at": at, "other": "", "other_id": ""})
            end.shut(True)
        return Head(move_id, store_id(end), end.shown, end.place, at, version), not marks


def exported(end: MoveEnd, head: Head) -> Generator[bytes]:
    """Yields the lines of a store that has left."""
    return lines_of(head, _rows(end))


def _rows(end: MoveEnd) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for table in MOVED:
        names = [name for name in end.columns(table) if (table, name) not in FILLED]
        for row in end.rows(table):
            if table != "secret" or row["name"] != STORE_ID:
                yield table, {name: row[name] for name in names}


def take_back(end: MoveEnd) -> None:
    """Has a store gone on with that has left, and that nobody took.

    Raises:
        StoreError: it has not left, or it was taken.
    """
    with end.alone():
        marks = end.execute(OUT, {})
        if not marks:
            raise StoreError(f"{end.shown} was not moved: there is nothing to take back.")
        if marks[0]["other_id"]:
            raise StoreError(
                f"{end.shown} was imported into {marks[0]['other']}, or was about to be, so it is not taken back: two "
                "would go on with its tasks. Where that import was cut short, repeat it.",
                next_action=NextAction.MOVE_BACK,
            )
        end.execute(_FORGET_OUT, {})
        end.shut(False)


@dataclass(slots=True)
class MovedIn:
    """What came of an import.

    Attributes:
        counts: of rows, by table; empty where the store was there already.
        open: how many tasks have a next step, by the print of the key that it takes.
        came_at: Unix seconds, when it came; 0: just now.
    """

    counts: dict[str, int] = field(default_factory=dict[str, int])
    open: dict[str, int] = field(default_factory=dict[str, int])
    came_at: float = 0.0


def arrive(end: MoveEnd, lines: StoreLines, reach: ReachSource, *, nowhere_else: bool) -> MovedIn:
    """Takes a store in, all of it or nothing, and tells the one that has left.

    Args:
        end: where it arrives.
        lines: of it.
        reach: leads to the store that has left.
        nowhere_else: whether somebody vouches for it that it arrives in no other place.

    Raises:
        InvalidInput: a line is wrong.
        StoreError: it cannot arrive here. In any case nothing was changed.
    """
    head = lines.head
    with end.alone():
        here = store_id(end)  # committed: the other store may have been told of it when this is cut short
    with reach(head.place) as neighbour:
        source = neighbour if neighbour is not None and _is_of(neighbour, head) else None
        if source is None and not nowhere_else:
            raise StoreError(
                f"{head.shown}, where this comes from, cannot be asked from here whether it was taken already, and two "
                "would go on with its tasks.",
                next_action=NextAction.VOUCH,
            )
        with end.alone():
            if came := end.execute(_CAME, {"move_id": head.move_id}):
                return MovedIn(came_at=came[0]["at"])
            _refuse_full(end, head)
            arrived = MovedIn(_brought_in(end, lines))
            arrived.open = {row["key_print"]: row["count"] for row in end.execute(_OPEN, {})}
            note = {"move_id": head.move_id, "way": "in", "at": end.now(), "other": head.shown}
            end.execute(_FORGET_OUT, {})
            end.execute(_NOTE, {**note, "other_id": head.store_id})
            end.shut(False)
            if source is not None:
                _claim(source, head, here, end.shown, nowhere_else=nowhere_else)
        return arrived


def _is_of(source: MoveEnd, head: Head) -> bool:
    """Tells whether a store is the one that has left: on another machine a place has another one, perhaps this one."""
    ids = source.execute(SECRET, {"name": STORE_ID})
    return bool(ids) and ids[0]["value"] == head.store_id


def _refuse_full(end: MoveEnd, head: Head) -> None:
    if marks := end.execute(OUT, {}):
        mark = marks[0]
        if mark["move_id"] == head.move_id:
            raise StoreError(f"{end.shown} is where this comes from.", next_action=NextAction.TAKE_BACK)
        if mark["other_id"] == head.store_id:
            return  # it comes back: what stands here is from before it left
        raise StoreError(f"{end.shown} was moved itself, and not to {head.shown}. Import into an empty store.")
    if _holds_any(end):
        raise StoreError(
            f"{end.shown} has tasks or owners of its own, and a store is moved into an empty one. Its tasks alone are "
            "added, as copies, by an export that is no move."
        )


def _holds_any(end: MoveEnd) -> bool:
    return any(end.execute(f"select 1 from {table} limit 1", {}) for table in _HELD)


def _brought_in(end: MoveEnd, lines: StoreLines) -> dict[str, int]:
    own = end.execute(SECRET, {"name": STORE_ID})[0]["value"]
    end.empty(MOVED)
    end.execute(MAKE_SECRET, {"name": STORE_ID, "value": own})
    counts: dict[str, int] = dict.fromkeys(MOVED, 0)
    for table, rows in _batches(lines.rows({table: end.columns(table) for table in MOVED})):
        end.insert(table, rows)
        counts[table] += len(rows)
    return counts


def _batches(rows: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yields rows of the same table and columns together, some hundred at most."""
    table, names, together = "", (), list[dict[str, Any]]()
    for its_table, row in rows:
        if its_table == "task":
            row |= {"lease_holder": "", "lease_until": 0.0}
        if together and (its_table != table or tuple(row) != names or len(together) == _TOGETHER):
            yield table, together
            together = []
        table, names = its_table, tuple(row)
        together.append(row)
    if together:
        yield table, together


def _claim(source: MoveEnd, head: Head, here: str, shown: str, *, nowhere_else: bool) -> None:
    """Tells the store that has left by whom it is taken, which holds from then on, whatever becomes of this import."""
    with source.transaction():
        marks = [mark for mark in source.execute(OUT, {}) if mark["move_id"] == head.move_id]
        if not marks:
            raise StoreError(f"{source.shown} was taken back since this was exported. Export it anew.")
        if marks[0]["other_id"] not in ("", here) and not nowhere_else:
            raise StoreError(
                f"{source.shown} was imported into {marks[0]['other']} already, or was just about to be. Two would go "
                "on with its tasks.",
                next_action=NextAction.VOUCH,
            )
        source.execute(_TAKE, {"move_id": head.move_id, "other": shown, "other_id": here})
