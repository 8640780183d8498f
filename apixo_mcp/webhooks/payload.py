"""The body of a webhook: the structure of a task, or an alert."""

import json
from collections.abc import Mapping
from typing import Any

from apixo_mcp.app import App
from apixo_mcp.tasks.ports.outbox import Webhook
from apixo_mcp.tasks.task import Task
from apixo_mcp.views.tasks import structure_of
from apixo_mcp.views.whereabouts import whereabouts_in
from apixo_mcp.views.words import iso

LARGEST_PAYLOAD = 100_000
"""Bytes of a body: receivers bound what they read."""

_KEPT = ("task_id", "remote_id", "owner", "gateway", "model", "modality", "state", "created_at", "completed_at")
_CUT = "The rest is left out, for it is too long for a message; the task itself has it."

_DELETED = "Its entry was deleted before this could be told."


def payload(webhook: Webhook, data: Mapping[str, Any]) -> str:
    """Returns the body that is signed and sent."""
    body = _text(webhook, data)
    if len(body.encode()) <= LARGEST_PAYLOAD:
        return body
    return _text(webhook, {name: data[name] for name in _KEPT if name in data} | {"notes": [_CUT]})


async def task_data(app: App, task: Task) -> dict[str, Any]:
    """Returns what is told of a task just now: its structure, with the name of the one whose it is."""
    return {**structure_of(app, task, at=await whereabouts_in(app)), "owner": task.owner}


def remaining_data(webhook: Webhook) -> dict[str, Any]:
    """Returns what is told of a task whose entry its owner has deleted: that it ended, and how."""
    return {"task_id": webhook.task_id, "state": webhook.state, "notes": [_DELETED]}


def _text(webhook: Webhook, data: Mapping[str, Any]) -> str:
    # In ASCII: a prompt may hold half a character, which no UTF-8 has.
    return json.dumps({"type": webhook.kind, "timestamp": iso(webhook.made_at), "data": dict(data)})
