"""The suite's long-running tools, served by the product's own tasks extension beside the real generations."""

import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import anyio
from anyio.abc import TaskGroup
from fixtures import tool
from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context, require_client_extension
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import INTERNAL_ERROR, CallToolRequestParams, InputRequiredResult
from rounds import ask, told

from apixo_mcp.server.extension import TASKS, Job, Jobs

LONG = ("slow_compute", "failing_job", "protocol_error_job", "confirm_delete", "multi_input", "test_tool_with_task")

RequestContext = ServerRequestContext[Any, Any]


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@dataclass
class _Question:
    request: dict[str, Any]
    answered: anyio.Event = field(default_factory=anyio.Event)
    answer: Any = None


@dataclass
class _Running:
    """A fixture tool that runs in the background."""

    task_id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    status: Literal["working", "completed", "failed", "cancelled"] = "working"
    created_at: str = field(default_factory=_now)
    updated_at: str = field(default_factory=_now)
    outcome: dict[str, Any] = field(default_factory=dict)
    questions: dict[str, _Question] = field(default_factory=dict)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    async def ask(self, message: str, name: str) -> Any:
        question = _Question(ask(message, name).model_dump(by_alias=True, mode="json", exclude_none=True))
        self.questions[secrets.token_hex(4)] = question
        self.updated_at = _now()
        await question.answered.wait()
        return question.answer

    def end(self, status: Literal["completed", "failed", "cancelled"], outcome: dict[str, Any]) -> None:
        if self.status == "working":
            self.status, self.outcome, self.updated_at = status, outcome, _now()

    def job(self) -> Job:
        asked = {key: entry.request for key, entry in self.questions.items() if not entry.answered.is_set()}
        waits = self.status == "working" and bool(asked)
        return Job(
            task_id=self.task_id,
            status="input_required" if waits else self.status,
            created_at=self.created_at,
            updated_at=self.updated_at,
            ttl_ms=600_000,
            poll_ms=200,
            result=self.outcome if self.status == "completed" else None,
            error=self.outcome if self.status == "failed" else None,
            input_requests=asked,
        )


_current: ContextVar[_Running | None] = ContextVar("fixture_job", default=None)


class FixtureJobs:
    """The fixtures' jobs in memory; every other tool's are the product's."""

    def __init__(self, ours: Jobs, group: TaskGroup) -> None:
        self._ours = ours
        self._group = group
        self._running: dict[str, _Running] = {}

    async def start(
        self, params: CallToolRequestParams, context: RequestContext, call_next: CallNext
    ) -> Job | HandlerResult:
        if params.name not in LONG:
            return await self._ours.start(params, context, call_next)
        if params.name == "test_tool_with_task" and not params.input_responses:
            return await call_next(context)  # asks first, and becomes a job once it has its answer
        running = _Running()
        self._running[running.task_id] = running
        self._group.start_soon(self._run, running, context, call_next)
        return running.job()

    async def _run(self, running: _Running, context: RequestContext, call_next: CallNext) -> None:
        _current.set(running)
        with running.scope:
            try:
                result: Any = await call_next(context)
            except MCPError as error:
                running.end("failed", error.error.model_dump(exclude_none=True))
            else:
                told = result.model_dump(by_alias=True, mode="json", exclude_none=True)
                told.pop("resultType", None)
                running.end("completed", told)

    async def find(self, task_id: str, context: RequestContext) -> Job | None:
        if running := self._running.get(task_id):
            return running.job()
        return await self._ours.find(task_id, context)

    async def cancel(self, task_id: str, context: RequestContext) -> None:
        if running := self._running.get(task_id):
            running.end("cancelled", {})
            running.scope.cancel()
        else:
            await self._ours.cancel(task_id, context)

    async def update(self, task_id: str, responses: Mapping[str, Any], context: RequestContext) -> None:
        running = self._running.get(task_id)
        if running is None:
            return await self._ours.update(task_id, responses, context)
        for key, answer in responses.items():
            if question := running.questions.get(key):
                question.answer = answer
                question.answered.set()
        return None


def _job() -> _Running:
    running = _current.get()
    if running is None:
        raise ToolError("This tool asks questions, for which it needs a client that takes tasks.")
    return running


def add_long_tools(server: MCPServer[Any]) -> None:
    @tool(server, "greet")
    def greet(name: str) -> str:
        return f"Hello, {name}!"

    @tool(server, "slow_compute")
    async def slow_compute(seconds: float, label: str = "") -> str:
        await anyio.sleep(seconds)
        return f"Computed {label} for {seconds} s."

    @tool(server, "failing_job")
    async def failing_job(context: Context) -> str:
        require_client_extension(context.request_context, TASKS)  # a tool that exists as a task only
        await anyio.sleep(1)
        raise ToolError("This job always fails.")

    @tool(server, "protocol_error_job")
    async def protocol_error_job() -> str:
        raise MCPError(INTERNAL_ERROR, "This job breaks the protocol.")

    @tool(server, "confirm_delete")
    async def confirm_delete(filename: str) -> str:
        answer = await _job().ask(f"Delete {filename}?", "confirm")
        return f"{filename}: {answer}"

    @tool(server, "multi_input")
    async def multi_input() -> str:
        job = _job()
        async with anyio.create_task_group() as group:
            for name in ("first", "second"):
                group.start_soon(job.ask, f"The {name} name?", "name")
        return "Both were answered."

    @tool(server, "test_tool_with_task")
    async def with_task(context: Context) -> str | InputRequiredResult:
        require_client_extension(context.request_context, TASKS)
        if (name := told(context, "user_name", "name")) is not None:
            return f"Hello, {name}!"
        return InputRequiredResult(input_requests={"user_name": ask("What is your name?", "name")})
