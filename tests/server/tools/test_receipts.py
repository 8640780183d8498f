"""An answer counts as given once it has left the process, and as lost where it never did."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp.types import ErrorData, JSONRPCError, JSONRPCRequest, JSONRPCResponse
from support.amounts import here, in_time
from support.pipe import INITIALIZED, Pipe, initialize, line, request
from support.program import Connect, environment, happens, values_for

from apixo_mcp.app import App, open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.tools.receipts import Receipts
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL

pytestmark = pytest.mark.anyio

NEVER = {"model": "nano-banana", "prompt": "a fox [never]"}
CLAUDE = {"name": "claude-ai", "version": "1"}
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to catch")


@pytest.fixture
async def app(box: Sandbox, tmp_path: Path) -> AsyncIterator[App]:
    async with open_app(read_settings(**values_for(box, tmp_path))) as running:
        yield running


async def expected(app: App, receipts: Receipts, request_id: int | str) -> str:
    """The id of a new task, whose answer is on its way."""
    request = GenerationRequest(owner=LOCAL, model="nano-banana", arguments={"prompt": f"a fox {request_id!r} [never]"})
    async with app.admission.asking(request) as submitted:
        assert isinstance(submitted, Submission)
        receipts.expect(request_id, submitted.call)
        return submitted.task.task_id


def written(message: Any) -> str:
    """A message as the SDK writes it."""
    return message.model_dump_json(by_alias=True, exclude_unset=True) + "\n"


@pytest.mark.parametrize("request_id", [7, -1, "7", 'a "quoted\\ id', "é"])
async def test_an_answer_that_has_left_is_given(app: App, request_id: int | str) -> None:
    receipts = Receipts()
    task_id = await expected(app, receipts, request_id)
    await receipts.left(written(JSONRPCRequest(jsonrpc="2.0", id=request_id, method="elicitation/create", params={})))
    await receipts.left(written(JSONRPCResponse(jsonrpc="2.0", id="another", result={"id": request_id})))
    assert (await app.service.find(LOCAL, task_id)).answer == "awaited"
    await receipts.left(written(JSONRPCResponse(jsonrpc="2.0", id=request_id, result={"content": []})))
    assert (await app.service.find(LOCAL, task_id)).answer == "given"


async def test_what_never_left_or_tells_no_task_is_lost(app: App) -> None:
    receipts = Receipts()
    failed, unwanted, unwritten = [await expected(app, receipts, number) for number in range(3)]
    error = ErrorData(code=-32603, message="no")
    await receipts.left(written(JSONRPCError(jsonrpc="2.0", id=0, error=error)))
    await receipts.unwanted(1)
    await receipts.close()
    for task_id in (failed, unwanted, unwritten):
        assert (await app.service.find(LOCAL, task_id)).answer == "lost"


async def test_a_client_that_reads_nothing_keeps_nobody_waiting_for_long(app: App) -> None:
    receipts = Receipts()
    await receipts.noted()
    receipts.leaves()
    with in_time(20):
        await receipts.noted()


def host(box: Sandbox, folder: Path) -> subprocess.Popen[bytes]:
    """A server whose host reads nothing that it says."""
    command = [sys.executable, "-m", "apixo_mcp"]
    variables = environment(values_for(box, folder))
    return subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.mark.process
@pytest.mark.parametrize("era", ["legacy"])
async def test_an_answer_that_nobody_read_is_not_paid_twice(connect: Connect, box: Sandbox, tmp_path: Path) -> None:
    with host(box, tmp_path) as process:
        assert process.stdin
        lists = [request("tools/list", {}, number) for number in range(1, 15)]  # more than a pipe holds
        call = request("tools/call", {"name": "generate_image", "arguments": NEVER | {"wait_seconds": 0}}, 99)
        said = (initialize(clientInfo=CLAUDE), INITIALIZED, *lists, call)
        process.stdin.write(b"".join(line(message) for message in said))
        process.stdin.flush()
        await happens(lambda: len(box.submits()) == 1)
        process.kill()
    async with connect() as client:
        again = (await client.call_tool("generate_image", NEVER | {"wait_seconds": 0})).structured_content
    assert again is not None
    assert again["deduplicated"]
    assert len(box.submits()) == 1


@pytest.mark.process
@posix_only
async def test_a_signal_leaves_the_task_of_a_waiting_call_to_the_same_request(box: Sandbox, tmp_path: Path) -> None:
    values = values_for(box, tmp_path)
    with Pipe(tmp_path, **environment(values)) as pipe:
        pipe.send(initialize(clientInfo=CLAUDE), INITIALIZED)
        pipe.send(request("tools/call", {"name": "generate_image", "arguments": NEVER | {"wait_seconds": 50}}, 1))
        await happens(lambda: len(box.submits()) == 1)
        began = time.monotonic()
        pipe.process.send_signal(signal.SIGTERM)
        code, _, _ = await anyio.to_thread.run_sync(pipe.ended)
        assert (code, time.monotonic() - began < here(10)) == (0, True), "it waits no 50 s"
    async with open_app(read_settings(**values), follow=False) as app:
        (task,) = await app.store.page(LOCAL)
    assert task.answer == "lost"


@pytest.mark.process
@posix_only
async def test_an_answer_that_was_read_is_given(box: Sandbox, tmp_path: Path) -> None:
    values = values_for(box, tmp_path)
    with Pipe(tmp_path, **environment(values)) as pipe:
        pipe.send(initialize(clientInfo=CLAUDE), INITIALIZED)
        pipe.send(request("tools/call", {"name": "generate_image", "arguments": NEVER | {"wait_seconds": 0}}, 1))
        heard = [await anyio.to_thread.run_sync(pipe.next) for _ in range(2)]
        assert json.loads(heard[1]["result"]["content"][0]["text"].partition("\n")[2])["state"] == "submitting"
        await anyio.to_thread.run_sync(pipe.end)
    async with open_app(read_settings(**values), follow=False) as app:
        (task,) = await app.store.page(LOCAL)
    assert task.answer == "given"
