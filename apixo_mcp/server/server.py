"""Builds the MCP server of a running program."""

import logging
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.types import CallToolResult, InputRequiredResult, ToolAnnotations

from apixo_mcp import __version__
from apixo_mcp.app import App
from apixo_mcp.server.definitions import COMMON, GENERAL
from apixo_mcp.server.extension import Generations, Jobs, TasksExtension
from apixo_mcp.server.identity import NAME, TITLE, WEBSITE_URL, instructions
from apixo_mcp.server.notices import Notices
from apixo_mcp.server.prompts import add_prompts
from apixo_mcp.server.resources import ApixoServer, add_resources
from apixo_mcp.server.tools import Definition, Tools
from apixo_mcp.settings import Settings

log = logging.getLogger(__name__)


def _key_set(settings: Settings) -> bool:
    return bool(settings.apixo_api_key or settings.ruxa_api_key)


class _Raw(FuncMetadata):
    """Hands the arguments on as they came: `read_arguments` checks them and writes better errors."""

    def validate_arguments(self, arguments_to_validate: dict[str, Any]) -> dict[str, Any]:
        return {"arguments": arguments_to_validate}


def _tool(definition: Definition, tools: Tools) -> Tool:
    async def call(arguments: dict[str, Any], context: Context) -> CallToolResult | InputRequiredResult:
        return await tools.call(definition, arguments, context)

    return Tool(
        fn=call,
        name=definition.name,
        title=None,
        description=definition.description,
        parameters=definition.input,
        fn_metadata=_Raw(arg_model=ArgModelBase, output_schema=definition.output),
        is_async=True,
        context_kwarg="context",
        annotations=_annotations(definition),
    )


def _annotations(definition: Definition) -> ToolAnnotations:
    """Only what differs from the protocol's defaults: the list of tools is part of every conversation."""
    if definition.reads:
        return ToolAnnotations(read_only_hint=True, open_world_hint=None if definition.outside else False)
    return ToolAnnotations(destructive_hint=False, idempotent_hint=True if definition.modality is None else None)


def definitions(app: App) -> tuple[Definition, ...]:
    """The tools on offer, in the order in which they are listed."""
    if app.settings.tools == "general":
        return GENERAL + COMMON
    # Imported here: it builds the schema of every offered model.
    from apixo_mcp.server.model_tools import advice, model_definitions

    typed = model_definitions(app.catalog)
    if told := advice(len(typed)):
        log.warning(told)
    return typed + COMMON


def build_server(app: App, jobs: Jobs | None = None) -> ApixoServer:
    """The MCP server, ready to be run on any transport.

    Args:
        jobs: what the tasks extension serves; by default the app's generations.
    """
    tools = Tools(app)
    notices = Notices(app.service)
    server = ApixoServer(
        NAME,
        title=TITLE,
        version=__version__,
        instructions=instructions(key_set=_key_set(app.settings)),
        website_url=WEBSITE_URL,
        tools=[_tool(definition, tools) for definition in definitions(app)],
        extensions=[TasksExtension(jobs or Generations(app, tools))],
        lifespan=notices.lifespan,
        subscriptions=notices,
        log_level=app.settings.log_level,
        cache_hints={"tools/list": CacheHint(ttl_ms=300_000, scope="public")},
    )
    add_resources(server, app, tools)
    notices.serve(server)
    app.changes.listen(notices.changed)
    add_prompts(server)
    return server
