"""Whose a task is: one value from the caller to the row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from apixo_mcp.tasks.budget import Budget
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
        usd: dollars more, also of the month that the day is in.
        day: the midnight (UTC, Unix seconds) that it begins with.
    """

    usd: float
    day: float


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

    def owns(self, task: Task) -> bool:
        """Tells whether a task is theirs."""
        return task.owner == self.name


LOCAL = Owner("local")
"""The owner of what is asked for on this machine: over stdio, and on the command line."""
