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
_AGAIN_AFTER = 2.0
"""Seconds until it is looked again where there are none: whoever waits hears soon that one has come."""
_TOLD_EVERY = 600.0  # seconds


class WorkerWatch:
    """Counts the workers of a queue, and logs where there are none for long.

    Args:
        queue: knows them.
        every: seconds between two looks. A worker that is started anew may be away for twice that.
        tells: whether the log tells that there are none; a command tells it itself.
    """

    def __init__(self, queue: JobQueue, every: float, *, tells: bool) -> None:
        self._queue = queue
        self._every = every
        self._tells = tells
        self._count: int | None = None
        self._seen_at = self._told_at = float("-inf")
        self._missed_since: float | None = None

    @property
    def count(self) -> int | None:
        """How many workers there were at the last look; None where it is not known, or some were there just before."""
        is_away = self._count == 0 and time.monotonic() - self._seen_at < 2 * self._every
        return None if is_away else self._count

    async def run(self) -> None:
        """Looks until it is cancelled, for the first time at once."""
        while True:
            await self._look()
            every = self._every if self._count else min(self._every, _AGAIN_AFTER)
            await anyio.sleep(every * random.uniform(0.8, 1.2))

    async def _look(self) -> None:
        try:
            with anyio.fail_after(ANSWERS_WITHIN):
                self._count = await self._queue.workers()
        except (StoreError, TimeoutError):
            self._count = None  # told by others
            return
        now = time.monotonic()
        if self._count:
            self._seen_at, self._missed_since, self._told_at = now, None, float("-inf")
            return
        self._missed_since = self._missed_since or now
        # Not at once: as all processes are started together, a worker comes after a moment.
        is_long = now - self._missed_since >= 2 * self._every
        if self._tells and is_long and now - self._told_at > _TOLD_EVERY:
            self._told_at = now
            log.warning("%s", NO_WORKER)
