"""Shows tasks, ends one that is unsent, and brings their files."""

from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from apixo_mcp.server.caller import owner_of, profile_of_caller
from apixo_mcp.server.tools.cursor import read_cursor, write_cursor
from apixo_mcp.server.tools.named import all_settled, argument_of, named_task, named_tasks, with_notes
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.server.tools.results import several_answer, task_answer, text_result
from apixo_mcp.tasks.asking.last import means_last
from apixo_mcp.tasks.task import State
from apixo_mcp.views.copies import copied
from apixo_mcp.views.tasks import listed
from apixo_mcp.views.words import counted


async def check_task(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Shows how a task is, or several, after waiting for all of them."""
    if argument_of(given, "task_id", "task_ids") == "task_ids":
        entries = await named_tasks(tools, given["task_ids"], context)
        deadline = tools.waiting.deadline(given, context)
        entries = await all_settled(tools, entries, deadline, context)
        return await several_answer(tools.app, entries, context, deadline=deadline)
    asked = await named_task(tools, given["task_id"], context)
    deadline = tools.waiting.deadline(given, context)
    task = with_notes(await tools.waiting.settled(asked, deadline, context), asked)
    noted = means_last(given["task_id"])  # that one must be named; else what is to be noted has been told
    return await task_answer(tools.app, task, context, deadline=deadline, noted=noted)


async def cancel_task(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Ends an unsent task."""
    task = await tools.app.service.cancel(owner_of(context), given["task_id"])
    return await task_answer(tools.app, task, context)


async def list_tasks(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Lists the newest tasks, a line each."""
    limit = max(1, given.get("limit", 20))
    state = State(given["state"]) if "state" in given else None
    before = read_cursor(given["cursor"]) if "cursor" in given else None
    owner = owner_of(context)
    tasks = await tools.app.service.page(
        owner, state=state, modality=given.get("modality"), limit=limit + 1, before=before
    )
    shown = tasks[:limit]
    structure: dict[str, Any] = {"tasks": [listed(task) for task in shown]}
    if len(tasks) > limit:
        structure["next_cursor"] = write_cursor(shown[-1])
    count = f"{counted(len(shown), 'task')}, newest first." if shown else "No tasks yet."
    return text_result(" ".join((*tools.app.all_warnings, count)), structure)


async def download_results(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Copies a task's files, after trying again to save what is not saved."""
    task = await tools.app.service.check(owner_of(context), given["task_id"])
    if task.state is State.SUCCESS:
        task = await tools.app.service.wait(task, profile_of_caller(context, tools.app.settings).wait_seconds)
        if "directory" in given:
            task = await copied(tools.app, task, tools.app.roots.writable_dir(given["directory"]))
    return await task_answer(tools.app, task, context)
