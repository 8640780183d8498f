"""What has changed, by whichever process: told to all who watch within a second, and read once for all of them."""

import time
from collections import deque
from collections.abc import AsyncGenerator

import anyio

from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import Task

LOOKS_EVERY = 0.4
"""Seconds between two looks into the store while somebody watches."""
_OVERLAP = 3.0  # seconds: who wrote first may have decided on its moment later
_AT_ONCE = 500
_REMEMBERED = 2_000
_STALE = 10.0

_Shown = tuple[object, ...]


class Feed:
    """Tells of changes. Whoever reads slowly holds up nobody, and is told in the end that they have missed some.

    Args:
        store: of all tasks.
        every: seconds between two looks.
    """

    def __init__(self, store: Store, every: float = LOOKS_EVERY) -> None:
        self._store = store
        self._every = every
        self._changes: deque[Task] = deque(maxlen=_REMEMBERED)
        self._count = 0
        self._seen: dict[str, tuple[float, _Shown]] = {}
        self._since = 0.0
        self._looked_at = float("-inf")
        self._heard = self._heard_then = 0
        self._looking = anyio.Lock()
        self._hurry = anyio.Event()

    async def hear(self, _: Task | str) -> None:
        """Hears of a change, or of the id of a task that another process changed, so that it is told at once."""
        self._heard += 1
        self._hurry.set()

    async def watch(self, owner: Owner, silence: float) -> AsyncGenerator[Task | None]:
        """Tells each change of an owner's tasks, deleted ones too; first None, once it sees all that changes.

        Args:
            silence: seconds without a change after which None is told.

        Raises:
            Missed: there were more than are remembered.
        """
        await self._look(0.0)
        position, spoke_at = self._count, anyio.current_time()
        yield None
        while True:
            hurry = self._hurry
            with anyio.move_on_after(self._every):
                await hurry.wait()
            if hurry.is_set() and hurry is self._hurry:
                self._hurry = anyio.Event()
            await self._look(self._every / 2)
            if self._count - position > len(self._changes):
                raise Missed
            news = list(self._changes)[len(self._changes) - (self._count - position) :]
            position = self._count
            for task in news:
                if owner.owns(task):
                    spoke_at = anyio.current_time()
                    yield task
            if anyio.current_time() - spoke_at >= silence:
                spoke_at = anyio.current_time()
                yield None

    async def _look(self, unless_within: float) -> None:
        async with self._looking:
            now = anyio.current_time()
            if self._heard == self._heard_then and now - self._looked_at < unless_within:
                return  # of those who watch, one looks for all
            if now - self._looked_at > _STALE:
                self._since, self._seen = time.time(), {}
            self._looked_at, self._heard_then = now, self._heard
            moment, limit = self._since - _OVERLAP, _AT_ONCE
            while True:
                tasks = await self._store.changed_since(moment, limit)
                for task in tasks:
                    self._note(task)
                if len(tasks) < limit or limit > _REMEMBERED:
                    break
                if tasks[-1].updated_at <= moment:
                    limit *= 2  # more than that have changed at one moment
                moment = tasks[-1].updated_at
            # A clock that is ahead must not hide what the others write.
            latest = max((task.updated_at for task in tasks), default=0.0)
            self._since = max(self._since, min(latest, time.time()))
            self._seen = {one: seen for one, seen in self._seen.items() if seen[0] >= self._since - 2 * _OVERLAP}

    def _note(self, task: Task) -> None:
        shown: _Shown = (
            task.state,
            task.deleted_at,
            task.cancel_requested,
            task.sent_at,
            task.results,
            len(task.attempts),
        )
        if self._seen.get(task.task_id, (0.0, None))[1] != shown:
            self._changes.append(task)
            self._count += 1
        self._seen[task.task_id] = (task.updated_at, shown)


class Missed(Exception):
    """More has changed than is remembered: whoever watches looks at everything anew."""
