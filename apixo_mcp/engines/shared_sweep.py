"""The sweep of processes that share a database: one of them at a time has followed what no living process follows.

It stands outside the job queue, and asks nothing but the task store.
"""

import hashlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio

from apixo_mcp.engines.job_queue import ANSWERS_WITHIN, JobQueue, following_of, hand_over
from apixo_mcp.engines.steps import Steps
from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.running.runner import Runner
from apixo_mcp.tasks.task import State, Task

log = logging.getLogger(__name__)

_AT_MOST = 500
"""Tasks that a sweep takes up."""
_TOGETHER = 50


@dataclass(frozen=True, slots=True)
class SharedSweepLimits:
    """Seconds, of a sweep that processes share.

    Attributes:
        every: between two sweeps, of whichever process.
        grace: the one that follows a task is given so long for its step before it is put into the queue again.
        within: a sweep takes no longer.
    """

    every: float = 3.0
    grace: float = 2.0
    within: float = 10.0


class Sweep:
    """Looks for what is overdue and under no lease, where no other process has done that just now.

    Args:
        runner: ends what nobody wants any more.
        store: that is looked through.
        accounts: whose tasks are looked for.
        queue: hands out what is found.
        steps: of this process, which sends what a dead one left unsent.
        holder: this process, as leases have it.
        adopt: follows a task here where the queue gives it to nobody; None: others do.
        limits: of the sweep.
    """

    def __init__(
        self,
        runner: Runner,
        store: Store,
        accounts: Accounts,
        queue: JobQueue,
        steps: Steps,
        holder: str,
        adopt: Callable[[Task], None] | None,
        limits: SharedSweepLimits,
    ) -> None:
        self._runner = runner
        self._store = store
        self._accounts = accounts
        self._queue = queue
        self._steps = steps
        self._holder = holder
        self._adopt = adopt
        self._limits = limits
        self._swept: float | None = None
        self._has_failed = False
        self._put: set[str] = set()

    def since(self) -> float | None:
        """Returns how many seconds ago a sweep was made, or seen to be made by another process; None: none was."""
        return None if self._swept is None else time.monotonic() - self._swept

    async def run(self) -> None:
        """Sweeps until it is cancelled."""
        while True:
            try:
                with anyio.fail_after(self._limits.within):
                    await self._sweep()
            except Exception as error:
                self._has_failed = True
                log.warning("the sweep over the task store failed; it is tried again: %r", error)
            else:
                self._swept = time.monotonic()
                if self._has_failed:
                    self._has_failed = False
                    self._steps.try_crashed()
            await anyio.sleep(self._limits.every * random.uniform(0.8, 1.2))

    async def _sweep(self) -> None:
        keys = self._accounts.key_prints
        # Those that hold other keys have a sweep of their own.
        name = "sweep " + hashlib.sha256(" ".join(sorted(keys)).encode()).hexdigest()[:16]
        if not await self._store.hold(name, self._holder, self._limits.every * 0.8):
            return
        await self._runner.end_lapsed()
        limit = _AT_MOST + self._steps.under_way
        due = await self._store.due(keys, late_by=self._limits.grace, limit=limit)
        free = [task_id for task_id, after in due if after <= 0]
        overdue = [task_id for task_id in free if not self._steps.take_now(task_id)]
        # What the queue has had since the last sweep may wait there behind any number of other jobs.
        stuck = [task_id for task_id in overdue if task_id in self._put]
        others = [task_id for task_id in overdue if task_id not in self._put]
        self._put = set(others)
        left = await self._left_by_dead()
        rest = [*others, *(left or ())]
        are_taken_up = [
            await self._all_taken_up(stuck, is_usable=False),
            await self._all_taken_up(rest, is_usable=left is not None),
        ]
        if not all(are_taken_up):
            await self._store.let_go(name, self._holder)  # a worker can do what is to be done
        if left is not None:
            await self._clear_queue()
        await self._runner.heed_callbacks()

    async def _left_by_dead(self) -> Sequence[str] | None:
        """Returns the tasks whose followings ended with their workers; None where the queue cannot be used."""
        try:
            with anyio.fail_after(ANSWERS_WITHIN):
                return await self._queue.tidy()
        except (StoreError, TimeoutError) as error:
            log.warning("the job queue cannot be used just now: %r", error)
            return None

    async def _clear_queue(self) -> None:
        try:
            with anyio.fail_after(ANSWERS_WITHIN):
                await self._queue.clear(self._store.with_next_step)
        except (StoreError, TimeoutError) as error:
            log.warning("the job queue is not cleared of what has ended: %r", error)

    async def _all_taken_up(self, task_ids: Sequence[str], *, is_usable: bool) -> bool:
        # A part at a time: what is done is done, however busy the database is.
        for start in range(0, len(task_ids), _TOGETHER):
            if not await self._taken_up(task_ids[start : start + _TOGETHER], is_usable=is_usable):
                return False
        return True

    async def _taken_up(self, task_ids: Sequence[str], *, is_usable: bool) -> bool:
        """Has tasks sent or given up from here, or followed.

        Args:
            task_ids: of the tasks.
            is_usable: whether the queue is tried at all.

        Returns:
            False where the queue did not take them, and nobody follows them for that.
        """
        rest = [task for task in await self._store.get_each(task_ids) if task.due is not None]
        for task in rest:
            if task.state is State.SUBMITTING:  # unsent, or cut off while it was sent, with whichever key
                self._steps.wake(task.task_id, time.time())
        accepted = [task for task in rest if task.state is not State.SUBMITTING]
        if is_usable and await hand_over(self._queue, [following_of(task) for task in accepted]):
            return True
        if self._adopt is None:
            return False
        for task in accepted:
            self._adopt(task)
        return True
