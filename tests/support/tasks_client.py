"""A client that takes handles, and asks about them by itself or lets a test ask."""

from typing import Any, Literal

import anyio
from mcp import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.types import CallToolResult, Request, RequestParams, Result
from support.amounts import in_time

from apixo_mcp.sandbox import Sandbox

TASKS = "io.modelcontextprotocol/tasks"


class Handle(Result):
    result_type: Literal["task"] = "task"
    task_id: str
    status: str
    created_at: str
    last_updated_at: str
    ttl_ms: int | None
    poll_interval_ms: int | None = None
    status_message: str | None = None


class Told(Result):
    task_id: str
    status: str
    ttl_ms: int | None
    status_message: str | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class IdParams(RequestParams):
    task_id: str


class GetTask(Request[IdParams, Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    params: IdParams
    name_param = "taskId"


class CancelTask(Request[IdParams, Literal["tasks/cancel"]]):
    method: Literal["tasks/cancel"] = "tasks/cancel"
    params: IdParams
    name_param = "taskId"


class AnswerParams(IdParams):
    input_responses: dict[str, Any]


class UpdateTask(Request[AnswerParams, Literal["tasks/update"]]):
    method: Literal["tasks/update"] = "tasks/update"
    params: AnswerParams
    name_param = "taskId"


class TakesHandles(ClientExtension):
    """Asks until the task has come to rest, as often as the server allows."""

    identifier = TASKS

    def claims(self) -> list[ResultClaim[Handle]]:
        return [ResultClaim(result_type="task", model=Handle, resolve=self._resolve)]

    async def _resolve(self, handle: Handle, context: ClaimContext) -> CallToolResult:
        with in_time(20):
            while True:
                told = await context.session.send_request(GetTask(params=IdParams(task_id=handle.task_id)), Told)
                if told.status != "working":
                    assert told.status == "completed"
                    return CallToolResult.model_validate(told.result)
                await anyio.sleep((handle.poll_interval_ms or 1000) / 1000)


async def begin(client: Client, arguments: dict[str, Any], tool: str = "generate_image") -> Handle:
    """The handle that a call is answered with."""
    answer = await client.session.call_tool(tool, arguments, allow_claimed=True)
    assert isinstance(answer, Handle)
    return answer


async def get(client: Client, task_id: str) -> Told:
    return await client.session.send_request(GetTask(params=IdParams(task_id=task_id)), Told)


async def rested(client: Client, task_id: str) -> Told:
    """What is told of a task once it has come to rest."""
    told = await get(client, task_id)
    with in_time(20):
        while told.status == "working":
            await anyio.sleep(0.02)
            told = await get(client, task_id)
    return told


async def was_asked(box: Sandbox) -> None:
    """Returns once the gateway has got a first request."""
    with in_time(10):
        while not box.log():  # a sandbox tells only who looks
            await anyio.sleep(0.01)


async def cancel(client: Client, task_id: str) -> Result:
    return await client.session.send_request(CancelTask(params=IdParams(task_id=task_id)), Result)


async def update(client: Client, task_id: str, responses: dict[str, Any]) -> Result:
    params = AnswerParams(task_id=task_id, input_responses=responses)
    return await client.session.send_request(UpdateTask(params=params), Result)
