"""The tasks extension of the protocol: a call that takes long is answered with a handle to ask about."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import Context, require_client_extension
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp.types import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    CallToolRequestParams,
    CallToolResult,
    RequestParams,
)
from mcp.types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field

from apixo_mcp.app import App
from apixo_mcp.errors import NotFound
from apixo_mcp.server.caller import owner_of
from apixo_mcp.server.sdk import RequestContext
from apixo_mcp.server.tools import task_handle
from apixo_mcp.server.tools.dispatch import not_allowed
from apixo_mcp.server.tools.mentions import is_known
from apixo_mcp.server.tools.results import task_answer
from apixo_mcp.server.whereabouts import whereabouts_of
from apixo_mcp.tasks.owner import Scope
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.views.sentences import sentence
from apixo_mcp.views.tasks import structure_of
from apixo_mcp.views.words import iso

CHANGING = ("tasks/update", "tasks/cancel")
"""Its methods that whoever may only read is refused."""
TASKS = "io.modelcontextprotocol/tasks"
MODERN = frozenset(MODERN_PROTOCOL_VERSIONS)
KEPT_FOR = 7 * 86400.0  # from a task's creation; results outlive their handle in list_tasks and on disk
SOONEST = 0.1  # seconds between two questions about a task


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A long call as its client sees it.

    Attributes:
        created_at: ISO 8601, as is `updated_at`.
        message: how it is going, for a person.
        ttl_ms: from its creation until the handle is forgotten; None: kept.
        result: of a completed one: what the call would have answered, a tool's error included.
        error: of a failed one: a JSON-RPC error.
        input_requests: what one that requires input asks for.
    """

    task_id: str
    status: Literal["working", "input_required", "completed", "failed", "cancelled"]
    created_at: str
    updated_at: str
    message: str = ""
    ttl_ms: int | None
    poll_ms: int | None = None
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    input_requests: Mapping[str, Any] | None = None

    def handle(self) -> dict[str, Any]:
        """Returns the fields that every answer about it has."""
        fields: dict[str, Any] = {
            "taskId": self.task_id,
            "status": self.status,
            "createdAt": self.created_at,
            "lastUpdatedAt": self.updated_at,
            "ttlMs": self.ttl_ms,
        }
        if self.poll_ms is not None:
            fields["pollIntervalMs"] = self.poll_ms
        if self.message:
            fields["statusMessage"] = self.message
        return fields

    def detail(self) -> dict[str, Any]:
        """Returns the handle with what its status brings along."""
        outcome = {
            "completed": ("result", self.result),
            "failed": ("error", self.error),
            "input_required": ("inputRequests", self.input_requests),
        }.get(self.status)
        return self.handle() | ({outcome[0]: dict(outcome[1] or {})} if outcome else {})


class Jobs(Protocol):
    """Runs long calls. Every verb sees only what belongs to the caller in the request's context."""

    async def start(
        self, params: CallToolRequestParams, context: RequestContext, call_next: CallNext
    ) -> Job | HandlerResult:
        """Answers a tool call of a client that takes handles: with a job that is already durable, or at once."""
        ...

    async def find(self, task_id: str, context: RequestContext) -> Job | None:
        """Returns the job with this id; None where there is none, it has expired, or it is somebody else's."""
        ...

    async def cancel(self, task_id: str, context: RequestContext) -> None:
        """Ends a job, as far as that can be done; one that has ended stays as it is."""
        ...

    async def update(self, task_id: str, responses: Mapping[str, Any], context: RequestContext) -> None:
        """Takes answers to what the job asked for; what it did not ask for is ignored."""
        ...


class _TaskParams(RequestParams):
    task_id: str = Field(alias="taskId", min_length=1, max_length=200)


class _UpdateParams(_TaskParams):
    input_responses: dict[str, Any] = Field(alias="inputResponses")


class TasksExtension(Extension):
    """Speaks the extension for any `Jobs`."""

    identifier = TASKS

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def methods(self) -> Sequence[MethodBinding]:
        """See `Extension.methods`."""
        return (
            MethodBinding("tasks/get", _TaskParams, self._get, MODERN),
            MethodBinding("tasks/update", _UpdateParams, self._update, MODERN),
            MethodBinding("tasks/cancel", _TaskParams, self._cancel, MODERN),
        )

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: RequestContext, call_next: CallNext
    ) -> HandlerResult:
        """Answers with a handle where the client takes one and the call became a job."""
        if not takes_handles(ctx):
            return await call_next(ctx)
        answer = await self._jobs.start(params, ctx, call_next)
        return {"resultType": "task", **answer.handle()} if isinstance(answer, Job) else answer

    async def _get(self, context: RequestContext, params: _TaskParams) -> HandlerResult:
        job = await self._find(context, params)
        return {"resultType": "complete", **job.detail()}

    async def _update(self, context: RequestContext, params: _UpdateParams) -> HandlerResult:
        _check_may_change(context)
        job = await self._find(context, params)
        await self._jobs.update(job.task_id, params.input_responses, context)
        return {"resultType": "complete"}

    async def _cancel(self, context: RequestContext, params: _TaskParams) -> HandlerResult:
        _check_may_change(context)
        job = await self._find(context, params)
        await self._jobs.cancel(job.task_id, context)
        return {"resultType": "complete"}

    async def _find(self, context: RequestContext, params: _TaskParams) -> Job:
        require_client_extension(context, TASKS)
        headers = getattr(context.request, "headers", None)
        named = headers.get(MCP_NAME_HEADER) if headers is not None else None
        if named is not None and decode_header_value(named) != params.task_id:
            raise MCPError(HEADER_MISMATCH, "The Mcp-Name header does not match taskId")
        job = await self._jobs.find(params.task_id, context)
        if job is None:
            raise MCPError(INVALID_PARAMS, "Task not found")
        return job


def _check_may_change(context: RequestContext) -> None:
    if not owner_of(context).scope.includes(Scope.GENERATE):
        raise MCPError(INVALID_REQUEST, not_allowed(Scope.GENERATE))


def takes_handles(context: RequestContext) -> bool:
    """Tells whether this request's client has declared the extension. Handles do not exist before 2026-07-28."""
    capabilities = context.session.client_capabilities
    declared = capabilities.extensions if capabilities else None
    return context.protocol_version in MODERN and declared is not None and TASKS in declared


class Generations:
    """The app's generations as jobs. There is no second store: the id of a handle is our `task_id`.

    Refusals, problems with the input and quotes come before a task exists, and are answered at once. A generation that
    failed is a completed job, whose result says why; no job of ours fails as JSON-RPC means it or asks for input.
    """

    def __init__(self, app: App, *, clock: Callable[[], float] = time.time) -> None:
        self._app = app
        self._clock = clock

    async def start(
        self, params: CallToolRequestParams, context: RequestContext, call_next: CallNext
    ) -> Job | HandlerResult:
        """See `Jobs.start`. The task is in the store before its tool takes the offer."""
        with task_handle.offered() as offer:
            result = await call_next(context)
        if offer.task is None or self._has_expired(offer.task):
            return result
        return await self._job(offer.task, context, told_earlier=_is_of_earlier_call(result))

    async def find(self, task_id: str, context: RequestContext) -> Job | None:
        """See `Jobs.find`. A task whose looking was given up is looked at once more."""
        try:
            task = await self._app.service.check(owner_of(context), task_id, save=False)
        except NotFound:
            return None
        # The service knows tasks by the gateway's id too; as a handle that one was never given out.
        if task.task_id != task_id or self._has_expired(task):
            return None
        await is_known(self._app, task, Context(request_context=context))
        return await self._job(task, context)

    async def cancel(self, task_id: str, context: RequestContext) -> None:
        """See `Jobs.cancel`. A task that was sent is paid for: it is followed and saved to its end."""
        await self._app.service.cancel(owner_of(context), task_id)

    async def update(self, task_id: str, responses: Mapping[str, Any], context: RequestContext) -> None:
        """See `Jobs.update`. Ours ask for nothing."""

    def _has_expired(self, task: Task) -> bool:
        return self._clock() >= task.created_at + KEPT_FOR

    async def _job(self, task: Task, context: RequestContext, *, told_earlier: bool = False) -> Job:
        status: Literal["working", "completed", "cancelled"] = "completed" if task.is_settled else "working"
        if task.state is State.CANCELLED:
            status = "cancelled"
        decision = self._app.contexts.of(task)
        is_overdue = decision.is_overdue(task)
        interval = decision.poll_schedule.overdue_every if is_overdue else decision.poll_schedule.interval
        return Job(
            task_id=task.task_id,
            status=status,
            created_at=iso(task.created_at),
            updated_at=iso(task.updated_at),
            message=await self._message(task, context, told_earlier),
            ttl_ms=round(KEPT_FOR * 1000),
            poll_ms=round(max(SOONEST, interval) * 1000),
            result=await self._result(task, context) if status == "completed" else None,
        )

    async def _message(self, task: Task, context: RequestContext, told_earlier: bool) -> str:
        message = sentence(task, await whereabouts_of(self._app, context))
        eta = structure_of(self._app, task).get("eta_seconds")
        if eta is not None:
            message += f" About {eta} s to go."
        return f"The task of an earlier call. {message}" if told_earlier else message

    async def _result(self, task: Task, context: RequestContext) -> dict[str, Any]:
        answer = await task_answer(self._app, task, Context(request_context=context), waits=0.0)  # it has ended
        result = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
        result.pop("resultType", None)  # belongs to an answer, not to a result inside one
        return result


def _is_of_earlier_call(result: HandlerResult) -> bool:
    structure: Any = result.structured_content if isinstance(result, CallToolResult) else None
    return isinstance(structure, dict) and "deduplicated" in cast(dict[str, Any], structure)
