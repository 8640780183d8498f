"""Tells with an answer what its caller has not heard of: alerts about their spending, and about what they use."""

import logging

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, TextContent

from apixo_mcp.server.caller import has_left, owner_of
from apixo_mcp.server.tools import task_handle
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.tasks.asking.news import news_for
from apixo_mcp.views.alerts import alert_note
from apixo_mcp.views.words import compact

log = logging.getLogger(__name__)


async def with_news(tools: ToolParts, answer: CallToolResult, context: Context) -> CallToolResult:
    """Returns an answer with the alerts that its caller has not heard of; each is told once, in what they read."""
    if task_handle.is_taken():
        return answer  # nobody reads this one: its client asks for the task by its handle
    news = await news_for(owner_of(context), tools.app.store)
    if news is None:
        return answer
    try:
        notes = [alert_note(alert.data, tools.face) for alert in news.alerts]
        told = also_saying(answer, notes)
    except Exception:
        log.exception("an alert cannot be told with an answer")
        await news.lost()
        return answer
    request_id = context.request_context.request_id
    if tools.receipts is not None and request_id is not None:
        tools.receipts.expect_too(request_id, news)
    else:
        await (news.lost() if await has_left(context) else news.given())
    return told


def also_saying(answer: CallToolResult, notes: list[str]) -> CallToolResult:
    """Returns an answer that says more, in its words and in its structure."""
    first, *others = answer.content
    if not isinstance(first, TextContent):
        return answer.model_copy(update={"content": [TextContent(text="\n".join(notes)), *answer.content]})
    structure = answer.structured_content
    if structure is None:
        return answer.model_copy(update={"content": [TextContent(text="\n".join((first.text, *notes))), *others]})
    sentence = first.text.removesuffix(compact(structure)).rstrip("\n")
    more = {"notes": [*structure.get("notes", ()), *notes]}
    # What to do next stays at the end, where it is looked for.
    last = {"next_step": structure["next_step"]} if "next_step" in structure else {}
    told = {name: value for name, value in structure.items() if name not in (*more, *last)} | more | last
    text = "\n".join((sentence, *notes, compact(told)))
    return answer.model_copy(update={"content": [TextContent(text=text), *others], "structured_content": told})
