"""Brings the files of tasks: saved where they are not, and copied where that is asked for."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from apixo_mcp.errors import InvalidInput, MediaError, Problem
from apixo_mcp.foreign import shorten
from apixo_mcp.server.caller import owner_of, profile_of_caller
from apixo_mcp.server.tools.mentions import mentioned
from apixo_mcp.server.tools.named import argument_of, named_task, named_tasks, tasks_settled, told_now
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.server.tools.results import several_answer, task_answer
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.search import moment_of
from apixo_mcp.tasks.task import FileState, State, Task
from apixo_mcp.views.copies import copied
from apixo_mcp.views.several import MOST_AT_ONCE, Entry, Missing
from apixo_mcp.views.words import counted, in_zone

_SHOW = "The files are copied: show the user their paths."

_SHOW_OTHERS = (
    "Show the user the paths of the files that are copied; of the others notes, their error or their problem say why "
    "they are not."
)

MOST_SINCE = 1000
"""Tasks of a time whose files are brought, at most: those that are not shown too."""


async def download_results(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Copies the files of a task, of several or of a time, after trying again to save what is not saved."""
    by = argument_of(given, "task_id", "task_ids", "since")
    folder = await _folder(tools, given, context)
    deadline = time.monotonic() + profile_of_caller(context, tools.app.settings).wait_seconds
    if by == "task_id":
        task = await named_task(tools, given["task_id"], context, with_results=True)
        if task.state is State.SUCCESS:
            [task] = await tasks_settled(tools, [task], deadline, context)
            task = told_now(task if folder is None else await copied(tools.app, task, folder))
        step = _SHOW if folder is not None and _is_whole(task) else ""
        await mentioned(tools, [task], context)
        return await task_answer(
            tools.app, task, context, waits=tools.waiting.next_wait(context), deadline=deadline, step=step
        )
    if by == "task_ids":
        entries = await named_tasks(tools, given["task_ids"], context, with_results=True)
        notes = list[str]()
        if modality := given.get("modality"):
            entries = [entry for entry in entries if isinstance(entry, Missing) or entry.modality == modality]
    else:
        entries, notes = await _since(tools, given, context)
    entries, problems = await _brought(tools, entries, folder, deadline, context)
    if len(entries) > MOST_AT_ONCE:
        notes.append(f"{len(entries) - MOST_AT_ONCE} more are brought too and not shown here.")
    step = ""
    # Where some still run, what is to be done next is to ask again.
    if folder is not None and all(isinstance(one, Missing) or one.is_settled for one in entries):
        whole = [isinstance(one, Task) and _is_whole(one) for one in entries]
        step = _SHOW if all(whole) and not problems else _SHOW_OTHERS if sum(whole) > len(problems) else ""
    await mentioned(tools, entries[:MOST_AT_ONCE], context)
    return await several_answer(
        tools.app,
        entries[:MOST_AT_ONCE],
        context,
        waits=tools.waiting.next_wait(context),
        notes=[*notes, *problems],
        more={"next_step": step} if step and entries else {},
        deadline=deadline,
    )


async def _folder(tools: ToolParts, given: dict[str, Any], context: Context) -> Path | None:
    """Returns where copies are asked for, None where they are not.

    Raises:
        InvalidInput: it is no folder of theirs.
        MediaError: it does not answer.
    """
    if "directory" not in given:
        return None
    if not owner_of(context).is_here:
        allowed = "is of the server's machine, whose folders are not yours; left out, each file comes as a link"
        raise InvalidInput([Problem("directory", shorten(given["directory"]), allowed)])
    return await tools.app.saver.folder(given["directory"])


async def _since(tools: ToolParts, given: dict[str, Any], context: Context) -> tuple[list[Entry], list[str]]:
    """Returns the tasks of a time that ended well, the newest first, and what is to be known of the others."""
    since = moment_of(given["since"], time.time())
    query = TaskQuery(since=since, modality=given.get("modality"), limit=MOST_SINCE)
    tasks = await tools.app.service.page(owner_of(context), query)
    done = [await tools.app.service.check(owner_of(context), task.task_id) for task in tasks if _is_done(task)]
    running = sum(not task.is_settled and not _is_done(task) for task in tasks)
    notes = [f"Made since {in_zone(since)}."]
    if running:
        notes.append(f"{counted(running, 'task')} of that time still {'runs' if running == 1 else 'run'}.")
    if len(tasks) == MOST_SINCE:
        notes.append(f"Only the newest {MOST_SINCE} tasks were looked at.")
    return [*done], notes


def _is_whole(task: Task) -> bool:
    return _is_done(task) and all(result.file is FileState.SAVED for result in task.results)


def _is_done(task: Task) -> bool:
    return task.state is State.SUCCESS


async def _brought(
    tools: ToolParts, entries: Sequence[Entry], folder: Path | None, deadline: float, context: Context
) -> tuple[list[Entry], list[str]]:
    """Returns entries with their files saved and in a folder where one is given; and what was wrong with some."""
    waited = [entry for entry in entries if isinstance(entry, Task) and _is_done(entry)]
    now = {task.task_id: task for task in await tasks_settled(tools, waited, deadline, context)}
    brought: list[Entry] = [
        told_now(now[entry.task_id]) if isinstance(entry, Task) and entry.task_id in now else entry for entry in entries
    ]
    problems: list[str] = []
    for index, entry in enumerate(brought):
        if folder is not None and isinstance(entry, Task) and _is_done(entry):
            try:
                brought[index] = await copied(tools.app, entry, folder)
            except MediaError as error:
                problems.append(f"{index + 1}: {error}")
    return brought, problems
