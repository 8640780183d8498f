"""A task as plain JSON values: one structure for success and failure."""

from collections.abc import Mapping
from typing import Any

from apixo_mcp.app import App
from apixo_mcp.generation import Modality
from apixo_mcp.tasks import schedule
from apixo_mcp.tasks.learning.lesson import Lesson
from apixo_mcp.tasks.task import FOLLOWED, FileState, Result, State, Task
from apixo_mcp.tasks.transitions.context import DecisionContext
from apixo_mcp.views.faces import BESIDE_ID, CHAT, Face, advice_of, from_afar
from apixo_mcp.views.holdups import CALM, Situation, situation_of, waiting_for
from apixo_mcp.views.sentences import next_step
from apixo_mcp.views.whereabouts import HERE, Whereabouts
from apixo_mcp.views.words import given, iso, shown_prompt

_UNUSED = frozenset({"progress"})
_UNUSED_YET = frozenset({"gateway", "created_at"})  # its model says the one, its call the other
_UNUSED_OF_RESULT = frozenset({"sha256", "file_sha256", "resource_uri"})
_PROMPT_MEANWHILE = 40  # the model that asks while it runs has just written it
_OTHERWISE = {"image": (20.0, 60.0), "video": (90.0, 300.0), "audio": (30.0, 120.0)}  # inferred from the guides' waits


def structure_of(
    app: App,
    task: Task,
    *,
    face: Face = CHAT,
    place: int = 0,
    waits: float = 0.0,
    deduplicated: bool = False,
    at: Whereabouts = HERE,
) -> dict[str, Any]:
    """Returns all that there is to say of a task, with what to do next in a face's words.

    Args:
        face: in whose words.
        place: how many tasks are to be sent before it.
        waits: for how many seconds a call that only asks waits for this reader.
        deduplicated: whether a call that asked for something new was given it.
        at: where its reader finds files.
    """
    model = app.catalog.get(task.model)
    return task_structure(
        task,
        app.contexts.of(task),
        model.usual_seconds if model else None,
        face=face,
        situation=situation_of(app, task, place),
        waits=waits,
        deduplicated=deduplicated,
        at=at,
    )


def answer_structure(
    app: App,
    task: Task,
    *,
    place: int = 0,
    waits: float = 0.0,
    deduplicated: bool = False,
    budget_left: Mapping[str, Any] | None = None,
    noted: bool = True,
    at: Whereabouts = HERE,
) -> dict[str, Any]:
    """Returns a task as a model is answered about it: what it has use for, each thing once; `structure_of` has all.

    Args:
        place: how many tasks are to be sent before it.
        waits: for how many seconds a call that only asks waits for this model's client.
        deduplicated: whether a call that asked for something new was given it.
        budget_left: what its owner may still spend.
        noted: whether what is to be noted is told while it runs, too. Once is enough: each question costs tokens.
        at: where its reader finds files.
    """
    face = BESIDE_ID if at.on_disk else from_afar(BESIDE_ID)
    whole = structure_of(app, task, face=face, place=place, waits=waits, deduplicated=deduplicated, at=at)
    whole["budget_left"] = budget_left or None
    left_out = _UNUSED if task.is_settled else _UNUSED_YET if noted else _UNUSED_YET | {"notes"}
    told = {name: value for name, value in whole.items() if name not in left_out}
    if not task.is_settled:
        told["prompt"] = shown_prompt(task.prompt, _PROMPT_MEANWHILE)
    if "results" in told:
        told["results"] = [
            {name: value for name, value in result.items() if name not in _UNUSED_OF_RESULT}
            for result in told["results"]
        ]
    if "error" in told and told["error"]["advice"] == told["next_step"]:
        told["next_step"] = "Do what error.advice says."
    order = [name for name in told if name != "next_step"] + ["next_step"]
    return given({name: told[name] for name in order})


def task_structure(
    task: Task,
    context: DecisionContext,
    usual: tuple[int, int] | None,
    *,
    face: Face = CHAT,
    situation: Situation = CALM,
    waits: float = 0.0,
    deduplicated: bool = False,
    at: Whereabouts = HERE,
) -> dict[str, Any]:
    """Returns the structure of a task. A field without a value is left out.

    Args:
        face: in whose words what to do is said.
        usual: shortest and longest usual seconds of its model, as documented; what was learned goes before.
        situation: what holds it up besides itself.
        waits: for how many seconds a call that only asks waits for this reader.
        at: where its reader finds files.
    """
    estimates = _estimates(task, context, usual)
    step = next_step(
        task, context, eta_seconds=estimates.get("eta_seconds"), face=face, situation=situation, waits=waits
    )
    entries: dict[str, Any] = {
        "task_id": task.task_id,
        "remote_id": task.remote_id,
        "gateway": task.gateway,
        "model": task.model,
        "modality": task.modality,
        "state": str(task.state),
        "prompt": shown_prompt(task.prompt),
        **estimates,
        "created_at": iso(task.created_at),
        "completed_at": iso(task.completed_at) if task.completed_at else None,
        "attempts": len(task.attempts) or None,
        "cancel_requested": task.cancel_requested or None,
        "results": [_result(task, result, at) for result in task.results] or None,
        "error": _error(task, face),
        "waiting_for": waiting_for(task, context, situation),
        "cost": _cost(task),
        "notes": [*task.notes] or None,
        "deduplicated": deduplicated or None,
        "next_step": step,
    }
    return given(entries)


def _estimates(task: Task, context: DecisionContext, usual: tuple[int, int] | None) -> dict[str, Any]:
    if task.state is State.SUCCESS:
        return {"progress": 1}
    if task.state not in (State.SUBMITTING, *FOLLOWED):
        return {}
    span = usual_span(task.modality, context.lesson, usual)
    elapsed = context.under_way_for(task)
    return {"progress": schedule.progress(span, elapsed), "eta_seconds": schedule.eta_seconds(span, elapsed)}


def usual_span(
    modality: Modality, lesson: Lesson | None, documented: tuple[float, float] | None
) -> tuple[float, float]:
    """Returns the shortest and the longest usual seconds of a task: as learned, as documented, or as such ones take."""
    if lesson is None:
        return documented or _OTHERWISE[modality]
    low, _, high = lesson.usual
    return low, high


def _result(task: Task, result: Result, at: Whereabouts) -> dict[str, Any]:
    link = at.link_to(task, result)
    entries: dict[str, Any] = {
        "index": result.index,
        "url": result.shown_url,
        "asset_id": result.asset_id,
        "label": result.label,
        "path": at.path_of(result),
        "link": link.url if link else None,
        "link_expires_at": iso(link.expires_at) if link else None,
        "file": str(result.file) if result.file else None,
        "mime_type": result.mime_type,
        "bytes": result.bytes,
        "width": result.width,
        "height": result.height,
        "duration_seconds": result.duration_seconds,
        "sha256": result.sha256,
        "file_sha256": result.file_sha256,
        "expires_at": iso(result.expires_at) if result.expires_at else None,
        "resource_uri": result_uri(task, result) if result.file is FileState.SAVED else None,
        "problem": result.problem,
    }
    return given(entries)


def task_uri(task: Task) -> str:
    """Returns the resource that holds a task."""
    return f"apixo://tasks/{task.task_id}"


def result_uri(task: Task, result: Result) -> str:
    """Returns the resource that holds the file of a result."""
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
    """Tells what all its paid requests cost, with one that is still to leave; None where nothing did."""
    if task.posts == 0:
        return None
    if task.estimate_usd is None:
        return {"basis": "unknown"}
    return {"amount": round(task.estimate_usd * task.posts, 4), "currency": "USD", "basis": "estimated"}
