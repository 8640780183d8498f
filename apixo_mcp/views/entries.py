"""A task as an entry among a person's pictures, and as a page of its own with all that it was made from."""

import hashlib
from collections.abc import Mapping
from typing import Any

from apixo_mcp.app import App
from apixo_mcp.media.files import shortened
from apixo_mcp.tasks.task import FileState, Result, Task
from apixo_mcp.views.cards import card_of
from apixo_mcp.views.words import given, iso

_PROMPT = 2_000
_LEFT_OUT = frozenset({"resource_uri", "url", "expires_at"})  # a page fetches files from its own server


def entry_of(app: App, task: Task, *, on_disk: bool) -> dict[str, Any]:
    """Returns a task as an entry: its card, whose it is, and where its pictures are.

    `group` is the same for tasks of one prompt. `src` and `thumbnail` of a result are addresses beneath the page's own.

    Args:
        on_disk: whether the paths of this machine mean something to the reader.
    """
    card = card_of(app, task)
    results = zip(card.get("results", ()), task.results, strict=True) if task.results else ()
    return given(
        {
            **card,
            "prompt": task.prompt[:_PROMPT],
            "owner": task.owner,
            "group": _group(task.prompt),
            "results": [_result(task, one, told, on_disk=on_disk) for told, one in results] or None,
            "can_delete": is_deletable(task) or None,
        }
    )


def whole_entry_of(app: App, task: Task, *, on_disk: bool) -> dict[str, Any]:
    """Returns a task with all that it was made from.

    Args:
        on_disk: whether the paths of this machine mean something to the reader.
    """
    tries = [
        given({"sent_at": iso(one.sent_at), "remote_id": one.remote_id, "error": one.failure_code})
        for one in task.attempts
    ]
    return given(
        {
            **entry_of(app, task, on_disk=on_disk),
            "prompt": task.prompt,
            "inputs": shortened(dict(task.inputs)),
            "provider": task.provider,
            "tries": tries or None,
        }
    )


def is_deletable(task: Task) -> bool:
    """Tells whether the entry of a task may be deleted: it goes on no more, and nothing of its money is open."""
    return task.is_over and not any(result.file is FileState.SAVING for result in task.results)


def _group(prompt: str) -> str:
    same = " ".join(prompt.lower().split())
    return hashlib.blake2b(same.encode(errors="replace"), digest_size=8).hexdigest() if same else ""


def _result(task: Task, result: Result, told: Mapping[str, Any], *, on_disk: bool) -> dict[str, Any]:
    left_out = _LEFT_OUT if on_disk else _LEFT_OUT | {"path"}
    entry = {name: value for name, value in told.items() if name not in left_out} | {"kind": result.kind}
    if result.file is FileState.SAVED:
        entry["src"] = f"files/{task.task_id}/{result.index}"
        if (result.mime_type or result.kind).startswith(("image", "video")):
            entry["thumbnail"] = f"thumbnails/{task.task_id}/{result.index}"
    return entry
