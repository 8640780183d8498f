"""Whether a request becomes a task, and whether a task may be sent: the transactions in which money is decided on.

How an earlier task is adopted stands in `tasks.delivery`, what leases and fences are for in `tasks.leases`.
"""

from dataclasses import replace
from typing import Any, Literal

from apixo_mcp.stores.database import Database
from apixo_mcp.stores.rows import from_row, insert, to_row
from apixo_mcp.stores.statements import COMMIT, COUNT_IN_FLIGHT, POSTS
from apixo_mcp.tasks.budget import Agreement, Spent, day_start, decide
from apixo_mcp.tasks.lapse import lapsed, still_wanted
from apixo_mcp.tasks.store import ADOPTED_FOR, BEYOND_LEASES, QUOTED_FOR, Admitted, Clearance, Sending, Terms
from apixo_mcp.tasks.task import INTERNAL_KEY, Task


def admit(database: Database, task: Task, terms: Terms) -> Admitted:
    """See `Store.admit`. For use in the worker thread."""
    with database.transaction():
        spent = _spent(database, task.owner, terms)
        if task.idempotency_key and (earlier := _under_key(database, task, terms)):
            return Admitted("same_key", earlier, spent)
        is_internal = task.idempotency_key.startswith(INTERNAL_KEY)
        if (is_internal or not task.idempotency_key) and (adopted := _unanswered(database, task, terms)):
            return Admitted(*adopted, spent)
        verdict = decide(terms.budget, spent, task.estimate_usd, confirmed=False)
        if verdict == "ask_first" and (yes := _yes(database, task, terms)):
            task, verdict = replace(task, agreed_attempts=yes.attempts), "within"
        if verdict != "within":
            return Admitted(verdict, task, spent)
        insert(database.connected, task)
        return Admitted("new", task, spent)


def _under_key(database: Database, task: Task, terms: Terms) -> Task | None:
    """The task that has the idempotency key; one that was never sent and that nobody wanted any more ends here."""
    named = {"owner": task.owner, "key": task.idempotency_key}
    rows = database.read("select * from task where owner = :owner and idempotency_key = :key", named)
    if not rows:
        return None
    earlier = from_row(rows[0])
    if not earlier.is_unsent or earlier.fingerprint != task.fingerprint:
        return earlier
    if still_wanted(earlier, terms.now, terms.process) == "no" and not earlier.attempts:
        _write(database, earlier, lapsed(earlier, terms.now))
        return None
    _ask(database, earlier, task, terms)
    return earlier


def _ask(database: Database, earlier: Task, task: Task, terms: Terms) -> None:
    """Notes that an earlier task was asked for once more, by the call that would have made a new one."""
    database.connected.execute(
        """update task set answer = 'awaited', asked_by = :call, asked_until = :until, wanted_until = :wanted_until,
           asked_at = :now where task_id = :task_id""",
        {
            "call": task.asked_by,
            "until": task.asked_until,
            "wanted_until": task.wanted_until,
            "now": terms.now,
            "task_id": earlier.task_id,
        },
    )


def _yes(database: Database, task: Task, terms: Terms) -> Agreement | None:
    """The yes that this request has: one that was just given in person, or one to a quote, which it uses up."""
    agreed = terms.agreed
    if agreed is None and terms.confirmed:
        named = {"owner": task.owner, "fingerprint": task.fingerprint, "now": terms.now, "lasts": QUOTED_FOR}
        rows = database.read(
            """select usd, attempts from quote where owner = :owner and fingerprint = :fingerprint
               and made_at between :now - :lasts and :now + 1""",
            named,
        )
        agreed = Agreement(rows[0]["usd"], rows[0]["attempts"]) if rows else None
    if agreed is None or not agreed.covers(task.estimate_usd):
        return None
    forget_quote(database, task.owner, task.fingerprint)
    return agreed


def quote(database: Database, owner: str, fingerprint: str, agreement: Agreement, now: float) -> None:
    """See `Store.quote`. For use in the worker thread."""
    with database.transaction():
        old = {"now": now, "lasts": QUOTED_FOR}
        database.connected.execute("delete from quote where made_at not between :now - :lasts and :now + :lasts", old)
        database.connected.execute(
            """insert into quote values (:owner, :fingerprint, :usd, :attempts, :now) on conflict (owner, fingerprint)
               do update set usd = :usd, attempts = :attempts, made_at = :now""",
            {
                "owner": owner,
                "fingerprint": fingerprint,
                "usd": agreement.usd,
                "attempts": agreement.attempts,
                "now": now,
            },
        )


def forget_quote(database: Database, owner: str, fingerprint: str) -> None:
    """See `Store.forget_quote`. For use in the worker thread."""
    named = {"owner": owner, "fingerprint": fingerprint}
    database.connected.execute("delete from quote where owner = :owner and fingerprint = :fingerprint", named)


def mark_sent(database: Database, task: Task, terms: Sending) -> Clearance:
    """See `Store.mark_sent`. For use in the worker thread."""
    with database.transaction():
        rows = database.read("select * from task where task_id = :task_id", {"task_id": task.task_id})
        row = from_row(rows[0]) if rows else None
        if row is None or not _may_send(row, task, terms.now):
            return Clearance("lost")
        match still_wanted(row, terms.now, terms.process):
            case "no":
                return Clearance("lapsed")
            case "by_another":
                return Clearance("by_another")
            case "yes":
                pass
        clearance = _cleared(database, row, terms)
        if clearance.how != "within":
            return clearance
        if database.read(COUNT_IN_FLIGHT, {"key_print": row.key_print})[0]["count"] >= terms.in_flight:
            return Clearance("no_room")
        database.connected.execute(
            """update task set sent_at = :now, updated_at = :now, counted_at = max(counted_at, :now)
               where task_id = :task_id""",
            {"now": terms.now, "task_id": row.task_id},
        )
        return clearance


def _may_send(row: Task, task: Task, now: float) -> bool:
    """Whether it is unsent, and the one who claimed it has it still: a process may have slept since its claim."""
    is_same = (row.fence, row.lease_holder) == (task.fence, task.lease_holder)
    # What lies beyond every lease was written before the clock was set back.
    is_held = now < row.lease_until <= now + BEYOND_LEASES
    return row.is_unsent and is_same and is_held and not row.cancel_requested


def try_again(database: Database, before: Task, after: Task, terms: Sending) -> Clearance:
    """See `Store.try_again`. For use in the worker thread."""
    with database.transaction():
        clearance = _cleared(database, after, terms)
        if clearance.how != "within":
            return clearance
        return clearance if _write(database, before, after) else Clearance("lost")


def _cleared(database: Database, task: Task, terms: Sending) -> Clearance:
    """Whether the owner's limits allow the task's next POST today, as its first one was asked."""
    spent = _spent(database, task.owner, terms, without=task.task_id)
    is_agreed = task.agreed_attempts > len(task.attempts)
    return Clearance(decide(terms.budget, spent, task.estimate_usd, confirmed=is_agreed), spent)


def _write(database: Database, before: Task, after: Task) -> bool:
    values = {**to_row(after), "fence": before.fence, "state_before": str(before.state)}
    return bool(database.read(COMMIT, values))


def _spent(database: Database, owner: str, terms: Terms | Sending, *, without: str = "") -> Spent:
    """The day so far, where the budget has a limit of it; of the task `without` only the POSTs that have left."""
    if terms.budget.daily_usd is None and terms.budget.daily_tasks is None:
        return Spent()
    statement = f"""select coalesce(sum(usd), 0) as usd, count(*) as posts from ({POSTS})
                    where not (left_at is null and task_id = :without)"""
    values: dict[str, Any] = {"owner": owner, "since": day_start(terms.now), "without": without}
    today = database.read(statement, values)[0]
    return Spent(float(today["usd"]), int(today["posts"]))


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
        _ask(database, earlier, task, terms)
        return "adopted", earlier
    return None


def _may_wait(task: Task, terms: Terms) -> bool:
    if terms.process and task.asked_by.startswith(terms.process):
        return task.asked_by in terms.waiting
    # What lies beyond every lease was written before the clock was set back.
    return terms.now < task.asked_until <= terms.now + BEYOND_LEASES
