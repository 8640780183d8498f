"""The full JSON Schema of a task answer, published as the resource `apixo://schemas/task`."""

from typing import Any, get_args

from apixo_mcp.generation import Category, Charged, Modality
from apixo_mcp.tasks.task import FileState, State

_TIME = {"type": "string", "format": "date-time", "description": "ISO 8601, UTC."}
_COUNT = {"type": "integer", "minimum": 0}

_RESULT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "index": _COUNT | {"description": "Counts from 0."},
        "url": {"type": "string", "description": "The gateway's; it expires."},
        "asset_id": {"type": "string", "description": "An id to use in a next request, in place of a file."},
        "label": {"type": "string"},
        "path": {"type": "string", "description": "Where the file is saved, for who is at the server's machine."},
        "link": {
            "type": "string",
            "description": "Over HTTP: the saved file, for whoever is given this. Each answer has a new one.",
        },
        "link_expires_at": _TIME,
        "file": {"type": "string", "enum": [str(state) for state in FileState]},
        "mime_type": {"type": "string"},
        "bytes": {**_COUNT, "description": "Of the saved file."},
        "width": _COUNT,
        "height": _COUNT,
        "duration_seconds": {"type": "number"},
        "sha256": {"type": "string", "description": "Of the bytes that the gateway handed out, lower hex."},
        "file_sha256": {
            "type": "string",
            "description": "Of the saved file, where that tells where it came from besides (APIXO_MCP_EMBED).",
        },
        "expires_at": _TIME,
        "resource_uri": {"type": "string"},
        "problem": {"type": "string", "description": "Why the file is not saved, or what is odd about one that is."},
    },
    "required": ["index"],
}

_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "description": "The gateway's own failCode."},
        "category": {"type": "string", "enum": list(get_args(Category))},
        "message": {"type": "string", "description": "The gateway's own words."},
        "advice": {"type": "string", "description": "What to change or do."},
        "retryable": {"type": "boolean", "description": "Whether the same request may succeed later."},
        "charged": {"type": "string", "enum": list(get_args(Charged))},
    },
    "required": ["code", "category", "message", "advice", "retryable", "charged"],
}

TASK_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Task",
    "description": "A field without a value is left out.",
    "type": "object",
    "properties": {
        "task_id": {"type": "string", "pattern": "^tsk_[a-z2-7]{26}$"},
        "remote_id": {"type": "string", "description": "The gateway's id."},
        "gateway": {"type": "string"},
        "model": {"type": "string"},
        "modality": {"type": "string", "enum": list(get_args(Modality))},
        "state": {"type": "string", "enum": [str(state) for state in State]},
        "prompt": {"type": "string", "description": "At most 120 characters; whole in apixo://tasks/{task_id}."},
        "progress": {"type": "number", "minimum": 0, "maximum": 1, "description": "From the model's usual time."},
        "eta_seconds": _COUNT,
        "created_at": _TIME,
        "completed_at": _TIME,
        "attempts": _COUNT,
        "cancel_requested": {"type": "boolean"},
        "results": {"type": "array", "items": _RESULT},
        "error": _ERROR,
        "waiting_for": {"type": "string", "description": "Why it is not sent, or not asked about, just now."},
        "cost": {
            "type": "object",
            "properties": {
                "amount": {"type": "number"},
                "currency": {"type": "string"},
                "basis": {"type": "string", "enum": ["estimated", "unknown"]},
            },
            "required": ["basis"],
        },
        "budget_left": {
            "type": "object",
            "properties": {"usd": {"type": "number", "minimum": 0}, "tasks": _COUNT},
            "description": "What the tightest limits leave, where there are any.",
        },
        "notes": {"type": "array", "items": {"type": "string"}, "description": "What the caller should know besides."},
        "deduplicated": {"type": "boolean", "description": "An earlier task was answered instead of a second one."},
        "next_step": {"type": "string"},
    },
    "required": ["task_id", "state", "next_step"],
}
