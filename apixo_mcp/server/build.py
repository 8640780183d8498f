"""Builds the MCP server of a running program."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.request_state import RequestStateSecurity
from mcp.types import CallToolResult, InputRequiredResult, ListToolsResult, PaginatedRequestParams, ToolAnnotations

from apixo_mcp import __version__
from apixo_mcp.app import App
from apixo_mcp.server.apps import listing
from apixo_mcp.server.apps.table import APP_TOOLS
from apixo_mcp.server.caller import owner_of
from apixo_mcp.server.completions import add_completions
from apixo_mcp.server.extension import Generations, Jobs, TasksExtension
from apixo_mcp.server.profiles import doubt
from apixo_mcp.server.prompts import add_prompts
from apixo_mcp.server.resources import ApixoServer, add_resources
from apixo_mcp.server.sdk import RequestContext, lowlevel_of, raw_arguments
from apixo_mcp.server.server_info import NAME, TITLE, WEBSITE_URL, instructions
from apixo_mcp.server.subscriptions import Subscriptions
from apixo_mcp.server.tools import schemas
from apixo_mcp.server.tools.dispatch import answer_call
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.server.tools.receipts import Receipts
from apixo_mcp.server.tools.table import COMMON_TOOLS, GENERAL_TOOLS
from apixo_mcp.server.tools.tool import ToolDefinition
from apixo_mcp.server.tools.waiting import Waiting
from apixo_mcp.views.faces import chat_of

log = logging.getLogger(__name__)


def _tool(definition: ToolDefinition, tools: ToolParts) -> Tool:
    async def call(arguments: dict[str, Any], context: Context) -> CallToolResult | InputRequiredResult:
        return await answer_call(definition, tools, arguments, context)

    return Tool(
        fn=call,
        name=definition.name,
        title=None,
        description=definition.description,
        parameters=definition.input,
        fn_metadata=raw_arguments(definition.output),
        is_async=True,
        context_kwarg="context",
        annotations=_annotations(definition),
    )


def _annotations(definition: ToolDefinition) -> ToolAnnotations:
    """Returns only what differs from the protocol's defaults: the list of tools is part of every conversation."""
    if definition.reads:
        return ToolAnnotations(read_only_hint=True, open_world_hint=None if definition.outside else False)
    return ToolAnnotations(destructive_hint=False, idempotent_hint=True if definition.modality is None else None)


def definitions(app: App) -> tuple[ToolDefinition, ...]:
    """Returns the tools on offer, in the order in which they are listed."""
    common = tuple(
        replace(tool, input=schemas.with_folders(tool.input, app.roots.paths))
        if "directory" in tool.input["properties"]
        else tool
        for tool in COMMON_TOOLS
    )
    if app.settings.tools == "general":
        general = [replace(tool, input=schemas.for_way(tool.input, app.way)) for tool in GENERAL_TOOLS]
        return (*general, *common)
    # Imported here: it builds the schema of every offered model.
    from apixo_mcp.server.tools.per_model import advice, model_definitions

    typed = model_definitions(app.catalog, app.way)
    if costs := advice(len(typed)):
        log.warning(costs)
    return typed + common


def build_server(app: App, jobs: Jobs | None = None, *, receipts: Receipts | None = None) -> ApixoServer:
    """Returns the MCP server, ready to be run on any transport.

    Args:
        app: the program.
        jobs: what the tasks extension serves; by default the app's generations.
        receipts: of the connection, where it tells which answers have left; else one that is returned is given.
    """
    if warning := doubt(app.settings.client_profile):
        log.warning(warning)
    offered = definitions(app)
    is_typed = app.settings.tools == "models"
    tools = ToolParts(app=app, waiting=Waiting(app), face=chat_of(app.settings), receipts=receipts)
    subscriptions = Subscriptions(app.service)
    server = ApixoServer(
        NAME,
        title=TITLE,
        version=__version__,
        instructions=instructions(key_set=_has_key(app, is_shared=receipts is None)),
        website_url=WEBSITE_URL,
        tools=[_tool(definition, tools) for definition in (*offered, *APP_TOOLS)],
        extensions=[TasksExtension(jobs or Generations(app))],
        lifespan=subscriptions.lifespan,
        subscriptions=subscriptions,
        log_level=app.settings.log_level,
        # Of the store's: a question may be answered to the process that comes after the one that asked.
        request_state_security=RequestStateSecurity(keys=[app.seal]),
        # Typed tools are those of the owner who asks.
        cache_hints={"tools/list": CacheHint(ttl_ms=300_000, scope="private" if is_typed else "public")},
    )
    server.questions, server.telemetry, server.seal = tools.questions, app.telemetry, app.seal
    server.waiting, server.app_settings = tools.waiting, app.settings
    server.scopes = {definition.name: definition.scope for definition in (*offered, *APP_TOOLS)}
    add_resources(server, app)
    add_completions(server, app)
    subscriptions.serve(server)
    app.changes.listen(subscriptions.changed)
    app.changes.listen_elsewhere(subscriptions.changed_elsewhere)
    add_prompts(server, typed=is_typed)
    _list_tools(server, app, offered)
    return server


def _has_key(app: App, *, is_shared: bool) -> bool:
    """Tells whether there is a key to pay with; those of owners count where these come in, which is over HTTP."""
    return bool(app.settings.keys) or (is_shared and bool(app.accounts.own_prints))


def _list_tools(server: ApixoServer, app: App, offered: Iterable[ToolDefinition]) -> None:
    """Lists of the typed tools those alone whose models the owner who asks may use; those of the app where it shows."""
    models = {definition.name: definition.model for definition in offered if definition.model}
    bound = {definition.name for definition in offered if definition.modality or definition.name == "check_task"}

    async def listed(context: RequestContext, _: PaginatedRequestParams) -> ListToolsResult:
        tools = await server.list_tools()
        if models:
            theirs = {model.id for model in app.catalog.only(owner_of(context).models)}
            tools = [tool for tool in tools if models.get(tool.name, "") in ("", *theirs)]
        return listing.tools_for(tools, bound, context)

    lowlevel_of(server).add_request_handler("tools/list", PaginatedRequestParams, listed)
