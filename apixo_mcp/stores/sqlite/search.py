"""Which prompts may hold words: an index of their parts of three characters (FTS5, `trigram`).

The table `searched` is the truth; `grams` is read out of it a few prompts at a time (`index_some`), by whoever searches
and by a server, and what it has not read yet is searched as it stands. So a purchase never waits for it, and nothing
hangs on it: a damaged index, or an SQLite without FTS5, costs time alone.

A word of one or two characters is found by the parts that begin with it: a prompt is read with two spaces behind it, so
that one begins with each of its characters. What very many prompts hold is found sooner along the list.
"""

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apixo_mcp.stores.database import Database, Row
from apixo_mcp.stores.listing import MOST_FOUND, page, texts_of
from apixo_mcp.stores.rows import from_row
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.task import Task

log = logging.getLogger(__name__)

MOST_UNREAD = 2_000
"""Prompts that the index need not have read to be asked."""
_MOST_PARTS = 24  # of a word: the first few narrow it down, and each prompt is looked at anyway
_MOST_BEGINNINGS = 200
_LENGTH = 3
_LAST = "\U0010ffff"
_NEVER = _LAST * _LENGTH

_BEHIND = "select upto, coalesce((select max(doc) from searched), 0) - upto as unread from gram_index"
_MAKE = """create virtual table if not exists grams using
  fts5 (text, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1')"""
_MAKE_PARTS = "create virtual table if not exists gram_parts using fts5vocab (grams, row)"
_READ = """insert into grams (rowid, text) select doc, text || '  ' from searched
  where doc > :upto and doc <= :upto + :count order by doc"""
_HAVE_READ = """update gram_index set upto =
  min(:upto + :count, coalesce((select max(doc) from searched), 0))"""
_GIVE_UP = "update gram_index set upto = -1"
"""SQLite drops no index that it cannot read. One that is given up is asked and written no more."""
_FORGET = """insert into grams (grams, rowid, text) select 'delete', doc, text || '  ' from searched
  where owner = :owner and created_at = :created_at and task_id = :task_id and doc <= :upto"""
_EMPTY = "update searched set text = '' where owner = :owner and created_at = :created_at and task_id = :task_id"
"""It stays, so that none gets its number that the index has read."""
_BEGINNINGS = "select term from gram_parts where term >= :word and term < :behind limit :limit"
_INDEXED = "select rowid as doc from grams where grams match :match"
_FOUND = f"{_INDEXED} union all select doc from searched where doc > :upto"
_MANY = f"select count(*) as count from ({_INDEXED} limit :limit)"


class SqliteSearch:
    """Implements `Search`."""

    def listed(self, database: Database, owner: str, query: TaskQuery) -> list[Task]:
        """See `Search.listed`."""
        return listed(database, owner, query)

    def index_some(self, database: Database, count: int) -> int:
        """See `Search.index_some`."""
        return index_some(database, count)

    def forget_text(self, database: Database, task: Mapping[str, Any]) -> None:
        """See `Search.forget_text`."""
        forget_text(database, task)


def listed(database: Database, owner: str, query: TaskQuery) -> list[Task]:
    """Returns a page of the tasks of an owner, by name."""
    rows = _by_index(database, owner, query) if texts_of(query) else None
    if rows is None:
        rows = database.execute(*page(owner, query))
    return [from_row(row) for row in rows]


def _by_index(database: Database, owner: str, query: TaskQuery) -> Sequence[Row] | None:
    """Returns a page of a list as the index leads to it, None where it does not help."""
    try:
        named = _sought(database, texts_of(query))
        if not named:
            return None
        statement, values = page(owner, query, _FOUND)
        return database.execute(statement, {**values, **named})
    except sqlite3.DatabaseError:
        log.warning("the index of prompts cannot be asked; they are gone through", exc_info=True)
        return None


def index_some(database: Database, count: int) -> int:
    """Reads so many prompts more into the index, and returns how many are left then."""
    behind = database.execute(_BEHIND, {})[0]
    if behind["unread"] <= 0 or behind["upto"] < 0:
        return 0
    try:
        with database.fleeting(), database.transaction():
            upto = database.execute(_BEHIND, {})[0]["upto"]
            if upto == 0:
                database.execute(_MAKE, {})
                database.execute(_MAKE_PARTS, {})
            database.execute(_READ, {"upto": upto, "count": count})
            database.execute(_HAVE_READ, {"upto": upto, "count": count})
    except sqlite3.OperationalError:
        log.debug("no prompts are read into the index", exc_info=True)  # busy, full, or without FTS5
        return 0
    except sqlite3.DatabaseError:
        log.warning("the index of prompts is damaged; they are gone through from now on", exc_info=True)
        database.execute(_GIVE_UP, {})
        return 0
    return max(0, behind["unread"] - count)


def forget_text(database: Database, task: Mapping[str, Any]) -> None:
    """Forgets the prompt of a task. The caller holds the transaction."""
    upto = database.execute(_BEHIND, {})[0]["upto"]
    if upto > 0:
        try:
            database.execute(_FORGET, {**task, "upto": upto})
        except sqlite3.DatabaseError:
            log.warning("the index of prompts is damaged; they are gone through from now on", exc_info=True)
            database.execute(_GIVE_UP, {})
    database.execute(_EMPTY, task)


def _sought(database: Database, words: Sequence[str]) -> dict[str, Any]:
    """Returns the parameters of `_FOUND`; none where the list is better gone along."""
    behind = database.execute(_BEHIND, {})[0]
    if behind["upto"] <= 0 or behind["unread"] > MOST_UNREAD:
        return {}
    match = " AND ".join(filter(None, (_match(database, word) for word in words)))
    if not match:
        return {}
    many = database.execute(_MANY, {"match": match, "limit": MOST_FOUND + 1})[0]["count"]
    return {"match": match, "upto": behind["upto"]} if many <= MOST_FOUND else {}


def _match(database: Database, word: str) -> str:
    """Returns what the index is asked for a word; empty where that would narrow nothing down."""
    if len(word) >= _LENGTH:
        return " AND ".join(_quoted(_parts(word)))
    named = {"word": word, "behind": word + _NEVER, "limit": _MOST_BEGINNINGS + 1}
    beginnings = [row["term"] for row in database.execute(_BEGINNINGS, named)]
    if len(beginnings) > _MOST_BEGINNINGS:
        return ""
    return f"({' OR '.join(_quoted(beginnings or [_NEVER]))})"


def _parts(word: str) -> Sequence[str]:
    parts = dict.fromkeys(word[at : at + _LENGTH] for at in range(len(word) - _LENGTH + 1))
    return list(parts)[:_MOST_PARTS]


def _quoted(parts: Sequence[str]) -> Iterator[str]:
    for part in parts:
        escaped = part.replace('"', '""')
        yield f'"{escaped}"'
