"""Whether the callbacks of a gateway arrive at a public address: known to all processes that share a store.

    nothing is known ──a callback comes──► they arrive: a task is polled once, when its callback comes, and beneath
      polled as usual         ▲             that by a net (`PollSchedule.net`)
                              │                │ the net finds a task ended, and its callback does not come within
                   a callback comes            ▼ `CALLED_WITHIN`
                              └───────────  missed: polled as usual, and the operator is told

Known of each gateway and each address: a tunnel that has another address at each opening begins anew with each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from apixo_mcp.tasks.task import Task

CALLED_WITHIN = 45.0
"""Seconds that a callback is given once a poll has found its task ended.

APIXO's guide on webhooks: one that fails is delivered again after 30 s, then after 2 and 10 minutes. The first of these
retries is waited for, so that a restart of this server makes no callback a missed one. The others are not: for so long
every task would be known as late as the net finds it, while polling as usual for nothing costs a few requests. One that
comes later all the same is an arrival like any other.
"""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What is known of a gateway's callbacks to an address.

    Attributes:
        url: the public address, without the part that is a task's own.
        arrived_at: Unix seconds, when the last one came.
        missed_at: Unix seconds, when one was last seen to be missing; 0: never.
    """

    gateway: str
    url: str
    arrived_at: float
    missed_at: float = 0.0

    @property
    def go_on(self) -> bool:
        """Whether they arrive, as far as is known."""
        return self.arrived_at > self.missed_at


class ArrivalStore(Protocol):
    """Keeps what is known of callbacks, and counts those of each task's present attempt."""

    async def came(self, task_id: str, interval: float) -> float | None:
        """Notes that a task was called back about.

        The first call of an attempt tells that they arrive. Others may be one that somebody has seen and repeats.

        Args:
            task_id: of the task.
            interval: between polls of its model, of which no more are made however often it is called about.

        Returns:
            After how many seconds it is to be polled for that; None where a poll that is to come covers it, or none is
            of use.
        """
        ...

    async def arrive(self, gateway: str, url: str) -> bool:
        """Tells whether the callbacks of a gateway arrive at an address."""
        ...

    async def ended_uncalled(self, task: Task) -> None:
        """Notes that a poll has found a task ended, unless it was called back about."""
        ...

    async def missed(self, within: float) -> Sequence[Arrivals]:
        """Holds for missed what has not come within so many seconds: open tasks of that address are due at once.

        Returns:
            Those that were taken to arrive until now.
        """
        ...

    async def known(self) -> Sequence[Arrivals]:
        """Lists all that is known, the newest first."""
        ...
