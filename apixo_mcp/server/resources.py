"""Resources: tasks, the files of results, models, and the schema of a task answer."""

import os
from collections.abc import Iterable
from typing import Any

import anyio
from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.types import (
    INVALID_PARAMS,
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
from apixo_mcp.server.caller import owner_of
from apixo_mcp.server.sdk import RequestContext, lowlevel_of
from apixo_mcp.server.tools.elicitation import Elicitation
from apixo_mcp.server.tools.results import result_link
from apixo_mcp.tasks.task import FileState, Result, State, Task
from apixo_mcp.telemetry.facts import Telemetry
from apixo_mcp.views.faces import CHAT, chat_of, error_text
from apixo_mcp.views.models import describe
from apixo_mcp.views.sentences import why_no_file
from apixo_mcp.views.task_schema import TASK_SCHEMA
from apixo_mcp.views.tasks import structure_of
from apixo_mcp.views.words import clipped, compact, counted

LARGEST_RESOURCE = 50 * 1024 * 1024
TASKS_LISTED = 20  # whose results stand in the list of resources; list_tasks knows all


class ApixoServer(MCPServer[Any]):
    """An `MCPServer` that tells the type of each file of a result, as a template has but one type.

    Attributes:
        questions: that its tools put to people; to be closed before its connections are.
        telemetry: told of the requests that are refused.
    """

    questions: Elicitation
    telemetry: Telemetry

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """See `MCPServer.read_resource`."""
        found = await super().read_resource(uri, context)
        if isinstance(found, InputRequiredResult):
            return found
        return [_typed(entry) for entry in found]

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """See `MCPServer.get_prompt`; what the caller got wrong is told as such, not as an inner error."""
        for prompt in await self.list_prompts():
            known = [argument.name for argument in prompt.arguments or ()]
            if prompt.name == name and (unknown := [given for given in arguments or {} if given not in known]):
                said = f"{', '.join(unknown)}: unknown argument of {name}; known are {', '.join(known)}"
                raise MCPError(INVALID_PARAMS, said)
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

    async def listed(context: RequestContext, _: PaginatedRequestParams) -> ListResourcesResult:
        fixed = await server.list_resources()
        made = await app.service.page(owner_of(context), state=State.SUCCESS, limit=TASKS_LISTED)
        saved = [(task, result) for task in made for result in task.results if result.file is FileState.SAVED]
        return ListResourcesResult(resources=[*fixed, *(_resource(task, result) for task, result in saved)])

    lowlevel_of(server).add_request_handler("resources/list", PaginatedRequestParams, listed)

    @server.resource(
        "apixo://schemas/task",
        name="task_schema",
        title="Schema of a task answer",
        description="JSON Schema of the structure that every tool answers about a task.",
        mime_type="application/schema+json",
    )
    def task_schema() -> str:  # pyright: ignore[reportUnusedFunction]
        return compact(TASK_SCHEMA)

    @server.resource(
        "apixo://tasks/{task_id}",
        name="task",
        title="A task",
        description="A task with its whole prompt and inputs.",
        mime_type="application/json",
    )
    async def task(task_id: str, context: Context) -> str:  # pyright: ignore[reportUnusedFunction]
        try:
            found = await app.service.find(owner_of(context), task_id)
        except NotFound as error:
            raise ResourceNotFoundError(error_text(error, CHAT)) from error
        return compact(structure_of(app, found) | {"prompt": found.prompt, "inputs": dict(found.inputs)})

    @server.resource(
        "apixo://results/{task_id}/{index}",
        name="result",
        title="A result's file",
        description=f"The file of a result, up to {LARGEST_RESOURCE // 2**20} MB.",
        mime_type="application/octet-stream",
    )
    async def result(task_id: str, index: str, context: Context) -> bytes:  # pyright: ignore[reportUnusedFunction]
        try:
            found = await app.service.find(owner_of(context), task_id)
        except NotFound as error:
            raise ResourceNotFoundError(error_text(error, CHAT)) from error
        entry = next((one for one in found.results if str(one.index) == index), None)
        if entry is None:
            raise ResourceNotFoundError(f"Task {task_id} has {counted(len(found.results), 'result')}, counted from 0.")
        if entry.file is not FileState.SAVED:
            raise ResourceError(why_no_file(found, entry))
        try:
            content = _File(await anyio.to_thread.run_sync(_content, app.files, entry.path))
        except OSError as error:
            raise ResourceError(f"{entry.path} cannot be read: {error.strerror}") from error
        content.mime_type = entry.mime_type
        return content

    @server.resource(
        "apixo://models/{+model}",
        name="model",
        title="A model",
        description="A model's exact inputs, times, tips and fail codes.",
        mime_type="application/json",
    )
    async def model(model: str) -> str:  # pyright: ignore[reportUnusedFunction]
        try:
            return compact(describe(app.catalog.find(model), chat_of(app.settings)))
        except InvalidInput as error:
            raise ResourceNotFoundError(error_text(error, CHAT)) from error
        except ApixoError as error:
            raise ResourceError(error_text(error, CHAT)) from error


def _content(files: ResultFiles, path: str) -> bytes:
    """Returns what a file holds by now: somebody may have written to it since it was saved."""
    with files.open(path) as file:
        size = file.seek(0, os.SEEK_END)
        if size > LARGEST_RESOURCE:
            raise ResourceError(f"The file has {size} bytes, more than fit in an answer. It is at {path}")
        file.seek(0)
        return file.read()


def _resource(task: Task, result: Result) -> Resource:
    link = result_link(task, result)
    title = f"{task.model}: {clipped(task.prompt, 60)}" if task.prompt else task.model
    return Resource(
        uri=link.uri,
        name=link.name,
        title=title,
        description=f"Result {result.index} of task {task.task_id}, made by {task.model}.",
        mime_type=link.mime_type,
        size=link.size,
    )
