"""The port of a job queue, as the engine of several machines uses it. Another queue is another page that keeps it."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import anyio

from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.task import Task

log = logging.getLogger(__name__)

_AT_ONCE = 200
ANSWERS_WITHIN = 3.0
"""Seconds that a queue has for a verb: one whose tables somebody locks must hold up nobody."""


@dataclass(frozen=True, slots=True)
class Following:
    """A task that is to be followed.

    Attributes:
        due: when its next step is due, Unix seconds; in the past: as the row says.
        key_print: of the key that it is polled with: only a worker that holds it is of use.
    """

    task_id: str
    due: float
    key_print: str


Follow = Callable[[Following], Awaitable[None]]
WithNextStep = Callable[[Sequence[str]], Awaitable[Set[str]]]


class JobQueue(Protocol):
    """Hands followings to the workers. It may lose them, and be away: it is no more than a hint.

    Every verb raises `StoreError` where the queue cannot be used.
    """

    def opened(self) -> AbstractAsyncContextManager[None]:
        """Makes it usable while the context is open; one that is away then is not waited for."""
        ...

    async def put(self, followings: Sequence[Following]) -> None:
        """Has tasks followed, each by one worker that takes it before it is due.

        A task that waits here already stays, at the earlier time.
        """
        ...

    async def take(self, follow: Follow) -> None:
        """Calls `follow` for each following that this worker is given, many at once, until `stop` is called.

        A following ends when its call returns. Whatever happens to the queue, it goes on.
        """
        ...

    def stop(self) -> None:
        """Takes no more; `take`, where it runs, returns once all calls have."""
        ...

    async def tidy(self) -> Sequence[str]:
        """Clears away what dead workers left, and returns whose followings ended so."""
        ...

    async def clear(self, ask: WithNextStep) -> None:
        """Clears away some of what can never matter: followings of tasks that have ended, or that there are none of.

        What waits for a worker stays while its task has a next step, though nobody may have the key just now. Each call
        goes on where the one before has ended.

        Args:
            ask: tells of some tasks which have a next step.
        """
        ...

    async def workers(self) -> int:
        """Counts the workers that were heard of lately."""
        ...


def following_of(task: Task) -> Following:
    """Returns what a worker is told of a task that it is to follow."""
    return Following(task.task_id, task.due or 0.0, task.key_print)


async def hand_over(queue: JobQueue, followings: Iterable[Following]) -> bool:
    """Puts tasks into a queue, and tells whether it took them all; what it did not take the sweep finds."""
    rest = list(followings)
    try:
        while rest:
            with anyio.fail_after(ANSWERS_WITHIN):
                await queue.put(rest[:_AT_ONCE])
            del rest[:_AT_ONCE]
    except (StoreError, TimeoutError) as error:
        log.warning("%d tasks could not be handed to a worker; the sweep does it: %r", len(rest), error)
        return False
    return True
