"""Builds the MCP server of a running program."""

import logging
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.types import CallToolResult, ToolAnnotations

from apixo_mcp import __version__
from apixo_mcp.app import App
from apixo_mcp.server.definitions import COMMON, GENERAL
from apixo_mcp.server.prompts import add_prompts
from apixo_mcp.server.resources import ApixoServer, add_resources
from apixo_mcp.server.tools import Definition, Tools
from apixo_mcp.settings import Settings

log = logging.getLogger(__name__)

_INSTRUCTIONS = """Makes images, video, music and speech. Every generate_* call costs the user money.
1. Choose a model: list_models (nano-banana is quick and cheap). describe_model shows its exact inputs.
2. Call generate_image, generate_video or generate_audio once. It waits as long as it may.
3. If state is submitting, pending or processing: wait as next_step says, then call check_task with the task_id. Never \
call generate_* again for the same thing: the task goes on by itself, also when a call times out. list_tasks finds \
lost ids.
4. On success the files are saved: give the user results[].path (or url). view_result lets you see a picture. An \
earlier result is used as input with image_urls: ["task:<task_id>/0"].
5. On failure read error.category. content_policy: change the prompt. invalid_input, media_input: correct the named \
field. insufficient_credits, auth: tell the user; do not retry. rate_limited, unavailable, timeout: try later if \
retryable is true. unknown: do not resend; tell the user that it may have been charged.
Show the user error.advice and next_step in your own words."""


def instructions(settings: Settings) -> str:
    """What a model should know before its first call; says so where no key is set."""
    keys = {"APIXO_API_KEY": settings.apixo_api_key, "RUXA_API_KEY": settings.ruxa_api_key}
    if any(keys.values()):
        return _INSTRUCTIONS
    return (
        _INSTRUCTIONS
        + "\nNo API key is set: tell the user to set APIXO_API_KEY (https://apixo.ai) in this server's env."
    )


class _Raw(FuncMetadata):
    """Hands the arguments on as they came: `read_arguments` checks them and writes better errors."""

    def validate_arguments(self, arguments_to_validate: dict[str, Any]) -> dict[str, Any]:
        return {"arguments": arguments_to_validate}


def _tool(definition: Definition, tools: Tools) -> Tool:
    async def call(arguments: dict[str, Any], context: Context) -> CallToolResult:
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


def build_server(app: App) -> ApixoServer:
    """The MCP server, ready to be run on any transport."""
    tools = Tools(app)
    server = ApixoServer(
        "apixo-mcp",
        title="APIXO image, video and music generation",
        version=__version__,
        instructions=instructions(app.settings),
        website_url="https://apixo.ai",
        tools=[_tool(definition, tools) for definition in definitions(app)],
        log_level=app.settings.log_level,
        cache_hints={"tools/list": CacheHint(ttl_ms=300_000, scope="public")},
    )
    add_resources(server, app, tools)
    add_prompts(server)
    return server
