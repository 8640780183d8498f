"""The eleven tools: what each is called, takes and does."""

import base64
import binascii
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, ContentBlock, ImageContent, InputRequiredResult, ResourceLink, TextContent
from starlette.requests import Request

from apixo_mcp.app import App
from apixo_mcp.catalog.translate import COMMON
from apixo_mcp.errors import ApixoError, InvalidInput, Problem
from apixo_mcp.media.previews import preview, view
from apixo_mcp.server import handles, schemas
from apixo_mcp.server.answers import compact, listed, result_uri, sentence, task_structure
from apixo_mcp.server.arguments import Reading, read_arguments, read_inputs
from apixo_mcp.server.confirm import ask
from apixo_mcp.server.models import describe_text, list_text
from apixo_mcp.server.profiles import Profile, profile_of
from apixo_mcp.server.usage import usage_sentence, usage_structure
from apixo_mcp.tasks.task import FileState, Modality, Result, State, Task
from apixo_mcp.tasks.wish import Quote, Wish

log = logging.getLogger(__name__)

LOADING = 1.5  # a call that comes so soon after the start has waited as long for the server to load, as a rule
SOME_WAIT = 0.5

Handler = Callable[["Tools", dict[str, Any], Context], Awaitable[CallToolResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One tool.

    Attributes:
        modality: what it makes; such a tool costs money. None for the others.
        model: the one that it makes it with; empty where the caller names it.
        handler: does the work of the others.
        reads: whether it changes nothing.
    """

    name: str
    description: str
    input: schemas.Schema
    output: schemas.Schema | None
    modality: Modality | None = None
    model: str = ""
    handler: Handler | None = None
    reads: bool = True
    outside: bool = True


class Tools:
    """The tools of one running program."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._service = app.service
        self._loaded_at = time.monotonic()  # it may be built before any event loop runs

    async def call(
        self, definition: Definition, arguments: Mapping[str, Any], context: Context
    ) -> CallToolResult | InputRequiredResult:
        """Answers a call. What is wrong with it comes back as an error result that says what to change."""
        try:
            if definition.model:
                reading = read_inputs(definition.input, schemas.CONTROLS, arguments)
                reading.given["model"] = definition.model
            else:
                reading = read_arguments(definition.input, arguments)
            if definition.modality is not None and "model" in reading.given:
                own_names = bool(definition.model)
                return await self._generate(definition.modality, reading, context, own_names=own_names)
            if reading.problems or definition.handler is None:
                raise InvalidInput(reading.problems)
            return await definition.handler(self, reading.given, context)
        except InvalidInput as error:
            return _refusal("Nothing was sent or charged. Please correct:\n" + _lines(error))
        except ApixoError as error:
            return _refusal(str(error))
        except Exception:
            log.exception("%s failed", definition.name)
            return _refusal(
                f"{definition.name} failed inside the server; its log says why. Nothing is lost: call list_tasks."
            )

    async def _generate(
        self, modality: Modality, reading: Reading, context: Context, *, own_names: bool = False
    ) -> CallToolResult | InputRequiredResult:
        """Submits and waits as long as the client bears; asks first where the owner wants to be asked."""
        given = reading.given
        if "sound" in given:
            given["sound"] = given["sound"] == "on"
        wish = Wish(
            owner=owner_of(context),
            model=given["model"],
            modality=modality,
            arguments={name: given[name] for name in COMMON if name in given},
            options=given.get("options", {}),
            provider=given.get("provider", ""),
            idempotency_key=given.get("idempotency_key", ""),
            confirmed=given.get("confirm", False),
            problems=reading.problems,
            own_names=own_names,
        )
        began = time.monotonic()
        submitted = await self._service.submit(wish)
        if isinstance(submitted, Quote):
            said = await ask(submitted, context)
            if isinstance(said, InputRequiredResult):
                return said
            if isinstance(said, str):
                return _refusal(said)
            wish = replace(wish, confirmed=True, idempotency_key=wish.idempotency_key or said.key)
            submitted = await self._service.submit(wish)
            assert not isinstance(submitted, Quote)  # it was agreed to
        async with self._service.answering(submitted.task.task_id):
            task = submitted.task
            if not handles.taken(task):
                task = await self._wait(task, given, context, since=began)
            return await self.answer(task, context, deduplicated=submitted.how != "new")

    async def check_task(self, given: dict[str, Any], context: Context) -> CallToolResult:
        """How a task is, after waiting for it."""
        task = await self._service.check(owner_of(context), given["task_id"])
        return await self.answer(await self._wait(task, given, context), context)

    async def cancel_task(self, given: dict[str, Any], context: Context) -> CallToolResult:
        """Ends an unsent task."""
        return await self.answer(await self._service.cancel(owner_of(context), given["task_id"]), context)

    async def list_tasks(self, given: dict[str, Any], context: Context) -> CallToolResult:
        """The newest tasks, a line each."""
        limit = max(1, given.get("limit", 20))
        state = State(given["state"]) if "state" in given else None
        before = _read_cursor(given["cursor"]) if "cursor" in given else None
        owner = owner_of(context)
        tasks = await self._service.page(
            owner, state=state, modality=given.get("modality"), limit=limit + 1, before=before
        )
        shown = tasks[:limit]
        found: dict[str, Any] = {"tasks": [listed(task) for task in shown]}
        if len(tasks) > limit:
            found["next_cursor"] = _write_cursor(shown[-1])
        said = f"{len(shown)} tasks, newest first." if shown else "No tasks yet."
        said = " ".join((*self._app.warnings, said))
        return CallToolResult(content=[_text(f"{said}\n{compact(found)}")], structured_content=found)

    async def download_results(self, given: dict[str, Any], context: Context) -> CallToolResult:
        """Copies a task's files, after trying again to save what is not saved."""
        task = await self._service.check(owner_of(context), given["task_id"])
        if task.state is not State.SUCCESS:
            return await self.answer(task, context)
        task = await self._service.save_again(task)
        task = await self._service.wait(task, self._profile(context).wait_seconds)
        if "directory" in given:
            folder = self._app.roots.writable_dir(given["directory"])
            copies = [await self._copied(task, result, folder) for result in task.results]
            task = replace(task, results=tuple(copies))
        return await self.answer(task, context)

    async def _copied(self, task: Task, result: Result, folder: Path) -> Result:
        if result.file is not FileState.SAVED:
            return result
        return replace(result, path=str(await self._app.saver.copy(task, result, folder)))

    async def view_result(self, given: dict[str, Any], context: Context) -> CallToolResult:
        """The picture itself, for the model to look at."""
        task = await self._service.check(owner_of(context), given["task_id"])
        index = max(0, given.get("index", 0))
        if index >= len(task.results):
            count = len(task.results)
            allowed = f"the task has {count} results" if count else f"the task has no result; its state is {task.state}"
            raise InvalidInput([Problem("index", str(index), allowed)])
        result = task.results[index]
        place = result.path or result.url or result.asset_id
        if result.file is not FileState.SAVED:
            return CallToolResult(content=[_text(f"The file is not saved ({result.file}). Its url: {result.url}")])
        shown = await view(Path(result.path), result.mime_type)
        if shown is None:
            is_picture = result.mime_type.startswith("image/")
            why = (
                "it cannot be read" if is_picture else 'only pictures can be looked at (videos with the extra "video")'
            )
            return _refusal(f"{place} ({result.mime_type}): {why}.")
        picture = ImageContent(data=base64.b64encode(shown.data).decode(), mime_type=shown.mime_type)
        return CallToolResult(content=[_text(f"Result {index} of {task.task_id}: {place}"), picture])

    async def list_models(self, given: dict[str, Any], _: Context) -> CallToolResult:
        """The offered models, a line each."""
        text = list_text(self._app.catalog, given.get("modality", ""), given.get("query", ""), self._app.warnings)
        return CallToolResult(content=[_text(text)])

    async def describe_model(self, given: dict[str, Any], _: Context) -> CallToolResult:
        """Everything about one model."""
        return CallToolResult(content=[_text(describe_text(self._app.catalog.find(given["model"])))])

    async def get_usage(self, given: dict[str, Any], context: Context) -> CallToolResult:
        """What was made and what is left."""
        found = await usage_structure(self._app, owner_of(context), max(1, given.get("days", 7)))
        return CallToolResult(content=[_text(f"{usage_sentence(found)}\n{compact(found)}")], structured_content=found)

    async def _wait(
        self, task: Task, given: Mapping[str, Any], context: Context, *, since: float | None = None
    ) -> Task:
        seconds = given.get("wait_seconds", -1)
        if seconds < 0:
            # A client bears so much in all; a person who was asked first may have taken some of it.
            now = time.monotonic()
            profile = self._profile(context)
            most = profile.wait_seconds if since is not None else profile.check_seconds or profile.wait_seconds
            loading = LOADING if now - self._loaded_at < LOADING else 0.0
            seconds = max(SOME_WAIT, most - loading - (now - since if since is not None else 0.0))
        told = 0.0

        async def tick(now: Task) -> None:
            nonlocal told
            structure = self.structure(now)
            # Strictly increasing, as the protocol asks, even where the estimate stands still.
            told = max(told + 0.0001, float(structure.get("progress", 0)))
            eta = f", about {structure['eta_seconds']} s to go" if "eta_seconds" in structure else ""
            await context.report_progress(told, 1.0, f"{now.state}{eta}")

        return await self._service.wait(task, seconds, tick, lambda: has_left(context))

    def structure(self, task: Task, *, deduplicated: bool = False) -> dict[str, Any]:
        """The structure of a task answer."""
        model = self._app.catalog.get(task.model)
        return task_structure(
            task,
            self._app.steps.moment(task),
            model.usual_seconds if model else None,
            deduplicated=deduplicated,
            trouble=self._app.steps.trouble(task.key_print),
            looked_after=task.key_print in self._app.key_prints,
        )

    async def answer(self, task: Task, context: Context, *, deduplicated: bool = False) -> CallToolResult:
        """A task answer, as far as the client takes it."""
        structure = self.structure(task, deduplicated=deduplicated)
        said = sentence(task)
        if place := await self._service.place(task):
            said += f" {place} tasks are sent before it."
        content: list[ContentBlock] = [_text(f"{said}\n{compact(structure)}")]
        profile = self._profile(context)
        saved = [result for result in task.results if result.file is FileState.SAVED]
        if profile.preview and (shown := await _first_preview(saved)):
            content.append(shown)
        if profile.links:
            content += [result_link(task, result) for result in saved]
        return CallToolResult(content=content, structured_content=structure)

    def _profile(self, context: Context) -> Profile:
        return profile_of(_client_name(context), self._app.settings.client_profile)


def owner_of(_: Context) -> str:
    """Whose tasks a call is about."""
    return "local"


async def has_left(context: Context) -> bool:
    """Whether the client of a call over Streamable HTTP has hung up.

    The SDK cancels a call of the modern era then, but lets one of the earlier revisions run to an answer for nobody.
    """
    request = context.request_context.request
    # Over SSE the POST that brought the call has long been answered; its stream's end cancels the call.
    return isinstance(request, Request) and request.url.path.endswith("/mcp") and await request.is_disconnected()


def _client_name(context: Context) -> str:
    parameters = context.session.client_params
    return parameters.client_info.name if parameters else ""


async def _first_preview(saved: list[Result]) -> ImageContent | None:
    for result in saved:
        if result.mime_type.startswith(("image/", "video/")) and (
            shown := await preview(Path(result.path), result.mime_type)
        ):
            return ImageContent(data=base64.b64encode(shown.data).decode(), mime_type=shown.mime_type)
    return None


def result_link(task: Task, result: Result) -> ResourceLink:
    """Where a saved result is read."""
    name = result.path.replace("\\", "/").rsplit("/", 1)[-1]
    return ResourceLink(uri=result_uri(task, result), name=name, mime_type=result.mime_type, size=result.bytes)


def _text(text: str) -> TextContent:
    return TextContent(text=text)


def _refusal(text: str) -> CallToolResult:
    return CallToolResult(content=[_text(text)], is_error=True)


def _lines(error: InvalidInput) -> str:
    return "\n".join(f"- {problem}" for problem in error.problems)


def _write_cursor(task: Task) -> str:
    return base64.urlsafe_b64encode(json.dumps([task.created_at, task.task_id]).encode()).decode()


def _read_cursor(text: str) -> tuple[float, str]:
    try:
        moment, task_id = json.loads(base64.urlsafe_b64decode(text.encode()))
        return float(moment), str(task_id).encode().decode()
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        raise InvalidInput(
            [Problem("cursor", repr(text[:40]), "must be the next_cursor of an earlier answer")]
        ) from None
