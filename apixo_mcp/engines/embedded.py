"""The engine inside a process: calls `advance` for every task when its next step is due."""

import heapq
import logging
import time
from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup

from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.running.runner import Runner

log = logging.getLogger(__name__)

_SWEPT = 500
"""Tasks that a sweep takes up at most."""
SET_BACK = 1.0  # seconds: so much less by the clock than passed is no drift


@dataclass(frozen=True, slots=True)
class SweepLimits:
    """Seconds between looks for what no living process follows, and until a crashed step is tried again.

    Attributes:
        every: with the grace, or the time that leases last, what a dead process followed is taken over in some 8 s.
        grace: a sibling process is given this long to take a step of its own before another one does.
        after_crash: of a step that cannot even be put off in the store; then ever longer, up to `longest_pause`.
    """

    every: float = 5.0
    grace: float = 2.0
    after_crash: float = 30.0
    longest_pause: float = 3600.0


class EmbeddedEngine:
    """A heap of due times, and a sweep over the store for what no living process follows.

    Independent of any request or connection: it runs as long as the process does.
    """

    def __init__(
        self,
        runner: Runner,
        store: Store,
        leases: Leases,
        accounts: Accounts,
        limits: SweepLimits = SweepLimits(),
    ) -> None:
        self._limits = limits
        self._runner = runner
        self._store = store
        self._leases = leases
        self._accounts = accounts
        self._heap: list[tuple[float, str]] = []
        self._next: dict[str, float] = {}
        self._earlier = anyio.Event()
        self._running: set[str] = set()
        self._hurried: set[str] = set()
        self._crashes: dict[str, int] = {}
        self._zero = _zero()
        self._swept: float | None = None

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

    def since_sweep(self) -> float | None:
        """See `Engine.since_sweep`; one that failed does not count."""
        return None if self._swept is None else time.monotonic() - self._swept

    async def run(self) -> None:
        """Follows tasks until it is cancelled; a submit that is under way then is finished first."""
        await self._accounts.some()
        async with anyio.create_task_group() as keeper:
            keeper.start_soon(self._leases.keep)
            try:
                async with anyio.create_task_group() as group:
                    await self._follow(group)
            finally:
                # Only now: submits that were under way have ended, and needed their leases until here.
                self._leases.stop()

    async def _follow(self, group: TaskGroup) -> None:
        await self._sweep(grace=0.0)
        swept = time.time()
        while True:
            self._notice_clock()
            self._start_due(group)
            wait = swept + self._limits.every - time.time()
            if wait <= 0 or wait > self._limits.every:  # the second: the clock was set back
                await self._sweep(self._limits.grace)
                swept = time.time()
                continue
            if self._heap:
                wait = min(wait, max(0.0, self._heap[0][0] - time.time()))
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

    async def _sweep(self, grace: float) -> None:
        try:
            await self._runner.end_lapsed()
            limit = _SWEPT + len(self._running)  # those that wait for their turn are overdue as well
            for task_id, after in await self._store.due(self._accounts.key_prints, late_by=grace, limit=limit):
                if task_id not in self._running and task_id not in self._crashes:
                    self.wake(task_id, time.time() + after)
            self._swept = time.monotonic()
            await self._runner.heed_callbacks()
        except Exception:
            log.exception("the sweep over the task store failed; it is tried again")

    async def _step(self, task_id: str, zero: float) -> None:
        """Makes a step of a task, and plans the next one.

        Args:
            task_id: of the task.
            zero: of the clock that the step was due by.
        """
        try:
            if task_id in self._hurried:
                self._hurried.discard(task_id)
                await self._store.wake(task_id)
            due = await self._runner.advance(task_id)
            self._crashes.pop(task_id, None)
        except Exception:
            log.exception("a step of task %s failed; it is tried again", task_id)
            count = self._crashes[task_id] = self._crashes.get(task_id, 0) + 1
            pause = min(self._limits.longest_pause, self._limits.after_crash * 2.0 ** min(count - 1, 16))
            due = time.time() + pause
        finally:
            self._running.discard(task_id)
        if _zero() < zero - SET_BACK:
            self._hurried.add(task_id)  # by the new time it was not due, or its next one is planned too late
        if task_id in self._hurried:
            due = time.time()
        if due is not None:
            self.wake(task_id, due)


def _zero() -> float:
    """Returns the clock's time when the time that passes evenly was 0: it changes only where the clock is set."""
    return time.time() - time.monotonic()
