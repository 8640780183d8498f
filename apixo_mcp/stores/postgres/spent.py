"""Has what was spent in hours that are over added up, so that a limit of a month is asked without reading the month."""

import logging
import time
from collections.abc import Callable

from apixo_mcp.errors import StoreError
from apixo_mcp.stores.database import Readable, Worker
from apixo_mcp.stores.postgres.dialect import ADD_UP
from apixo_mcp.tasks.budget import month_start

log = logging.getLogger(__name__)

_HOUR = 3600.0
_TRIED_EVERY = 600.0  # seconds


class SpentHours:
    """Has the hours of owners added up, an hour after each is over.

    Args:
        worker: has the database.
        elapsed: a clock that runs evenly, whatever its zero is.
    """

    def __init__(self, worker: Worker, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._worker = worker
        self._elapsed = elapsed
        self._tried: dict[str, float] = {}

    async def add_up(self, *owners: str) -> None:
        """Adds up the hours of owners, of whom '' stands for all, that are over and not added up yet.

        Never raises: what is not added up is read task by task, which takes longer. It is tried every ten minutes.
        """
        here = self._elapsed()
        for owner in owners:
            if owner in self._tried and 0 <= here - self._tried[owner] < _TRIED_EVERY:
                continue
            self._tried[owner] = here
            try:
                await self._worker.run(_add_up, owner)
            except StoreError as error:
                log.warning("what was spent is not added up: %s", error)


def _add_up(database: Readable, owner: str) -> None:
    now = database.now()
    database.execute(ADD_UP, {"owner": owner, "month": month_start(now), "goal": now - now % _HOUR - _HOUR})
