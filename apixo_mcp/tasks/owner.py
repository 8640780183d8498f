"""Whose a task is: one value from the caller to the row."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from apixo_mcp.tasks.budget import LOCAL_NAME, Budget, day_start, month_start
from apixo_mcp.tasks.task import Task


class Scope(StrEnum):
    """What somebody may do. Each includes those above it."""

    READ = "read"
    """Sees and downloads what is theirs."""
    GENERATE = "generate"
    """Spends money on new tasks."""
    ADMIN = "admin"
    """Sees how the server does, and what all have spent."""

    def includes(self, other: "Scope") -> bool:
        """Tells whether whoever has this one may do what the other allows."""
        order = tuple(Scope)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise:
    """An addition to what an owner may spend on one day.

    Attributes:
        usd: dollars more.
        day: the midnight (UTC, Unix seconds) that it begins with.
        month_usd: dollars more of the month that the day is in: this addition, and those of its earlier days.
    """

    usd: float
    day: float
    month_usd: float


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who sees, uses and pays for their own tasks alone.

    Attributes:
        name: as it stands in the rows.
        scope: the most that they may do.
        models: ids, with `*` where several are meant; empty: all that the server offers.
        budget: their own, beneath that of the whole server.
        raised: for a day.
        keys: where the key of a gateway is read that is theirs, by the gateway's name; for the others the server's is
            used. Never a key itself.
    """

    name: str
    scope: Scope = Scope.ADMIN
    models: tuple[str, ...] = ()
    budget: Budget = field(default_factory=Budget)
    raised: Raise | None = None
    keys: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)

    def budget_at(self, now: float) -> Budget:
        """Returns what they may spend at a moment (Unix seconds): their budget, with what it was raised by."""
        budget, raised = self.budget, self.raised
        if raised is None or month_start(raised.day) != month_start(now):
            return budget
        more = raised.usd if raised.day == day_start(now) else 0.0
        return replace(
            budget,
            daily_usd=None if budget.daily_usd is None else budget.daily_usd + more,
            monthly_usd=None if budget.monthly_usd is None else budget.monthly_usd + raised.month_usd,
        )

    def raised_by(self, usd: float, now: float) -> "Owner":
        """Returns the owner with so many dollars more for the day of a moment, upon those it was raised by before."""
        before, day = self.raised, day_start(now)
        is_same_month = before is not None and month_start(before.day) == month_start(now)
        of_day = before.usd if before is not None and before.day == day else 0.0
        of_month = before.month_usd if before is not None and is_same_month else 0.0
        return replace(self, raised=Raise(usd=of_day + usd, day=day, month_usd=of_month + usd))

    @property
    def is_here(self) -> bool:
        """Whether they are at this machine: its files are theirs, and its paths mean something to them."""
        return self.name == LOCAL.name

    def lowered(self, now: float) -> "Owner":
        """Returns the owner without what the day of a moment was raised by."""
        before = self.raised
        if before is None or before.day != day_start(now):
            return self
        of_month = before.month_usd - before.usd
        return replace(self, raised=Raise(usd=0.0, day=before.day, month_usd=of_month) if of_month > 0 else None)

    def owns(self, task: Task) -> bool:
        """Tells whether a task is theirs."""
        return task.owner == self.name


LOCAL = Owner(LOCAL_NAME)
"""The owner of what is asked for on this machine: over stdio, and on the command line."""


def known_by_name(name: str) -> Owner:
    """Returns the owner of tasks of whom nothing but the name is known here."""
    return Owner(name)
