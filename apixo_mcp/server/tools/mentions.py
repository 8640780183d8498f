"""Answers that name tasks, whoever asked for them: their readers have heard of these.

A list that a host or a person goes through to choose from (resources, completions) is no such answer: no model has
read it, and many hosts ask for one with each connection.
"""

from collections.abc import Iterable

from mcp.server.mcpserver import Context

from apixo_mcp.app import App
from apixo_mcp.server.caller import has_left, origin_of
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.tasks.task import Task
from apixo_mcp.views.several import Entry


async def mentioned(tools: ToolParts, entries: Iterable[Entry], context: Context) -> None:
    """Has it noted, once the answer to a call has left, that its caller has heard of the tasks that it names."""
    delivery = tools.app.delivery
    tasks = [entry for entry in entries if isinstance(entry, Task)]
    mention = delivery.mention(tasks, origin_of(context, delivery.process).hearer)
    if mention is None:
        return
    request_id = context.request_context.request_id
    if tools.receipts is not None and request_id is not None:
        tools.receipts.expect(request_id, mention)
    elif not await has_left(context):
        await mention.given()


async def is_known(app: App, task: Task, context: Context) -> None:
    """Notes that a caller has heard of a task: they have its id, which nobody guesses."""
    mention = app.delivery.mention([task], origin_of(context, app.delivery.process).hearer)
    if mention is not None:
        await mention.given()
