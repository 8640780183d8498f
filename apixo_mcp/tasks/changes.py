"""Tells waiters in this process that a task has changed, and all who listen what that amounts to."""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable

import anyio

from apixo_mcp.tasks.journal import facts_of
from apixo_mcp.tasks.task import Task
from apixo_mcp.telemetry.facts import Telemetry

log = logging.getLogger(__name__)

Listener = Callable[[Task], Awaitable[None]]


class Changes:
    """A notice board: writers announce a task, waiters wake."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._waiting: defaultdict[str, set[anyio.Event]] = defaultdict(set)
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Calls `listener` with every changed task."""
        self._listeners.append(listener)

    async def announce(self, before: Task, task: Task) -> None:
        """Emits the facts of a change that is stored, wakes whoever waits for this task, and calls the listeners."""
        for fact in facts_of(before, task):
            self._telemetry.emit(fact)
        for event in self._waiting.pop(task.task_id, ()):
            event.set()
        for listener in self._listeners:
            try:
                await listener(task)
            except Exception:
                log.exception("a listener failed; the task %s is stored all the same", task.task_id)

    async def wait(self, task_id: str, seconds: float) -> None:
        """Returns at the next change of the task, or after `seconds`."""
        event = anyio.Event()
        self._waiting[task_id].add(event)
        try:
            with anyio.move_on_after(seconds):
                await event.wait()
        finally:
            events = self._waiting.get(task_id)
            if events is not None:
                events.discard(event)
                if not events:
                    del self._waiting[task_id]
