"""The steps of the tasks that a process follows, each made when it is due: what every engine has in common.

Here alone is a step made, and with it each paid request: under the lease and the fence of `tasks.running.leases`, by
whichever process the task falls to. Which tasks those are is an engine's part.
"""

import heapq
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup

from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.running.runner import Runner

log = logging.getLogger(__name__)

SET_BACK = 1.0  # seconds: so much less by the clock than passed is no drift
_CLOCK_SEEN_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class CrashLimits:
    """Seconds until a step is tried again that could not even be put off in the store.

    Attributes:
        first: after the first crash; then ever longer.
        longest: between two tries.
    """

    first: float = 30.0
    longest: float = 3600.0


class Steps:
    """A heap of due times, and the steps that are being made.

    Args:
        runner: makes a step.
        store: where a task that is hurried is made due.
        crashes: how long a step that crashes is put off.
        then: called after each step that did not crash, with when the next one is due; None: it is planned.
    """

    def __init__(
        self,
        runner: Runner,
        store: Store,
        crashes: CrashLimits = CrashLimits(),
        then: Callable[[str, float | None], Awaitable[None]] | None = None,
    ) -> None:
        self._runner = runner
        self._store = store
        self._limits = crashes
        self._then = then
        self._heap: list[tuple[float, str]] = []
        self._next: dict[str, float] = {}
        self._earlier = anyio.Event()
        self._running: set[str] = set()
        self._hurried: set[str] = set()
        self._crashes: dict[str, int] = {}
        self._zero = _zero()
        self._is_stopped = False

    def wake(self, task_id: str, at: float) -> None:
        """Takes the task's next step at `at`, or earlier if that was planned before."""
        if at < self._next.get(task_id, float("inf")):
            self._next[task_id] = at
            heapq.heappush(self._heap, (at, task_id))
            self._earlier.set()

    def hurry(self, task_id: str) -> None:
        """Polls a task now, whenever it is due; one that is just being polled, once more right after."""
        self._hurried.add(task_id)
        self.wake(task_id, time.time())

    def forget(self, task_id: str) -> float | None:
        """Lets a task go, and returns when its next step was planned for; None where none was."""
        self._hurried.discard(task_id)
        self._crashes.pop(task_id, None)
        return self._next.pop(task_id, None)

    def try_crashed(self) -> None:
        """Takes each step that crashed now: what kept the store from being used is over."""
        for task_id in tuple(self._crashes):
            if task_id not in self._running:
                self.wake(task_id, time.time())

    def take_now(self, task_id: str) -> bool:
        """Takes an overdue step now that is planned for later, and tells whether a task's step is made here at all."""
        if task_id in self._next and not self.is_busy(task_id):
            self.wake(task_id, time.time())
        return task_id in self

    @property
    def under_way(self) -> int:
        """How many steps are being made."""
        return len(self._running)

    def is_busy(self, task_id: str) -> bool:
        """Tells whether a step of a task is being made, or has crashed and is planned."""
        return task_id in self._running or task_id in self._crashes

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._running or task_id in self._next

    def stop(self) -> None:
        """Has no further step started; those under way go on."""
        self._is_stopped = True
        self._earlier.set()

    async def make(self, group: TaskGroup) -> None:
        """Starts each step when it is due, as a task of `group`, until it is stopped or cancelled."""
        while not self._is_stopped:
            self._notice_clock()
            self._start_due(group)
            wait = _CLOCK_SEEN_EVERY
            if self._heap:
                wait = min(wait, max(0.0, self._heap[0][0] - time.time()))
            if not self._is_stopped:
                self._earlier = anyio.Event()
                with anyio.move_on_after(wait):
                    await self._earlier.wait()

    def _notice_clock(self) -> None:
        """Takes every planned step now where the clock was set back: by the new time, each would come too late."""
        before, self._zero = self._zero, _zero()
        if self._zero < before - SET_BACK:
            for task_id in tuple(self._next):
                self.hurry(task_id)

    def _start_due(self, group: TaskGroup) -> None:
        while self._heap and self._heap[0][0] <= time.time():
            at, task_id = heapq.heappop(self._heap)
            if self._next.get(task_id) != at:
                continue  # an earlier time took its place
            del self._next[task_id]
            if task_id not in self._running:
                self._running.add(task_id)
                group.start_soon(self._step, task_id, self._zero)

    async def _step(self, task_id: str, zero: float) -> None:
        """Makes a step of a task, and plans the next one.

        Args:
            task_id: of the task.
            zero: of the clock that the step was due by.
        """
        has_crashed = False
        try:
            if task_id in self._hurried:
                self._hurried.discard(task_id)
                await self._store.wake(task_id)
            due = await self._runner.advance(task_id)
            self._crashes.pop(task_id, None)
        except Exception as error:
            if isinstance(error, StoreError):  # it may meet every task there is, and is told by the store itself
                log.warning("a step of task %s waits for the task store: %s", task_id, error)
            else:
                log.exception("a step of task %s failed; it is tried again", task_id)
            has_crashed = True
            count = self._crashes[task_id] = self._crashes.get(task_id, 0) + 1
            due = time.time() + min(self._limits.longest, self._limits.first * 2.0 ** min(count - 1, 16))
        finally:
            self._running.discard(task_id)
        if _zero() < zero - SET_BACK:
            self._hurried.add(task_id)  # by the new time it was not due, or its next one is planned too late
        if task_id in self._hurried:
            self.wake(task_id, time.time())
        elif self._then is not None and not has_crashed:
            await self._then(task_id, due)
        elif due is not None:
            self.wake(task_id, due)


def _zero() -> float:
    """Returns the clock's time when the time that passes evenly was 0: it changes only where the clock is set."""
    return time.time() - time.monotonic()
