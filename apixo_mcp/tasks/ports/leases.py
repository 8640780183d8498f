"""Hands out tasks: says who works on one, and for how long.

**The store owns time.** Its verbs take durations and say after how many seconds something can be done; no caller hands
it a moment to compare with, since the clocks of two machines differ. A lease is set and compared with the store's own
clock, and a store whose processes each bring a clock of their own must not believe it over a holder that renews: a task
is never taken, and never held for lost, while its holder renews its lease, whatever the clocks say. (On SQLite that is
`stores.watch`; a database server has one clock.)

The other moments in a row (when it was made, when its next step is due) are written with the clock of the process that
decided on them. A clock that is ahead may make one poll early with them, or end an unsent task early; it takes no task
from its holder and makes none `unknown`.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from apixo_mcp.tasks.task import Task

LEASE_LASTS = 8.0
RENEWED_EVERY = 2.5
APART_AT_MOST = 120.0  # no two clocks differ by more
BEYOND_LEASES = 60.0  # no lease lasts so long: one that seems to was written before the clock was set back


class LeaseStore(Protocol):
    """Hands out tasks, and other names, to one process at a time."""

    async def due(
        self, key_prints: Iterable[str], late_by: float = 0.0, limit: int = 500
    ) -> Sequence[tuple[str, float]]:
        """Returns the ids of tasks of these keys whose next step is due, and has been for so many seconds.

        So with those of any key whose POST was cut off: that is noted without one. Each stands with after how many
        seconds it can be taken: once its lease has run out; less than 0 where it is overdue.
        """
        ...

    async def claim(self, task_id: str, holder: str, lasts: float, key_prints: Iterable[str]) -> Task | None:
        """Takes the lease of a task that is due and free, for so many seconds; None where it is not.

        One under a lease of the same holder is free for it: some step has left that, which could not be committed. Of
        keys that are not named only those whose POST was cut off are taken.
        """
        ...

    async def still_sends(self, task: Task, lasts: float) -> bool:
        """Prolongs the lease under which a POST is about to leave.

        Returns:
            False where it must not: another process has taken the task over since it was marked as sent.
        """
        ...

    async def wake(self, task_id: str, after: float = 0.0) -> bool:
        """Makes an open task, or one with an id to confirm, due after so many seconds if that is earlier than it is."""
        ...

    async def vouch(self, asked: Iterable[tuple[str, str]], lasts: float) -> None:
        """Notes that calls (task id and name of the call) are still waited for, which counts for so many seconds."""
        ...

    async def want(self, process: str, lasts: float) -> bool:
        """Notes in the open tasks that a process was asked for that it lives; False where it has none."""
        ...

    async def renew(self, holder: str, task_ids: Iterable[str], lasts: float) -> None:
        """Prolongs the leases of `holder` on these tasks, so that they last for so many seconds from now on."""
        ...

    async def release(self, holder: str) -> None:
        """Gives back every lease of `holder`."""
        ...

    async def hold(self, name: str, holder: str, lasts: float) -> bool:
        """Takes or prolongs a lease that is not a task's; False while somebody else has it."""
        ...

    async def let_go(self, name: str, holder: str) -> None:
        """Gives such a lease back."""
        ...
