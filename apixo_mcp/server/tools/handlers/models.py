"""Lists and describes the models on offer."""

from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.server.caller import owner_of
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.server.tools.results import text_result
from apixo_mcp.views.models import describe_text
from apixo_mcp.views.troubles import troubles


async def list_models(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Lists the offered models, a line each."""
    from apixo_mcp.views.model_list import list_text  # not at the start

    modality, query, sort = given.get("modality", ""), given.get("query", ""), given.get("sort", "")
    warnings = await troubles(tools.app)
    listed = list_text(_offered(tools, context), modality, query, warnings, sort=sort, face=tools.face)
    return text_result(listed)


async def describe_model(tools: ToolParts, given: dict[str, Any], context: Context) -> CallToolResult:
    """Shows everything about one model, and what its tasks have taught here."""
    model = _offered(tools, context).find(given["model"])
    lessons = await tools.app.contexts.lessons(model)
    return text_result(describe_text(model, tools.face, lessons))


def _offered(tools: ToolParts, context: Context) -> Catalog:
    """Returns the models that the caller may use."""
    return tools.app.catalog.only(owner_of(context).models)
