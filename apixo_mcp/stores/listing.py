"""The pages of a list of tasks: their statement, made of what is asked for, and its parameters.

What a page is narrowed by stands in one index, in the order of the list (`task_owner`), and the prompts in small
letters stand beside it in the same order (`searched`): rows of tasks, which are large, are read for the page alone. So
neither a filter nor the place of a page in the list costs more than a walk along that index.

Where a database has an index of words it says which prompts may hold them (`{found}`, by their `doc`). Each is looked
at then, for an index of parts of words knows no more than that.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apixo_mcp.tasks.ports.lookups import TaskQuery

MOST_FOUND = 20_000
"""Prompts that an index has found and that are looked at one by one: beyond that a page is full sooner where the list
is gone along."""

_BESIDE = (
    "searched.owner = listed.owner and searched.created_at = listed.created_at and searched.task_id = listed.task_id"
)
# Joined crosswise, which keeps SQLite from turning the order round.
_OF_LIST = "task as listed"
_BY_LIST = f"task as listed cross join searched on {_BESIDE}"
_BY_WORDS = (
    f"({{found}}) as found cross join searched on searched.doc = found.doc cross join task as listed on {_BESIDE}"
)

_PAGE = """select task.* from (
    select listed.task_id, listed.created_at from {source} where {conditions}
    order by listed.created_at desc, listed.task_id desc limit :limit
  ) as page join task on task.task_id = page.task_id order by page.created_at desc, page.task_id desc"""


def page(owner: str, query: TaskQuery, found: str = "") -> tuple[str, Mapping[str, Any]]:
    """Returns the statement of a page, and its parameters.

    Args:
        owner: whose tasks they are, by name.
        query: as `as_searched` makes it.
        found: a statement that returns as `doc` each prompt that may hold the words; empty: all may.
    """
    conditions = ["listed.owner = :owner", *([] if query.with_deleted else ["listed.deleted_at = 0"])]
    named: dict[str, Any] = {"owner": owner, "limit": query.limit}

    def add(condition: str, **values: Any) -> None:
        conditions.append(condition)
        named.update(values)

    if query.state is not None:
        add("listed.state = :state", state=str(query.state))
    if query.modality is not None:
        add("listed.modality = :modality", modality=query.modality)
    if query.model:
        add("listed.model = :model", model=query.model)
    if query.since > 0:
        add("listed.created_at >= :since", since=query.since)
    if query.until is not None:
        add("listed.created_at < :until", until=query.until)
    if query.before is not None:
        add("(listed.created_at, listed.task_id) < (:moment, :before)", moment=query.before[0])
        named["before"] = query.before[1]
    if query.connection:
        add("instr(listed.asked_by, '/' || :connection || '/') > 0", connection=query.connection)
    if query.like is not None:
        add("searched.text = :like", like=query.like)
    for number, word in enumerate(query.words):
        add(f"instr(searched.text, :word{number}) > 0", **{f"word{number}": word})
    is_sought = bool(query.words) or query.like is not None
    source = (_BY_WORDS.format(found=found) if found else _BY_LIST) if is_sought else _OF_LIST
    return _PAGE.format(source=source, conditions=" and ".join(conditions)), named


def as_searched(query: TaskQuery) -> TaskQuery:
    """Returns a query with its texts as prompts are searched, none of its words twice."""
    words = tuple(dict.fromkeys(lowered(word) for word in query.words if word))
    return replace(query, words=words, like=None if query.like is None else lowered(query.like))


def texts_of(query: TaskQuery) -> tuple[str, ...]:
    """Returns the texts that a prompt must hold."""
    return (query.like, *query.words) if query.like else query.words


def lowered(text: str) -> str:
    """Returns a text as it is searched: in small letters, and whole for indexes that end a text at its first NUL."""
    return text.lower().replace("\0", " ")
