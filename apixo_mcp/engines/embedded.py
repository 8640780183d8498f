"""The engine inside a process: calls `advance` for every task when its next step is due."""

import logging
import time
from dataclasses import dataclass

import anyio

from apixo_mcp.engines.steps import CrashLimits, Steps
from apixo_mcp.tasks.accounts import Accounts
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.running.runner import Runner

log = logging.getLogger(__name__)

_SWEPT = 500
"""Tasks that a sweep takes up at most."""


@dataclass(frozen=True, slots=True)
class SweepLimits:
    """Seconds between looks for what no living process follows, and until a crashed step is tried again.

    Attributes:
        every: with the grace, or the time that leases last, what a dead process followed is taken over in some 8 s.
        grace: a sibling process is given this long to take a step of its own before another one does.
        crashes: of steps that cannot even be put off in the store.
    """

    every: float = 5.0
    grace: float = 2.0
    crashes: CrashLimits = CrashLimits()


class EmbeddedEngine:
    """Follows every task of its process, with a sweep over the store for what no living process follows.

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
        self._steps = Steps(runner, store, limits.crashes)
        self._swept: float | None = None
        self.wake = self._steps.wake
        self.hurry = self._steps.hurry

    def since_sweep(self) -> float | None:
        """See `Engine.since_sweep`; one that failed does not count."""
        return None if self._swept is None else time.monotonic() - self._swept

    def workers(self) -> None:
        """See `Engine.workers`: it follows its own."""

    async def run(self) -> None:
        """Follows tasks until it is cancelled; a submit that is under way then is finished first.

        Without a key it looks for what takes none: what was cut off while it was sent, and what nobody wants any more.
        """
        async with anyio.create_task_group() as keeper:
            keeper.start_soon(self._leases.keep)
            try:
                async with anyio.create_task_group() as group:
                    await self._sweep(grace=0.0)
                    group.start_soon(self._sweep_always)
                    await self._steps.make(group)
            finally:
                # Only now: submits that were under way have ended, and needed their leases until here.
                self._leases.stop()

    async def _sweep_always(self) -> None:
        while True:
            await anyio.sleep(self._limits.every)
            await self._sweep(self._limits.grace)

    async def _sweep(self, grace: float) -> None:
        try:
            await self._runner.end_lapsed()
            limit = _SWEPT + self._steps.under_way  # those that wait for their turn are overdue as well
            for task_id, after in await self._store.due(self._accounts.key_prints, late_by=grace, limit=limit):
                if not self._steps.is_busy(task_id):
                    self._steps.wake(task_id, time.time() + after)
            self._swept = time.monotonic()
            await self._runner.heed_callbacks()
        except Exception:
            log.exception("the sweep over the task store failed; it is tried again")
