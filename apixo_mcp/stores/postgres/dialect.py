"""What Postgres is told in other words than SQLite: all of it stands here, and the functions in the first migration."""

import re
from functools import cache

from apixo_mcp.stores import statements

_NAMED = re.compile(r"(?<![:\w]):(\w+)")
_WHOLE_NUMBER = re.compile(r"cast\(([\w ./]+) as integer\)")

# The prompt is stored beside its task, in small letters, where on SQLite a trigger does that.
_INSERT = f"""with added as ({statements.INSERT})
  insert into searched (owner, created_at, task_id, text) values (:owner, :created_at, :task_id, :searched)"""

_IN_OTHER_WORDS = {statements.INSERT: _INSERT}


@cache
def translated(statement: str) -> str:
    """Returns a statement as Postgres takes it, its parameters as psycopg does."""
    text = _IN_OTHER_WORDS.get(statement, statement)
    text = text.replace("%", "%%")
    text = text.replace(statements.SENT_ONCE, "sent_once")
    # Its planner finds the order of a join by itself, and knows no crosswise one with a condition.
    text = text.replace("cross join searched on", "join searched on").replace("cross join task as", "join task as")
    # SQLite cuts off what is behind the point, Postgres rounds.
    text = _WHOLE_NUMBER.sub(r"cast(floor(\1) as integer)", text)
    return _NAMED.sub(r"%(\1)s", text)
