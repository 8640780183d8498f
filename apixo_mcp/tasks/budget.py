"""What the owner may spend, and whether one more task is within it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from apixo_mcp.catalog.prices import price_line
from apixo_mcp.tasks.task import Task

DAY = 86400.0
CENT_FRACTION = 1e-6  # sums of dollars are not exact

Verdict = Literal["within", "ask_first", "no_price", "over_budget", "over_limit"]


@dataclass(frozen=True, slots=True)
class Budget:
    """The owner's limits, None where there is none. A day is UTC.

    Attributes:
        daily_usd: the most that a day's estimates may add up to (setting `APIXO_MCP_DAILY_BUDGET_USD`).
        daily_tasks: the most paid requests of a day (`APIXO_MCP_DAILY_TASK_LIMIT`): a task's first one, and each
            further attempt.
        confirm_above_usd: what costs more needs a yes first (`APIXO_MCP_CONFIRM_ABOVE_USD`).
        monthly_usd: the most that a month's estimates may add up to (`APIXO_MCP_MONTHLY_BUDGET_USD`).
    """

    daily_usd: float | None = None
    daily_tasks: int | None = None
    confirm_above_usd: float | None = None
    monthly_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a day has seen so far, and what is waiting to be sent, without what certainly cost nothing.

    Attributes:
        usd: the sum of the estimates.
        posts: how many paid requests that are.
    """

    usd: float = 0.0
    posts: int = 0


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the owner said yes to.

    Attributes:
        usd: the price of each attempt, None where it was told to be unknown.
        attempts: up to how many were named.
    """

    usd: float | None
    attempts: int

    def covers(self, usd: float | None) -> bool:
        """Tells whether a request at this price is what was agreed to; a lower price is."""
        if self.usd is None or usd is None:
            return self.usd is usd
        return usd <= self.usd + CENT_FRACTION


def day_start(now: float) -> float:
    """Returns the last midnight UTC, Unix seconds."""
    return now - now % DAY


def together(amounts: Iterable[float | None]) -> float | None:
    """Returns what paid requests are likely to cost together, None where that of one is not known."""
    total = 0.0
    for usd in amounts:
        if usd is None or not usd >= 0:  # the latter is no amount of money, and must not make others cheaper
            return None
        total += usd
    return total


def decide(budget: Budget, spent: Spent, usd: float | None, *, confirmed: bool, posts: int = 1) -> Verdict:
    """Tells whether what is bought now is within the budget. Nobody is asked about what may not be.

    Args:
        budget: the owner's.
        spent: today, before it.
        usd: what it is likely to cost in all, None where that is not known.
        confirmed: whether the owner has agreed to that.
        posts: how many paid requests it is.
    """
    if usd is not None and not usd >= 0:
        usd = None  # no amount of money
    if budget.daily_usd is not None and usd is None:
        return "no_price"
    if budget.daily_usd is not None and spent.usd + (usd or 0.0) > budget.daily_usd + CENT_FRACTION:
        return "over_budget"
    if budget.daily_tasks is not None and spent.posts + posts > budget.daily_tasks:
        return "over_limit"
    limit = budget.confirm_above_usd
    if limit is not None and not confirmed and (usd is None or usd > limit):
        return "ask_first"
    return "within"


def fitting(budget: Budget, spent: Spent, amounts: Sequence[float | None]) -> int:
    """Returns how many paid requests, from the first on, the day's limits would allow by themselves."""
    for count in range(len(amounts), 0, -1):
        if decide(budget, spent, together(amounts[:count]), confirmed=True, posts=count) == "within":
            return count
    return 0


def reason(verdict: Verdict, budget: Budget, spent: Spent, usd: float | None, task: Task, posts: int = 1) -> str:
    """Tells why a purchase is not sent, as the end of a sentence about it.

    Args:
        usd: what it would cost in all.
        task: that it is for, or one of several for one model.
        posts: how many paid requests it is.
    """
    match verdict:
        case "no_price":
            return (
                "it has no known price, and a daily budget is set (APIXO_MCP_DAILY_BUDGET_USD); this line at the top "
                f"of the file that APIXO_MCP_PRICES names would give it one, with the true amount in it: "
                f"{price_line(task.model, task.modality)}"
            )
        case "over_budget":
            return (
                f"this would cost about ${usd or 0.0:.2f}, and ${spent.usd:.2f} of the day's "
                f"${budget.daily_usd or 0.0:.2f} (APIXO_MCP_DAILY_BUDGET_USD) are spent; the day ends at midnight UTC"
            )
        case "over_limit":
            more = f"this would make {posts} more, " if posts > 1 else ""
            return (
                f"{spent.posts} paid requests were made today, {more}and APIXO_MCP_DAILY_TASK_LIMIT allows "
                f"{budget.daily_tasks}; the day ends at midnight UTC"
            )
        case "ask_first":
            return "it needs a yes (APIXO_MCP_CONFIRM_ABOVE_USD), and none was given for it"
        case "within":
            return "it is within the budget"
