"""Adds up what is spent, and tells what the limits say to more: in the transaction that decides."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from apixo_mcp.stores import statements
from apixo_mcp.stores.database import Database, Readable
from apixo_mcp.stores.kept.owners import standing_of
from apixo_mcp.tasks.budget import Allowance, Budget, Spent, Verdict, day_start, decide, month_start
from apixo_mcp.tasks.ports.terms import Sending, Terms
from apixo_mcp.tasks.task import Task


def limits_of(
    database: Database, owner: str | None, of_all: Budget, now: float, *, without: str = ""
) -> tuple[Allowance, ...]:
    """Returns the limits of an owner, as their row has them at this moment, and of all; of `without` what has left."""
    standing = None if owner is None else standing_of(database, owner)
    if standing is None:  # this machine's own, or let in by somebody else's word: there is no row
        return (_allowance(database, of_all, None, now, without),)
    own = standing.owner.budget_at(now)
    allowance = _allowance(database, own, owner, now, without)
    theirs = replace(allowance, is_withdrawn=not standing.may_generate, models=standing.owner.models)
    return theirs, _allowance(database, of_all, None, now, without)


def _allowance(database: Database, budget: Budget, owner: str | None, now: float, without: str) -> Allowance:
    """Returns a budget with what is spent of it; what it does not limit is not added up."""
    whose = "all" if owner is None else "owner"
    if budget.monthly_usd is None and budget.daily_usd is None and budget.daily_tasks is None:
        return Allowance(budget, Spent(), whose)
    since = day_start(now) if budget.monthly_usd is None else month_start(now)
    spent = _added(database, owner, now, since, without)
    return Allowance(budget, spent if budget.monthly_usd is not None else replace(spent, month_usd=0.0), whose)


def limits(database: Database, owner: str | None, of_all: Budget) -> Sequence[Allowance]:
    """See `Store.limits`."""
    with database.transaction():
        return limits_of(database, owner, of_all, database.now())


def spent(database: Readable, owner: str | None) -> Spent:
    """See `Store.spent`."""
    now = database.now()
    return _added(database, owner, now, month_start(now))


def _added(database: Readable, owner: str | None, now: float, since: float, without: str = "") -> Spent:
    """Adds up the POSTs since some moment, of an owner or of all."""
    values: dict[str, Any] = {"since": since, "today": day_start(now), "without": without}
    if owner is None:
        sums = database.execute(statements.SPENT_BY_ALL, values)[0]
    else:
        sums = database.execute(statements.SPENT, {**values, "owner": owner})[0]
    return Spent(float(sums["usd"]), int(sums["posts"]), float(sums["month_usd"]))


def verdict_of(
    limits: Sequence[Allowance],
    usd: float | None,
    task: Task,
    terms: Terms | Sending,
    *,
    confirmed: bool,
    posts: int = 1,
) -> Verdict:
    """Tells what the limits say to a purchase of a task's model, of which the owner may have lost the use by now."""
    verdict = decide(limits, usd, confirmed=confirmed, posts=posts)
    is_offered = all(terms.allows(limit.models, task.model) for limit in limits)
    return verdict if is_offered or verdict == "not_allowed" else "not_offered"
