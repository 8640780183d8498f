"""Finds tasks."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from apixo_mcp.generation import Modality
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.task import State, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """Says of which tasks a page is asked for, and how long it is. What is left out narrows nothing down.

    Attributes:
        state: that they are in now.
        modality: of what they make.
        model: that made them, by its id.
        since: made at this moment (Unix seconds) or later.
        until: made before this moment.
        words: each of which the prompt holds, in small letters or capitals.
        connection: that asked for them last.
        like: a prompt that is the same as theirs, but for small letters and capitals.
        limit: how many there are at most.
        before: older than this (creation time and id).
        with_deleted: whether what is left of those whose entry was deleted is among them.
    """

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


class LookupStore(Protocol):
    """Finds tasks, and changes nothing."""

    async def get(self, task_id: str) -> Task | None:
        """Returns the task with this id of ours, whoever owns it: for what no caller names."""
        ...

    async def get_each(self, task_ids: Iterable[str]) -> Sequence[Task]:
        """Returns those of some tasks that there are, in any order, whoever owns them: for what no caller names."""
        ...

    async def with_next_step(self, task_ids: Iterable[str]) -> Set[str]:
        """Returns the ids of those of some tasks that still have a next step, whoever may make it."""
        ...

    async def find(self, owner: Owner, any_id: str) -> Task | None:
        """Returns the owner's task with this id, ours or the gateway's."""
        ...

    async def saved_at(self, owner: Owner, path: str) -> Task | None:
        """Returns the owner's newest task that has a result whose file was saved at this very path."""
        ...

    async def made_at(self, owner: Owner, url: str) -> Task | None:
        """Returns the owner's newest task that has a result at this very URL of its gateway."""
        ...

    async def page(self, owner: Owner, query: TaskQuery = TaskQuery()) -> Sequence[Task]:
        """Lists the owner's tasks, newest first. No page takes longer for the tasks that there are."""
        ...

    async def changed_since(self, moment: float, limit: int = 500) -> Sequence[Task]:
        """Lists tasks of every owner that were written at a moment (Unix seconds) or later, the earliest first.

        Those whose entries were deleted are among them.
        """
        ...

    async def dump(self, after: str = "", limit: int = 500) -> Sequence[Task]:
        """Lists tasks of every owner in the order of their ids, those behind the id `after`."""
        ...

    async def kept_for(self, seconds: float, after: str, limit: int) -> tuple[Sequence[Task], str]:
        """Lists tasks of every owner that ended well so long ago, rest, and have files.

        Args:
            seconds: since each was last written.
            after: looks at those behind this id, in the order of their ids.
            limit: how many are looked at: of a large store a part at a time.

        Returns:
            Those among them, and the id to go on behind; empty where there are no more.
        """
        ...

    async def needs_input(self, text: str, ended_within: float, unknown_for: float) -> bool:
        """Tells whether a gateway may still fetch an input in which a text stands.

        It may for a task that goes on, for one that has ended within so many seconds, and for so many seconds since it
        was sent for one of which nobody knows whether the gateway has it.
        """
        ...

    async def index_some(self, count: int) -> int:
        """Makes so many prompts more quick to search, where that is not done as they are stored; says how many wait."""
        ...
