"""What may be spent, by an owner and by all owners together, and whether one more task is within it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from apixo_mcp.catalog.prices import dollars, price_line
from apixo_mcp.tasks.task import Task

DAY = 86400.0
LOCAL_NAME = "local"
"""The owner of what is asked for on this machine, who has no limits but those of all."""
CENT_FRACTION = 1e-6  # sums of dollars are not exact

Verdict = Literal[
    "within", "ask_first", "no_price", "over_budget", "over_month", "over_limit", "not_allowed", "not_offered"
]


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of spending, None where there is none. A day and a month are UTC.

    Attributes:
        daily_usd: the most that a day's estimates may add up to (for all owners together the setting
            `APIXO_MCP_DAILY_BUDGET_USD`).
        daily_tasks: the most paid requests of a day (`APIXO_MCP_DAILY_TASK_LIMIT`): a task's first one, and each
            further attempt.
        confirm_above_usd: what costs more needs a yes first (`APIXO_MCP_CONFIRM_ABOVE_USD`, the same for everybody).
        monthly_usd: the most that a month's estimates may add up to (`APIXO_MCP_MONTHLY_BUDGET_USD`).
    """

    daily_usd: float | None = None
    daily_tasks: int | None = None
    confirm_above_usd: float | None = None
    monthly_usd: float | None = None

    @property
    def is_limited(self) -> bool:
        """Whether there is anything that it could leave less and less of."""
        return self.needs_price or self.daily_tasks is not None

    @property
    def needs_price(self) -> bool:
        """Whether what has no known price cannot be told to be within it."""
        return self.daily_usd is not None or self.monthly_usd is not None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a day and its month have seen so far, and what is waiting to be sent, without what certainly cost nothing.

    Attributes:
        usd: the sum of the day's estimates.
        posts: how many paid requests that are.
        month_usd: the sum of the month's estimates, the day's among them; 0 where nothing limits it.
    """

    usd: float = 0.0
    posts: int = 0
    month_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """A budget, and what is spent of it.

    Attributes:
        whose: of the owner alone, or of all owners of the server together.
        is_withdrawn: whether nothing is to be made under it any more: its owner may not come in, or only look.
        models: that its owner may use, as ids with `*`; empty: all.
    """

    budget: Budget
    spent: Spent = Spent()
    whose: Literal["owner", "all"] = "all"
    is_withdrawn: bool = False
    models: tuple[str, ...] = ()


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


def month_start(now: float) -> float:
    """Returns when the month (UTC) began, Unix seconds."""
    moment = datetime.fromtimestamp(now, UTC)
    return datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp()


def month_end(now: float) -> float:
    """Returns when the month (UTC) ends, Unix seconds."""
    return month_start(month_start(now) + 32 * DAY)


def together(amounts: Iterable[float | None]) -> float | None:
    """Returns what paid requests are likely to cost together, None where that of one is not known."""
    total = 0.0
    for usd in amounts:
        if usd is None or not usd >= 0:  # the latter is no amount of money, and must not make others cheaper
            return None
        total += usd
    return total


def decide(limits: Sequence[Allowance], usd: float | None, *, confirmed: bool, posts: int = 1) -> Verdict:
    """Tells whether what is bought now is within all limits. Nobody is asked about what may not be.

    Args:
        limits: that hold for it, with what was spent before it.
        usd: what it is likely to cost in all, None where that is not known.
        confirmed: whether the owner has agreed to that.
        posts: how many paid requests it is.
    """
    if refusal := _refusal(limits, usd, posts):
        return refusal[0]
    known = _amount(usd)
    for limit in limits:
        above = limit.budget.confirm_above_usd
        if above is not None and not confirmed and (known is None or known > above):
            return "ask_first"
    return "within"


def _amount(usd: float | None) -> float | None:
    return usd if usd is not None and usd >= 0 else None  # what is below is no amount of money


def _refusal(limits: Sequence[Allowance], usd: float | None, posts: int) -> tuple[Verdict, Allowance] | None:
    """Returns the first limit that does not allow a purchase, and why."""
    known = _amount(usd)
    for limit in limits:
        budget, spent = limit.budget, limit.spent
        verdict: Verdict = "within"
        if limit.is_withdrawn:
            verdict = "not_allowed"
        elif budget.needs_price and known is None:
            verdict = "no_price"
        elif budget.daily_usd is not None and spent.usd + (known or 0.0) > budget.daily_usd + CENT_FRACTION:
            verdict = "over_budget"
        elif budget.monthly_usd is not None and spent.month_usd + (known or 0.0) > budget.monthly_usd + CENT_FRACTION:
            verdict = "over_month"
        elif budget.daily_tasks is not None and spent.posts + posts > budget.daily_tasks:
            verdict = "over_limit"
        if verdict != "within":
            return verdict, limit
    return None


def fitting(limits: Sequence[Allowance], amounts: Sequence[float | None]) -> int:
    """Returns how many paid requests, from the first on, the limits would allow by themselves."""
    for count in range(len(amounts), 0, -1):
        if decide(limits, together(amounts[:count]), confirmed=True, posts=count) == "within":
            return count
    return 0


def is_own(limits: Sequence[Allowance], usd: float | None, posts: int = 1) -> bool:
    """Tells whether the limit that does not allow a purchase is the owner's own, which can be raised for them."""
    refusal = _refusal(limits, usd, posts)
    return refusal is not None and refusal[1].whose == "owner" and not refusal[1].is_withdrawn


def reason(verdict: Verdict, limits: Sequence[Allowance], usd: float | None, task: Task, posts: int = 1) -> str:
    """Tells why a purchase is not sent, as the end of a sentence about it: whose limit it is, and what is left of it.

    Args:
        verdict: of `decide`, on the same limits.
        limits: that it was held to.
        usd: what it would cost in all.
        task: that it is for, or one of several for one model.
        posts: how many paid requests it is.
    """
    refusal = _refusal(limits, usd, posts)
    limit = refusal[1] if refusal else limits[0]
    budget, spent, cost = limit.budget, limit.spent, f"this would cost about {dollars(_amount(usd) or 0.0)}"
    match verdict:
        case "no_price":
            which = (
                ", and a budget is set for you" if limit.whose == "owner" else f", and {_variable_of(budget)} is set"
            )
            return (
                f"it has no known price{which}; this line at the top of the file that APIXO_MCP_PRICES names would "
                f"give it one, with the true amount in it: {price_line(task.model, task.modality)}"
            )
        case "over_budget":
            told = _told("day", budget.daily_usd, spent.usd, limit, task, "APIXO_MCP_DAILY_BUDGET_USD")
            return f"{cost}, and {told}; the day ends at midnight UTC"
        case "over_month":
            told = _told("month", budget.monthly_usd, spent.month_usd, limit, task, "APIXO_MCP_MONTHLY_BUDGET_USD")
            return f"{cost}, and {told}; the month ends at midnight UTC of its last day"
        case "over_limit":
            more = f"this would make {posts} more, " if posts > 1 else ""
            allows = "your own limit allows" if limit.whose == "owner" else "APIXO_MCP_DAILY_TASK_LIMIT allows"
            of_all = " for all owners together" if limit.whose == "all" and not _is_local(task) else ""
            return (
                f"{spent.posts} paid requests were made today{of_all}, {more}and {allows} "
                f"{budget.daily_tasks}; the day ends at midnight UTC"
            )
        case "not_allowed":
            return f"{task.owner} may not make anything any more; whoever runs this server can change that"
        case "not_offered":
            return f"{task.owner} may not use {task.model} any more; whoever runs this server can change that"
        case "ask_first":
            return "it needs a yes (APIXO_MCP_CONFIRM_ABOVE_USD), and none was given for it"
        case "within":
            return "it is within the budget"


def _variable_of(budget: Budget) -> str:
    if budget.daily_usd is not None:
        return "a daily budget (APIXO_MCP_DAILY_BUDGET_USD)"
    return "a monthly budget (APIXO_MCP_MONTHLY_BUDGET_USD)"


def _told(period: str, most: float | None, spent: float, limit: Allowance, task: Task, variable: str) -> str:
    """Tells what is spent or left of a budget, in words that say whose it is."""
    whole, left = dollars(most or 0.0), dollars(max(0.0, (most or 0.0) - spent))
    if limit.whose == "owner":
        return f"{left} of your {period}'s {whole} are left"
    if _is_local(task):
        return f"{dollars(spent)} of the {period}'s {whole} ({variable}) are spent"
    return f"{left} of this server's {whole} a {period} for all ({variable}) are left; whoever runs it can change that"


def _is_local(task: Task) -> bool:
    return task.owner == LOCAL_NAME
