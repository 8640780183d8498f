"""The tasks that a call names: by an id, by several, or as the last one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mcp.server.mcpserver import Context

from apixo_mcp.errors import InvalidInput, NotFound, Problem
from apixo_mcp.server.caller import connection_name, owner_of
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.tasks.asking.last import LAST, LastTask, means_last
from apixo_mcp.tasks.task import Task
from apixo_mcp.views.several import MOST_AT_ONCE, Entry, Missing


def argument_of(given: Mapping[str, Any], *names: str) -> str:
    """Returns which of several arguments was given, of which a call takes one.

    Raises:
        InvalidInput: none was, or more than one, or too many ids.
    """
    present = [name for name in names if name in given]
    if not present:
        raise InvalidInput([Problem(names[0], "", f"required, or {' or '.join(names[1:])} in its place")])
    if len(present) > 1:
        raise InvalidInput(
            [Problem(present[-1], "", f"not together with {present[0]}: give one of {', '.join(names)}")]
        )
    if len(ids := given.get("task_ids", ())) > MOST_AT_ONCE:
        raise InvalidInput([Problem("task_ids", f"{len(ids)} ids", f"at most {MOST_AT_ONCE}")])
    return present[0]


async def named_task(tools: ToolParts, any_id: str, context: Context, *, with_results: bool = False) -> Task:
    """Finds a task by its id, ours or the gateway's, or the last one; what is to be looked at or saved again begins.

    Args:
        tools: of the server.
        any_id: as it was given.
        context: of the call.
        with_results: whether the last one is the last that has any.

    Raises:
        NotFound: there is none.
    """
    owner, service = owner_of(context), tools.app.service
    if not means_last(any_id):
        return await service.check(owner, any_id)
    connection = connection_name(context, tools.app.delivery.process)
    last = await service.last(owner, connection, with_results=with_results)
    task = await service.check(owner, last.task.task_id)
    return replace(task, notes=(last.note(), *task.notes))


async def last_of_connection(tools: ToolParts, context: Context) -> LastTask:
    """Finds the last task of this very connection: what is done to it cannot be meant for another one's.

    Raises:
        NotFound: there is none of any connection.
        InvalidInput: the newest one is, or may be, another connection's.
    """
    connection = connection_name(context, tools.app.delivery.process)
    last = await tools.app.service.last(owner_of(context), connection)
    if connection and not last.is_elsewhere:
        return last
    allowed = f"not here: it may be of another conversation. {last.note()} Where that is meant, give its id"
    raise InvalidInput([Problem("task_id", LAST, allowed)])


async def named_tasks(
    tools: ToolParts, ids: Sequence[str], context: Context, *, with_results: bool = False
) -> list[Entry]:
    """Finds several tasks, each once, in the order of their ids; one that is not there fails none of the others."""
    entries: dict[str, Entry] = {}
    for any_id in ids:
        try:
            task = await named_task(tools, any_id, context, with_results=with_results)
            entries.setdefault(task.task_id, task)
        except NotFound:
            entries.setdefault(any_id, Missing(any_id))
    return list(entries.values())


async def entries_settled(tools: ToolParts, entries: Sequence[Entry], deadline: float, context: Context) -> list[Entry]:
    """Waits for the tasks among some entries, and returns the entries as they are then."""
    waited = [entry for entry in entries if isinstance(entry, Task)]
    now = {task.task_id: task for task in await tasks_settled(tools, waited, deadline, context)}
    return [now[entry.task_id] if isinstance(entry, Task) else entry for entry in entries]


async def tasks_settled(tools: ToolParts, tasks: Sequence[Task], deadline: float, context: Context) -> list[Task]:
    """Waits for tasks, and returns them as they are then, with what was noted of them when they were found."""
    now = await tools.waiting.all_settled(tasks, deadline, context)
    return [with_notes(after, before) for after, before in zip(now, tasks, strict=True)]


def told_now(task: Task) -> Task:
    """Returns a task with the notes of this call alone: the call that asked for it was told the others."""
    return replace(task, notes=tuple(note for note in task.notes if note.startswith(f"{LAST} is ")))


def with_notes(now: Task, asked: Task) -> Task:
    """Returns a task as it is now, with what was noted of it when it was found."""
    return replace(now, notes=tuple(dict.fromkeys((*asked.notes, *now.notes))))
