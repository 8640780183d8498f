"""The pages of a list of tasks: their statement, made of what is asked for, and its parameters.

What a page is narrowed by stands in one index, in the order of the list (`task_owner`), and the prompts in small
letters stand beside it in the same order (`searched`): rows of tasks, which are large, are read for the page alone. So
neither a filter nor the place of a page in the list costs more than a walk along that index.

Where a database has an index of words it says which prompts may hold them (`{found}`, by their `doc`). Each is looked
at then, for an index of parts of words knows no more than that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apixo_mcp.generation import Modality
from apixo_mcp.tasks.task import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What is asked for.

    Attributes:
        owner: by name.
        since: made at this moment (Unix seconds) or later.
        until: made before this moment.
        words: in small letters, each of which the prompt holds.
        connection: that asked for it last.
        like: a prompt in small letters, which is the whole of theirs; None: any.
        before: older than this (creation time and id).
        with_deleted: whether what is left of those whose entry was deleted is among them.
    """

    owner: str
    state: State | None = None
    modality: Modality | None = None
    model: str = ""
    since: float = 0.0
    until: float | None = None
    words: tuple[str, ...] = ()
    connection: str = ""
    like: str | None = None
    limit: int = 20
    before: tuple[float, str] | None = None
    with_deleted: bool = False

    @property
    def sought(self) -> tuple[str, ...]:
        """The texts that a prompt must hold."""
        return (self.like, *self.words) if self.like else self.words


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


def page(listing: ListQuery, found: str = "") -> tuple[str, Mapping[str, Any]]:
    """Returns the statement of a page, and its parameters.

    Args:
        listing: what is asked for.
        found: a statement that returns as `doc` each prompt that may hold the words; empty: all may.
    """
    conditions = ["listed.owner = :owner", *([] if listing.with_deleted else ["listed.deleted_at = 0"])]
    named: dict[str, Any] = {"owner": listing.owner, "limit": listing.limit}

    def add(condition: str, **values: Any) -> None:
        conditions.append(condition)
        named.update(values)

    if listing.state is not None:
        add("listed.state = :state", state=str(listing.state))
    if listing.modality is not None:
        add("listed.modality = :modality", modality=listing.modality)
    if listing.model:
        add("listed.model = :model", model=listing.model)
    if listing.since > 0:
        add("listed.created_at >= :since", since=listing.since)
    if listing.until is not None:
        add("listed.created_at < :until", until=listing.until)
    if listing.before is not None:
        add("(listed.created_at, listed.task_id) < (:moment, :before)", moment=listing.before[0])
        named["before"] = listing.before[1]
    if listing.connection:
        add("instr(listed.asked_by, '/' || :connection || '/') > 0", connection=listing.connection)
    if listing.like is not None:
        add("searched.text = :like", like=listing.like)
    for number, word in enumerate(listing.words):
        add(f"instr(searched.text, :word{number}) > 0", **{f"word{number}": word})
    is_sought = bool(listing.words) or listing.like is not None
    source = (_BY_WORDS.format(found=found) if found else _BY_LIST) if is_sought else _OF_LIST
    return _PAGE.format(source=source, conditions=" and ".join(conditions)), named


def lowered(text: str) -> str:
    """Returns a text as it is searched: in small letters, and whole for indexes that end a text at its first NUL."""
    return text.lower().replace("\0", " ")
