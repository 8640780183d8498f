"""Looks whether any worker is there: without one what is asked for is sent and paid for, and its result waits."""

import logging
import random
import time

import anyio

from apixo_mcp.engines.job_queue import ANSWERS_WITHIN, JobQueue
from apixo_mcp.errors import StoreError

log = logging.getLogger(__name__)

NO_WORKER = (
    "No worker follows tasks on this database: what is asked for is sent and paid for, and its result waits. Start "
    "a worker with the same APIXO_MCP_DATABASE_URL and the same keys."
)
_MISSED = 2
"""Looks in a row that find none: a worker that is started anew is away for a moment."""
_TOLD_EVERY = 600.0  # seconds


class WorkerWatch:
    """Counts the workers of a queue, and logs where there are none for long.

    Args:
        queue: knows them.
        every: seconds between two looks.
    """

    def __init__(self, queue: JobQueue, every: float) -> None:
        self._queue = queue
        self._every = every
        self._count: int | None = None
        self._missed = 0
        self._told_at = float("-inf")

    @property
    def count(self) -> int | None:
        """How many workers there were at the last look; None where it is not known, or none was missed once."""
        return None if self._count == 0 and self._missed < _MISSED else self._count

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            await anyio.sleep(self._every * random.uniform(0.8, 1.2))
            await self._look()

    async def _look(self) -> None:
        try:
            with anyio.fail_after(ANSWERS_WITHIN):
                self._count = await self._queue.workers()
        except (StoreError, TimeoutError):
            self._count = None  # told by others
            return
        self._missed = 0 if self._count else self._missed + 1
        if self.count != 0:
            self._told_at = float("-inf")
        elif time.monotonic() - self._told_at > _TOLD_EVERY:
            self._told_at = time.monotonic()
            log.warning("%s", NO_WORKER)
