"""The server on stdio after the early stage, and where there is none."""

import json
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter
from support.amounts import here, in_time
from support.pipe import INITIALIZED, META, Pipe, call, discover, initialize, line, request

from apixo_mcp.app import open_app
from apixo_mcp.server.build import build_server
from apixo_mcp.server.stdio.handshake import Greeting, greet
from apixo_mcp.server.stdio.transport import converse
from apixo_mcp.settings import read_settings


class Talk:
    def __init__(self, say: Any, answers: Any) -> None:
        self._say, self._answers = say, answers

    async def send(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            await self._say.send(SessionMessage(jsonrpc_message_adapter.validate_python(message)))

    async def next(self) -> dict[str, Any]:
        with in_time(20):
            item = await self._answers.receive()
        return json.loads(item.message.model_dump_json(by_alias=True, exclude_unset=True))


@asynccontextmanager
async def talk(home: Path, greeted: Greeting | None = None) -> AsyncIterator[Talk]:
    say, heard = anyio.create_memory_object_stream[SessionMessage | Exception](9)
    said, answers = anyio.create_memory_object_stream[SessionMessage](9)
    settings = read_settings(home=home, download_dir=home / "files", apixo_api_key="sk-test")
    async with open_app(settings) as app, anyio.create_task_group() as group, answers:
        group.start_soon(converse, build_server(app), heard, said, greeted)
        async with say:
            yield Talk(say, answers)


@pytest.mark.anyio
async def test_probes_do_not_fix_the_era(tmp_path: Path) -> None:
    async with talk(tmp_path) as client:
        unserved = {"io.modelcontextprotocol/protocolVersion": "2027-01-01"}
        await client.send(discover(1), discover(2, **unserved), initialize(number=3), INITIALIZED, call(4))
        assert (await client.next())["result"]["supportedVersions"] == ["2026-07-28"]
        assert (await client.next())["error"]["code"] == -32022
        assert (await client.next())["result"]["protocolVersion"] == "2025-11-25"
        assert (await client.next())["id"] == 4


@pytest.mark.anyio
async def test_after_the_first_request_the_era_is_fixed(tmp_path: Path) -> None:
    async with talk(tmp_path) as client:
        await client.send(discover(1), request("tools/list", {"_meta": META}, 2), discover(3))
        assert [(await client.next())["id"] for _ in range(3)] == [1, 2, 3]
        await client.send(initialize(number=4))
        assert (await client.next())["error"]["code"] == -32022


def greeting(**different: Any) -> Greeting:
    found = greet(initialize(number=1), key_set=True)
    assert found
    found.result |= different
    return found


@pytest.mark.anyio
async def test_an_initialize_that_was_answered_is_not_answered_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with talk(tmp_path, greeting()) as client:
        await client.send(initialize(number=1), INITIALIZED, request("tools/list", number=1))
        assert "tools" in (await client.next())["result"]
    assert not [entry for entry in caplog.records if entry.levelno >= logging.ERROR]


@pytest.mark.anyio
async def test_a_different_early_answer_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with talk(tmp_path, greeting(instructions="others")) as client:
        await client.send(initialize(number=1), request("ping", number=2))
        assert (await client.next())["id"] == 2
    assert "greeted in another way" in caplog.text


@pytest.mark.process
def test_without_an_early_stage(tmp_path: Path) -> None:
    with Pipe(tmp_path, ("-m", "apixo_mcp", "serve", "--sandbox")) as pipe:
        pipe.send(discover(1), initialize(number=2), INITIALIZED, call(3))
        assert [pipe.next()["id"] for _ in range(3)] == [1, 2, 3]
        code, answers, _ = pipe.end()
        assert (code, answers) == (0, [])


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to catch")
def test_a_signal_ends_a_running_server(tmp_path: Path) -> None:
    with Pipe(tmp_path) as pipe:
        pipe.send(initialize(), INITIALIZED, call(1))
        assert [pipe.next()["id"], pipe.next()["id"]] == [0, 1]
        started = time.monotonic()
        pipe.process.send_signal(signal.SIGTERM)
        assert pipe.ended() == (0, [], b"")
        assert time.monotonic() - started < here(2)


@pytest.mark.process
def test_a_client_that_leaves_is_told_nothing_of_what_it_left_open(tmp_path: Path) -> None:
    fox = {"model": "nano-banana", "prompt": "a fox [never]", "wait_seconds": 50}
    with Pipe(tmp_path, ("-m", "apixo_mcp", "serve", "--sandbox")) as pipe:
        pipe.send(initialize(), INITIALIZED, call(2))
        assert [pipe.next()["id"], pipe.next()["id"]] == [0, 2]
        pipe.send(request("tools/call", {"name": "generate_image", "arguments": fox}, 1), call(3))
        assert pipe.next()["id"] == 3
        code, answers, _ = pipe.end()
    assert (code, answers) == (0, [])


@pytest.mark.process
def test_an_unfinished_line_at_the_end_of_input(tmp_path: Path) -> None:
    with Pipe(tmp_path) as pipe:
        pipe.send(initialize(), line(INITIALIZED).rstrip())
        assert pipe.next()["id"] == 0
        assert pipe.end() == (0, [], b"")


@pytest.mark.process
def test_half_an_emoji_is_answered(tmp_path: Path) -> None:
    cut = line(request("tools/call", {"name": "list_models", "arguments": {"query": "half"}}, 7)).strip()
    cut = cut.replace(b"half", b"\\ud83d")
    whole = cut.replace(b'"id": 7', b'"id": 8').replace(b"\\ud83d", b"nano \\ud83e\\udd8a \\\\ud83d")
    with Pipe(tmp_path) as pipe:
        pipe.send(initialize(), INITIALIZED)
        assert "result" in pipe.next()
        pipe.write(cut + b"\n" + whole + b"\n")
        assert {pipe.next()["id"], pipe.next()["id"]} == {7, 8}


@pytest.mark.process
def test_a_batch_is_taken_apart_where_its_revision_has_batches(tmp_path: Path) -> None:
    ping = request("ping", number=6)
    with Pipe(tmp_path) as pipe:
        pipe.send(initialize("2025-03-26"), INITIALIZED, [request("tools/list", {}, 5), ping], ping | {"id": 7})
        assert pipe.next()["result"]["protocolVersion"] == "2025-03-26"
        assert {pipe.next()["id"] for _ in range(3)} == {5, 6, 7}
        assert pipe.end() == (0, [], b"")


@pytest.mark.process
def test_a_batch_of_another_revision_is_not_taken(tmp_path: Path) -> None:
    ping = request("ping", number=6)
    with Pipe(tmp_path) as pipe:
        pipe.send(initialize("2025-06-18"), INITIALIZED, [ping], [], ping | {"id": 7})
        assert pipe.next()["id"] == 0
        refusals = [pipe.next(), pipe.next()]
        assert [(answer["id"], answer["error"]["code"]) for answer in refusals] == [(None, -32600)] * 2
        assert "one by one" in refusals[0]["error"]["message"]
        assert pipe.next()["id"] == 7


NO_MESSAGES = {
    b"hello": (None, -32700),
    b'{"jsonrpc": "2.0", "id": 3, "method"': (None, -32700),
    b"\xff\xfe\x00": (None, -32700),
    b"x" * 1_000_000: (None, -32700),
    b"[" * 1_000_000: (None, -32700),
    b"5": (None, -32600),
    b"null": (None, -32600),
    b'"' + b"x" * 1_000_000 + b'"': (None, -32600),
    b"{}": (None, -32600),
    b'{"jsonrpc": "2.0", "id": 3}': (3, -32600),
    b'{"id": "a", "method": "ping"}': ("a", -32600),
    b'{"jsonrpc": "2.0", "id": 3, "method": 7}': (3, -32600),
    b'{"jsonrpc": "2.0", "id": 3, "method": "ping", "params": [1]}': (3, -32600),
    b'{"jsonrpc": "2.0", "id": null, "method": "ping"}': (None, -32600),
    b'{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}': (None, -32600),
}
"""Lines that are no message, with the id and the code of their answers."""

UNANSWERED = [
    b" \r",
    b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": [1]}',
    b'{"jsonrpc": "2.0", "id": 9, "result": 5}',
    b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "Parse error"}}',
]
"""Lines that nobody awaits an answer to."""


@pytest.mark.process
@pytest.mark.parametrize("loaded", [False, True])
def test_a_line_that_is_no_message_is_answered_and_what_follows_too(tmp_path: Path, loaded: bool) -> None:
    with Pipe(tmp_path, APIXO_MCP_LOG_LEVEL="DEBUG") as pipe:
        if loaded:
            pipe.await_error_line(b"serving on standard input and output")
        pipe.write(b"\n".join((*UNANSWERED, *NO_MESSAGES, b"")))
        answers = [pipe.next() for _ in NO_MESSAGES]
        assert [(answer["id"], answer["error"]["code"]) for answer in answers] == list(NO_MESSAGES.values())
        pipe.send(initialize(), INITIALIZED, b"hello\n", call(1))
        answers = {answer["id"]: answer for answer in (pipe.next() for _ in range(3))}
        assert answers.keys() == {0, None, 1}
        assert "result" in answers[1]
        assert pipe.end()[:2] == (0, [])


@pytest.mark.process
@pytest.mark.parametrize("loaded", [False, True])
def test_a_mark_of_the_byte_order_is_passed_over(tmp_path: Path, loaded: bool) -> None:
    with Pipe(tmp_path, APIXO_MCP_LOG_LEVEL="DEBUG") as pipe:
        if loaded:
            pipe.await_error_line(b"serving on standard input and output")
        pipe.write(b"\xef\xbb\xbf" + line(initialize()))
        pipe.send(INITIALIZED, call(1))
        assert [pipe.next()["id"], pipe.next()["id"]] == [0, 1]
