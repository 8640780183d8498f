"""Owners as they are shown to whoever runs the server: what they may do, and what they have spent."""

from collections.abc import Mapping
from typing import Any

from apixo_mcp.catalog.prices import dollars
from apixo_mcp.owners.store import KnownOwner
from apixo_mcp.tasks.budget import Spent
from apixo_mcp.views.words import given, iso


def owner_structure(known: KnownOwner, spent: Spent, now: float, last_task_at: float | None) -> dict[str, Any]:
    """Returns an owner as plain JSON values: their terms, and what they have spent.

    Args:
        known: the owner.
        spent: today and in this month.
        now: Unix seconds.
        last_task_at: when their newest task was made, Unix seconds; None where they have none.
    """
    owner, budget = known.owner, known.owner.budget
    today = owner.budget_at(now)
    raised = (today.daily_usd or 0.0) - (budget.daily_usd or 0.0)
    raised_month = (today.monthly_usd or 0.0) - (budget.monthly_usd or 0.0)
    return given(
        {
            "owner": owner.name,
            "scope": str(owner.scope),
            "models": list(owner.models) or None,
            "daily_usd": budget.daily_usd,
            "monthly_usd": budget.monthly_usd,
            "daily_tasks": budget.daily_tasks,
            "raised_today_usd": round(raised, 4) or None,
            "raised_month_usd": round(raised_month, 4) or None,
            "keys": dict(owner.keys) or None,
            "spent_today_usd": round(spent.usd, 4),
            "tasks_today": spent.posts,
            "spent_month_usd": round(spent.month_usd, 4),
            "has_token": known.has_token,
            "made_at": iso(known.made_at),
            "last_task_at": None if last_task_at is None else iso(last_task_at),
            "revoked_at": None if known.revoked_at is None else iso(known.revoked_at),
        }
    )


def owner_line(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the columns of an owner's line in a list."""
    state = "revoked" if "revoked_at" in told else str(told["scope"])
    return (
        str(told["owner"]),
        f"{state:<8}",
        _of(told["spent_today_usd"], told.get("daily_usd"), "today", told.get("raised_today_usd", 0.0)),
        _of(told["spent_month_usd"], told.get("monthly_usd"), "this month", told.get("raised_month_usd", 0.0)),
        ", ".join(told.get("models", ("all models",))),
    )


def _of(spent: float, most: float | None, period: str, raised: float = 0.0) -> str:
    """Tells what is spent of a limit, where there is one."""
    limit = "" if most is None else f" of {dollars(most + raised)}"
    return f"{dollars(spent)}{limit} {period}"
