"""Adds up tasks: money, days, and how many wait."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from apixo_mcp.tasks.budget import Allowance, Budget, Spent
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.task import State, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """One day's tasks of one model at one gateway in one state, and its paid requests.

    Attributes:
        tasks: whose newest request was on that day.
        attempts: the requests that left, and may have cost something.
        estimate_usd: of those, and of those that are waiting to leave.
        without_price: how many of both have none.
    """

    day: str
    gateway: str
    model: str
    state: State
    tasks: int
    attempts: int
    estimate_usd: float
    without_price: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What the store holds at a moment, over all owners.

    Attributes:
        in_flight: tasks that a gateway has and that are followed, by gateway.
        queued: tasks that wait to be sent, by gateway.
        spent: today and in this month (UTC), by owner, of those who have spent anything; with what is still to be
            sent, as admission counts it.
    """

    in_flight: Mapping[str, int]
    queued: Mapping[str, int]
    spent: Mapping[str, Spent]


class CountStore(Protocol):
    """Adds up."""

    async def spent(self, owner: Owner | None) -> Spent:
        """Adds up the paid requests of today and of this month (UTC), with those that are still to be sent.

        Args:
            owner: whose; None: of all together.
        """
        ...

    async def limits(self, owner: Owner | None, budget: Budget) -> Sequence[Allowance]:
        """Returns the limits that a purchase would be held to now, with what is spent of each.

        Args:
            owner: whose own limits are read from their row; None: those of all alone.
            budget: of all owners together.
        """
        ...

    async def usage(self, owner: Owner | None, days: int) -> Sequence[DayCount]:
        """Counts by UTC day, model and state, over so many days up to the present one.

        Args:
            owner: whose tasks; None: those of all together.
            days: how many.
        """
        ...

    async def totals(self) -> Totals:
        """Counts the tasks of all owners that are open, and adds up what each has spent."""
        ...

    async def owner_names(self) -> Sequence[str]:
        """Lists everybody who has tasks: this machine's own, and those whom an issuer alone knows, too."""
        ...

    async def open_count(self, key_prints: Iterable[str]) -> int:
        """Counts the tasks that still have a next step."""
        ...

    async def place(self, task: Task) -> int:
        """Counts the unsent tasks of the same key that are before this one."""
        ...
