"""The changes that other processes make: told to whoever waits for them here.

    the store tells ──► `heard` ──────────────┐
    nobody tells, or it was not heard ──► `look` ──► `Changes.hear`: waiters wake, listeners look at the task anew

What the store tells is an accelerator. Where it does not, a look at what was written lately takes its place, once a
second for all who wait; and each time it begins to tell again, a look finds what was told to nobody.
"""

import logging
import time
from collections.abc import Callable

import anyio

from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.changes import Changes
from apixo_mcp.tasks.ports.store import Store

log = logging.getLogger(__name__)

_LOOKED_EVERY = 1.0
"""Seconds between two looks, while the store tells nothing."""
_OVERLAP = 3.0  # seconds: who wrote first may have decided on its moment later
_AT_ONCE = 500


class Elsewhere:
    """Hears of changes that other processes made.

    Args:
        store: that all write to.
        changes: of this process, which knows who waits.
        is_told: whether the store tells of changes just now.
    """

    def __init__(self, store: Store, changes: Changes, is_told: Callable[[], bool]) -> None:
        self._store = store
        self._changes = changes
        self._is_told = is_told
        self._told: dict[str, None] = {}
        self._news = anyio.Event()
        self._since = time.time()
        self._seen: dict[str, float] = {}

    def heard(self, task_id: str) -> None:
        """Hears that a task was changed, by whichever process."""
        self._told[task_id] = None
        self._news.set()

    async def run(self) -> None:
        """Tells whoever waits here, until it is cancelled."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._look_always)
            while True:
                await self._news.wait()
                self._news = anyio.Event()
                told, self._told = self._told, {}
                for task_id in told:
                    await self._changes.hear(task_id)

    async def _look_always(self) -> None:
        while True:
            await anyio.sleep(_LOOKED_EVERY)
            if not self._is_told():
                await self.look()

    async def look(self) -> None:
        """Looks at what was written since the last look, and tells of it. Never raises: the next look finds it too."""
        began = time.time()
        moment = min(self._since, began) - _OVERLAP
        try:
            while True:
                tasks = await self._store.changed_since(moment, _AT_ONCE)
                for task in tasks:
                    if self._seen.get(task.task_id) != task.updated_at:
                        self._seen[task.task_id] = task.updated_at
                        self.heard(task.task_id)
                if len(tasks) < _AT_ONCE or tasks[-1].updated_at <= moment:
                    break
                moment = tasks[-1].updated_at
        except StoreError as error:
            log.debug("it is not seen what other processes changed: %s", error)
            return
        self._since = began
        self._seen = {name: at for name, at in self._seen.items() if at >= began - 2 * _OVERLAP}
