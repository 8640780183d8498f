"""Copies of a task's saved files in a folder of the user's choice."""

from dataclasses import replace
from pathlib import Path

from apixo_mcp.app import App
from apixo_mcp.tasks.task import FileState, Task


async def copied(app: App, task: Task, folder: Path) -> Task:
    """Returns the task as if its saved files stood in `folder`, which must have been allowed before.

    Raises:
        MediaError: a file is no longer there, or the disk refuses.
    """
    results = [
        replace(result, path=str(await app.saver.copy(task, result, folder)))
        if result.file is FileState.SAVED
        else result
        for result in task.results
    ]
    return replace(task, results=tuple(results))
