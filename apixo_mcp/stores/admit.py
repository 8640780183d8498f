"""The transactions in which money is decided on: whether a request becomes a task, and whether a task may be sent.

Written once, for every database; each runs in the thread in which its database is asked. How an earlier task is
adopted stands in `tasks.asking.delivery`, what leases and fences are for in `tasks.running.leases`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from apixo_mcp.stores import statements
from apixo_mcp.stores.database import Database, Row
from apixo_mcp.stores.rows import from_row, to_row
from apixo_mcp.tasks.budget import Agreement, Spent, day_start, decide
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.store import ADOPTED_FOR, BEYOND_LEASES, QUOTED_FOR, Admitted, Clearance, Sending, Terms
from apixo_mcp.tasks.task import INTERNAL_KEY, Task
from apixo_mcp.tasks.transitions.unsent import WANTED_FOR, lapsed, still_wanted


def admit(database: Database, task: Task, terms: Terms) -> Admitted:
    """See `Store.admit`."""
    with database.transaction():
        now = database.now()
        if terms.vouched_for is not None:
            task = replace(task, asked_until=now + terms.vouched_for)
        if terms.wanted_for is not None:
            task = replace(task, wanted_until=now + terms.wanted_for)
        spent = _spent(database, task.owner, terms, now)
        if task.idempotency_key and (earlier := _under_key(database, task, terms, now)):
            return Admitted("same_key", earlier, spent)
        is_internal = task.idempotency_key.startswith(INTERNAL_KEY)
        if (is_internal or not task.idempotency_key) and (adopted := _unanswered(database, task, terms, now)):
            return Admitted(*adopted, spent)
        verdict = decide(terms.budget, spent, task.estimate_usd, confirmed=False)
        if verdict == "ask_first" and (yes := _yes(database, task, terms, now)):
            task, verdict = replace(task, agreed_attempts=yes.attempts), "within"
        if verdict != "within":
            return Admitted(verdict, task, spent)
        database.execute(statements.INSERT, to_row(task))
        return Admitted("new", task, spent)


def _under_key(database: Database, task: Task, terms: Terms, now: float) -> Task | None:
    """Returns the task that has the idempotency key; one that was never sent and that nobody wants any more ends."""
    rows = database.execute(statements.UNDER_KEY, {"owner": task.owner, "key": task.idempotency_key})
    if not rows:
        return None
    earlier = from_row(rows[0])
    if not earlier.is_unsent or earlier.fingerprint != task.fingerprint:
        return earlier
    if still_wanted(earlier, now, terms.process) == "no" and not earlier.attempts:
        _write(database, earlier, lapsed(earlier, now))
        return None
    _ask(database, earlier, task, now)
    return earlier


def _ask(database: Database, earlier: Task, task: Task, now: float) -> None:
    """Notes that an earlier task was asked for once more, by the call that would have made a new one."""
    asked = {name: getattr(task, name) for name in ("asked_by", "asked_until", "wanted_until")}
    database.execute(statements.ASK, {**asked, "now": now, "task_id": earlier.task_id})


def _yes(database: Database, task: Task, terms: Terms, now: float) -> Agreement | None:
    """Returns the yes that this request has: one just given in person, or one to a quote, which it uses up."""
    agreed = terms.agreed
    if agreed is None and terms.confirmed:
        named = {"owner": task.owner, "fingerprint": task.fingerprint, "since": now - QUOTED_FOR}
        rows = database.execute(statements.QUOTED, {**named, "asked_at": now - terms.open_for()})
        agreed = Agreement(rows[0]["usd"], rows[0]["attempts"]) if rows else None
    if agreed is None or not agreed.covers(task.estimate_usd):
        return None
    database.execute(statements.FORGET_QUOTE, {"owner": task.owner, "fingerprint": task.fingerprint})
    return agreed


def quote(database: Database, owner: Owner, fingerprint: str, agreement: Agreement) -> None:
    """See `Store.quote`."""
    with database.transaction():
        now = database.now()
        database.execute(statements.FORGET_OLD_QUOTES, {"now": now, "lasts": QUOTED_FOR})
        named = {"owner": owner.name, "fingerprint": fingerprint, "usd": agreement.usd, "attempts": agreement.attempts}
        database.execute(statements.QUOTE, {**named, "now": now})


def forget_quote(database: Database, owner: Owner, fingerprint: str) -> None:
    """See `Store.forget_quote`."""
    database.execute(statements.FORGET_QUOTE, {"owner": owner.name, "fingerprint": fingerprint})


def mark_sent(database: Database, task: Task, terms: Sending) -> Clearance:
    """See `Store.mark_sent`."""
    with database.transaction():
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
            return clearance
        if database.execute(statements.COUNT_IN_FLIGHT, {"key_print": row.key_print})[0]["count"] >= terms.in_flight:
            return Clearance("no_room")
        database.execute(statements.MARK_SENT, {"now": now, "task_id": row.task_id})
        return replace(clearance, sent_at=now)


def _may_send(row: Task, task: Task, now: float) -> bool:
    """Tells whether it is unsent and its claimer has it still, who may have slept since."""
    is_same = (row.fence, row.lease_holder) == (task.fence, task.lease_holder)
    # What lies beyond every lease was written before the clock was set back.
    is_held = now < row.lease_until <= now + BEYOND_LEASES
    return row.is_unsent and is_same and is_held and not row.cancel_requested


def try_again(database: Database, before: Task, after: Task, terms: Sending) -> Clearance:
    """See `Store.try_again`."""
    with database.transaction():
        clearance = _cleared(database, after, terms, database.now())
        if clearance.how != "within":
            return clearance
        return clearance if _write(database, before, after) else Clearance("lost")


def end_lapsed(database: Database, process: str) -> list[Task]:
    """See `Store.end_lapsed`."""
    now = database.now()
    unsent = map(from_row, database.execute(statements.OLD_UNSENT, {"now": now, "age": WANTED_FOR}))
    ended = [(task, lapsed(task, now)) for task in unsent if still_wanted(task, now, process) == "no"]
    return [after for before, after in ended if _write(database, before, after)]


def add(database: Database, tasks: Iterable[Task]) -> list[str]:
    """See `Store.add`."""
    added: list[str] = []
    with database.transaction():
        for task in tasks:
            if not database.execute(statements.GET, {"task_id": task.task_id}):
                insert_without_taken_key(database.execute, task)
                added.append(task.task_id)
    return added


def insert_without_taken_key(execute: Callable[[str, Mapping[str, Any]], Sequence[Row]], task: Task) -> None:
    """Adds a task that lived elsewhere; one whose idempotency key another task has goes without it."""
    if task.idempotency_key and execute(statements.UNDER_KEY, {"owner": task.owner, "key": task.idempotency_key}):
        task = replace(task, idempotency_key="")
    execute(statements.INSERT, to_row(task))


def _cleared(database: Database, task: Task, terms: Sending, now: float) -> Clearance:
    """Decides whether the owner's limits allow the task's next POST today, as its first one was asked."""
    spent = _spent(database, task.owner, terms, now, without=task.task_id)
    is_agreed = task.agreed_attempts > len(task.attempts)
    return Clearance(decide(terms.budget, spent, task.estimate_usd, confirmed=is_agreed), spent)


def _write(database: Database, before: Task, after: Task) -> bool:
    values = {**to_row(after), "fence": before.fence, "state_before": str(before.state)}
    return bool(database.execute(statements.COMMIT, values))


def _spent(database: Database, owner: str, terms: Terms | Sending, now: float, *, without: str = "") -> Spent:
    """Adds up the day so far, where the budget has a limit of it; of `without` only the POSTs that have left."""
    if terms.budget.daily_usd is None and terms.budget.daily_tasks is None:
        return Spent()
    return _day(database, owner, now, without)


def spent(database: Database, owner: str) -> Spent:
    """See `Store.spent`."""
    return _day(database, owner, database.now())


def _day(database: Database, owner: str, now: float, without: str = "") -> Spent:
    values: dict[str, Any] = {"owner": owner, "since": day_start(now), "without": without}
    today = database.execute(statements.SPENT, values)[0]
    return Spent(float(today["usd"]), int(today["posts"]))


def _unanswered(
    database: Database, task: Task, terms: Terms, now: float
) -> tuple[Literal["awaited", "adopted"], Task] | None:
    """Finds an earlier task of the same request whose caller never got the answer, or may still wait for it."""
    rows = database.execute(
        statements.UNANSWERED,
        {
            "fingerprint": task.fingerprint,
            "owner": task.owner,
            "since": now - ADOPTED_FOR,
            "now": now,
            "internal": INTERNAL_KEY,
        },
    )
    for earlier in map(from_row, rows):
        if earlier.answer == "awaited" and earlier.asked_by in terms.alive:
            continue
        if earlier.answer == "awaited" and _may_wait(earlier, terms, now):
            return "awaited", earlier
        _ask(database, earlier, task, now)
        return "adopted", earlier
    return None


def _may_wait(task: Task, terms: Terms, now: float) -> bool:
    if terms.process and task.asked_by.startswith(terms.process):
        return task.asked_by in terms.waiting
    # What lies beyond every lease was written before the clock was set back.
    return now < task.asked_until <= now + BEYOND_LEASES
