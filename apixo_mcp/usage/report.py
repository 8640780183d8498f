"""Reports what was made and spent, and what budgets leave; of one owner, or of all."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import anyio

from apixo_mcp.gateways.failures import known_failure
from apixo_mcp.gateways.gateway import Balance
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.accounts import Account
from apixo_mcp.tasks.budget import Allowance, Budget, Spent
from apixo_mcp.tasks.owner import LOCAL, Owner
from apixo_mcp.tasks.ports.counts import DayCount
from apixo_mcp.tasks.ports.reports import BalanceLoss, Outcomes
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import FOLLOWED, State
from apixo_mcp.tasks.uses import usd_left, uses
from apixo_mcp.usage.meter import Meter

Key = TypeVar("Key")
Count = TypeVar("Count")

_RUNNING = frozenset({State.SUBMITTING, *FOLLOWED})
_DASHBOARD = "The gateway's dashboard shows the balance."


async def spending(
    store: Store,
    meter: Meter,
    accounts: Mapping[str, Account],
    limits: Sequence[Allowance],
    owner: Owner | None,
    *,
    days: int,
    within: float,
) -> dict[str, Any]:
    """Reports tasks, paid requests and spending by day, model and gateway, failures, balances, budgets and alerts.

    Spending is estimated (`spent_usd`), with what still runs or waits to be sent; that part of it is `reserved_usd`.
    What a gateway's balance lost is measured beside it (`measured_usd`), where that is this reader's alone.

    A model, or a gateway, of which no request has a known price has no `spent_usd`.

    In the place of a balance that is not known stands a note, or the failure that its gateway answered with.

    A request counts on the day on which it left, so that of one task several may, on several days.

    Args:
        store: the tasks.
        meter: asks for balances.
        accounts: that the owner's tasks are paid with, by their gateways' names.
        limits: that the owner's purchases are held to: their own before those of all.
        owner: whose spending; None: that of all together.
        days: how many, today included.
        within: seconds that the gateways have to tell their balances.
    """
    balances = await asked_balances(meter, accounts, owner, within)
    measured = await measured_spending(store, meter, accounts, owner, days)
    counts, outcomes = await store.usage(owner, days), await store.reports.outcomes(owner, days)
    report: dict[str, Any] = {
        "days": _by_day(counts, measured),
        "models": _by_model(counts, outcomes),
        "gateways": _by_gateway(counts, measured),
        "failures": _failures(outcomes),
        "totals": {**_added(counts), **_lost(measured)},
        "basis": {"spent_usd": "estimated", **({"measured_usd": "measured"} if measured else {})},
        "balances": balances,
        "daily_budget_usd": _first(limit.budget.daily_usd for limit in limits),
        "monthly_budget_usd": _first(limit.budget.monthly_usd for limit in limits),
        "budget_left_usd": usd_left(limits),
        "daily_task_limit": _first(limit.budget.daily_tasks for limit in limits),
        "budgets": [use.structure for use in uses(limits)] or None,
        "alerts": await store.alerts.current(owner or LOCAL),
    }
    return {name: value for name, value in report.items() if value is not None}


def _by_day(counts: Sequence[DayCount], measured: Sequence[BalanceLoss]) -> list[dict[str, Any]]:
    """Adds up each day, the newest first, and each model of a day."""
    of_days, lost = _grouped(counts, lambda count: count.day), _grouped(measured, lambda one: one.day)
    return [
        {
            "day": day,
            **_added(of_days.get(day, ())),
            **_lost(lost.get(day, ())),
            "models": [
                {"model": model, **_priced(_spent_of(of_model))}
                for model, of_model in _dearest_first(of_days.get(day, ()), lambda count: count.model)
            ],
        }
        for day in sorted({*of_days, *lost}, reverse=True)
        if day in of_days or any(one.spent_usd or one.added_usd for one in lost[day])
    ]


def _by_model(counts: Sequence[DayCount], outcomes: Outcomes) -> list[dict[str, Any]]:
    """Adds up each model, the dearest first, with how long its results took."""
    times = {
        time.model: {"median_seconds": round(time.median, 1), "p90_seconds": round(time.p90, 1)}
        for time in outcomes.times
    }
    return [
        {"model": model, **_priced(_added(of_model)), **times.get(model, {})}
        for model, of_model in _dearest_first(counts, lambda count: count.model)
    ]


def _by_gateway(counts: Sequence[DayCount], measured: Sequence[BalanceLoss]) -> list[dict[str, Any]]:
    """Adds up each gateway, with what its balance lost and what the spending is known by."""
    lost = _grouped(measured, lambda one: one.gateway)
    rows: list[dict[str, Any]] = []
    for gateway, of_gateway in _dearest_first(counts, lambda count: count.gateway):
        row = {"gateway": gateway, **_priced(_spent_of(of_gateway)), **_lost(lost.get(gateway, ()))}
        basis = "measured" if gateway in lost else "estimated" if "spent_usd" in row else "unknown"
        since = {"measured_since": min(one.since for one in lost[gateway])} if gateway in lost else {}
        rows.append({**row, **since, "basis": basis})
    return rows


def _failures(outcomes: Outcomes) -> list[dict[str, Any]]:
    """Returns each failure with how often it ended a task, and how often another request followed it."""
    retried = dict(outcomes.retried)
    ended = [
        {"failure": one.failure, "tasks": one.tasks, "retried": retried.pop(one.failure.code, 0)}
        for one in outcomes.failures
    ]
    return ended + [{"failure": known_failure(code), "tasks": 0, "retried": count} for code, count in retried.items()]


def _lost(measured: Sequence[BalanceLoss]) -> dict[str, float]:
    """Adds up what balances lost, and what came to them; nothing where none was measured."""
    if not measured:
        return {}
    added = round(sum(one.added_usd for one in measured), 4)
    lost = {"measured_usd": round(sum(one.spent_usd for one in measured), 4)}
    return lost | ({"added_usd": added} if added else {})


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


LEDGER = (
    *("day", "owner", "model", "tasks", "attempts", "spent_usd", "reserved_usd", "without_price"),
    *("gateway", "basis", "measured_usd"),
)
"""The columns of a ledger. A row has estimated dollars of a model, or measured ones of a gateway's balance."""

LedgerRow = tuple[str | int | float, ...]


def ledger(owner: str, counts: Sequence[DayCount]) -> list[LedgerRow]:
    """Returns a row for each day, model and gateway of an owner, the newest day first, in the columns of `LEDGER`."""
    rows: list[LedgerRow] = []
    groups = _grouped(counts, lambda count: (count.day, count.model, count.gateway))
    for (day, model, gateway), of_all in groups.items():
        added = _added(of_all)
        basis = "unknown" if added["without_price"] and not added["spent_usd"] else "estimated"
        rows.append(_row({**added, "day": day, "owner": owner, "model": model, "gateway": gateway, "basis": basis}))
    return rows


def measured_ledger(owner: str, measured: Sequence[BalanceLoss]) -> list[LedgerRow]:
    """Returns a row for each day and gateway whose balance was measured, in the columns of `LEDGER`."""
    about: dict[str, str | int | float] = {"owner": owner, "basis": "measured"}
    return [_row({**about, "day": one.day, "gateway": one.gateway, "measured_usd": one.spent_usd}) for one in measured]


def _row(values: Mapping[str, str | int | float]) -> LedgerRow:
    return tuple(
        values.get(column, 0 if column == "reserved_usd" and "spent_usd" in values else "") for column in LEDGER
    )


def _first(amounts: Iterable[float | None]) -> float | None:
    return next((amount for amount in amounts if amount is not None), None)


def _grouped(counts: Iterable[Count], key: Callable[[Count], Key]) -> dict[Key, list[Count]]:
    groups: dict[Key, list[Count]] = {}
    for count in counts:
        groups.setdefault(key(count), []).append(count)
    return groups


def _dearest_first(counts: Iterable[DayCount], key: Callable[[DayCount], str]) -> list[tuple[str, list[DayCount]]]:
    return sorted(_grouped(counts, key).items(), key=lambda group: -sum(count.estimate_usd for count in group[1]))


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


def _spent_of(counts: Sequence[DayCount]) -> dict[str, Any]:
    """Adds up tasks, paid requests and dollars alone; what there is nothing of is left out."""
    added = _added(counts)
    always = ("tasks", "spent_usd")
    return {name: added[name] for name in (*always, "attempts", "without_price") if name in always or added[name]}


def _priced(added: dict[str, Any]) -> dict[str, Any]:
    """Returns sums without the dollars where no price is known of any request: they would read as free."""
    is_unknown = added.get("without_price") and not added["spent_usd"]
    return {name: value for name, value in added.items() if not (is_unknown and name == "spent_usd")}


async def measured_spending(
    store: Store, meter: Meter, accounts: Mapping[str, Account], owner: Owner | None, days: int
) -> Sequence[BalanceLoss]:
    """Returns what balances lost that only this reader spends of; what others spend with the same key is not theirs."""
    if owner is None:
        return await store.reports.measured(None, days)
    if any(meter.is_own(account) for account in accounts.values()):
        return await store.reports.measured(owner.name, days)
    is_shared = any(name != owner.name for name in await store.owner_names())
    return () if is_shared else await store.reports.measured("", days)


async def asked_balances(
    meter: Meter, accounts: Mapping[str, Account], owner: Owner | None, within: float
) -> dict[str, Any]:
    """Returns the balances of all gateways at once; of one that takes longer than its caller bears, a note."""
    late = {"note": "the gateway has not answered in time; its dashboard shows the balance"}
    balances: dict[str, Any] = dict.fromkeys(accounts, late)

    async def ask(name: str) -> None:
        payer = owner.name if owner is not None and meter.is_own(accounts[name]) else ""
        balances[name] = _balance(await meter.read(accounts[name], payer))

    with anyio.move_on_after(within):
        async with anyio.create_task_group() as group:
            for name in accounts:
                group.start_soon(ask, name)
    return balances


def _balance(told: Balance | Failure | None) -> dict[str, Any] | Failure:
    match told:
        case Balance(amount, currency):
            return {"amount": amount, "currency": currency}
        case None:
            return {"note": "this gateway documents no balance call; see its dashboard"}
        case failure:
            is_known = failure.category in ("auth", "insufficient_credits", "rate_limited", "unavailable")
            return failure if is_known else replace(failure, advice=_DASHBOARD, next_action=None)
