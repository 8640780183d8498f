"""The transactions in which money is decided on: whether a request becomes a task, and whether a task may be sent.

Written once, for every database; each runs in the thread in which its database is asked. How an earlier task is
adopted stands in `tasks.asking.delivery`, what leases and fences are for in `tasks.running.leases`.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from apixo_mcp.stores import statements
from apixo_mcp.stores.alerts import raise_alerts
from apixo_mcp.stores.database import Database, Readable, Row
from apixo_mcp.stores.outbox import tell_nothing_of
from apixo_mcp.stores.owners import standing_of
from apixo_mcp.stores.rows import from_row, to_row
from apixo_mcp.tasks.alerts import budget_alerts
from apixo_mcp.tasks.asking.repeats import equal_note
from apixo_mcp.tasks.budget import (
    Agreement,
    Allowance,
    Budget,
    Spent,
    Verdict,
    day_start,
    decide,
    month_start,
    together,
)
from apixo_mcp.tasks.hearing import Hearer, heard_after, hearer_of
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.store import BEYOND_LEASES
from apixo_mcp.tasks.ports.terms import ADOPTED_FOR, QUOTED_FOR, Admitted, Clearance, Sending, Terms
from apixo_mcp.tasks.purchase import AT_PLACE
from apixo_mcp.tasks.task import INTERNAL_KEY, Delivered, Task
from apixo_mcp.tasks.transitions.unsent import WANTED_FOR, lapsed, still_wanted


def admit(database: Database, tasks: Sequence[Task], terms: Terms) -> Admitted:
    """See `Store.admit`."""
    with database.transaction("money"):
        now = database.now()
        if terms.vouched_for is not None:
            tasks = [replace(task, asked_until=now + terms.vouched_for) for task in tasks]
        if terms.wanted_for is not None:
            tasks = [replace(task, wanted_until=now + terms.wanted_for) for task in tasks]
        first = tasks[0]  # what all of them share stands in it
        limits = _limits(database, first.owner, terms.budget, now)
        if first.idempotency_key and (earlier := _under_key(database, first, terms, now)):
            return Admitted("same_key", earlier, limits)
        is_internal = first.idempotency_key.startswith(INTERNAL_KEY)
        if (is_internal or not first.idempotency_key) and (adopted := _unanswered(database, first, terms, now)):
            return Admitted(*adopted, limits)
        if terms.may != "buy":
            return Admitted("none", tuple(tasks), limits)
        usd = together(task.estimate_usd for task in tasks)
        verdict = _verdict(limits, usd, first, terms, posts=len(tasks), confirmed=False)
        if verdict == "within" and terms.only_as_quoted:
            verdict = "ask_first"
        if verdict == "ask_first" and (yes := _yes(database, first, usd, terms, now)):
            tasks, verdict = [replace(task, agreed_attempts=yes.attempts) for task in tasks], "within"
        alerts = raise_alerts(database, budget_alerts(first.owner, verdict, limits, usd, len(tasks), now))
        if verdict != "within":
            return Admitted(verdict, tuple(tasks), limits, alerts)
        if note := _note_of_equal(database, first, now):
            tasks = [replace(tasks[0], notes=(*tasks[0].notes, note)), *tasks[1:]]
        for task in tasks:
            database.execute(statements.INSERT, to_row(task))
        return Admitted("new", tuple(tasks), limits, alerts)


def _under_key(database: Database, task: Task, terms: Terms, now: float) -> tuple[Task, ...]:
    """Returns the tasks that have the idempotency key.

    What was never sent and nobody wants any more ends, and where no task is left with the key there is none.
    """
    rows = database.execute(statements.UNDER_KEY_OR_PLACES, _key_and_places(task))
    if not rows:
        return ()
    earlier = _whole(database, from_row(rows[0]))
    unsent = [one for one in earlier if one.is_unsent]
    if terms.may == "look":
        is_over = all(one in unsent and still_wanted(one, now, terms.process) == "no" for one in earlier)
        return () if is_over else earlier
    if not unsent or earlier[0].fingerprint != task.fingerprint:
        return earlier
    for one in unsent:
        if still_wanted(one, now, terms.process) == "no" and not one.attempts:
            _write(database, one, lapsed(one, now))
    if not database.execute(statements.UNDER_KEY_OR_PLACES, _key_and_places(task)):
        return ()
    _ask(database, earlier, task, now)
    return _whole(database, earlier[0])


def _key_and_places(task: Task) -> dict[str, Any]:
    key = task.idempotency_key
    return {"owner": task.owner, "key": key, "at_place": key + AT_PLACE, "behind": key + chr(ord(AT_PLACE) + 1)}


def _whole(database: Database, task: Task) -> tuple[Task, ...]:
    """Returns all that was bought with a task, in its order."""
    if not task.purchase:
        return (task,)
    rows = database.execute(statements.PURCHASE, {"owner": task.owner, "purchase": task.purchase})
    return tuple(map(from_row, rows))


def _ask(database: Database, earlier: Iterable[Task], task: Task, now: float) -> None:
    """Notes that an earlier purchase was asked for once more, by the call that would have made a new one."""
    asked = {name: getattr(task, name) for name in ("asked_by", "asked_until", "wanted_until", "meant_last")}
    for one in earlier:
        database.execute(statements.ASK, {**asked, "now": now, "task_id": one.task_id})


def mark_answer(database: Database, task_ids: Sequence[str], call: str, answer: Delivered, then: str) -> None:
    """See `Store.mark_answer`."""
    with database.transaction():
        for task_id in task_ids:
            database.execute(statements.ANSWERED, {"answer": answer, "task_id": task_id, "call": call, "then": then})
        if answer == "given":
            _mark_heard(database, task_ids, hearer_of(call))


def mark_heard(database: Database, task_ids: Sequence[str], hearer: Hearer) -> None:
    """See `Store.mark_heard`."""
    with database.transaction():
        _mark_heard(database, task_ids, hearer)


def _mark_heard(database: Database, task_ids: Sequence[str], hearer: Hearer) -> None:
    for task_id in task_ids:
        while rows := database.execute(statements.HEARD_BY, {"task_id": task_id}):
            before = rows[0]["heard_by"]
            after = heard_after(before, rows[0]["asked_by"], hearer)
            named = {"task_id": task_id, "heard_by": after, "before": before}
            if after == before or database.execute(statements.HEAR, named):
                break  # or somebody else was noted meanwhile, and is kept


def _yes(database: Database, task: Task, usd: float | None, terms: Terms, now: float) -> Agreement | None:
    """Returns the yes that this purchase has: one just given in person, or one to a quote, which it uses up."""
    agreed, quoted = terms.agreed, terms.quoted or task.fingerprint
    if agreed is None and terms.confirmed:
        named = {"owner": task.owner, "fingerprint": quoted, "since": now - QUOTED_FOR}
        rows = database.execute(statements.QUOTED, {**named, "asked_at": database.now() - terms.open_for()})
        agreed = Agreement(rows[0]["usd"], rows[0]["attempts"]) if rows else None
    if agreed is None or not agreed.covers(usd):
        return None
    if (seen := terms.seen) is not None and not (seen.covers(usd) and agreed.attempts <= seen.attempts):
        return None  # another page of the same owner was told another price meanwhile
    database.execute(statements.FORGET_QUOTE, {"owner": task.owner, "fingerprint": quoted})
    return agreed


def quote(database: Database, owner: Owner, fingerprint: str, agreement: Agreement) -> None:
    """See `Store.quote`."""
    with database.transaction("money"):
        now = database.now()
        database.execute(statements.FORGET_OLD_QUOTES, {"now": now, "lasts": QUOTED_FOR})
        named = {"owner": owner.name, "fingerprint": fingerprint, "usd": agreement.usd, "attempts": agreement.attempts}
        database.execute(statements.QUOTE, {**named, "now": now})


def forget_quote(database: Database, owner: Owner, fingerprint: str) -> None:
    """See `Store.forget_quote`."""
    database.execute(statements.FORGET_QUOTE, {"owner": owner.name, "fingerprint": fingerprint})


def mark_sent(database: Database, task: Task, terms: Sending) -> Clearance:
    """See `Store.mark_sent`."""
    with database.transaction("money"):
        now = database.now()
        rows = database.execute(statements.GET, {"task_id": task.task_id})
        row = from_row(rows[0]) if rows else None
        if row is None or not _may_send(row, task, now):
            return Clearance("lost")
        match still_wanted(row, now, terms.process):
            case "no":
                return Clearance("lapsed")
            case "by_another":
                return Clearance("by_another")
            case "yes":
                pass
        clearance = _cleared(database, row, terms, now)
        if clearance.how != "within":
            return _alerted(database, row, clearance, now)
        if database.execute(statements.COUNT_IN_FLIGHT, {"key_print": row.key_print})[0]["count"] >= terms.in_flight:
            return Clearance("no_room")
        sent = {name: getattr(task, name) for name in ("task_id", "fence", "lease_holder", "reached_at")}
        if not database.execute(statements.MARK_SENT, {**sent, "now": now}):
            return Clearance("lost")  # it was cancelled just now
        return replace(_alerted(database, row, clearance, now), sent_at=now)


def _may_send(row: Task, task: Task, now: float) -> bool:
    """Tells whether it is unsent and its claimer has it still, who may have slept since."""
    is_same = (row.fence, row.lease_holder) == (task.fence, task.lease_holder)
    # What lies beyond every lease was written before the clock was set back.
    is_held = now < row.lease_until <= now + BEYOND_LEASES
    return row.is_unsent and is_same and is_held and not row.cancel_requested


def try_again(database: Database, before: Task, after: Task, terms: Sending) -> Clearance:
    """See `Store.try_again`."""
    with database.transaction("money"):
        now = database.now()
        clearance = _cleared(database, after, terms, now)
        if clearance.how == "within" and not _write(database, before, after):
            return Clearance("lost")
        return _alerted(database, after, clearance, now)


def end_lapsed(database: Database, process: str) -> list[Task]:
    """See `Store.end_lapsed`."""
    if not database.execute(statements.OLD_UNSENT, {"now": database.now(), "age": WANTED_FOR}):
        return []  # as nearly always
    with database.transaction("money"):
        now = database.now()
        unsent = map(from_row, database.execute(statements.OLD_UNSENT, {"now": now, "age": WANTED_FOR}))
        ended = [(task, lapsed(task, now)) for task in unsent if still_wanted(task, now, process) == "no"]
        return [after for before, after in ended if _write(database, before, after)]


def add(database: Database, tasks: Iterable[Task]) -> list[str]:
    """See `Store.add`."""
    added: list[str] = []
    with database.transaction("money"):
        for task in tasks:
            if not database.execute(statements.IS_THERE, {"task_id": task.task_id}):
                insert_without_taken_key(database.execute, task)
                if task.is_copy:
                    tell_nothing_of(database, task.task_id, str(task.state))
                added.append(task.task_id)
    return added


def insert_without_taken_key(execute: Callable[[str, Mapping[str, Any]], Sequence[Row]], task: Task) -> None:
    """Adds a task that lived elsewhere; one whose idempotency key another task has goes without it."""
    if task.idempotency_key and execute(statements.UNDER_KEY, {"owner": task.owner, "key": task.idempotency_key}):
        task = replace(task, idempotency_key="")
    execute(statements.INSERT, to_row(task))


def _cleared(database: Database, task: Task, terms: Sending, now: float) -> Clearance:
    """Decides whether the limits allow the task's next POST today, as its first one was asked."""
    limits = _limits(database, task.owner, terms.budget, now, without=task.task_id)
    is_agreed = task.agreed_attempts > len(task.attempts)
    verdict = _verdict(limits, task.estimate_usd, task, terms, confirmed=is_agreed)
    if verdict == "within" and task.purchase and task.agreed_attempts and not is_agreed:
        verdict = "ask_first"  # the yes was to the sum: one of them alone may be below what is asked about
    return Clearance(verdict, limits)


def _verdict(
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


def _alerted(database: Database, task: Task, clearance: Clearance, now: float) -> Clearance:
    """Returns a clearance with what is to be told of its limits."""
    if clearance.how in ("lost", "no_room", "lapsed", "by_another"):
        return clearance
    due = budget_alerts(task.owner, clearance.how, clearance.limits, task.estimate_usd, 1, now)
    return replace(clearance, alerts=raise_alerts(database, due))


def _write(database: Database, before: Task, after: Task) -> bool:
    values = {**to_row(after), "fence": before.fence, "state_before": str(before.state)}
    return bool(database.execute(statements.COMMIT, values))


def _limits(
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
        return _limits(database, owner, of_all, database.now())


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


def _note_of_equal(database: Database, task: Task, now: float) -> str:
    """Says that the same was bought minutes ago, and is charged a second time; empty where it was not."""
    values = {"fingerprint": task.fingerprint, "owner": task.owner, "since": now - ADOPTED_FOR}
    rows = database.execute(statements.EQUAL, values)
    if not rows:
        return ""
    earlier = from_row(rows[0])
    return equal_note(earlier, now - max(earlier.created_at, earlier.asked_at))


def _unanswered(
    database: Database, task: Task, terms: Terms, now: float
) -> tuple[Literal["awaited", "adopted", "joined"], tuple[Task, ...]] | None:
    """Finds an earlier equal purchase whose caller never got the answer, repeats its call, or may still wait for it."""
    rows = database.execute(
        statements.UNANSWERED,
        {
            "fingerprint": task.fingerprint,
            "owner": task.owner,
            "since": now - ADOPTED_FOR,
            "now": now,
            "internal": INTERNAL_KEY,
            "repeated": json.dumps(sorted(terms.repeated)),
        },
    )
    undecided: Task | None = None
    for earlier in map(from_row, rows):
        is_open = earlier.task_id in terms.repeated and earlier.answer != "lost"
        if not is_open and earlier.answer == "awaited" and earlier.asked_by in terms.alive:
            continue
        if not is_open and earlier.answer == "awaited" and _may_wait(earlier, terms, now):
            undecided = undecided or earlier
            continue
        bought = _whole(database, earlier)
        if terms.may != "look":
            _ask(database, bought, task, now)
        return "joined" if is_open else "adopted", bought
    return ("awaited", _whole(database, undecided)) if undecided else None


def _may_wait(task: Task, terms: Terms, now: float) -> bool:
    if terms.process and task.asked_by.startswith(terms.process):
        return task.asked_by in terms.waiting
    # What lies beyond every lease was written before the clock was set back.
    return now < task.asked_until <= now + BEYOND_LEASES
