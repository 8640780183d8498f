"""Shows what was made and spent, and what is left."""

from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from apixo_mcp.server.caller import owner_of, profile_of_caller
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.server.tools.results import text_result
from apixo_mcp.views.faces import CHAT
from apixo_mcp.views.troubles import callbacks_missed, missing
from apixo_mcp.views.usage import usage_sentence, usage_structure

_DAYS_IN_FULL = 31
"""Of more days than these the models of each would be more than a chat can hold."""


async def get_usage(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Shows what was made and what is left."""
    within = profile_of_caller(context, tools.app.settings).wait_seconds
    days = max(1, given.get("days", 7))
    report = await tools.app.spending(owner_of(context), days, within)
    notes = [missing(arrivals) for arrivals in await callbacks_missed(tools.app)]
    structure: dict[str, Any] = {**usage_structure(report, CHAT), **({"notes": notes} if notes else {})}
    if days > _DAYS_IN_FULL:
        for day in structure["days"]:
            del day["models"]
    return text_result(" ".join((*notes, usage_sentence(structure))), structure)
