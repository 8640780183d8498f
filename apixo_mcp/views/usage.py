"""Spending as it is shown."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import anyio

from apixo_mcp.app import App
from apixo_mcp.catalog.prices import dollars
from apixo_mcp.errors import StoreError
from apixo_mcp.generation import Category, Failure
from apixo_mcp.tasks.alerts import LEVELS
from apixo_mcp.tasks.asking.request import Quote
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.uses import posts_left, usd_left
from apixo_mcp.views.alerts import alert_structures
from apixo_mcp.views.chinese import chinese_advice
from apixo_mcp.views.faces import SCREEN, Face, advice_of
from apixo_mcp.views.words import counted, iso, priced

MEANINGS: Mapping[Category, str] = {
    "content_policy": "content rules refused it",
    "invalid_input": "an input did not fit the model",
    "media_input": "an input file could not be used",
    "insufficient_credits": "too few credits were left",
    "auth": "the API key was refused",
    "rate_limited": "too many requests at once",
    "timeout": "it took the model too long",
    "unavailable": "the model or service was not available",
    "generation_failed": "the model could not make it",
    "unknown": "the reason is not documented",
}
"""What failures mean, in a few words, by their category."""
_NAMED = 3  # models in a sentence
LEFT_WITHIN = 0.3  # seconds that an answer waits at most to learn what is left


async def budget_left(app: App, owner: Owner) -> dict[str, float | int]:
    """Returns what the tightest limits leave an owner, by the store's own sums; empty without limits, or in haste."""
    if not (app.budget.is_limited or owner.budget.is_limited):
        return {}  # spares most answers a question to the store
    with anyio.move_on_after(LEFT_WITHIN), suppress(StoreError):
        limits = await app.store.limits(owner, app.budget)
        left = {"usd": usd_left(limits), "tasks": posts_left(limits)}
        return {name: amount for name, amount in left.items() if amount is not None}
    return {}


def usage_structure(report: Mapping[str, Any], face: Face) -> dict[str, Any]:
    """Returns a report of spending as plain JSON values."""
    told = {
        **report,
        "gateways": [_gateway(row) for row in report["gateways"]],
        "failures": [_failure(row, face) for row in report["failures"]],
        "balances": {name: _balance(entry, face) for name, entry in report["balances"].items()},
        "alerts": alert_structures(report["alerts"], face),
    }
    if report.get("budgets"):
        told |= {"budgets": [_with_level(use) for use in report["budgets"]], "budget_levels": list(LEVELS)}
    return told


def _gateway(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**row, "measured_since": iso(row["measured_since"])} if "measured_since" in row else row


def _failure(row: Mapping[str, Any], face: Face) -> dict[str, Any]:
    """Returns a failure with what its code means, what to do about it, and whether it was charged."""
    failure: Failure = row["failure"]
    told = {
        "code": failure.code,
        "category": failure.category,
        "meaning": MEANINGS[failure.category],
        "advice": advice_of(failure, face),
        "advice_zh": chinese_advice(failure) if face is SCREEN else "",
        "charged": failure.charged,
        "tasks": row["tasks"],
        "retried": row["retried"],
    }
    return {name: value for name, value in told.items() if value or name == "tasks"}


def _with_level(use: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a limit with how far it is used, in percent, and the highest level that it has reached."""
    used, most = (use["spent_usd"], use["limit_usd"]) if "limit_usd" in use else (use["tasks"], use["limit_tasks"])
    percent = round(100 * used / most, 1) if most else 100.0
    reached = [level for level in LEVELS if level <= percent]
    return {**use, "percent": percent, **({"reached": reached[-1]} if reached else {})}


def _balance(entry: Mapping[str, Any] | Failure, face: Face) -> Mapping[str, Any]:
    return {"error": entry.message, "advice": advice_of(entry, face)} if isinstance(entry, Failure) else entry


def would_cost(quote: Quote) -> str:
    """Tells what a quote's purchase would cost, as a clause; its further attempts are not in it."""
    if quote.count == 1:
        return f"{quote.model} would cost {priced(quote.usd)}"
    return f"{quote.count} tasks of {quote.model} would cost {priced(quote.usd)} together"


def quoted(quote: Quote) -> str:
    """Tells what a quote's purchase would cost, its further attempts, and what it takes for `last`, as a clause."""
    last = f"; {quote.last.rstrip('.')}" if quote.last else ""
    if quote.attempts <= 1:
        return f"{would_cost(quote)}{last}"
    tries = " for each of up to {} attempts" if quote.count == 1 else " if each takes one attempt of up to {}"
    most = f": at most {dollars(quote.usd * quote.attempts)}" if quote.usd is not None else ""
    return f"{would_cost(quote)}{tries.format(quote.attempts)}, should the gateway say to try again{most}{last}"


def usage_sentence(report: Mapping[str, Any]) -> str:
    """Tells a report of spending in a sentence or two."""
    totals = report["totals"]
    words = f"{counted(totals['tasks'], 'task')} in this time"
    if totals["attempts"] > totals["tasks"]:
        words += f" ({totals['attempts']} paid attempts)"
    words += f", about {dollars(totals['spent_usd'])} by the prices known"
    if totals.get("reserved_usd"):
        words += f", {dollars(totals['reserved_usd'])} of it for what still runs"
    words += "."
    words += _measured(report["gateways"])
    if len(report["models"]) > 1:
        words += _dearest(report["models"])
    if unknown := totals["without_price"]:
        counts = "counts" if unknown == 1 else "count"
        words += f" {counted(unknown, 'paid request')} had no known price and {counts} for nothing here."
    words += _failed(report["failures"])
    for name, entry in report["balances"].items():
        if "amount" in entry:
            words += f" Balance of {name}: {entry['amount']:.2f} {entry['currency']}."
    return words


def _measured(gateways: Sequence[Mapping[str, Any]]) -> str:
    """Tells what balances lost, beside the estimate of the same gateway."""
    words = ""
    for row in gateways:
        if "measured_usd" not in row:
            continue
        words += (
            f" The balance of {row['gateway']} fell by {dollars(row['measured_usd'])} since {row['measured_since']}"
        )
        if "spent_usd" in row:
            words += f"; the prices known say {dollars(row['spent_usd'])} for the whole time"
        words += "."
    return words


def _failed(failures: Sequence[Mapping[str, Any]]) -> str:
    """Tells of a few failures how often they came and what they mean."""
    ended = [f"{row['code']} {row['tasks']} ({row['meaning']})" for row in failures if row["tasks"]]
    return f" Most failed by {', '.join(ended[:_NAMED])}." if ended else ""


def _dearest(models: Sequence[Mapping[str, Any]]) -> str:
    """Tells of a few models what went to them; those without a known price come after, where there is room."""
    costly = [f"{row['model']} {dollars(row['spent_usd'])}" for row in models if row.get("spent_usd")]
    unknown = [f"{row['model']} (price unknown)" for row in models if "spent_usd" not in row]
    return f" Most went to {', '.join((*costly, *unknown)[:_NAMED])}." if costly else ""


def use_words(use: Mapping[str, Any]) -> str:
    """Tells how far a limit is used, and whose it is, as a clause."""
    period = "today" if use["period"] == "day" else "this month"
    whose = "own limit" if use["whose"] == "owner" else "limit for all"
    return f"the {whose} {period}, {_left_words(use)}"


def _left_words(use: Mapping[str, Any]) -> str:
    if "limit_usd" in use:
        return f"{dollars(use['spent_usd'])} of {dollars(use['limit_usd'])} are spent, {dollars(use['left_usd'])} left"
    requests = counted(use["limit_tasks"], "paid request")
    return f"{use['tasks']} of {requests} are made, {use['left_tasks']} left"


def day_cells(day: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the columns of a day's line."""
    measured = f"{dollars(day['measured_usd'])} by the balance" if "measured_usd" in day else ""
    return (str(day["day"]), counted(day["tasks"], "task"), _dollars_of(day), measured)


def model_cells(model: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the columns of a model's line."""
    took = ""
    if "median_seconds" in model:
        took = f"half in {_took(model['median_seconds'])}, nine in ten in {_took(model['p90_seconds'])}"
    return (str(model["model"]), counted(model["tasks"], "task"), _dollars_of(model), took)


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def failure_cells(failure: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the columns of a failure's line."""
    charged = {"no": "not charged", "yes": "charged", "unknown": "perhaps charged"}[failure["charged"]]
    retried = f"{failure['retried']} tried again" if failure.get("retried") else ""
    failed = f"{failure['tasks']} failed" if failure["tasks"] else ""
    return (str(failure["code"]), ", ".join(filter(None, (failed, retried))), f"{failure['meaning']}, {charged}")


def owner_cells(owner: Mapping[str, Any], days: int) -> tuple[str, ...]:
    """Returns the columns of an owner's line in a report of several."""
    totals = owner["totals"]
    of_days = f"{_dollars_of(totals)} in {counted(days, 'day')} ({counted(totals['tasks'], 'task')})"
    return (str(owner["owner"]), *_present_cells(owner), of_days, _left(owner["budgets"]))


def together_cells(report: Mapping[str, Any], days: int) -> tuple[str, ...]:
    """Returns the columns of the line of all owners together."""
    return owner_cells({**report, "owner": "all together", "budgets": report.get("budgets", ())}, days)


def _present_cells(spent: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"{dollars(spent['spent_today_usd'])} today", f"{dollars(spent['spent_month_usd'])} this month")


def _dollars_of(added: Mapping[str, Any]) -> str:
    unknown = added.get("without_price", 0)
    if unknown and not added.get("spent_usd"):
        return "price unknown"
    more = f" and {unknown} of unknown price" if unknown else ""
    return f"{dollars(added['spent_usd'])}{more}"


def _left(budgets: Sequence[Mapping[str, Any]]) -> str:
    """Tells what limits leave, in a few words."""
    words: list[str] = []
    for use in budgets:
        period = "today" if use["period"] == "day" else "this month"
        if "limit_usd" in use:
            words.append(f"{dollars(use['left_usd'])} of {dollars(use['limit_usd'])} {period}")
        else:
            words.append(f"{use['left_tasks']} of {counted(use['limit_tasks'], 'paid request')} {period}")
    return f"left: {', '.join(words)}" if words else "no limit"
