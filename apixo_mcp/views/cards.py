"""A task as a page draws it: all that there is to say of it, its times, and the room that its results will need."""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from apixo_mcp.app import App
from apixo_mcp.catalog.model import Model, Spelling
from apixo_mcp.catalog.schema import media_fields
from apixo_mcp.foreign import cut
from apixo_mcp.tasks.task import Task
from apixo_mcp.views.chinese import chinese_advice
from apixo_mcp.views.faces import SCREEN, from_afar
from apixo_mcp.views.tasks import structure_of, usual_span
from apixo_mcp.views.whereabouts import HERE, Whereabouts
from apixo_mcp.views.words import given

LOOK_AGAIN_MS = 500
"""Milliseconds until a page that shows a task asks about it again: a change is seen well within a second."""

SELDOM_MS = 5000
"""The same of tasks that take so long that a few seconds are nothing."""

_MOST_PLACES = 16
_LONGEST = 500  # characters of a setting
_SHAPE = re.compile(r"(\d{1,5})\s?[:x×*]\s?(\d{1,5})")
_SHAPE_FIELDS = ("aspect_ratio", "size", "image_size", "resolution")


def card_of(
    app: App, task: Task, *, place: int = 0, at: Whereabouts = HERE, offers: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Returns a task as a page draws it.

    Args:
        app: the program.
        task: as it is.
        place: how many tasks are to be sent before it.
        at: where the reader of the page finds files.
        offers: what can be made of it from there.
    """
    face = SCREEN if at.on_disk else from_afar(SCREEN)
    whole = structure_of(app, task, face=face, place=place, at=at)
    model, lesson = app.catalog.get(task.model), app.contexts.of(task).lesson
    documented = model.usual_seconds if model else None
    error: Mapping[str, Any] | None = whole.get("error")
    chinese = chinese_advice(task.failure, task.task_id) if error and task.failure else ""
    return given(
        whole
        | {
            "error": {**error, "advice_zh": chinese} if error and chinese else error,
            "prompt": task.prompt,
            "elapsed_seconds": round((task.completed_at or time.time()) - task.created_at, 1),
            "usual_seconds": list(usual_span(task.modality, lesson, documented)) if lesson or documented else None,
            "count": _count(model, task),
            "shape": _shape(task),
            "seed": _value(model, task, "seed"),
            "settings": settings_of(model, task) or None,
            "can_cancel": task.is_unsent or None,
            "offers": list(offers) or None,
        }
    )


def missing_card(task_id: str) -> dict[str, Any]:
    """Returns what a page draws of a task that is not there."""
    return {"task_id": task_id, "state": "missing"}


def settings_of(model: Model | None, task: Task) -> dict[str, Any]:
    """Returns the inputs of a task that a page names beside it: no prompt, and no address of a file."""
    hidden = {"prompt"} | (media_fields(model.input) if model else set[str]())
    kept = {name: value for name, value in task.inputs.items() if name not in hidden}
    return {name: value for name, value in kept.items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | float) or (
        isinstance(value, str) and len(value) <= _LONGEST and "://" not in value
    )


def _value(model: Model | None, task: Task, name: str) -> Any:
    field = model.spelling.get(name, Spelling(name)).field if model else name
    return task.inputs.get(field)


def _count(model: Model | None, task: Task) -> int:
    """Returns how many results are to be expected."""
    if task.results:
        return len(task.results)
    asked = _value(model, task, "num_images")
    is_number = isinstance(asked, int | str) and str(asked).isdecimal() and len(str(asked)) < 4
    return min(max(1, int(asked)), _MOST_PLACES) if is_number else 1


def _shape(task: Task) -> str | None:
    """Returns the shape that its results will have, as `16:9`, where it was asked for."""
    for name in _SHAPE_FIELDS:
        value = task.inputs.get(name)
        found = _SHAPE.fullmatch(cut(value)) if isinstance(value, str) else None
        if found and int(found[1]) and int(found[2]):
            return f"{found[1]}:{found[2]}"
    return None
