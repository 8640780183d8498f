"""Handles in place of results, for clients of the tasks extension."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.extension import ClientExtension
from mcp.types import CallToolResult, Implementation
from support.amounts import here
from support.program import program, text_of, values_for
from support.tasks_client import TASKS, Handle, TakesHandles, begin, cancel, get, rested, update, was_asked

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.extension import KEPT_FOR, Generations
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.terms import Terms
from apixo_mcp.tasks.task import new_task_id

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]"}
ENDLESS = {"model": "nano-banana", "prompt": "a fox [never]"}
UNKNOWN_TASK = "tsk_" + "a" * 26

Open = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def connect(box: Sandbox, tmp_path: Path) -> Open:
    """Opens the program on one home and a client of it; `ahead` sets the clock of the handles forward."""

    @asynccontextmanager
    async def opened(
        *, takes_handles: bool = True, mode: str = "auto", ahead: float = 0.0, name: str = "claude-ai", **settings: Any
    ) -> AsyncIterator[Client]:
        extensions: list[ClientExtension] = [TakesHandles()] if takes_handles else []
        async with open_app(read_settings(**values_for(box, tmp_path) | settings)) as app:
            server = build_server(app, Generations(app, clock=lambda: time.time() + ahead))
            info = Implementation(name=name, version="1")
            async with Client(server, mode=mode, client_info=info, extensions=extensions) as client:
                yield client

    return opened


async def test_a_generation_is_answered_with_a_handle_at_once_and_its_result_later(connect: Open) -> None:
    async with connect() as client:
        assert TASKS in (client.server_capabilities.extensions or {})
        started = anyio.current_time()
        handle = await begin(client, ENDLESS)
        assert anyio.current_time() - started < here(2)  # its profile lets an ordinary call wait 50 s
        assert (handle.status, handle.ttl_ms) == ("working", KEPT_FOR * 1000)
        assert handle.poll_interval_ms is not None
        assert handle.poll_interval_ms >= 100
        assert "to go" in (handle.status_message or "")
        assert (await get(client, handle.task_id)).status == "working"
        answer = await client.call_tool("generate_image", FOX)
    assert answer.structured_content is not None
    assert answer.structured_content["state"] == "success"
    assert Path(answer.structured_content["results"][0]["path"]).is_file()


async def test_the_result_is_what_the_tool_itself_would_answer(connect: Open) -> None:
    async with connect() as client:
        handle = await begin(client, FOX)
        told = await rested(client, handle.task_id)
        checked = await client.call_tool("check_task", {"task_id": handle.task_id})
    own = checked.model_dump(by_alias=True, mode="json", exclude_none=True, exclude={"result_type", "meta"})
    assert told.result == own
    assert [block.type for block in checked.content] == ["text", "image", "resource_link"]


@pytest.mark.parametrize(("mode", "takes_handles"), [("auto", False), ("legacy", True), ("legacy", False)])
async def test_who_does_not_take_handles_gets_the_result(connect: Open, mode: str, takes_handles: bool) -> None:
    async with connect(mode=mode, takes_handles=takes_handles) as client:
        answer = await client.session.call_tool("generate_image", FOX, allow_claimed=True)
        assert not isinstance(answer, Handle)
        with pytest.raises(MCPError) as refused:
            await get(client, UNKNOWN_TASK)
    assert refused.value.error.code == (-32601 if mode == "legacy" else -32021)


async def test_a_failed_generation_is_a_completed_task_whose_result_says_why(connect: Open) -> None:
    async with connect() as client:
        handle = await begin(client, {**FOX, "prompt": "[fail:CONTENT_VIOLATION][took:0]"})
        told = await rested(client, handle.task_id)
    assert told.status == "completed"
    assert told.result is not None
    assert told.result["structuredContent"]["error"]["category"] == "content_policy"
    assert not told.result.get("isError")


async def test_what_is_refused_before_a_task_exists_is_answered_at_once(connect: Open, box: Sandbox) -> None:
    async with connect(confirm_above_usd=0.0) as client:
        wrong = await client.session.call_tool("generate_image", {"model": "nano-banana"}, allow_claimed=True)
        quoted = await client.session.call_tool("generate_image", FOX, allow_claimed=True)
        other = await client.session.call_tool("list_tasks", {}, allow_claimed=True)
    for answer, words in ((wrong, "prompt: required"), (quoted, "confirm: true"), (other, "No tasks yet")):
        assert isinstance(answer, CallToolResult)
        assert words in text_of(answer)
    assert box.log() == []


async def test_several_prompts_are_answered_in_time_and_not_with_a_handle(connect: Open, box: Sandbox) -> None:
    several = {"model": "nano-banana", "prompts": ["a fox [took:0]", "an owl [took:0]"]}
    async with connect() as client:
        answer = await client.session.call_tool("generate_image", several, allow_claimed=True)
    assert isinstance(answer, CallToolResult)
    assert answer.structured_content is not None
    assert [task["state"] for task in answer.structured_content["tasks"]] == ["success"] * 2
    assert len(box.submits()) == 2


async def test_a_handle_survives_a_restart_of_the_server(connect: Open) -> None:
    async with connect() as client:
        handle = await begin(client, ENDLESS)
        other = await begin(client, FOX)
    async with connect() as client:
        assert (await get(client, handle.task_id)).status == "working"
        told = await rested(client, other.task_id)
    assert told.result is not None
    assert told.result["structuredContent"]["state"] == "success"


async def test_a_handle_expires_and_its_task_stays(connect: Open) -> None:
    async with connect() as client:
        handle = await begin(client, FOX)
        await rested(client, handle.task_id)
    async with connect(ahead=KEPT_FOR - 60) as client:
        assert (await get(client, handle.task_id)).status == "completed"
    async with connect(ahead=KEPT_FOR) as client:
        for ask in (get, cancel):
            with pytest.raises(MCPError, match="Task not found") as gone:
                await ask(client, handle.task_id)
            assert gone.value.error.code == -32602
        listed = (await client.call_tool("list_tasks", {})).structured_content
    assert listed is not None
    assert [task["task_id"] for task in listed["tasks"]] == [handle.task_id]


async def test_an_unknown_handle_is_not_found_and_the_gateways_id_is_no_handle(connect: Open) -> None:
    async with connect() as client:
        made = await client.call_tool("generate_image", FOX)
        assert made.structured_content is not None
        for task_id in (UNKNOWN_TASK, made.structured_content["remote_id"]):
            with pytest.raises(MCPError) as unknown:
                await get(client, task_id)
            assert unknown.value.error.code == -32602


async def test_a_task_that_was_sent_is_followed_to_its_end_though_it_is_cancelled(connect: Open, box: Sandbox) -> None:
    async with connect() as client:
        handle = await begin(client, {**FOX, "prompt": "a fox [took:0.3]"})
        await was_asked(box)
        for _ in range(2):
            await cancel(client, handle.task_id)
        told = await rested(client, handle.task_id)
    assert told.status == "completed"
    assert told.result is not None
    assert told.result["structuredContent"]["state"] == "success"
    assert told.result["structuredContent"]["cancel_requested"]


async def test_a_task_that_was_not_sent_ends_cancelled(connect: Open, box: Sandbox) -> None:
    """The gateway asks to come again later, so the submit waits; what waits was not sent."""
    async with connect() as client:
        handle = await begin(client, {**FOX, "prompt": "a fox [429]"})
        await was_asked(box)
        await cancel(client, handle.task_id)
        told = await rested(client, handle.task_id)
        await cancel(client, handle.task_id)
        assert (await get(client, handle.task_id)).status == "cancelled"
    assert (told.status, told.result) == ("cancelled", None)


async def test_input_that_nobody_asked_for_is_acknowledged(connect: Open) -> None:
    async with connect() as client:
        handle = await begin(client, ENDLESS)
        await update(client, handle.task_id, {"question": {"action": "accept"}})
        assert (await get(client, handle.task_id)).status == "working"
        with pytest.raises(MCPError):
            await update(client, UNKNOWN_TASK, {})


async def test_the_same_key_gives_the_same_handle_and_a_finished_task_is_answered_at_once(
    connect: Open, box: Sandbox
) -> None:
    async with connect() as client:
        first = await begin(client, {**ENDLESS, "idempotency_key": "one"})
        again = await begin(client, {**ENDLESS, "idempotency_key": "one"})
        done = await begin(client, {**FOX, "idempotency_key": "two"})
        await rested(client, done.task_id)
        answer = await client.session.call_tool("generate_image", {**FOX, "idempotency_key": "two"}, allow_claimed=True)
    assert first.task_id == again.task_id
    assert "earlier call" in (again.status_message or "")
    assert not isinstance(answer, Handle)
    assert len(box.submits()) == 2


async def test_somebody_elses_handle_is_not_found(box: Sandbox, tmp_path: Path) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        async with Client(build_server(app), extensions=[TakesHandles()]) as client:
            handle = await begin(client, FOX)
            await rested(client, handle.task_id)
            theirs = replace(await app.service.find(LOCAL, handle.task_id), task_id=new_task_id(), owner="somebody")
            await app.store.admit([theirs], Terms(budget=Budget()))
            for ask in (get, cancel):
                with pytest.raises(MCPError) as unknown:
                    await ask(client, theirs.task_id)
                assert unknown.value.error.code == -32602


async def test_a_handle_is_followed_over_http_and_by_a_later_connection(box: Sandbox, tmp_path: Path) -> None:
    async with program("http", values_for(box, tmp_path)) as dial:
        async with Client(dial(), extensions=[TakesHandles()]) as client:
            handle = await begin(client, {**FOX, "prompt": "a fox [took:0.3]"})
        async with Client(dial(), extensions=[TakesHandles()]) as client:
            assert (await rested(client, handle.task_id)).status == "completed"
            answer = await client.call_tool("generate_image", FOX)
        assert answer.structured_content is not None
        assert answer.structured_content["state"] == "success"


@pytest.mark.parametrize(
    ("method", "named", "code"),
    [("tasks/get", "another", -32020), ("tasks/cancel", "another", -32020), ("tasks/get", UNKNOWN_TASK, -32602)],
)
async def test_the_header_names_the_task(box: Sandbox, tmp_path: Path, method: str, named: str, code: int) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "by-hand", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {TASKS: {}}},
    }
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
        "mcp-name": named,
    }
    said = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"taskId": UNKNOWN_TASK, "_meta": meta}}
    async with program("http", values_for(box, tmp_path)) as dial, httpx2.AsyncClient(timeout=60) as http:
        answer = await http.post(dial(), json=said, headers=headers)
    assert answer.json()["error"]["code"] == code
