"""What a tool answers about a task: one structure for success and failure, and the sentence that goes before it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apixo_mcp.generation import Failure
from apixo_mcp.tasks import schedule
from apixo_mcp.tasks.task import FOLLOWED, FileState, Result, State, Task
from apixo_mcp.tasks.transitions import delays
from apixo_mcp.tasks.transitions.context import DecisionContext
from apixo_mcp.views.faces import CHAT, Face, advice_of

PROMPT_SHOWN = 120
_OTHERWISE = {"image": (20.0, 60.0), "video": (90.0, 300.0), "audio": (30.0, 120.0)}  # inferred from the guides' waits


def iso(context: float) -> str:
    """ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(context, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def compact(structure: Mapping[str, Any]) -> str:
    """JSON without spaces, non-ASCII text as it is."""
    return json.dumps(structure, ensure_ascii=False, separators=(",", ":"))


def counted(count: int, what: str) -> str:
    """A count and what is counted."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def task_structure(
    task: Task,
    context: DecisionContext,
    usual: tuple[int, int] | None,
    *,
    face: Face = CHAT,
    deduplicated: bool = False,
    trouble: Failure | None = None,
    looked_after: bool = True,
) -> dict[str, Any]:
    """Returns the structure of a task answer. A field without a value is left out.

    Args:
        face: in whose words what to do is said.
        usual: shortest and longest usual seconds of its model.
        trouble: why looks at tasks of its key fail just now.
        looked_after: whether this process holds the key that the task belongs to.
    """
    found: dict[str, Any] = {
        "task_id": task.task_id,
        "remote_id": task.remote_id,
        "gateway": task.gateway,
        "model": task.model,
        "modality": task.modality,
        "state": str(task.state),
        "prompt": clipped(task.prompt),
        **_estimates(task, context, usual),
        "created_at": iso(task.created_at),
        "completed_at": iso(task.completed_at) if task.completed_at else None,
        "attempts": len(task.attempts) or None,
        "cancel_requested": task.cancel_requested or None,
        "results": [_result(task, result) for result in task.results] or None,
        "error": _error(task, face),
        "cost": _cost(task),
        # While it runs the sentence alone has them: an answer to each question must stay short.
        "notes": ([*task.notes] or None) if task.is_settled else None,
        "deduplicated": deduplicated or None,
        "next_step": next_step(task, context, usual, face=face, trouble=trouble, looked_after=looked_after),
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def listed(task: Task) -> dict[str, Any]:
    """A task as one entry of a list."""
    found = {
        "task_id": task.task_id,
        "state": str(task.state),
        "model": task.model,
        "modality": task.modality,
        "prompt": clipped(task.prompt, 60),
        "created_at": iso(task.created_at),
        "paths": [result.path for result in task.results if result.path] or None,
        "error": task.failure.code if task.failure and task.state in (State.FAILED, State.UNKNOWN) else None,
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def clipped(prompt: str, limit: int = PROMPT_SHOWN) -> str:
    """The prompt, or its beginning: at most `limit` characters, and a third more bytes."""
    most = limit * 4 // 3
    if len(prompt) <= limit and len(prompt.encode(errors="replace")) <= most:
        return prompt
    return prompt[: limit - 1].encode(errors="replace")[: most - len("…".encode())].decode(errors="ignore") + "…"


def _estimates(task: Task, context: DecisionContext, usual: tuple[int, int] | None) -> dict[str, Any]:
    if task.state is State.SUCCESS:
        return {"progress": 1}
    if task.state not in (State.SUBMITTING, *FOLLOWED):
        return {}
    span = usual or _OTHERWISE[task.modality]
    elapsed = context.running_for(task)
    return {"progress": schedule.progress(span, elapsed), "eta_seconds": schedule.eta_seconds(span, elapsed)}


def _result(task: Task, result: Result) -> dict[str, Any]:
    found: dict[str, Any] = {
        "index": result.index,
        "url": result.shown_url,
        "asset_id": result.asset_id,
        "label": result.label,
        "path": result.path,
        "file": str(result.file) if result.file else None,
        "mime_type": result.mime_type,
        "bytes": result.bytes,
        "width": result.width,
        "height": result.height,
        "duration_seconds": result.duration_seconds,
        "sha256": result.sha256,
        "expires_at": iso(result.expires_at) if result.expires_at else None,
        "resource_uri": result_uri(task, result) if result.file is FileState.SAVED else None,
        "problem": result.problem,
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def task_uri(task: Task) -> str:
    """The resource that holds a task."""
    return f"apixo://tasks/{task.task_id}"


def result_uri(task: Task, result: Result) -> str:
    """The resource that holds the file of a result."""
    return f"apixo://results/{task.task_id}/{result.index}"


def _error(task: Task, face: Face) -> dict[str, Any] | None:
    failure = task.failure
    if failure is None or task.state not in (State.FAILED, State.UNKNOWN):
        return None
    return {
        "code": failure.code,
        "category": failure.category,
        "message": failure.message,
        "advice": advice_of(failure, face, task.task_id),
        "retryable": failure.retryable,
        "charged": failure.charged,
    }


def _cost(task: Task) -> dict[str, Any] | None:
    """What all its paid requests cost, with one that is still to leave; None where nothing did."""
    if task.posts == 0:
        return None
    if task.estimate_usd is None:
        return {"basis": "unknown"}
    return {"amount": round(task.estimate_usd * task.posts, 4), "currency": "USD", "basis": "estimated"}


def nth_try(task: Task) -> str:
    """Which attempt it is that a task is at, or ended with, as `third try`; empty for the first."""
    names = ("", "", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh")
    return f"{names[task.posts]} try" if 1 < task.posts < len(names) else ""


def next_step(
    task: Task,
    context: DecisionContext,
    usual: tuple[int, int] | None,
    *,
    face: Face = CHAT,
    trouble: Failure | None = None,
    looked_after: bool = True,
) -> str:
    """Tells the reader what to do now, as a sentence."""
    seconds = min(60, max(2, int(_estimates(task, context, usual).get("eta_seconds", 10))))
    check_later = face.say("{check_later}", task.task_id, seconds=seconds)
    if task.failure and task.failure.code == delays.CRASHED and task.due is not None:
        advice = advice_of(task.failure, face, task.task_id)
        return f"{task.failure.message}. {advice} {check_later} It may be paid for."
    match task.state:
        case State.SUBMITTING | State.PENDING | State.PROCESSING if not looked_after:
            return (
                f"This task belongs to another API key or address of {task.gateway} ({task.base_url}). "
                f"{face.say('{with_key}')} to follow it; after a change of keys run "
                f"`apixo-mcp tasks rekey {task.task_id}`."
            )
        case State.SUBMITTING if task.sent_at is None:
            return _before_it_is_sent(task, check_later, face)
        case State.SUBMITTING | State.PENDING | State.PROCESSING if trouble is not None:
            advice, then = advice_of(trouble, face, task.task_id), face.say("{then_check}", task.task_id)
            return f"The gateway cannot be asked just now: {trouble.message}. {advice} {then}"
        case State.SUBMITTING | State.PENDING | State.PROCESSING if task.due is None:
            once_more = face.say("{check} looks once more.", task.task_id)
            return f"Looking was given up a day after its longest usual time. {once_more}"
        case State.SUBMITTING:
            return f"Being sent. {check_later} A second generate would be charged too."
        case State.PENDING | State.PROCESSING:
            late = " It takes longer than usual." if context.is_overdue(task) else ""
            return f"Still running.{late} {check_later} Do not generate it again: it is paid for."
        case State.SUCCESS:
            return _after_success(task, face)
        case State.UNKNOWN:
            return _while_unknown(task, check_later, face)
        case State.FAILED:
            failure = task.failure
            return advice_of(failure, face, task.task_id) if failure else "Change the request and generate it anew."
        case State.CANCELLED:
            return "Nothing was sent or charged. Generate it anew if it is still wanted."


def _before_it_is_sent(task: Task, check_later: str, face: Face) -> str:
    cancel = face.say("{cancel}", task.task_id)
    if task.failure is not None and task.failure.code == "NOT_REACHED":
        advice = advice_of(task.failure, face, task.task_id)
        return (
            f"Not sent: {task.failure.message} {advice} Until then it is tried again for a quarter of an hour. "
            f"{check_later} {cancel} stops it."
        )
    free = "" if task.attempts else " free of charge"  # an earlier attempt may have been charged
    return (
        f"Waiting to be sent; that happens by itself. {check_later} A second generate would be charged too; {cancel} "
        f"stops this one{free}."
    )


def _while_unknown(task: Task, check_later: str, face: Face) -> str:
    look = face.say("{look}")
    settle = f"apixo-mcp tasks resolve {task.task_id} --remote-id ID, or --never-ran."
    if task.is_confirming:
        return (
            f"Do not send it again: its broken answer named the task {task.named_id}, which the gateway is asked "
            f"about; that settles it if it is confirmed. {check_later} Else {look} on the gateway's dashboard: {settle}"
        )
    return (
        f"Do not send it again: it may have been charged. {look[0].upper()}{look[1:]} for it on the gateway's "
        f"dashboard and settle it: {settle}"
    )


def _after_success(task: Task, face: Face) -> str:
    files = {result.file for result in task.results}
    if FileState.SAVING in files:
        return f"The files are being saved. {face.say('{check_later}', task.task_id, seconds=3)}"
    if FileState.FAILED in files:
        return f"A file could not be saved (see problem); {to_fetch_again(task, face)}."
    if FileState.EXPIRED in files:
        return "A file is gone from the gateway; generate it anew if it is still needed."
    if any(result.asset_id for result in task.results):
        return "Use the asset_id in a next request, or show the user the files."
    return face.say("{show}", task.task_id)


def to_fetch_again(task: Task, face: Face) -> str:
    """Tells how the files of a task are fetched that are not saved, as the end of a sentence."""
    return face.say("{fetch} tries again while its url lives", task.task_id)


def sentence(task: Task) -> str:
    """The task in one sentence, for a person."""
    what = f"{task.modality} by {task.model}"
    which = f", {nth_try(task)}" if nth_try(task) else ""
    match task.state:
        case State.SUCCESS:
            count = len(task.results)
            took = f" in {task.completed_at - task.created_at:.0f} s" if task.completed_at else ""
            places = ", ".join(result.path or result.shown_url or result.asset_id for result in task.results[:4])
            more = f" and {count - 4} more" if count > 4 else ""
            said = f"Done{took}: {counted(count, 'result')} ({what}{which}): {places}{more}."
            lost = [result for result in task.results if result.file in (FileState.FAILED, FileState.EXPIRED)]
            if lost:
                said += f" {len(lost)} of them not saved: {lost[0].problem}"
        case State.FAILED:
            failure = task.failure
            said = f"Failed ({what}{which}): {failure.code}: {failure.message}" if failure else f"Failed ({what})"
            said = said.rstrip(".") + "."
        case State.CANCELLED:
            said = f"Cancelled before it was sent ({what})."
        case State.UNKNOWN:
            said = f"It is not known whether the gateway has this request ({what}{which}). It may have been charged."
        case State.SUBMITTING if task.failure:
            said = f"Waiting to send it again ({what}{which}): {clipped(task.failure.message).rstrip('.')}."
        case State.SUBMITTING:
            said = f"Being submitted ({what})."
        case _:
            said = f"Running ({what}{which}), {task.state}."
    if task.cancel_requested and task.state in FOLLOWED:
        said += " It was already sent and is paid for, so it runs on and its files will be saved."
    return " ".join((said, *task.notes))
