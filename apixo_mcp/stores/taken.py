"""The gateway's id of a task belongs to one row: what a commit asks before it writes one, in the same statement."""

import json
from typing import Any

from apixo_mcp.tasks.task import Task

_SAME = "other.task_id <> :task_id and other.gateway = :gateway and other.base_url = :base_url"
# Each of its own, so that each has an index: as the present id, as one that waits to be confirmed, and of an earlier
# attempt of a task that goes on.
_HOLDERS = (
    f"from task as other where {_SAME} and other.remote_id <> '' and other.remote_id = :claimed",
    f"from task as other where {_SAME} and other.named_id <> '' and other.named_id = :claimed",
    f"""from task as other where {_SAME} and other.key_print = :key_print
        and other.state in ('submitting', 'pending', 'processing') and instr(other.attempts, :quoted) > 0""",
)

UNTAKEN = " ".join(f"and not exists (select 1 {holder})" for holder in _HOLDERS)
"""The condition under which a row may take an id."""

HOLDER = " union all ".join(f"select other.task_id, other.owner {holder}" for holder in _HOLDERS) + " limit 1"


def claimed_by(before: Task, after: Task) -> dict[str, Any]:
    """What the conditions above are asked with, empty where the row takes no id that it did not have."""
    had = (before.remote_id, before.named_id, "")
    claimed = after.named_id if after.named_id not in had else ""
    if after.state is not before.state and after.remote_id not in had:
        claimed = after.remote_id
    if not claimed:
        return {}
    return claim(after, claimed)


def claim(task: Task, remote_id: str) -> dict[str, Any]:
    """What the conditions above are asked with about an id for a task."""
    named = {name: getattr(task, name) for name in ("task_id", "gateway", "base_url", "key_print")}
    return {**named, "claimed": remote_id, "quoted": f'"remote_id": {json.dumps(remote_id)}'}


def is_of_earlier_attempt(before: Task, claim: dict[str, Any]) -> bool:
    """Whether the row itself had that id before, for an attempt that ended."""
    return any(attempt.remote_id == claim["claimed"] for attempt in before.attempts)
