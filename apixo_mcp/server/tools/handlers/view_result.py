"""Shows a result itself."""

from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.media.preview.previews import NotShown
from apixo_mcp.server.caller import profile_of_caller
from apixo_mcp.server.tools.mentions import mentioned
from apixo_mcp.server.tools.named import named_task
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.server.tools.results import picture, refusal_result, text_result
from apixo_mcp.server.whereabouts import whereabouts_of
from apixo_mcp.tasks.asking.last import means_last
from apixo_mcp.tasks.task import FileState
from apixo_mcp.views.sentences import why_no_file
from apixo_mcp.views.words import counted


async def view_result(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Shows the picture itself, for the model to look at."""
    task = await named_task(tools, given["task_id"], context, with_results=True)
    index = max(0, given.get("index", 0))
    if index >= len(task.results):
        has = counted(len(task.results), "result") if task.results else f"no result; its state is {task.state}"
        raise InvalidInput([Problem("index", str(index), f"the task has {has}")])
    await mentioned(tools, [task], context)
    result = task.results[index]
    name = (await whereabouts_of(tools.app, context)).name_of(result)
    if result.file is not FileState.SAVED:
        return refusal_result(why_no_file(task, result))
    try:
        is_known_to_show = profile_of_caller(context, tools.app.settings).preview
        shown = await tools.app.previews.view(result.path, result.mime_type, modest=not is_known_to_show)
    except NotShown as error:
        return refusal_result(f"{name} ({result.mime_type}): {error}.")
    which = f"{task.notes[0]} " if means_last(given["task_id"]) else ""
    answer = text_result(f"{which}Result {index} of {task.task_id}: {name}")
    answer.content.append(picture(shown))
    return answer
