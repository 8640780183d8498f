"""Shows tasks, and ends one that is unsent."""

import time
from dataclasses import replace
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from apixo_mcp.server.caller import owner_of
from apixo_mcp.server.tools.cursor import read_cursor, write_cursor
from apixo_mcp.server.tools.mentions import mentioned
from apixo_mcp.server.tools.named import (
    argument_of,
    entries_settled,
    last_of_connection,
    named_task,
    named_tasks,
    told_now,
    with_notes,
)
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.server.tools.results import several_answer, task_answer, text_result
from apixo_mcp.server.whereabouts import whereabouts_of
from apixo_mcp.tasks.asking.last import means_last
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.search import moment_of, words_of
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.views.listing import tasks_listed
from apixo_mcp.views.troubles import troubles
from apixo_mcp.views.words import counted, in_zone


async def check_task(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Shows how a task is, or several, after waiting for all of them."""
    if argument_of(given, "task_id", "task_ids") == "task_ids":
        entries = await named_tasks(tools, given["task_ids"], context)
        deadline = tools.waiting.deadline(given, context, [entry for entry in entries if isinstance(entry, Task)])
        entries = await entries_settled(tools, entries, deadline, context)
        answer = await several_answer(
            tools.app, entries, context, waits=tools.waiting.next_wait(context), deadline=deadline
        )
        await mentioned(tools, entries, context)
        return answer
    asked = await named_task(tools, given["task_id"], context)
    deadline = tools.waiting.deadline(given, context, [asked])
    task = with_notes(await tools.waiting.settled(asked, deadline, context), asked)
    noted = means_last(given["task_id"])  # that one must be named; else what is to be noted has been told
    told = task if task.is_settled else told_now(task)
    answer = await task_answer(
        tools.app, told, context, waits=tools.waiting.next_wait(context), deadline=deadline, noted=noted
    )
    await mentioned(tools, [task], context)
    return answer


async def cancel_task(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Ends an unsent task."""
    owner, any_id = owner_of(context), given["task_id"]
    last = await last_of_connection(tools, context) if means_last(any_id) else None
    task = await tools.app.service.cancel(owner, last.task.task_id if last else any_id)
    notes = [last.note()] if last else []
    if task.state in (State.SUCCESS, State.FAILED):
        notes.append("Nothing was cancelled: this task had ended before.")
    told = replace(task, notes=(*notes, *task.notes))
    await mentioned(tools, [task], context)
    return await task_answer(tools.app, told, context, waits=tools.waiting.next_wait(context))


async def list_tasks(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Lists the newest tasks, an entry each, or those that are remembered by their time or their prompt."""
    limit = max(1, given.get("limit", 20))
    since = moment_of(given["since"], time.time()) if "since" in given else 0.0
    query = TaskQuery(
        state=State(given["state"]) if "state" in given else None,
        modality=given.get("modality"),
        since=since,
        words=words_of(given.get("query", "")),
        limit=limit + 1,
        before=read_cursor(given["cursor"]) if "cursor" in given else None,
    )
    tasks = await tools.app.service.page(owner_of(context), query)
    shown = tasks[:limit]
    structure = tasks_listed(shown, await whereabouts_of(tools.app, context))
    if len(tasks) > limit:
        structure["next_cursor"] = write_cursor(shown[-1])
    made = f" made since {in_zone(since)}" if "since" in given else ""
    is_narrowed = any(name in given for name in ("state", "modality", "query", "cursor"))
    nothing = f"No such tasks{made}." if is_narrowed or made else "No tasks yet."
    await mentioned(tools, shown, context)
    count = f"{counted(len(shown), 'task')}{made}, newest first." if shown else nothing
    return text_result(" ".join((*await troubles(tools.app), count)), structure)
