"""Leases and fences: how processes that share a store never work on one task at once.

    process A  claim: lease, fence 7 ── sleeps ─────────────────────────► commit with fence 7: refused
    process B               the lease has run out: claim, fence 8 ──► commit with fence 8: written

- A lease says who works on a task, and until when. It is renewed while a step runs, and ends with the step's commit;
  that of a process that died runs out by itself.
- A fence grows with each claim. The store refuses a write with an older one, and a POST whose sender lost its lease
  (`Store.claim`, `Store.commit`, `Store.mark_sent`).

This module holds the leases of this process and renews them. See `docs/life-of-a-task.md`.
"""

import logging
import uuid
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

import anyio

from apixo_mcp.tasks.ports.leases import LEASE_LASTS, RENEWED_EVERY
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import Task

log = logging.getLogger(__name__)


class Leases:
    """Claims tasks for this process. `keep` runs beside it and renews what is held."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: set[str] = set()
        self._some = anyio.Event()
        self._scope = anyio.CancelScope()
        self.holder = uuid.uuid4().hex

    @asynccontextmanager
    async def claim(self, task_id: str, key_prints: Iterable[str]) -> AsyncGenerator[Task | None]:
        """Holds the lease of a task that is due and free; yields None where it is not.

        The lease ends with the commit of the step. That of one that made no commit runs out by itself, and until then
        holds up other processes, not this one.
        """
        if task_id in self._held:
            yield None
            return
        self._held.add(task_id)
        self._some.set()
        try:
            yield await self._store.claim(task_id, self.holder, LEASE_LASTS, key_prints)
        finally:
            self._held.discard(task_id)

    async def keep(self) -> None:
        """Renews the leases held, until `stop` is called.

        Shielded: a submit that is finished during the exit still needs its lease.
        """
        with anyio.CancelScope(shield=True) as self._scope:
            while True:
                if not self._held:
                    self._some = anyio.Event()
                    await self._some.wait()
                await anyio.sleep(RENEWED_EVERY)
                try:
                    if self._held:
                        await self._store.renew(self.holder, tuple(self._held), LEASE_LASTS)
                except Exception:
                    log.exception("leases could not be renewed; it is tried again")

    def stop(self) -> None:
        """Ends `keep`."""
        self._scope.cancel()
