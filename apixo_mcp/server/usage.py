"""What `get_usage` tells: counts, estimates, balances and the budget."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from apixo_mcp.app import App
from apixo_mcp.gateways.gateway import Balance


async def usage_structure(app: App, owner: str, days: int) -> dict[str, Any]:
    """The owner's tasks and estimated spending a day, with the balances and what is left of the budget."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    counts = await app.store.usage(owner, (today - timedelta(days=days - 1)).timestamp())
    rows: dict[str, dict[str, Any]] = {}
    for count in counts:
        row = rows.setdefault(count.day, {"day": count.day, "tasks": 0, "estimated_usd": 0.0, "without_price": 0})
        row["tasks"] += count.tasks
        row[str(count.state)] = row.get(str(count.state), 0) + count.tasks
        row["estimated_usd"] = round(row["estimated_usd"] + count.estimate_usd, 4)
        row["without_price"] += count.without_price
    balances: dict[str, Any] = {}
    for name, account in app.accounts.items():
        match await account.gateway.balance():
            case Balance(amount, currency):
                balances[name] = {"amount": amount, "currency": currency}
            case None:
                balances[name] = {"note": "this gateway documents no balance call; see its dashboard"}
            case failure:
                is_known = failure.category in ("auth", "insufficient_credits", "rate_limited", "unavailable")
                advice = failure.advice if is_known else "The gateway's dashboard shows the balance."
                balances[name] = {"error": failure.message, "advice": advice}
    spending = app.service.spending
    spent = rows.get(today.strftime("%Y-%m-%d"), {}).get("estimated_usd", 0.0)
    found: dict[str, Any] = {
        "days": list(rows.values()),
        "totals": {
            "tasks": sum(row["tasks"] for row in rows.values()),
            "estimated_usd": round(sum(row["estimated_usd"] for row in rows.values()), 4),
        },
        "balances": balances,
        "daily_budget_usd": spending.daily_usd,
        "budget_left_usd": round(spending.daily_usd - spent, 4) if spending.daily_usd is not None else None,
        "daily_task_limit": spending.daily_tasks,
    }
    return {name: value for name, value in found.items() if value is not None}


def usage_sentence(found: Mapping[str, Any]) -> str:
    """The same in a sentence or two, for a person."""
    totals = found["totals"]
    said = f"{totals['tasks']} tasks in this time, about ${totals['estimated_usd']:.2f} by the prices known."
    for name, entry in found["balances"].items():
        if "amount" in entry:
            said += f" Balance of {name}: {entry['amount']:.2f} {entry['currency']}."
    return said
