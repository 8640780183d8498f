"""Whether a wish becomes a task: the one transaction in which the store compares it with what it holds."""

from apixo_mcp.tasks.database import Database
from apixo_mcp.tasks.rows import COLUMNS, from_row, to_row
from apixo_mcp.tasks.store import BEYOND_LEASES, Admission, Admitted, Limits
from apixo_mcp.tasks.task import INTERNAL_KEY, Task

CENT_FRACTION = 1e-6  # sums of dollars are not exact

FREE_OF_CHARGE = """(state = 'cancelled' or (state = 'failed' and remote_id = '' and attempts = '[]'))"""


def admit(database: Database, task: Task, limits: Limits) -> Admitted:
    """See `Store.admit`. For use in the worker thread."""
    with database.transaction():
        today = database.read(
            f"""select coalesce(sum(estimate_usd), 0) as usd, count(*) as tasks from task
                where owner = :owner and created_at >= :start and not {FREE_OF_CHARGE}""",
            {"owner": task.owner, "start": limits.day_start},
        )[0]
        usd, tasks = float(today["usd"]), int(today["tasks"])
        if task.idempotency_key:
            named = {"owner": task.owner, "key": task.idempotency_key}
            rows = database.read("select * from task where owner = :owner and idempotency_key = :key", named)
            if rows:
                return Admitted("same_key", from_row(rows[0]), usd, tasks)
        is_internal = task.idempotency_key.startswith(INTERNAL_KEY)
        if (is_internal or not task.idempotency_key) and (earlier := _unanswered(database, task, limits)):
            return Admitted(*earlier, usd, tasks)
        if limits.ask_first:
            return Admitted("ask_first", task, usd, tasks)
        if limits.usd is not None and usd + (task.estimate_usd or 0) > limits.usd + CENT_FRACTION:
            return Admitted("over_budget", task, usd, tasks)
        if limits.tasks is not None and tasks >= limits.tasks:
            return Admitted("over_limit", task, usd, tasks)
        names = ", ".join(COLUMNS)
        marks = ", ".join(f":{name}" for name in COLUMNS)
        database.connected.execute(f"insert into task ({names}) values ({marks})", to_row(task))
        return Admitted("new", task, usd, tasks)


def _unanswered(database: Database, task: Task, limits: Limits) -> tuple[Admission, Task] | None:
    """An earlier task of the same request whose caller never got the answer, or may still wait elsewhere."""
    rows = database.read(
        """select * from task where fingerprint = :fingerprint and owner = :owner
           and (idempotency_key = '' or substr(idempotency_key, 1, length(:internal)) = :internal)
           and created_at > :since and state not in ('failed', 'cancelled')
           and (answer = 'lost' or (answer = 'awaited' and asked_by <> :asker))
           order by answer = 'awaited' and asked_until > :now, created_at""",
        {
            "fingerprint": task.fingerprint,
            "owner": task.owner,
            "since": limits.adopt_since,
            "now": limits.now,
            "asker": task.asked_by,
            "internal": INTERNAL_KEY,
        },
    )
    for earlier in map(from_row, rows):
        # What lies beyond every lease was written before the clock was set back.
        is_alive = limits.now < earlier.asked_until <= limits.now + BEYOND_LEASES
        if earlier.answer == "awaited" and is_alive:
            if earlier.task_id in limits.alive:
                continue
            return "asked_elsewhere", earlier
        database.connected.execute(
            "update task set answer = 'awaited', asked_by = ?, asked_until = ? where task_id = ?",
            [task.asked_by, task.asked_until, earlier.task_id],
        )
        return "adopted", earlier
    return None
