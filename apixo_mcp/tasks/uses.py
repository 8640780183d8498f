"""How far each limit of spending is used."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from apixo_mcp.tasks.budget import Allowance


@dataclass(frozen=True, slots=True)
class Use:
    """How far a limit is used.

    Attributes:
        whose: it is, as in `Allowance`.
        period: that it holds for, UTC.
        unit: dollars, by estimates; or paid requests.
        most: that it allows.
        used: of that.
    """

    whose: Literal["owner", "all"]
    period: Literal["day", "month"]
    unit: Literal["usd", "tasks"]
    most: float
    used: float

    @property
    def left(self) -> float:
        """How much it leaves."""
        return max(0.0, round(self.most - self.used, 4))

    @property
    def structure(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        about = {"whose": self.whose, "period": self.period}
        if self.unit == "usd":
            return {**about, "limit_usd": self.most, "spent_usd": round(self.used, 4), "left_usd": self.left}
        return {**about, "limit_tasks": int(self.most), "tasks": int(self.used), "left_tasks": int(self.left)}


def uses(limits: Sequence[Allowance]) -> tuple[Use, ...]:
    """Returns how far each limit is used, in the order of the limits."""
    used: list[Use] = []
    for limit in limits:
        budget, spent = limit.budget, limit.spent
        if budget.daily_usd is not None:
            used.append(Use(limit.whose, "day", "usd", budget.daily_usd, spent.usd))
        if budget.monthly_usd is not None:
            used.append(Use(limit.whose, "month", "usd", budget.monthly_usd, spent.month_usd))
        if budget.daily_tasks is not None:
            used.append(Use(limit.whose, "day", "tasks", budget.daily_tasks, spent.posts))
    return tuple(used)


def usd_left(limits: Sequence[Allowance]) -> float | None:
    """Returns how many dollars the tightest of all limits leaves, None where none limits them."""
    return min((use.left for use in uses(limits) if use.unit == "usd"), default=None)


def posts_left(limits: Sequence[Allowance]) -> int | None:
    """Returns how many paid requests of today the tightest of all limits leaves, None where none limits them."""
    left = [int(use.left) for use in uses(limits) if use.unit == "tasks"]
    return min(left, default=None)
