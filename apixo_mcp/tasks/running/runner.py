"""One step of one task: send it, poll it or save its files, under a lease."""

import logging
import time
from dataclasses import replace

from apixo_mcp.errors import StoreError
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.alerts import callbacks_alert, tell_alerts
from apixo_mcp.tasks.keeping import ResultSaver
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.running.parts import StepParts
from apixo_mcp.tasks.running.polling import Poller
from apixo_mcp.tasks.running.reach import NoReach, Reach
from apixo_mcp.tasks.running.saving import save_files
from apixo_mcp.tasks.running.sending import Sender
from apixo_mcp.tasks.task import FOLLOWED, State, Task
from apixo_mcp.tasks.transitions import delays

log = logging.getLogger(__name__)


class Runner:
    """Moves tasks on, one step at a time.

    Args:
        reach: leads to this machine what the gateway fetches, and its callbacks.
    """

    def __init__(
        self,
        parts: StepParts,
        *,
        leases: Leases,
        saver: ResultSaver,
        reach: Reach | None = None,
    ) -> None:
        self._parts = parts
        self._leases = leases
        self._saver = saver
        self._sender = Sender(parts, reach or NoReach())
        self._poller = Poller(parts)
        self._polled: dict[str, str] = {}

    async def advance(self, task_id: str) -> float | None:
        """Takes the task's next step if it is due and nobody else works on it. One that fails is put off.

        Returns:
            When its next step is due, Unix seconds; None where none is left or another process has it.
        """
        key = self._polled.get(task_id) or await self._polled_with(task_id)
        # Before the claim: a task that waits for its turn needs no lease, and nothing is written for that.
        has_turn = bool(key) and await self._poller.turn(key)
        async with self._leases.claim(task_id, self._parts.accounts.key_prints) as task:
            if has_turn and not (task is not None and _is_polled(task) and task.key_print == key):
                self._parts.throttle.give_back(key)
                has_turn = False
            if task is None:
                self._polled.pop(task_id, None)
                return None
            try:
                after = await self._step(task, has_turn=has_turn)
            except StoreError as error:  # of the store and not of this task, and it may be back in a moment
                log.warning("a step of task %s could not be stored; it is tried again: %s", task_id, error)
                after = await self._put_off(task, error, self._parts.limits.store_pause)
            except Exception as error:
                log.exception("a step of task %s failed; it is tried again", task_id)
                after = await self._put_off(task, error, self._parts.limits.crash_pause)
        if after is not None and _is_polled(after):
            self._polled[task_id] = after.key_print
        else:
            self._polled.pop(task_id, None)
        return after.due if after else None

    def expect_poll(self, task_id: str, key_print: str) -> None:
        """Takes it that a task's next step polls it with a key, as whoever had it before says; it need not be read."""
        self._polled.setdefault(task_id, key_print)

    def hand_on(self, task_id: str) -> str:
        """Forgets a task, whose next step others make, and returns the key that polls it; empty where none is known."""
        return self._polled.pop(task_id, "")

    async def _polled_with(self, task_id: str) -> str:
        """Returns the key with which a task's next step polls it; empty where that does something else."""
        task = await self._parts.store.get(task_id)
        return task.key_print if task is not None and _is_polled(task) else ""

    async def _step(self, task: Task, *, has_turn: bool) -> Task | None:
        if task.state is State.SUBMITTING:
            return await self._sender.send(task) if task.sent_at is None else await self._sender.give_up(task)
        if _is_polled(task):
            return await self._poller.poll(task, has_turn=has_turn)
        return await save_files(self._parts, self._saver, task)

    async def _put_off(self, task: Task, error: Exception, pause: float) -> Task | None:
        """Stores when a step that failed is tried again, so that neither a restart nor another process hurries it."""
        row = await self._parts.store.get(task.task_id)
        if row is None or row.fence != task.fence:
            return None
        after = delays.crashed(row, type(error).__name__, time.time(), pause)
        return await self._parts.changes.commit(row, after)

    async def end_lapsed(self) -> None:
        """Ends what was not sent and nobody wants any more, and tells whoever waits for it."""
        for task in await self._parts.store.end_lapsed(self._parts.terms.process):
            await self._parts.changes.announce(replace(task, state=State.SUBMITTING), task)

    async def heed_callbacks(self) -> None:
        """Sees whether callbacks that were to come are missing, and tells of it."""
        for missed in await self._parts.store.arrivals.missed(self._parts.limits.called_within):
            tell_alerts(self._parts.telemetry, [callbacks_alert(missed.gateway, missed.missed_at)])
            log.warning(
                "a callback of %s has not come to %s: tasks are polled as usual until one arrives again. See whether a "
                "POST to %s/callbacks/x reaches this server, which answers it with 404",
                *(missed.gateway, missed.url, missed.url),
            )

    def trouble(self, key_print: str) -> Failure | None:
        """Returns why polls with this key are refused just now."""
        return self._poller.trouble(key_print)

    def missing(self, task_id: str) -> str:
        """Returns what this process lacks to send a task, which it leaves to another; empty where it lacks nothing."""
        return self._sender.missing(task_id)

    def paused(self, key_print: str) -> float:
        """Returns for how many seconds this key's gateway is left alone, as it asked for fewer requests."""
        return self._parts.throttle.paused(key_print)


def _is_polled(task: Task) -> bool:
    """Tells whether the next step of a task polls it."""
    return (task.state in FOLLOWED and task.due is not None) or task.is_confirming
