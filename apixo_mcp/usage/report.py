"""Reports what was spent: counts, estimates, balances and what the budget leaves."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import anyio

from apixo_mcp.gateways.gateway import Balance, Gateway
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.store import Store

_DASHBOARD = "The gateway's dashboard shows the balance."


async def spending(
    store: Store, gateways: Mapping[str, Gateway], budget: Budget, owner: Owner, *, days: int, within: float
) -> dict[str, Any]:
    """Reports an owner's tasks, paid requests and estimated spending a day, the balances and what the budget leaves.

    In the place of a balance that is not known stands a note, or the failure that its gateway answered with.

    A request counts on the day on which it left, so that of one task several may, on several days.

    Args:
        store: the tasks.
        gateways: asked for their balances, by name.
        budget: of the owner.
        owner: whose spending.
        days: how many, today included.
        within: seconds that the gateways have to tell their balances.
    """
    today = datetime.now(UTC)
    counts = await store.usage(owner, days)
    rows: dict[str, dict[str, Any]] = {}
    nothing = {"tasks": 0, "attempts": 0, "estimated_usd": 0.0, "without_price": 0}
    for count in counts:
        row = rows.setdefault(count.day, {"day": count.day, **nothing})
        row["tasks"] += count.tasks
        row["attempts"] += count.attempts
        if count.tasks:
            row[str(count.state)] = row.get(str(count.state), 0) + count.tasks
        row["estimated_usd"] = round(row["estimated_usd"] + count.estimate_usd, 4)
        row["without_price"] += count.without_price
    spent = rows.get(today.strftime("%Y-%m-%d"), {}).get("estimated_usd", 0.0)
    report: dict[str, Any] = {
        "days": list(rows.values()),
        "totals": {
            "tasks": sum(row["tasks"] for row in rows.values()),
            "attempts": sum(row["attempts"] for row in rows.values()),
            "estimated_usd": round(sum(row["estimated_usd"] for row in rows.values()), 4),
        },
        "balances": await _balances(gateways, within),
        "daily_budget_usd": budget.daily_usd,
        "budget_left_usd": round(budget.daily_usd - spent, 4) if budget.daily_usd is not None else None,
        "daily_task_limit": budget.daily_tasks,
    }
    return {name: value for name, value in report.items() if value is not None}


async def _balances(gateways: Mapping[str, Gateway], within: float) -> dict[str, Any]:
    """Returns the balances of all gateways at once; of one that takes longer than its caller bears, a note."""
    late = {"note": "the gateway has not answered in time; its dashboard shows the balance"}
    balances: dict[str, Any] = dict.fromkeys(gateways, late)

    async def ask(name: str) -> None:
        balances[name] = await _balance(gateways[name])

    with anyio.move_on_after(within):
        async with anyio.create_task_group() as group:
            for name in gateways:
                group.start_soon(ask, name)
    return balances


async def _balance(gateway: Gateway) -> dict[str, Any] | Failure:
    match await gateway.balance():
        case Balance(amount, currency):
            return {"amount": amount, "currency": currency}
        case None:
            return {"note": "this gateway documents no balance call; see its dashboard"}
        case failure:
            is_known = failure.category in ("auth", "insufficient_credits", "rate_limited", "unavailable")
            return failure if is_known else replace(failure, advice=_DASHBOARD, next_action=None)
