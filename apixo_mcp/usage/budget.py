"""What the owner may spend, and whether one more task is within it."""

from dataclasses import dataclass
from typing import Literal

from apixo_mcp.errors import Problem

DAY = 86400.0
CENT_FRACTION = 1e-6  # sums of dollars are not exact

Verdict = Literal["within", "ask_first", "no_price", "over_budget", "over_limit"]


@dataclass(frozen=True, slots=True)
class Budget:
    """The owner's limits, None where there is none. A day is UTC.

    Attributes:
        daily_usd: the most that a day's estimates may add up to (setting `APIXO_MCP_DAILY_BUDGET_USD`).
        daily_tasks: the most tasks of a day (`APIXO_MCP_DAILY_TASK_LIMIT`).
        confirm_above_usd: what costs more needs a yes first (`APIXO_MCP_CONFIRM_ABOVE_USD`).
    """

    daily_usd: float | None = None
    daily_tasks: int | None = None
    confirm_above_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a day has seen so far, without what certainly cost nothing: the sum of its estimates, and its tasks."""

    usd: float = 0.0
    tasks: int = 0


def day_start(now: float) -> float:
    """The last midnight UTC, Unix seconds."""
    return now - now % DAY


def decide(budget: Budget, spent: Spent, usd: float | None, *, confirmed: bool) -> Verdict:
    """Whether one more task is within the budget.

    Args:
        budget: the owner's.
        spent: today, before it.
        usd: what it is likely to cost, None where that is not known.
        confirmed: whether the owner has agreed to that.
    """
    if budget.daily_usd is not None and usd is None:
        return "no_price"
    limit = budget.confirm_above_usd
    if limit is not None and not confirmed and (usd is None or usd > limit):
        return "ask_first"
    if budget.daily_usd is not None and spent.usd + (usd or 0.0) > budget.daily_usd + CENT_FRACTION:
        return "over_budget"
    if budget.daily_tasks is not None and spent.tasks >= budget.daily_tasks:
        return "over_limit"
    return "within"


def refusal(verdict: Verdict, budget: Budget, spent: Spent, model: str, usd: float | None) -> Problem:
    """Why a task of this model was not made, for whoever asked for it."""
    match verdict:
        case "no_price":
            why = (
                "has no known price, and a daily budget is set (APIXO_MCP_DAILY_BUDGET_USD); "
                "give its price in the file that APIXO_MCP_PRICES names"
            )
        case "over_budget":
            why = (
                f"this would cost about ${usd or 0.0:.2f}, and ${spent.usd:.2f} of the day's "
                f"${budget.daily_usd or 0.0:.2f} (APIXO_MCP_DAILY_BUDGET_USD) are spent; the day ends at midnight UTC"
            )
        case _:
            why = (
                f"{spent.tasks} tasks were made today, and APIXO_MCP_DAILY_TASK_LIMIT allows "
                f"{budget.daily_tasks}; the day ends at midnight UTC"
            )
    return Problem("model", model, why)
