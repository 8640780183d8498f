"""A list of tasks: a short entry each, what they share said once."""

from collections.abc import Sequence
from typing import Any

from apixo_mcp.tasks.task import State, Task
from apixo_mcp.views.whereabouts import HERE, Whereabouts
from apixo_mcp.views.words import given, iso, shown_prompt

_PROMPT = 32


def tasks_listed(tasks: Sequence[Task], at: Whereabouts = HERE) -> dict[str, Any]:
    """Returns the structure of a list of tasks.

    Where there are several files, `folder` is what all their paths begin with, and the paths go on from there.

    Args:
        at: where its reader finds files.
    """
    models = {task.model for task in tasks}
    model = models.pop() if len(tasks) > 1 and len(models) == 1 else ""
    folder = _folder([path for task in tasks for path in _paths(task, at)])
    return given({"model": model, "folder": folder, "tasks": [_entry(task, model, folder, at) for task in tasks]})


def _entry(task: Task, shared_model: str, folder: str, at: Whereabouts) -> dict[str, Any]:
    entries = {
        "task_id": task.task_id,
        "state": str(task.state),
        "model": None if shared_model else task.model,
        "prompt": shown_prompt(task.prompt, _PROMPT),
        "created_at": iso(task.created_at),
        "paths": [path.removeprefix(folder) for path in _paths(task, at)] or None,
        "error": task.failure.code if task.failure and task.state in (State.FAILED, State.UNKNOWN) else None,
    }
    return given(entries)


def _paths(task: Task, at: Whereabouts) -> list[str]:
    return [path for result in task.results if (path := at.path_of(result))]


def _folder(paths: Sequence[str]) -> str:
    """Returns the folder that several paths share, with what separates it from the rest; empty where there is none."""
    if len(paths) < 2:
        return ""
    first, last = min(paths), max(paths)
    length = next((place for place, char in enumerate(first) if char != last[place : place + 1]), len(first))
    shared = first[:length]
    return shared[: max(shared.rfind("/"), shared.rfind("\\")) + 1]
