"""Owners as they come back from a damaged file: with the terms that can still be read, and nobody gets in by them.

What is read may be an older version of a row, from before a limit was lowered or an owner was revoked. So a recovered
owner has no token until whoever runs the server has looked at their terms and gives them one. Of an owner of whom
nothing but tasks is left, the name is kept: those tasks are nobody else's, and may be seen, but no money spent.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from apixo_mcp.stores.kept.owners import NotAnOwner, owner_of_row, terms_of, with_nothing
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import Task

_COLUMNS = ("name", "token_hash", "terms", "made_at", "changed_at", "revoked_at")
_HASH = 64  # characters of a token's hash
_INSERT = "insert into owner values (:name, '', :terms, :made_at, :changed_at, :revoked_at)"


def is_owner(record: tuple[Any, ...]) -> bool:
    """Tells whether a record from the bytes of a file looks like the row of an owner."""
    if len(record) != len(_COLUMNS):
        return False
    name, token_hash, terms, made_at, changed_at, revoked_at = record
    texts = all(isinstance(text, str) for text in (name, token_hash, terms))
    moments = all(isinstance(moment, int | float) for moment in (made_at, changed_at))
    is_revoked = revoked_at is None or isinstance(revoked_at, int | float)
    return texts and moments and is_revoked and len(token_hash) in (0, _HASH) and terms.startswith("{")


def newest_owners(records: Iterable[tuple[Any, ...]]) -> dict[str, Mapping[str, Any]]:
    """Returns of the owners' rows that can be read the newest version of each, by name."""
    owners: dict[str, Mapping[str, Any]] = {}
    for record in filter(is_owner, records):
        row: dict[str, Any] = dict(zip(_COLUMNS, record, strict=True))
        try:
            owner_of_row(row)
        except NotAnOwner:
            continue
        other = owners.get(row["name"])
        if other is None or other["changed_at"] < row["changed_at"]:
            owners[row["name"]] = row
    return owners


def lost_owners(owners: Mapping[str, Any], tasks: Iterable[Task], now: float) -> dict[str, Mapping[str, Any]]:
    """Returns a row for each owner of whom nothing but tasks is left: revoked, and with nothing to spend."""
    names = {task.owner for task in tasks} - {*owners, LOCAL.name}
    return {
        name: {
            "name": name,
            "terms": terms_of(with_nothing(name)),
            "made_at": now,
            "changed_at": now,
            "revoked_at": now,
        }
        for name in sorted(names)
    }


def insert_owners(database: sqlite3.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes owners to a new file, without their tokens."""
    database.executemany(_INSERT, [{name: row[name] for name in _COLUMNS if name != "token_hash"} for row in rows])


def told_of_owners(recovered: Iterable[str], lost: Iterable[str]) -> str:
    """Tells what became of the owners, as sentences; empty where there were none."""
    text = ""
    if names := sorted(recovered):
        text = (
            f" The owners {', '.join(names)} were recovered, perhaps as they were before their last change: look at "
            "their scopes and limits, and give each another token, for none lets anybody in any more."
        )
    if names := sorted(lost):
        text += (
            f" Of the owners {', '.join(names)} nothing but tasks is left: they count as revoked, and may spend "
            "nothing until they are given a token and their limits anew."
        )
    return f"{text} Whoever had signed in has to do so again." if text else ""
