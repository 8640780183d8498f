"""The task that somebody means by `last`: the newest of their connection, else of the owner.

As an input it is put in the place of `last` before anything else is done: what is asked for, agreed to and found again
by an equal call is the file itself. A call that is repeated because its answer was lost must find its task, which may
be the newest by then: so it is tried first whether what an unanswered call meant by it, or an earlier task,
makes that very call. What is found so is only ever taken up, and never bought (`tasks.asking.admission`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from apixo_mcp.foreign import clipped
from apixo_mcp.tasks.asking.request import GenerationRequest
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import State, Task

LAST = "last"
"""Stands for an id of a task."""

_AS_INPUT = f"task:{LAST}"
_REFERENCE = re.compile(r"\s*(task:|apixo://results/)last((?:/\d{1,4})?)\s*", re.IGNORECASE)
_TEXTS = frozenset({"prompt", "negative_prompt"})
_PROMPT = 60
_DEEP = 20  # no input that means something is nested deeper


@dataclass(frozen=True, slots=True)
class LastTask:
    """A task that may be meant.

    Attributes:
        is_elsewhere: whether it is of another connection than the one that says `last`.
    """

    task: Task
    is_elsewhere: bool

    def note(self, name: str = LAST) -> str:
        """Names the task to whoever said `last`, so that another one than they meant is seen."""
        return f"{name} is {self.words}{', of another connection' if self.is_elsewhere else ''}."

    @property
    def words(self) -> str:
        """Its id, and its prompt as far as that tells it from others."""
        prompt = " ".join(clipped(self.task.prompt, _PROMPT).split())
        return f"{self.task.task_id} ({prompt})" if prompt else self.task.task_id


def means_last(any_id: str) -> bool:
    """Tells whether an id is none, but `last`."""
    return any_id.strip().casefold() in (LAST, f"task:{LAST}")


async def last_tasks(
    store: Store, owner: Owner, connection: str, *, with_results: bool, limit: int
) -> Sequence[LastTask]:
    """Finds the newest tasks of a connection, then of its owner; never another owner's.

    Args:
        store: of all tasks.
        owner: whose they must be.
        connection: that says `last`; empty where there is none that lasts.
        with_results: whether they must have ended well.
        limit: of each.
    """
    # A success has results: without one that can be read a task ends as failed.
    state = State.SUCCESS if with_results else None
    own = await store.page(owner, state=state, connection=connection, limit=limit) if connection else ()
    everyone = await store.page(owner, state=state, limit=limit)
    known = {task.task_id for task in own}
    others = [LastTask(task, bool(connection)) for task in everyone if task.task_id not in known]
    return [*(LastTask(task, is_elsewhere=False) for task in own), *others]


def names_last(request: GenerationRequest) -> bool:
    """Tells whether an input of a request is a result of the last task."""
    given = {**request.arguments, **request.options}
    return _with_id(given, LAST) != _with_id(given, "")


def with_last(request: GenerationRequest, last: LastTask) -> GenerationRequest:
    """Returns a request with the task itself in the place of `last`, and a note that names it."""
    return replace(
        request,
        arguments=_with_id(request.arguments, last.task.task_id),
        options=_with_id(request.options, last.task.task_id),
        notes=(*request.notes, last.note(_AS_INPUT)),
        meant_last=last.task.task_id,
    )


def note_as_input(meant: LastTask, newest: LastTask | None) -> str:
    """Names the task that stands in the place of `last` as an input.

    Args:
        meant: that task.
        newest: the one that it would be for another call, where that is one that its caller knows.
    """
    if newest is None or newest.task.task_id == meant.task.task_id:
        return meant.note(_AS_INPUT)
    return (
        f"{_AS_INPUT} is {meant.words}, as when this was first asked for. Newer is {newest.words}: to use that, give "
        "its id."
    )


def _with_id(value: Any, task_id: str, depth: int = 0) -> Any:
    if isinstance(value, str) and (reference := _REFERENCE.fullmatch(value)):
        return f"{reference[1].lower()}{task_id}{reference[2]}"
    if depth == _DEEP:
        return value
    if isinstance(value, list | tuple):
        return [_with_id(item, task_id, depth + 1) for item in cast("Sequence[Any]", value)]
    if isinstance(value, Mapping):
        table = cast("Mapping[str, Any]", value)
        return {name: entry if name in _TEXTS else _with_id(entry, task_id, depth + 1) for name, entry in table.items()}
    return value
