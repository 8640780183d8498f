"""What the store counts: a day's tasks, and what it holds at a moment."""

from collections.abc import Mapping
from dataclasses import dataclass

from apixo_mcp.tasks.budget import Spent
from apixo_mcp.tasks.task import State


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
