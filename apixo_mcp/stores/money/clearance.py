"""Decides whether a task may be sent, now and once more: what `mark_sent` lets go may cost money."""

from dataclasses import replace

from apixo_mcp.stores import statements
from apixo_mcp.stores.database import Database
from apixo_mcp.stores.kept.alerts import raise_alerts
from apixo_mcp.stores.money.spending import limits_of, verdict_of
from apixo_mcp.stores.part import write_over
from apixo_mcp.stores.rows import from_row
from apixo_mcp.tasks.alerts import budget_alerts
from apixo_mcp.tasks.ports.leases import BEYOND_LEASES
from apixo_mcp.tasks.ports.terms import Clearance, Sending
from apixo_mcp.tasks.task import Task
from apixo_mcp.tasks.transitions.unsent import WANTED_FOR, lapsed, still_wanted


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
        if clearance.how == "within" and not write_over(database, before, after):
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
        return [after for before, after in ended if write_over(database, before, after)]


def _cleared(database: Database, task: Task, terms: Sending, now: float) -> Clearance:
    """Decides whether the limits allow the task's next POST today, as its first one was asked."""
    limits = limits_of(database, task.owner, terms.budget, now, without=task.task_id)
    is_agreed = task.agreed_attempts > len(task.attempts)
    verdict = verdict_of(limits, task.estimate_usd, task, terms, confirmed=is_agreed)
    if verdict == "within" and task.purchase and task.agreed_attempts and not is_agreed:
        verdict = "ask_first"  # the yes was to the sum: one of them alone may be below what is asked about
    return Clearance(verdict, limits)


def _alerted(database: Database, task: Task, clearance: Clearance, now: float) -> Clearance:
    """Returns a clearance with what is to be told of its limits."""
    if clearance.how in ("lost", "no_room", "lapsed", "by_another"):
        return clearance
    due = budget_alerts(task.owner, clearance.how, clearance.limits, task.estimate_usd, 1, now)
    return replace(clearance, alerts=raise_alerts(database, due))
