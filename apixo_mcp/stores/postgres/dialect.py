"""What Postgres is told in other words than SQLite: all of it stands here, and the functions in the first migration."""

import re
from functools import cache

from apixo_mcp.stores import statements

_NAMED = re.compile(r"(?<![:\w]):(\w+)")
_WHOLE_NUMBER = re.compile(r"cast\(([\w ./]+) as integer\)")

# The prompt is stored beside its task, in small letters, where on SQLite a trigger does that.
_INSERT = f"""with added as ({statements.INSERT})
  insert into searched (owner, created_at, task_id, text) values (:owner, :created_at, :task_id, :searched)"""

# Of hours that are added up already (the migration `0005_spent`), the sums are read and not the tasks.
_IS_ADDED_UP = "from spent_before where owner = {whose} and since <= :since and until > :since"
_SUM_OF_HOURS = """select coalesce(sum(usd), 0) as month_usd,
    coalesce(sum(case when hour >= :today then usd else 0 end), 0) as usd,
    coalesce(sum(case when hour >= :today then posts else 0 end), 0) as posts
  from spent_hour where owner = {whose} and hour >= :since and exists (select 1 {is_added_up})"""


def _with_hours(spent: str, whose: str) -> str:
    is_added_up = _IS_ADDED_UP.format(whose=whose)
    lately = f"counted_at >= coalesce((select until {is_added_up}), :since) and {statements.SENT_ONCE}"
    return f"""select lately.month_usd + hours.month_usd as month_usd, lately.usd + hours.usd as usd,
        lately.posts + hours.posts as posts
      from ({spent.replace(statements.COUNTS_SINCE, lately)}) as lately,
        ({_SUM_OF_HOURS.format(whose=whose, is_added_up=is_added_up)}) as hours"""


ADD_UP = "select add_up_spent(:owner, :month, :goal)"
"""Adds up what was spent in the hours that are over."""

_IN_OTHER_WORDS = {
    statements.INSERT: _INSERT,
    statements.SPENT: _with_hours(statements.SPENT, ":owner"),
    statements.SPENT_BY_ALL: _with_hours(statements.SPENT_BY_ALL, "''"),
}


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
