"""The task that somebody means by `last`: the newest of their connection, else of the owner."""

from dataclasses import dataclass

from apixo_mcp.foreign import clipped
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.store import Store
from apixo_mcp.tasks.task import State, Task

LAST = "last"
"""Stands for an id of a task."""

_PROMPT = 60


@dataclass(frozen=True, slots=True)
class LastTask:
    """The task that is meant.

    Attributes:
        is_of_connection: whether the connection asked for it that says `last`.
    """

    task: Task
    is_of_connection: bool

    def note(self, name: str = LAST) -> str:
        """Names the task to whoever said `last`, so that another one than they meant is seen."""
        prompt = " ".join(clipped(self.task.prompt, _PROMPT).split())
        which = f" ({prompt})" if prompt else ""
        return f"{name} is {self.task.task_id}{which}{'' if self.is_of_connection else ', of another connection'}."


def means_last(any_id: str) -> bool:
    """Tells whether an id is none, but `last`."""
    return any_id.strip().casefold() in (LAST, f"task:{LAST}")


async def last_task(store: Store, owner: Owner, connection: str, *, with_results: bool) -> LastTask | None:
    """Finds the newest task of a connection, else of its owner; never another owner's.

    Args:
        store: of all tasks.
        owner: whose it must be.
        connection: that says `last`; empty where there is none that lasts.
        with_results: whether it must have ended well.
    """
    # A success has results: without one that can be read a task ends as failed.
    state = State.SUCCESS if with_results else None
    if connection and (own := await store.page(owner, state=state, connection=connection, limit=1)):
        return LastTask(own[0], is_of_connection=True)
    newest = await store.page(owner, state=state, limit=1)
    return LastTask(newest[0], is_of_connection=False) if newest else None
