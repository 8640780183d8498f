"""What a process that shares a database has others do: the tasks that it sent, or was told of, are put into the queue.

What is to be sent itself is planned here first, and waits for no queue, however slow.
"""

import logging
import time

import anyio
from anyio.abc import TaskGroup

from apixo_mcp.engines.job_queue import Following, JobQueue, following_of, hand_over
from apixo_mcp.engines.steps import Steps
from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.ports.store import Store

log = logging.getLogger(__name__)


class HandingOver:
    """Tells apart what this process does itself and what a worker is to do.

    Args:
        store: says what a task is that is woken.
        queue: hands out what is to be followed.
        steps: of this process, which sends.
        again_after: seconds until what the store did not say is asked again.
        seen_within: seconds that the one that follows a task has to begin a step that is hurried.
    """

    def __init__(self, store: Store, queue: JobQueue, steps: Steps, again_after: float, seen_within: float) -> None:
        self._store = store
        self._queue = queue
        self._steps = steps
        self._again_after = again_after
        self._seen_within = seen_within
        self._woken: dict[str, float] = {}
        self._hurried: set[str] = set()
        self._followings: dict[str, Following] = {}
        self._news, self._more = anyio.Event(), anyio.Event()

    def wake(self, task_id: str, at: float) -> None:
        """Has a task sent from here at a moment (Unix seconds), or followed, whichever it needs."""
        self._woken[task_id] = min(at, self._woken.get(task_id, at))
        self._news.set()

    def hurry(self, task_id: str) -> None:
        """Has a task polled now, by whoever follows it."""
        self._hurried.add(task_id)
        self._news.set()

    def have_followed(self, following: Following) -> None:
        """Has a task followed of which all is known that a worker is told."""
        self._followings[following.task_id] = following
        self._more.set()

    async def run(self, group: TaskGroup) -> None:
        """Does what it is told to until it is cancelled."""
        group.start_soon(self._put)
        while True:
            await self._news.wait()
            self._news = anyio.Event()
            is_read = await self._read_woken()
            hurried, self._hurried = self._hurried, set[str]()
            for task_id in hurried:
                group.start_soon(self._have_hurried, task_id)
            if not is_read:
                await anyio.sleep(self._again_after)
                self._news.set()

    async def rest(self) -> list[Following]:
        """Returns what is still to be put into the queue, once it does not run any more."""
        await self._read_woken()
        return list(self._followings.values())

    async def _put(self) -> None:
        while True:
            await self._more.wait()
            self._more = anyio.Event()
            followings, self._followings = self._followings, {}
            try:
                await hand_over(self._queue, followings.values())
            except anyio.get_cancelled_exc_class():
                self._followings = followings | self._followings
                raise

    async def _read_woken(self) -> bool:
        """Plans what is to be sent from here of the tasks that are woken, and has the others followed.

        Returns:
            False where the store did not say what they are.
        """
        woken, self._woken = self._woken, {}
        try:
            tasks = await self._store.get_each(woken)
        except BaseException as error:
            for task_id, at in woken.items():
                self.wake(task_id, at)
            if isinstance(error, StoreError):
                return False
            raise
        for task in tasks:
            if task.is_unsent:
                self._steps.wake(task.task_id, woken[task.task_id])
            elif task.due is not None:
                self.have_followed(following_of(task))
        return True

    async def _have_hurried(self, task_id: str) -> None:
        """Makes a task due now, which the worker hears that follows it; where none begins, one is to be found."""
        try:
            await self._store.wake(task_id)
            await anyio.sleep(self._seen_within)
            task = await self._store.get(task_id)
            if task is not None and task.due is not None and task.due <= time.time() and not task.lease_until:
                self.have_followed(following_of(task))
        except StoreError:
            log.exception("task %s is not polled at once: the task store does not answer", task_id)
