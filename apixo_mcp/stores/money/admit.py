"""Decides whether a request becomes a task: in one transaction an earlier one is adopted, or the limits are asked.

Written once, for every database; each decision runs in the thread in which its database is asked. How an earlier task
is adopted stands in `tasks.asking.delivery`, what leases and fences are for in `tasks.running.leases`.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from apixo_mcp.stores import statements
from apixo_mcp.stores.database import Database, Row
from apixo_mcp.stores.kept.alerts import raise_alerts
from apixo_mcp.stores.kept.outbox import tell_nothing_of
from apixo_mcp.stores.money.spending import limits_of, verdict_of
from apixo_mcp.stores.part import write_over
from apixo_mcp.stores.rows import from_row, to_row
from apixo_mcp.tasks.alerts import budget_alerts
from apixo_mcp.tasks.asking.repeats import equal_note
from apixo_mcp.tasks.budget import Agreement, together
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.leases import BEYOND_LEASES
from apixo_mcp.tasks.ports.terms import ADOPTED_FOR, QUOTED_FOR, Admitted, Terms
from apixo_mcp.tasks.purchase import AT_PLACE
from apixo_mcp.tasks.task import INTERNAL_KEY, Task
from apixo_mcp.tasks.transitions.unsent import lapsed, still_wanted


def admit(database: Database, tasks: Sequence[Task], terms: Terms) -> Admitted:
    """See `Store.admit`."""
    with database.transaction("money"):
        now = database.now()
        if terms.vouched_for is not None:
            tasks = [replace(task, asked_until=now + terms.vouched_for) for task in tasks]
        if terms.wanted_for is not None:
            tasks = [replace(task, wanted_until=now + terms.wanted_for) for task in tasks]
        first = tasks[0]  # what all of them share stands in it
        limits = limits_of(database, first.owner, terms.budget, now)
        if first.idempotency_key and (earlier := _under_key(database, first, terms, now)):
            return Admitted("same_key", earlier, limits)
        is_internal = first.idempotency_key.startswith(INTERNAL_KEY)
        if (is_internal or not first.idempotency_key) and (adopted := _unanswered(database, first, terms, now)):
            return Admitted(*adopted, limits)
        if terms.may != "buy":
            return Admitted("none", tuple(tasks), limits)
        usd = together(task.estimate_usd for task in tasks)
        verdict = verdict_of(limits, usd, first, terms, posts=len(tasks), confirmed=False)
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
            write_over(database, one, lapsed(one, now))
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
