"""Resources: tasks, the files of results, models, and the schema of a task answer."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    GetPromptResult,
    InputRequiredResult,
    ListResourcesResult,
    PaginatedRequestParams,
    Resource,
)
from pydantic import AnyUrl

from apixo_mcp.app import App
from apixo_mcp.errors import ApixoError, InvalidInput, NotFound
from apixo_mcp.media.files import ResultFiles
from apixo_mcp.server.apps import listing, page
from apixo_mcp.server.caller import owner_of, request_of
from apixo_mcp.server.sdk import RequestContext, lowlevel_of
from apixo_mcp.server.tools.consent.elicitation import Elicitation
from apixo_mcp.server.tools.mentions import is_known
from apixo_mcp.server.tools.results import result_link
from apixo_mcp.server.tools.waiting import Waiting
from apixo_mcp.server.whereabouts import own_url, whereabouts_of
from apixo_mcp.settings import Settings
from apixo_mcp.tasks.owner import Scope
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.task import FileState, Result, State, Task
from apixo_mcp.telemetry.facts import Telemetry
from apixo_mcp.views.faces import CHAT, chat_of, error_text
from apixo_mcp.views.models import describe
from apixo_mcp.views.sentences import why_no_file
from apixo_mcp.views.task_schema import TASK_SCHEMA
from apixo_mcp.views.tasks import structure_of
from apixo_mcp.views.words import compact, counted, shown_prompt

LARGEST_RESOURCE = 50 * 1024 * 1024
TASKS_LISTED = 20  # whose results stand in the list of resources; list_tasks knows all


class ApixoServer(MCPServer[Any]):
    """An `MCPServer` that tells the type of each file of a result, as a template has but one type.

    Attributes:
        questions: that its tools put to people; to be closed before its connections are.
        waiting: of its calls; to be ended before its connections are.
        telemetry: told of the requests that are refused.
        seal: the secret that seals what a client keeps for this server.
        scopes: what the caller of each tool must be allowed, by its name.
        app_settings: of the program.
    """

    questions: Elicitation
    waiting: Waiting
    telemetry: Telemetry
    seal: bytes
    scopes: Mapping[str, Scope]
    app_settings: Settings

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """See `MCPServer.read_resource`."""
        if str(uri) == page.URI and context is not None:
            return page.contents(self.app_settings, own_url(self.app_settings, request_of(context)))
        contents = await super().read_resource(uri, context)
        if isinstance(contents, InputRequiredResult):
            return contents
        return [_typed(entry) for entry in contents]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """See `MCPServer.call_tool`; the tools of the app are not there for who does not show it."""
        if name in listing.NAMES and (context is None or not listing.shows_apps(context)):
            raise ToolError(f"Unknown tool: {name}")
        return await super().call_tool(name, arguments, context)

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """See `MCPServer.get_prompt`; what the caller got wrong is told as such, not as an inner error."""
        for prompt in await self.list_prompts():
            known = [argument.name for argument in prompt.arguments or ()]
            if prompt.name == name and (unknown := [given for given in arguments or {} if given not in known]):
                names = ", ".join(unknown)
                raise MCPError(INVALID_PARAMS, f"{names}: unknown argument of {name}; known are {', '.join(known)}")
        try:
            return await super().get_prompt(name, arguments, context)
        except ValueError as error:
            raise MCPError(INVALID_PARAMS, str(error)) from error


class _File(bytes):
    """The bytes of a result, with the type that every answer tells of it."""

    mime_type = ""


def _typed(entry: ReadResourceContents) -> ReadResourceContents:
    content = entry.content
    return ReadResourceContents(content, content.mime_type, entry.meta) if isinstance(content, _File) else entry


def add_resources(server: MCPServer[Any], app: App) -> None:
    """Registers the resources and their templates."""
    readers = _Readers(app)
    for read, uri, title, description, mime_type in (
        (
            readers.task_schema,
            "apixo://schemas/task",
            "Schema of a task answer",
            "JSON Schema of the structure that every tool answers about a task.",
            "application/schema+json",
        ),
        (
            readers.task,
            "apixo://tasks/{task_id}",
            "A task",
            "A task with its whole prompt and inputs.",
            "application/json",
        ),
        (
            readers.result,
            "apixo://results/{task_id}/{index}",
            "A result's file",
            f"The file of a result, up to {LARGEST_RESOURCE // 2**20} MB.",
            "application/octet-stream",
        ),
        (
            readers.model,
            "apixo://models/{+model}",
            "A model",
            "A model's exact inputs, times, tips and fail codes.",
            "application/json",
        ),
    ):
        register = server.resource(uri, name=read.__name__, title=title, description=description, mime_type=mime_type)
        register(read)

    async def listed(context: RequestContext, _: PaginatedRequestParams) -> ListResourcesResult:
        fixed = [*await server.list_resources(), *([page.resource()] if listing.shows_apps(context) else [])]
        made = await app.service.page(owner_of(context), TaskQuery(state=State.SUCCESS, limit=TASKS_LISTED))
        saved = [(task, result) for task in made for result in task.results if result.file is FileState.SAVED]
        return ListResourcesResult(resources=[*fixed, *(_resource(task, result) for task, result in saved)])

    lowlevel_of(server).add_request_handler("resources/list", PaginatedRequestParams, listed)


@dataclass(frozen=True, slots=True)
class _Readers:
    """Reads each kind of resource; the methods' names are those that clients see, their parameters the URI's."""

    app: App

    def task_schema(self) -> str:
        return compact(TASK_SCHEMA)

    async def task(self, task_id: str, context: Context) -> str:
        task = await self._find(task_id, context)
        at = await whereabouts_of(self.app, context)
        return compact(structure_of(self.app, task, at=at) | {"prompt": task.prompt, "inputs": dict(task.inputs)})

    async def result(self, task_id: str, index: str, context: Context) -> bytes:
        task = await self._find(task_id, context)
        result = next((one for one in task.results if str(one.index) == index), None)
        if result is None:
            raise ResourceNotFoundError(f"Task {task_id} has {counted(len(task.results), 'result')}, counted from 0.")
        if result.file is not FileState.SAVED:
            raise ResourceError(why_no_file(task, result))
        at = await whereabouts_of(self.app, context)
        link = at.link_to(task, result)
        place = at.path_of(result) or (link.url if link else "the server's machine")
        try:
            content = _File(await self.app.reading.run(_content, self.app.files, result.path, place))
        except OSError as error:
            raise ResourceError(f"{at.name_of(result)} cannot be read: {error.strerror}") from error
        content.mime_type = result.mime_type
        return content

    async def model(self, model: str, context: Context) -> str:
        try:
            chosen = self.app.catalog.only(owner_of(context).models).find(model)
            lessons = await self.app.contexts.lessons(chosen)
            return compact(describe(chosen, chat_of(self.app.settings), lessons))
        except InvalidInput as error:
            raise ResourceNotFoundError(error_text(error, CHAT)) from error
        except ApixoError as error:
            raise ResourceError(error_text(error, CHAT)) from error

    async def _find(self, task_id: str, context: Context) -> Task:
        try:
            task = await self.app.service.find(owner_of(context), task_id)
        except NotFound as error:
            raise ResourceNotFoundError(error_text(error, CHAT)) from error
        await is_known(self.app, task, context)
        return task


def _content(files: ResultFiles, path: str, place: str) -> bytes:
    """Returns what a file holds by now: somebody may have written to it since it was saved."""
    with files.open(path) as file:
        size = file.seek(0, os.SEEK_END)
        if size > LARGEST_RESOURCE:
            raise ResourceError(f"The file has {size} bytes, more than fit in an answer. It is at {place}")
        file.seek(0)
        return file.read()


def _resource(task: Task, result: Result) -> Resource:
    link = result_link(task, result)
    title = f"{task.model}: {shown_prompt(task.prompt, 60)}" if task.prompt else task.model
    return Resource(
        uri=link.uri,
        name=link.name,
        title=title,
        description=f"Result {result.index} of task {task.task_id}, made by {task.model}.",
        mime_type=link.mime_type,
        size=link.size,
    )
