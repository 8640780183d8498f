"""Completes what a person types into a prompt or into the address of a resource: models, and ids of tasks."""

from typing import Any

from mcp.server import MCPServer
from mcp.types import CompleteRequestParams, CompleteResult, Completion, PromptReference

from apixo_mcp.app import App
from apixo_mcp.server.caller import owner_of
from apixo_mcp.server.sdk import RequestContext, lowlevel_of
from apixo_mcp.tasks.ports.lookups import TaskQuery

MOST = 100  # the protocol's
NOTHING = CompleteResult(completion=Completion(values=[]))


def add_completions(server: MCPServer[Any], app: App) -> None:
    """Answers the requests that complete an argument."""

    async def complete(context: RequestContext, params: CompleteRequestParams) -> CompleteResult:
        if isinstance(params.ref, PromptReference):
            named, known = params.ref.name, [prompt.name for prompt in await server.list_prompts()]
        else:
            named = str(params.ref.uri)
            known = [template.uri_template for template in await server.list_resource_templates()]
        if named not in known:
            return NOTHING  # the protocol would have an error, its conformance suite an answer
        typed = params.argument.value
        if params.argument.name == "model":
            values = [entry.id for entry in app.catalog.only(owner_of(context).models) if typed.casefold() in entry.id]
        elif params.argument.name == "task_id":
            page = await app.service.page(owner_of(context), TaskQuery(limit=MOST))
            values = [entry.task_id for entry in page if entry.task_id.startswith(typed)]
        else:
            return NOTHING
        return CompleteResult(
            completion=Completion(values=values[:MOST], total=len(values), has_more=len(values) > MOST)
        )

    lowlevel_of(server).add_request_handler("completion/complete", CompleteRequestParams, complete)
