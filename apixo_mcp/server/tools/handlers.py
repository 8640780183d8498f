"""The work of the tools."""

import time
from dataclasses import replace
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult

from apixo_mcp.app import App
from apixo_mcp.catalog.translate import COMMON_ARGUMENTS
from apixo_mcp.errors import CallerLeft, InvalidInput, Problem
from apixo_mcp.generation import Modality
from apixo_mcp.media.preview.previews import NotShown
from apixo_mcp.server.caller import has_left, owner_of, profile_of_caller
from apixo_mcp.server.tools import task_handle
from apixo_mcp.server.tools.arguments import Reading
from apixo_mcp.server.tools.confirm import No, ask, quote_text
from apixo_mcp.server.tools.cursor import read_cursor, write_cursor
from apixo_mcp.server.tools.elicitation import Elicitation
from apixo_mcp.server.tools.receipts import Receipts
from apixo_mcp.server.tools.results import picture, refusal_result, task_answer, text_result
from apixo_mcp.server.tools.waiting import Waiting
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.task import FileState, State
from apixo_mcp.views.copies import copied
from apixo_mcp.views.faces import CHAT, chat_of
from apixo_mcp.views.models import describe_text, list_text
from apixo_mcp.views.sentences import why_no_file
from apixo_mcp.views.tasks import listed
from apixo_mcp.views.usage import usage_sentence, usage_structure
from apixo_mcp.views.words import counted


class Tools:
    """The tools of one running program.

    Args:
        app: the program.
        receipts: of the connection, where it tells which answers have left.
        began: `time.monotonic()` since when a client may wait for the program to be loaded.

    Attributes:
        questions: those that people have before them.
        warnings: what is wrong with the variables that are set.
    """

    def __init__(self, app: App, *, receipts: Receipts | None = None, began: float | None = None) -> None:
        self._app = app
        self._service = app.service
        self._receipts = receipts
        self._waiting = Waiting(app, began)
        self.questions = Elicitation()
        self._face = chat_of(app.settings)
        self.warnings = app.settings.warnings

    async def generate(
        self, modality: Modality, reading: Reading, context: Context, *, own_names: bool = False
    ) -> CallToolResult | InputRequiredResult:
        """Submits and waits as long as the client bears; asks first where the owner wants to be asked.

        Raises:
            ApixoError: nothing was sent.
        """
        given = reading.given
        if "sound" in given:
            given["sound"] = given["sound"] == "on"
        request = GenerationRequest(
            owner=owner_of(context),
            model=given["model"],
            modality=modality,
            arguments={name: given[name] for name in COMMON_ARGUMENTS if name in given},
            options=given.get("options", {}),
            provider=given.get("provider", ""),
            idempotency_key=given.get("idempotency_key", ""),
            confirmed=given.get("confirm", False),
            problems=reading.problems,
            own_names=own_names,
        )
        began = time.monotonic()
        async with self._app.admission.asking(request) as submitted:
            if isinstance(submitted, Submission):
                return await self._followed(submitted, given, context, began)
        consent = await ask(submitted, context, self.questions)
        if isinstance(consent, InputRequiredResult):
            return consent
        if isinstance(consent, No):
            noted = self._app.admission.declined if consent.is_final else self._app.admission.quoted
            await noted(request.owner, submitted)
            return refusal_result(consent.reason)
        request = replace(request, agreed=submitted, idempotency_key=request.idempotency_key or consent.key)
        async with self._app.admission.asking(request) as submitted:
            if isinstance(submitted, Submission):
                return await self._followed(submitted, given, context, began)
        await self._app.admission.quoted(request.owner, submitted)  # its price has risen since
        return refusal_result(quote_text(submitted))

    async def _followed(
        self, submission: Submission, given: dict[str, Any], context: Context, began: float
    ) -> CallToolResult:
        task = submission.task
        deadline = self._waiting.deadline(given, context, made_since=began)
        if not task_handle.taken(task):
            task = await self._waiting.settled(task, deadline, context)
        deduplicated = submission.how != "new"
        answer = await task_answer(self._app, task, context, deduplicated=deduplicated, deadline=deadline)
        request_id = context.request_context.request_id
        if self._receipts is not None and request_id is not None:
            self._receipts.expect(request_id, submission.call)
        elif await has_left(context):
            raise CallerLeft("The connection ended; the task goes on.")
        return answer

    async def check_task(self, given: dict[str, Any], context: Context) -> CallToolResult:
        """Shows how a task is, after waiting for it."""
        task = await self._service.check(owner_of(context), given["task_id"])
        deadline = self._waiting.deadline(given, context)
        task = await self._waiting.settled(task, deadline, context)
        return await task_answer(self._app, task, context, deadline=deadline)

    async def cancel_task(self, given: dict[str, Any], context: Context) -> CallToolResult:
        """Ends an unsent task."""
        task = await self._service.cancel(owner_of(context), given["task_id"])
        return await task_answer(self._app, task, context)

    async def list_tasks(self, given: dict[str, Any], context: Context) -> CallToolResult:
        """Lists the newest tasks, a line each."""
        limit = max(1, given.get("limit", 20))
        state = State(given["state"]) if "state" in given else None
        before = read_cursor(given["cursor"]) if "cursor" in given else None
        owner = owner_of(context)
        tasks = await self._service.page(
            owner, state=state, modality=given.get("modality"), limit=limit + 1, before=before
        )
        shown = tasks[:limit]
        structure: dict[str, Any] = {"tasks": [listed(task) for task in shown]}
        if len(tasks) > limit:
            structure["next_cursor"] = write_cursor(shown[-1])
        count = f"{counted(len(shown), 'task')}, newest first." if shown else "No tasks yet."
        return text_result(" ".join((*self._app.all_warnings, count)), structure)

    async def download_results(self, given: dict[str, Any], context: Context) -> CallToolResult:
        """Copies a task's files, after trying again to save what is not saved."""
        task = await self._service.check(owner_of(context), given["task_id"])
        if task.state is State.SUCCESS:
            task = await self._service.wait(task, profile_of_caller(context, self._app.settings).wait_seconds)
            if "directory" in given:
                task = await copied(self._app, task, self._app.roots.writable_dir(given["directory"]))
        return await task_answer(self._app, task, context)

    async def view_result(self, given: dict[str, Any], context: Context) -> CallToolResult:
        """Shows the picture itself, for the model to look at."""
        task = await self._service.check(owner_of(context), given["task_id"])
        index = max(0, given.get("index", 0))
        if index >= len(task.results):
            has = counted(len(task.results), "result") if task.results else f"no result; its state is {task.state}"
            raise InvalidInput([Problem("index", str(index), f"the task has {has}")])
        result = task.results[index]
        if result.file is not FileState.SAVED:
            return refusal_result(why_no_file(task, result))
        try:
            shown = await self._app.previews.view(result.path, result.mime_type)
        except NotShown as error:
            return refusal_result(f"{result.path} ({result.mime_type}): {error}.")
        answer = text_result(f"Result {index} of {task.task_id}: {result.path}")
        answer.content.append(picture(shown))
        return answer

    async def list_models(self, given: dict[str, Any], _: Context) -> CallToolResult:
        """Lists the offered models, a line each."""
        modality, query = given.get("modality", ""), given.get("query", "")
        return text_result(list_text(self._app.catalog, modality, query, self._app.all_warnings, face=self._face))

    async def describe_model(self, given: dict[str, Any], _: Context) -> CallToolResult:
        """Shows everything about one model."""
        model = self._app.catalog.find(given["model"])
        return text_result(describe_text(model, self._face))

    async def get_usage(self, given: dict[str, Any], context: Context) -> CallToolResult:
        """Shows what was made and what is left."""
        within = profile_of_caller(context, self._app.settings).wait_seconds
        report = await self._app.spending(owner_of(context), max(1, given.get("days", 7)), within)
        structure = usage_structure(report, CHAT)
        return text_result(usage_sentence(structure), structure)
