"""Whether a wish becomes a task: the one transaction in which the store compares it with what it holds."""

from typing import Literal

from apixo_mcp.tasks.sqlite.database import Database
from apixo_mcp.tasks.sqlite.rows import from_row, insert
from apixo_mcp.tasks.store import ADOPTED_FOR, BEYOND_LEASES, Admitted, Terms
from apixo_mcp.tasks.task import INTERNAL_KEY, Task
from apixo_mcp.usage.budget import Spent, day_start, decide

FREE_OF_CHARGE = """(state = 'cancelled' or (state = 'failed' and remote_id = '' and attempts = '[]'))"""


def admit(database: Database, task: Task, terms: Terms) -> Admitted:
    """See `Store.admit`. For use in the worker thread."""
    with database.transaction():
        spent = _spent(database, task.owner, day_start(terms.now))
        if task.idempotency_key:
            named = {"owner": task.owner, "key": task.idempotency_key}
            rows = database.read("select * from task where owner = :owner and idempotency_key = :key", named)
            if rows:
                return Admitted("same_key", from_row(rows[0]), spent)
        is_internal = task.idempotency_key.startswith(INTERNAL_KEY)
        if (is_internal or not task.idempotency_key) and (earlier := _unanswered(database, task, terms)):
            return Admitted(*earlier, spent)
        verdict = decide(terms.budget, spent, task.estimate_usd, confirmed=terms.confirmed)
        if verdict != "within":
            return Admitted(verdict, task, spent)
        insert(database.connected, task)
        return Admitted("new", task, spent)


def _spent(database: Database, owner: str, since: float) -> Spent:
    statement = f"""select coalesce(sum(estimate_usd), 0) as usd, count(*) as tasks from task
                    where owner = :owner and created_at >= :since and not {FREE_OF_CHARGE}"""
    today = database.read(statement, {"owner": owner, "since": since})[0]
    return Spent(float(today["usd"]), int(today["tasks"]))


def _unanswered(database: Database, task: Task, terms: Terms) -> tuple[Literal["awaited", "adopted"], Task] | None:
    """An earlier task of the same request whose caller never got the answer, or may still wait for it."""
    rows = database.read(
        """select * from task where fingerprint = :fingerprint and owner = :owner
           and (idempotency_key = '' or substr(idempotency_key, 1, length(:internal)) = :internal)
           and created_at > :since and state not in ('failed', 'cancelled')
           and answer in ('lost', 'awaited')
           order by answer = 'awaited' and asked_until > :now, created_at""",
        {
            "fingerprint": task.fingerprint,
            "owner": task.owner,
            "since": terms.now - ADOPTED_FOR,
            "now": terms.now,
            "internal": INTERNAL_KEY,
        },
    )
    for earlier in map(from_row, rows):
        if earlier.answer == "awaited" and earlier.asked_by in terms.alive:
            continue
        if earlier.answer == "awaited" and _may_wait(earlier, terms):
            return "awaited", earlier
        database.connected.execute(
            "update task set answer = 'awaited', asked_by = ?, asked_until = ? where task_id = ?",
            [task.asked_by, task.asked_until, earlier.task_id],
        )
        return "adopted", earlier
    return None


def _may_wait(task: Task, terms: Terms) -> bool:
    if terms.process and task.asked_by.startswith(terms.process):
        return task.asked_by in terms.waiting
    # What lies beyond every lease was written before the clock was set back.
    return terms.now < task.asked_until <= terms.now + BEYOND_LEASES
