"""Tells the log of the work: a line for each submit, each end and each saving.

Nothing of a prompt, no URL, no path (it is named after the prompt) and no words of a gateway, which may repeat one.
"""

import logging
import re
from collections.abc import Iterator
from typing import Any

from apixo_mcp.tasks.task import TERMINAL, FileState, State, Task

log = logging.getLogger(__name__)

Entry = tuple[str, dict[str, Any]]

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_ -]{0,39}")
_NOT_SAVED = (FileState.FAILED, FileState.EXPIRED)


def note(before: Task, after: Task) -> None:
    """Logs what a change of a task amounts to, where it is more than another poll."""
    for event, facts in entries(before, after):
        told = {name: value for name, value in facts.items() if value not in (None, "")}
        log.info("%s %s", event, " ".join(f"{name}={value}" for name, value in told.items()), extra={"facts": told})


def entries(before: Task, after: Task) -> Iterator[Entry]:
    """The events in a change: a name, and what is told of it."""
    task = {"task": after.task_id, "model": after.model}
    sent_at = before.sent_at or (after.attempts[-1].sent_at if after.attempts else None)
    if before.state is State.SUBMITTING and len(after.attempts) > len(before.attempts):
        what = "submitted" if after.remote_id or after.state is State.SUCCESS else "submit without an answer"
        took = _seconds(sent_at, after.updated_at)
        yield what, {**task, "gateway": after.gateway, "remote_id": _plain(after.remote_id), "seconds": took}
    if before.state is not State.SUBMITTING and after.state is State.SUBMITTING:
        yield "attempt failed", {**task, "error": _error(after), "attempts": len(after.attempts)}
    if after.state is not before.state and after.state in (*TERMINAL, State.UNKNOWN):
        took = _seconds(after.created_at, after.completed_at or after.updated_at)
        end: dict[str, Any] = {**task, "state": str(after.state), "seconds": took}
        if after.state is State.SUCCESS:
            end["results"] = len(after.results)
        elif after.failure is not None and after.state is not State.CANCELLED:
            end |= {"error": _error(after), "charged": after.failure.charged}
        yield "ended", end
    earlier = {result.index: result for result in before.results}
    for result in after.results:
        old = earlier.get(result.index)
        seconds = _seconds(after.completed_at, after.updated_at)
        if result.file is FileState.SAVED and (old is None or old.file is not FileState.SAVED):
            what = {"index": result.index, "bytes": result.bytes, "type": result.mime_type, "seconds": seconds}
            yield "saved", {**task, **what}
        elif result.file in _NOT_SAVED and (old is None or (old.file, old.tries) != (result.file, result.tries)):
            yield "not saved", {**task, "index": result.index, "file": str(result.file), "tries": result.tries}


def _seconds(start: float | None, end: float) -> float | None:
    return round(max(0.0, end - start), 1) if start is not None else None


def _error(task: Task) -> str:
    return _plain(task.failure.code) if task.failure else ""


def _plain(code: str) -> str:
    """A code or an id of a gateway, if it looks like one."""
    return code.replace(" ", "_") if _CODE.fullmatch(code) else "(odd)" if code else ""
