"""Reports what was spent: counts, estimates, balances and what the budget leaves; of one owner, or of all."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import anyio

from apixo_mcp.gateways.gateway import Balance, Gateway
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.budget import Allowance, Budget, Spent
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.counts import DayCount
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import FOLLOWED, State
from apixo_mcp.tasks.uses import usd_left, uses

Key = TypeVar("Key")

_RUNNING = frozenset({State.SUBMITTING, *FOLLOWED})
_DASHBOARD = "The gateway's dashboard shows the balance."


async def spending(
    store: Store,
    gateways: Mapping[str, Gateway],
    limits: Sequence[Allowance],
    owner: Owner | None,
    *,
    days: int,
    within: float,
) -> dict[str, Any]:
    """Reports tasks, paid requests and estimated spending by day and by model, balances and what budgets leave.

    Spending includes what still runs or waits to be sent; that part of it is `reserved_usd`.

    A model of which no request has a known price has no `spent_usd`.

    In the place of a balance that is not known stands a note, or the failure that its gateway answered with.

    A request counts on the day on which it left, so that of one task several may, on several days.

    Args:
        store: the tasks.
        gateways: asked for their balances, by name.
        limits: that the owner's purchases are held to: their own before those of all.
        owner: whose spending; None: that of all together.
        days: how many, today included.
        within: seconds that the gateways have to tell their balances.
    """
    counts = await store.usage(owner, days)
    by_day = _grouped(counts, lambda count: count.day)
    by_model = _grouped(counts, lambda count: count.model)
    dearest_first = sorted(by_model.items(), key=lambda group: -sum(count.estimate_usd for count in group[1]))
    report: dict[str, Any] = {
        "days": [{"day": day, **_added(of_day)} for day, of_day in by_day.items()],
        "models": [{"model": model, **_priced(_added(of_model))} for model, of_model in dearest_first],
        "totals": _added(counts),
        "balances": await _balances(gateways, within),
        "daily_budget_usd": _first(limit.budget.daily_usd for limit in limits),
        "monthly_budget_usd": _first(limit.budget.monthly_usd for limit in limits),
        "budget_left_usd": usd_left(limits),
        "daily_task_limit": _first(limit.budget.daily_tasks for limit in limits),
        "budgets": [use.structure for use in uses(limits)] or None,
    }
    return {name: value for name, value in report.items() if value is not None}


async def spending_of_each(store: Store, owners: Sequence[Owner], budget: Budget, days: int) -> dict[str, Any]:
    """Reports what each of several owners has spent and what is left of each of their own limits, and what all have.

    Args:
        store: the tasks.
        owners: that are reported.
        budget: of all owners together.
        days: how many are added up for each, today included.
    """
    of_all, spent = await store.spent(None), (await store.totals()).spent
    each = [
        {
            "owner": owner.name,
            **_spent(spent.get(owner.name, Spent())),
            "budgets": [use.structure for use in uses(await store.limits(owner, budget)) if use.whose == "owner"],
            "totals": _added(await store.usage(owner, days)),
        }
        for owner in owners
    ]
    return {"owners": each, **_spent(of_all)}


def _spent(spent: Spent) -> dict[str, Any]:
    return {
        "spent_today_usd": round(spent.usd, 4),
        "tasks_today": spent.posts,
        "spent_month_usd": round(spent.month_usd, 4),
    }


LEDGER = ("day", "owner", "model", "tasks", "attempts", "spent_usd", "reserved_usd", "without_price")
"""The columns of a ledger."""


def ledger(owner: str, counts: Sequence[DayCount]) -> list[tuple[str | int | float, ...]]:
    """Returns a row for each day and model of an owner, the newest day first, in the columns of `LEDGER`."""
    rows: list[tuple[str | int | float, ...]] = []
    for (day, model), of_both in _grouped(counts, lambda count: (count.day, count.model)).items():
        added = {"reserved_usd": 0, **_added(of_both), "day": day, "owner": owner, "model": model}
        rows.append(tuple(added[column] for column in LEDGER))
    return rows


def _first(amounts: Iterable[float | None]) -> float | None:
    return next((amount for amount in amounts if amount is not None), None)


def _grouped(counts: Iterable[DayCount], key: Callable[[DayCount], Key]) -> dict[Key, list[DayCount]]:
    groups: dict[Key, list[DayCount]] = {}
    for count in counts:
        groups.setdefault(key(count), []).append(count)
    return groups


def _added(counts: Sequence[DayCount]) -> dict[str, Any]:
    """Adds up counts: tasks, in all and by state, paid requests, and dollars."""
    states: dict[str, int] = {}
    for count in counts:
        if count.tasks:
            states[str(count.state)] = states.get(str(count.state), 0) + count.tasks
    reserved = round(sum(count.estimate_usd for count in counts if count.state in _RUNNING), 4)
    return {
        "tasks": sum(count.tasks for count in counts),
        "attempts": sum(count.attempts for count in counts),
        "spent_usd": round(sum(count.estimate_usd for count in counts), 4),
        **({"reserved_usd": reserved} if reserved else {}),
        "without_price": sum(count.without_price for count in counts),
        **states,
    }


def _priced(added: dict[str, Any]) -> dict[str, Any]:
    """Returns a model's sums without the dollars where no price is known of any request: they would read as free."""
    is_unknown = added["without_price"] and not added["spent_usd"]
    return {name: value for name, value in added.items() if not (is_unknown and name == "spent_usd")}


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
