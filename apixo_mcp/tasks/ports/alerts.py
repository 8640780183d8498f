"""The alerts that are kept: what of them is told in whose answers, and the sums that some of them are raised from.

    raised ──► a row; worth telling until its period is over, or a higher level of the same is raised
                 │ taken: for one answer, for so many seconds
                 ▼
      again, ◄──lost── an answer that tells of it ──given──► its reader has heard of it, and is told no more

So of several answers of any process one tells of it, and one that nobody has read counts for nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from apixo_mcp.tasks.oddities import DaySums, Ended
from apixo_mcp.tasks.owner import Owner


@dataclass(frozen=True, slots=True)
class RaisedAlert:
    """An alert as it is kept.

    Attributes:
        name: what it was told once under.
        raised_at: Unix seconds.
        data: what is told.
    """

    name: str
    raised_at: float
    data: Mapping[str, Any]


class AlertStore(Protocol):
    """Keeps alerts. Whoever may see what all spend is told of those that are about nobody in particular, too."""

    async def take(self, owner: Owner, call: str, lasts: float) -> Sequence[RaisedAlert]:
        """Takes those that an owner has not heard of for an answer to them, for so many seconds."""
        ...

    async def heard(self, owner: Owner, call: str, names: Iterable[str]) -> None:
        """Notes that the answer that took alerts has left: its owner has heard of them."""
        ...

    async def give_back(self, owner: Owner, call: str) -> None:
        """Lets another answer tell of what one had taken that nobody has read."""
        ...

    async def current(self, owner: Owner) -> Sequence[RaisedAlert]:
        """Lists an owner's that are still worth telling, the newest first, whether they have heard of them or not."""
        ...

    async def ended(self, model: str, within: float, limit: int) -> Sequence[Ended]:
        """Lists the newest paid requests of a model that ended within so many seconds, the last one first."""
        ...

    async def day_sums(self, owner: Owner | None, days: int) -> DaySums:
        """Adds up what was spent today, and on each of so many days before: those are added up once a day.

        Args:
            owner: whose; None: of all together.
            days: before the present one.
        """
        ...
