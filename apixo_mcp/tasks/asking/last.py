"""The task that somebody means by `last`: the newest of their connection, else of the owner.

As an input it is put in the place of `last` before anything else is done: what is asked for, agreed to and found again
by an equal call is the file itself. A call that is repeated because its answer was lost must find its task, which may
be the newest by then: so it is tried first whether what an unanswered call meant by it, or an earlier task,
makes that very call. What is found so is only ever taken up, and never bought (`tasks.asking.admission`).

What is bought is made of the newest task with results that its caller has heard of (`tasks.hearing`), not of one whose
answer was lost: that they cannot mean. Where it is not known what they have heard of, nothing is bought:

    told        they were told of it; or it is another client's, and somebody was: that is it
    untold      nobody was: passed over for an older one that this client was told of; one of others is a guess then
    doubtful    it is their own, and its answer may have left as its process died, or others alone were told: a guess

One that they may have heard of and whose entry was deleted since is what they mean still: an older one is a guess then.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.foreign import clipped, shorten
from apixo_mcp.tasks.asking.request import GenerationRequest
from apixo_mcp.tasks.hearing import Hearer, hearer_of
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.leases import BEYOND_LEASES
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import HEARD_BY_ALL, State, Task

LAST = "last"
"""Stands for an id of a task."""

_AS_INPUT = f"task:{LAST}"
_REFERENCE = re.compile(r"\s*(task:|apixo://results/)last((?:/\d{1,4})?)\s*", re.IGNORECASE)
_TEXTS = frozenset({"prompt", "negative_prompt"})
_PROMPT = 60
_NAMED = 4  # tasks among which a caller is asked to choose
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
        return f"{self.task.task_id} ({self.about})" if self.about else self.task.task_id

    @property
    def about(self) -> str:
        """Its prompt as far as that tells it from others."""
        return " ".join(clipped(self.task.prompt, _PROMPT).split())


def means_last(any_id: str) -> bool:
    """Tells whether an id is none, but `last`."""
    return any_id.strip().casefold() in (LAST, f"task:{LAST}")


async def last_tasks(
    store: Store, owner: Owner, connection: str, *, with_results: bool, limit: int, with_deleted: bool = False
) -> Sequence[LastTask]:
    """Finds the newest tasks of a connection, then of its owner; never another owner's.

    Args:
        store: of all tasks.
        owner: whose they must be.
        connection: that says `last`; empty where there is none that lasts.
        with_results: whether they must have ended well.
        limit: of each.
        with_deleted: whether what is left of those whose entry was deleted is among them.
    """
    # A success has results: without one that can be read a task ends as failed.
    state = State.SUCCESS if with_results else None
    query = TaskQuery(state=state, limit=limit, with_deleted=with_deleted)
    own: Sequence[Task] = ()
    if connection:
        own = await store.page(owner, replace(query, connection=connection))
    everyone = await store.page(owner, query)
    known = {task.task_id for task in own}
    others = [LastTask(task, bool(connection)) for task in everyone if task.task_id not in known]
    return [*(LastTask(task, is_elsewhere=False) for task in own), *others]


Hearing = Literal["told", "told_others", "doubtful", "untold"]
"""What is known of whether somebody has heard of a task. `told_others`: of one of another client."""


def hearing_of(task: Task, hearer: Hearer, now: float) -> Hearing:
    """Tells whether somebody has heard of a task.

    Args:
        task: as it is.
        hearer: who may have.
        now: Unix seconds.
    """
    words, asker = task.heard_by.split(), hearer_of(task.asked_by)
    is_own_line = bool(hearer.connection) and asker.connection == hearer.connection
    is_own = is_own_line or (bool(asker.client) and asker.client == hearer.client)
    # Of its own connection only what was told there: another one of the same client is another conversation.
    needed = {hearer.connection} if is_own_line else set(hearer.words)
    if HEARD_BY_ALL in words or needed.intersection(words):
        return "told"
    if words:
        return "doubtful" if is_own else "told_others"
    # Nobody vouches any more for the call that waits: its answer may have left just before its process died.
    is_awaited = now < task.asked_until <= now + BEYOND_LEASES
    return "doubtful" if is_own and task.answer == "awaited" and not is_awaited else "untold"


@dataclass(frozen=True, slots=True)
class Meant:
    """What somebody means by `last`.

    Attributes:
        last: that task; None where there is none, or it is not clear which.
        passed: newer ones that nobody was told of.
        unclear: those of which it may be one; empty where it is clear.
    """

    last: LastTask | None = None
    passed: Sequence[LastTask] = ()
    unclear: Sequence[LastTask] = ()

    @property
    def note(self) -> str:
        """Names the task that stands in the place of `last` as an input; empty where there is none."""
        if self.last is None:
            return ""
        note = self.last.note(_AS_INPUT)
        if not self.passed:
            return note
        newer = self.passed[0]
        return f"{note} Newer is {newer.words}, which no answer has told of yet: to use that, give its id."


def _is_known(task: Task, hearer: Hearer, now: float) -> bool:
    return not task.deleted_at and hearing_of(task, hearer, now) == "told"


def meant_by(hearer: Hearer, newest: Iterable[LastTask], now: float) -> Meant:
    """Tells which of its tasks somebody means, the newest first."""
    passed: list[LastTask] = []
    candidates = iter(newest)
    for last in candidates:
        hearing = hearing_of(last.task, hearer, now)
        if last.task.deleted_at:
            if hearing == "untold":
                continue
            known = next((one for one in candidates if _is_known(one.task, hearer, now)), None)
            return Meant(unclear=[*passed, *([known] if known else ())])
        match hearing:
            case "told":
                return Meant(last, passed)
            case "told_others" if not passed:
                return Meant(last)
            case "told_others":
                return Meant(unclear=[*passed, last])
            case "doubtful":
                known = next((one for one in candidates if _is_known(one.task, hearer, now)), None)
                return Meant(unclear=[*passed, last, *([known] if known else ())])
            case "untold":
                passed.append(last)
    return Meant(unclear=passed)


def which_is_meant(request: GenerationRequest, candidates: Sequence[LastTask]) -> InvalidInput:
    """Asks which task a request means by `last`, and names those that it may be."""
    field, given = next(_references_to_last({**request.arguments, **request.options}), ("last", LAST))
    number = given.rpartition("last")[2].strip() or "/0"
    named = " or ".join(
        f"task:{last.task.task_id}{number} ({last.about})" if last.about else f"task:{last.task.task_id}{number}"
        for last in candidates[:_NAMED]
    )
    why = "a result that no answer has told you of, or one that was deleted"
    allowed = f"`{LAST}` may be {why}, and nothing is bought on a guess: give {named}"
    return InvalidInput([Problem(field, shorten(given), allowed)])


def names_last(request: GenerationRequest) -> bool:
    """Tells whether an input of a request is a result of the last task."""
    return any(_references_to_last({**request.arguments, **request.options}))


def with_last(request: GenerationRequest, last: LastTask, note: str) -> GenerationRequest:
    """Returns a request with the task itself in the place of `last`, and a note that names it."""
    return replace(
        request,
        arguments=_with_id(request.arguments, last.task.task_id),
        options=_with_id(request.options, last.task.task_id),
        notes=(*request.notes, note),
        meant_last=last.task.task_id,
    )


def note_as_before(meant: LastTask, newest: LastTask | None) -> str:
    """Names the task that stood in the place of `last` for an earlier call, which is taken up.

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


def _references_to_last(value: Any, field: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Returns each place in some inputs that names `last`, and how."""
    if isinstance(value, str) and _REFERENCE.fullmatch(value):
        yield field, value
    elif depth < _DEEP and isinstance(value, list | tuple):
        for entry in cast("Sequence[Any]", value):
            yield from _references_to_last(entry, field, depth + 1)
    elif depth < _DEEP and isinstance(value, Mapping):
        for name, entry in cast("Mapping[str, Any]", value).items():
            if name not in _TEXTS:
                yield from _references_to_last(entry, field or name, depth + 1)


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
