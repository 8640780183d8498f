"""A whole store as lines of JSON: the form in which it goes from one database to another.

The first line says what follows, each further one holds a row under the name of its table, and the last tells how many
there are and their hash, so that half a file passes for none. In it are what tells keys apart, the hashes of owners'
tokens, and no gateway's key.
"""

import hashlib
import json
import math
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.stores.kept.owners import owner_of_row
from apixo_mcp.stores.rows import NotATask, from_row

STORE_FORM = 1
HEAD, END = "apixo_mcp_store", "end"

MOVED = (
    "secret",
    "owner",
    "sign_in",
    "task",
    "kept",
    "quote",
    "duration",
    "callback",
    "uncalled",
    "webhook",
    "webhooks_began",
    "alert",
    "alert_heard",
    "usual_spending",
    "balance",
)
"""The tables that go with a store: whatever anybody was promised, is owed, or has learnt."""
LEFT = {
    "lease": "who works on something just now, which nobody does meanwhile",
    "moved": "of this store alone",
    "decided": "what became of transactions of this database",
    "pace": "how fast a gateway is asked, which is found out anew",
    "searched": "made from the tasks",
    "gram_index": "made from the tasks",
    "spent_hour": "added up from the tasks",
    "spent_before": "added up from the tasks",
    "schema_of_apixo_mcp": "the version of this database",
}
"""The tables that stay, and why."""
FILLED = {("duration", "number"), ("task", "sent_once")}
"""Columns that a database fills itself."""
_READ = {"task": from_row, "owner": owner_of_row}
"""What reads the rows of a table, and raises where they are none."""
STORE_ID = "store_id"
"""The secret that tells this store from every other one, and stays in it."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the first line tells.

    Attributes:
        move_id: of this move; the same each time that a store which has left is written anew.
        store_id: of the store that has left.
        shown: where that is, as it is told to people.
        place: where a program on the same machine finds it; empty where that takes a password.
        at: Unix seconds, when it left.
        version: of the program that wrote this.
    """

    move_id: str
    store_id: str
    shown: str
    place: str
    at: float
    version: str


def lines_of(head: Head, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Generator[bytes]:
    """Yields the lines of a store, each with its end."""
    hashed, count = hashlib.sha256(), 0
    for record in _records(head, rows):
        # In ASCII: a text may hold what no other encoding can.
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        hashed.update(line)
        count += 1
        yield line
    yield json.dumps({END: {"lines": count, "sha256": hashed.hexdigest()}}).encode() + b"\n"


def _records(head: Head, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Mapping[str, Any]]:
    yield {HEAD: STORE_FORM, **asdict(head)}
    for table, row in rows:
        yield {table: dict(row)}


def is_store(line: bytes) -> bool:
    """Tells whether a file that begins so holds a whole store."""
    return f'"{HEAD}"'.encode() in line[:40]


def _can_be_kept(value: object, *, is_text: bool) -> bool:
    """Tells whether each database keeps a value as it is. What is no number would be within every budget."""
    if isinstance(value, str):
        return is_text and not any("\ud800" <= sign <= "\udfff" for sign in value)
    if is_text or isinstance(value, bool):
        return value is None
    if isinstance(value, float):
        return not math.isnan(value)
    return value is None or (isinstance(value, int) and -(2**63) <= value < 2**63)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _can_be_kept(value, is_text=True) and "\0" not in value


class StoreLines:
    """Reads such lines, and asks of each whether it can be what it says.

    Attributes:
        head: what the first one tells.

    Raises:
        InvalidInput: the first line is none of a store that this version can read.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._hashed = hashlib.sha256()
        self._count = 0
        values = self._next()
        if values is None or HEAD not in values:
            raise self._wrong("this is no store that was exported with --move")
        if values[HEAD] != STORE_FORM:
            raise self._wrong(f"a newer apixo-mcp wrote this (form {values[HEAD]}, not {STORE_FORM}); update it")
        del values[HEAD]
        try:
            self.head = Head(**values)
        except TypeError:
            raise self._wrong("it does not say where it comes from") from None
        if not all(map(_is_name, (self.head.move_id, self.head.store_id, self.head.shown, self.head.place))):
            raise self._wrong("it does not say where it comes from")

    def rows(self, columns: Mapping[str, Mapping[str, bool]]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields each row with the name of its table.

        Args:
            columns: that there are here, by table, and whether each holds texts.

        Raises:
            InvalidInput: a line is wrong, or the end is missing.
        """
        known = {table: {name for name in columns[table] if (table, name) not in FILLED} for table in MOVED}
        while (values := self._next()) is not None:
            ((table, row),) = values.items() if len(values) == 1 else (("", None),)
            if table == END:
                return
            if table not in known or not isinstance(row, dict):
                raise self._wrong("it is none of a store's rows; update apixo-mcp, if a newer one wrote it")
            values = cast(dict[str, Any], row)
            if unknown := sorted(set(values) - known[table]):
                raise self._wrong(f"{table}.{unknown[0]} is not known here; update apixo-mcp")
            if missing := sorted(known[table] - set(values)):
                raise self._wrong(f"{table}.{missing[0]} is missing; export with the version that imports")
            for name, value in values.items():
                if not _can_be_kept(value, is_text=columns[table][name]):
                    kind = "text" if columns[table][name] else "number"
                    raise self._wrong(f"{table}.{name} holds no {kind}, or none that a database keeps")
            if read := _READ.get(table):
                try:
                    read(values)
                except NotATask as error:
                    raise self._wrong(str(error)) from None
            yield table, values
        raise self._wrong("the end is missing: the export was cut off")

    def _next(self) -> dict[str, Any] | None:
        line = next(self._lines, None)
        if line is None:
            return None
        try:
            values: Any = json.loads(line)
        except (ValueError, RecursionError):
            raise self._wrong("it is no JSON: the file is damaged, or the export was cut off") from None
        if not isinstance(values, dict):
            raise self._wrong("it must be an object")
        record = cast(dict[str, Any], values)
        end: Any = record.get(END)
        if end is not None and end != {"lines": self._count, "sha256": self._hashed.hexdigest()}:
            raise self._wrong("what was read is not what was written: the file is damaged")
        self._hashed.update(line)
        self._count += 1
        return record

    def _wrong(self, problem: str) -> InvalidInput:
        return InvalidInput([Problem(f"line {max(1, self._count + 1)}", "", f"{problem}. Nothing was imported")])
