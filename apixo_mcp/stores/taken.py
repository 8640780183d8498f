"""The gateway's id of a task, which belongs to one row: a commit asks for that as it writes one."""

import json
from typing import Any

from apixo_mcp.tasks.task import Task


def claimed_by(before: Task, after: Task) -> dict[str, Any]:
    """Returns what `statements.CLAIM` is asked with, empty where the row takes no id that it did not have."""
    had = (before.remote_id, before.named_id, "")
    claimed = after.named_id if after.named_id not in had else ""
    if after.state is not before.state and after.remote_id not in had:
        claimed = after.remote_id
    if not claimed:
        return {}
    return claim(after, claimed)


def claim(task: Task, remote_id: str) -> dict[str, Any]:
    """Returns what `statements.HOLDER` is asked with about an id for a task."""
    named = {name: getattr(task, name) for name in ("task_id", "gateway", "base_url", "key_print")}
    return {**named, "claimed": remote_id, "quoted": f'"remote_id": {json.dumps(remote_id)}'}


def is_of_earlier_attempt(before: Task, claim: dict[str, Any]) -> bool:
    """Tells whether the row itself had that id before, for an attempt that ended."""
    return any(attempt.remote_id == claim["claimed"] for attempt in before.attempts)
