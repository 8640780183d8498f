"""The engine of several machines: an existing job queue decides who follows which task.

A job is one **following**. What passes between the processes:

    replica    admits ──► sends its own task (the POST) ──► puts a following into the queue, with its due time
    queue      ──► hands it to one worker, and never to two at once
    worker     follows the task to its end, by the same heap, lease and fence as the embedded engine; a task that is
               next due long from now goes back into the queue, and so does every task as the worker ends
    sweep      of all processes, one at a time: what is overdue and under no lease is put into the queue again

- **The row is the truth.** A following that is lost, taken twice, or late costs a delay: each step is made under the
  lease and the fence of `tasks.running.leases`, whoever makes it.
- **The POST is no job.** A step is made in `engines.steps`, beside the queue: a job only says who looks after a task,
  so a queue that repeats a job repeats nothing. An unsent task is sent by the process that was asked for it, a further
  attempt by the worker that follows it, and what a dead process left unsent by the one that sweeps; each as
  `Store.mark_sent` lets it, which lets it once.
- **The sweep stands outside the queue.** It asks nothing but the task store; where the queue cannot be used, a worker
  that sweeps follows what it finds itself.

Another queue is another `JobQueue`: `engines.procrastinate_queue` is a page.
"""

import logging
import time
from dataclasses import dataclass, field

import anyio

from apixo_mcp.engines.handing_over import HandingOver
from apixo_mcp.engines.job_queue import Following, JobQueue, hand_over
from apixo_mcp.engines.shared_sweep import SharedSweepLimits, Sweep
from apixo_mcp.engines.steps import CrashLimits, Steps
from apixo_mcp.engines.worker_watch import WorkerWatch
from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.running.runner import Runner
from apixo_mcp.tasks.task import Task

log = logging.getLogger(__name__)

_EARLY = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds until a step is tried again that came early by the database's clock."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Seconds, of the work that is spread over processes.

    Attributes:
        sweep: for what no living process follows.
        kept_for: a task that is next due later than this from now goes back into the queue.
        finished_within: the steps under way have so long as the process ends.
        seen_within: the one that follows a task has so long to begin a step that is hurried.
        again_after: until what the store or the queue did not take is tried again.
        workers_every: between two looks whether there is any worker.
        crashes: of steps that cannot even be put off in the store; a sweep that succeeds again ends the wait.
    """

    sweep: SharedSweepLimits = SharedSweepLimits()
    kept_for: float = 60.0
    finished_within: float = 5.0
    seen_within: float = 0.5
    again_after: float = 1.0
    crashes: CrashLimits = CrashLimits(first=2.0)
    workers_every: float = 10.0


@dataclass(slots=True)
class _Followed:
    """A task that this worker follows.

    Attributes:
        due: when its next step was last said to be due.
        key_print: of the key that it is polled with.
        ended: tells its job that it is not followed here any more.
        early: how often in a row its step came early.
    """

    due: float
    key_print: str
    ended: anyio.Event = field(default_factory=anyio.Event)
    early: int = 0


class QueueEngine:
    """Sends what this process was asked for, and has the rest followed by workers; a worker follows.

    Args:
        queue: hands followings out.
        follows: whether this process is a worker.
        tells: whether its log tells where there are no workers.
    """

    def __init__(
        self,
        runner: Runner,
        store: Store,
        leases: Leases,
        accounts: Accounts,
        queue: JobQueue,
        *,
        follows: bool,
        tells: bool = True,
        limits: QueueLimits = QueueLimits(),
    ) -> None:
        self._runner = runner
        self._store = store
        self._leases = leases
        self._accounts = accounts
        self._queue = queue
        self._follows = follows
        self._limits = limits
        self._steps = Steps(runner, store, limits.crashes, self._then)
        self._followed: dict[str, _Followed] = {}
        self._others = HandingOver(store, queue, self._steps, limits.again_after, limits.seen_within)
        self._making = anyio.CancelScope(shield=True)
        self._made = anyio.Event()
        self._is_ending = self._has_given_back = False
        adopt = self._adopt if follows else None
        self._workers = WorkerWatch(queue, limits.workers_every, tells=tells)
        self._sweep = Sweep(runner, store, accounts, queue, self._steps, leases.holder, adopt, limits.sweep)

    def wake(self, task_id: str, at: float) -> None:
        """See `Engine.wake`: an unsent task is sent from here, one that the gateway has is followed by a worker."""
        if task_id in self._followed:
            self._steps.wake(task_id, at)
            return
        self._others.wake(task_id, at)

    def hurry(self, task_id: str) -> None:
        """See `Engine.hurry`: the worker that follows it is told by the store, and where none does, one is found."""
        if task_id in self._followed:
            self._steps.hurry(task_id)
            return
        self._others.hurry(task_id)

    def hear_due(self, task_id: str, due: float) -> None:
        """Hears that some process made a task due earlier."""
        if task_id not in self._followed:
            return
        if due <= time.time():
            self._steps.hurry(task_id)  # once more, where it is just being polled
        else:
            self._steps.wake(task_id, due)

    def workers(self) -> int | None:
        """See `Engine.workers`."""
        return self._workers.count

    def since_sweep(self) -> float | None:
        """See `Engine.since_sweep`; a sweep of another process that this one saw counts."""
        return self._sweep.since()

    async def run(self) -> None:
        """See `Engine.run`. A worker gives back what it follows as it ends; one without a key sweeps all the same."""
        async with self._queue.opened(), anyio.create_task_group() as keeper:
            # These end when they are told to, one after another: a step under way needs its lease.
            keeper.start_soon(self._leases.keep)
            keeper.start_soon(self._make_steps)
            if self._follows:
                keeper.start_soon(self._take)
            try:
                async with anyio.create_task_group() as group:
                    group.start_soon(self._others.run, group)
                    group.start_soon(self._workers.run)
                    await self._sweep.run()
            finally:
                with anyio.CancelScope(shield=True):
                    await self._end()

    async def _make_steps(self) -> None:
        try:
            with self._making:
                async with anyio.create_task_group() as group:
                    await self._steps.make(group)
        finally:
            self._made.set()

    async def _take(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._queue.take(self._follow)

    async def _end(self) -> None:
        """Finishes the steps under way, gives back what is followed, and lets the leases go."""
        self._is_ending = True
        self._steps.stop()
        self._making.deadline = anyio.current_time() + self._limits.finished_within
        await self._made.wait()
        self._queue.stop()
        followed, self._followed, self._has_given_back = self._followed, {}, True
        try:
            with anyio.move_on_after(self._limits.finished_within):
                back = [_given_back(task_id, one, self._steps.forget(task_id)) for task_id, one in followed.items()]
                await hand_over(self._queue, [*back, *await self._others.rest()])
        finally:
            # Whatever happened: both would be waited for without an end.
            for one in followed.values():
                one.ended.set()
            self._leases.stop()

    # What is followed here

    async def _follow(self, following: Following) -> None:
        """Follows a task to its end, or until it is given back."""
        task_id = following.task_id
        if one := self._followed.get(task_id):
            if not self._steps.is_busy(task_id):  # it is overdue: whoever said when it is due may have been wrong
                await self._begin(task_id, one, is_sure=False)
            return
        if self._has_given_back:
            await hand_over(self._queue, [following])
            return
        self._followed[task_id] = one = _Followed(following.due, following.key_print)
        if not self._is_ending:
            self._runner.expect_poll(task_id, one.key_print)
            now = time.time()
            await self._begin(task_id, one, is_sure=now < one.due <= now + self._limits.kept_for)
        # Where the queue ends this call, the task is followed on: the queue, not the task, has lost it.
        await one.ended.wait()

    def _adopt(self, task: Task) -> None:
        """Follows a task that the queue cannot give to anybody."""
        one = self._followed.setdefault(task.task_id, _Followed(0.0, task.key_print))
        if not self._steps.is_busy(task.task_id):
            one.due = task.due or 0.0
        self._steps.wake(task.task_id, one.due)

    async def _begin(self, task_id: str, one: _Followed, *, is_sure: bool) -> None:
        """Plans a task's next step: as its job says, where that is sure, and else as its row does.

        A job's time is another machine's, whose clock may be wrong, or another program's. Where no row tells it, the
        step is tried now, which is harmless.
        """
        before = one.due
        due = before if is_sure else time.time()
        try:
            if not is_sure and (task := await self._store.get(task_id)) and task.due is not None:
                due = task.due
        except StoreError:
            log.warning("the task store does not answer; task %s is tried all the same", task_id)
        finally:
            if one.due == before:  # else a step was made meanwhile
                one.due = due
            self._steps.wake(task_id, one.due)  # also where the queue ends this call just now

    def _let_go(self, task_id: str) -> None:
        self._steps.forget(task_id)
        self._runner.hand_on(task_id)
        if one := self._followed.pop(task_id, None):
            one.ended.set()

    async def _then(self, task_id: str, due: float | None) -> None:
        """Decides after a step who makes the next one."""
        one = self._followed.get(task_id)
        if one is None:
            key = self._runner.hand_on(task_id)
            if due is not None and key:  # just sent from here: all is known that a worker is told
                self._others.have_followed(Following(task_id, due, key))
            elif due is not None:
                self.wake(task_id, due)
        elif due is None:
            await self._miss(task_id, one)
        elif self._is_far(due) and await hand_over(self._queue, [Following(task_id, due, one.key_print)]):
            self._let_go(task_id)
        else:
            one.due, one.early = due, 0
            self._steps.wake(task_id, due)

    def _is_far(self, due: float) -> bool:
        return due > time.time() + self._limits.kept_for and not self._is_ending

    async def _miss(self, task_id: str, one: _Followed) -> None:
        """Lets a task go that has no next step, or another follower; by the database's clock it may only be early."""
        try:
            task = await self._store.get(task_id)
        except StoreError:
            self._steps.wake(task_id, time.time() + self._limits.again_after)
            return
        is_held = one.key_print in self._accounts.key_prints
        is_others = task is not None and task.lease_until and task.lease_holder != self._leases.holder
        if task is not None and task.due == one.due and is_held and not is_others:
            self._steps.wake(task_id, time.time() + _EARLY[min(one.early, len(_EARLY) - 1)])
            one.early += 1
        else:
            self._let_go(task_id)


def _given_back(task_id: str, one: _Followed, planned: float | None) -> Following:
    return Following(task_id, one.due if planned is None else planned, one.key_print)
