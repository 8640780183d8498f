"""The leases this process holds, and their renewal while a step runs."""

import logging
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager

import anyio

from apixo_mcp.tasks.store import Store
from apixo_mcp.tasks.task import Task

log = logging.getLogger(__name__)

LASTS = 8.0
RENEWED_EVERY = 2.5


class Leases:
    """Claims tasks for this process. `keep` runs beside it and renews what is held."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._held: set[str] = set()
        self._asked: Counter[str] = Counter()
        self._some = anyio.Event()
        self._scope = anyio.CancelScope()
        self.holder = uuid.uuid4().hex

    @asynccontextmanager
    async def claim(self, task_id: str, key_prints: Iterable[str]) -> AsyncGenerator[Task | None]:
        """Holds the lease of a task that is due and free; yields None where it is not.

        The lease ends with the commit of the step; one that made no commit runs out by itself.
        """
        if task_id in self._held:
            yield None
            return
        self._held.add(task_id)
        self._some.set()
        try:
            now = self._clock()
            yield await self._store.claim(task_id, self.holder, now, now + LASTS, key_prints)
        finally:
            self._held.discard(task_id)

    @contextmanager
    def asking(self, task_id: str) -> Generator[None]:
        """Vouches for a call that waits for this task in this process."""
        self._asked[task_id] += 1
        self._some.set()
        try:
            yield
        finally:
            self._asked[task_id] -= 1
            if not self._asked[task_id]:
                del self._asked[task_id]

    async def keep(self) -> None:
        """Renews the leases held, and vouches for the calls that wait, until `stop` is called.

        Shielded: a submit that is finished during the exit still needs its lease.
        """
        with anyio.CancelScope(shield=True) as self._scope:
            while True:
                if not self._held and not self._asked:
                    self._some = anyio.Event()
                    await self._some.wait()
                await anyio.sleep(RENEWED_EVERY)
                try:
                    if self._held:
                        await self._store.renew(self.holder, tuple(self._held), self._clock() + LASTS)
                    if self._asked:
                        await self._store.vouch(self.holder, tuple(self._asked), self._clock() + LASTS)
                except Exception:
                    log.exception("leases could not be renewed; it is tried again")

    def stop(self) -> None:
        """Ends `keep`."""
        self._scope.cancel()
