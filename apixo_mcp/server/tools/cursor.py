"""The place where a list of tasks goes on, as a text that means nothing to its reader."""

import base64
import binascii
import json

from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.tasks.task import Task

_LONGEST = 200


def write_cursor(task: Task) -> str:
    """Returns the place behind a task."""
    return base64.urlsafe_b64encode(json.dumps([task.created_at, task.task_id]).encode()).decode()


def read_cursor(text: str) -> tuple[float, str]:
    """Reads when the task before the place was created, and its id.

    Raises:
        InvalidInput: `write_cursor` made no such text.
    """
    try:
        created_at, task_id = json.loads(base64.urlsafe_b64decode(text[:_LONGEST].encode()))
        return float(created_at), str(task_id).encode().decode()
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        raise InvalidInput(
            [Problem("cursor", repr(text[:40]), "must be the next_cursor of an earlier answer")]
        ) from None
