"""The list of tools as each client gets it: those of the app go to clients that show apps, and to nobody else."""

from collections.abc import Collection

from mcp.server.apps import client_supports_apps
from mcp.server.mcpserver import Context
from mcp.types import ListToolsResult, Tool

from apixo_mcp.server.apps import page
from apixo_mcp.server.apps.table import APP_TOOLS
from apixo_mcp.server.sdk import RequestContext

NAMES = frozenset(definition.name for definition in APP_TOOLS)
"""Of the tools of the app."""


def shows_apps(context: Context | RequestContext) -> bool:
    """Tells whether the client of a request has declared that it shows apps."""
    return client_supports_apps(context)


def tools_for(tools: Collection[Tool], bound: Collection[str], context: RequestContext) -> ListToolsResult:
    """Returns the list for a client.

    Args:
        tools: all of them.
        bound: the names of those whose answers the app shows.
        context: of its request.
    """
    if not shows_apps(context):
        return ListToolsResult(tools=[tool for tool in tools if tool.name not in NAMES])
    marked = [
        tool.model_copy(update={"meta": page.OF_TOOL})
        if tool.name in bound
        else tool.model_copy(update={"meta": page.OF_APP})
        if tool.name in NAMES
        else tool
        for tool in tools
    ]
    # Kept by nobody for another client: that one may show no apps.
    return ListToolsResult(tools=marked, cache_scope="private")
