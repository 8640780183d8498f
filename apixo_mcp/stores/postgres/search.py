"""Which prompts may hold words: an index of their parts of three characters, as a `tsvector`.

The text beside each task is the truth; its parts are read out of it a few prompts at a time (`index_some`), so that no
purchase waits for it, and what has none yet is searched as it stands. So no extension is needed, which a hosted server
may not have, and one word of any script is found like another: by all parts that are in it, or, if it has one or two
characters, by those that begin with it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from apixo_mcp.stores.database import Database
from apixo_mcp.stores.listing import MOST_FOUND, page, texts_of
from apixo_mcp.stores.rows import from_row
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.task import Task

LONGEST_INDEXED = 20_000
"""Characters of a prompt that is read into the index: of a longer one the parts may be more than a value holds."""
_MOST_PARTS = 24  # of a word: the first few narrow it down, and each prompt is looked at anyway
_LENGTH = 3

_READ = """update searched set parts = parts_of(text) where doc in (
  select doc from searched where parts is null and length(text) <= :longest
  order by doc limit :count for update skip locked)"""
_UNREAD = "select count(*) as count from searched where parts is null and length(text) <= :longest"
_FORGET = "update searched set text = '', parts = '' where task_id = :task_id"
_INDEXED = "searched.owner = :owner and searched.parts @@ cast(:match as tsquery)"
_FOUND = f"""select doc from searched where {_INDEXED}
  union all select doc from searched where searched.parts is null and searched.owner = :owner"""
_MANY = f"select count(*) as count from (select 1 from searched where {_INDEXED} limit :limit) as counted"


class PostgresSearch:
    """Implements `Search`."""

    def listed(self, database: Database, owner: str, query: TaskQuery) -> list[Task]:
        """See `Search.listed`."""
        match = " & ".join(part for word in texts_of(query) for part in _parts(word))
        named = {"match": match, "owner": owner, "limit": MOST_FOUND + 1}
        if match and database.execute(_MANY, named)[0]["count"] <= MOST_FOUND:
            statement, values = page(owner, query, _FOUND)
        else:
            statement, values = page(owner, query)
        return [from_row(row) for row in database.execute(statement, {**values, "match": match})]

    def index_some(self, database: Database, count: int) -> int:
        """See `Search.index_some`."""
        named = {"count": count, "longest": LONGEST_INDEXED}
        if not database.execute(_UNREAD, named)[0]["count"]:
            return 0
        with database.fleeting(), database.transaction():
            database.execute(_READ, named)
        return database.execute(_UNREAD, named)[0]["count"]

    def forget_text(self, database: Database, task: Mapping[str, Any]) -> None:
        """See `Search.forget_text`."""
        database.execute(_FORGET, task)


def _parts(word: str) -> Sequence[str]:
    """Returns what the index is asked for a word."""
    if len(word) < _LENGTH:
        return [f"{_quoted(word)}:*"]
    parts = dict.fromkeys(word[at : at + _LENGTH] for at in range(len(word) - _LENGTH + 1))
    return [_quoted(part) for part in list(parts)[:_MOST_PARTS]]


def _quoted(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
