"""Conversations that begin before the server is loaded: a client hears what the server would say."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.server import MCPServer
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter
from support.amounts import examples, in_time
from support.inside import Inside
from support.pipe import INITIALIZED, META, Pipe, call, discover, initialize, line, request
from support.sdk_answers import asked

from apixo_mcp.app import open_app
from apixo_mcp.server.build import build_server
from apixo_mcp.server.stdio.handshake import Greeting
from apixo_mcp.server.stdio.known import Known
from apixo_mcp.server.stdio.opening import Opening
from apixo_mcp.server.stdio.transport import converse
from apixo_mcp.settings import read_settings

APPS = {"extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}}
MODERN = {"_meta": META}
MODERN_APPS = {"_meta": META | {"io.modelcontextprotocol/clientCapabilities": APPS}}
LISTS = ("tools/list", "prompts/list", "resources/templates/list", "resources/list")

Served = tuple[MCPServer[Any], Known]


@asynccontextmanager
async def serving(home: Path) -> AsyncIterator[MCPServer[Any]]:
    async with open_app(read_settings(home=home, download_dir=home, apixo_api_key="sk-test"), follow=False) as app:
        yield build_server(app)


@pytest.fixture(scope="module")
def served(portal: BlockingPortal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server in whose store nothing is, and what the early stage knows of it."""
    home = tmp_path_factory.mktemp("home")
    with portal.wrap_async_context_manager(serving(home)) as server:
        yield server, Known(key_set=True, folders=(str(home),), home=str(home / "of an early stage that came first"))


async def said(server: MCPServer[Any], lines: list[bytes], greeted: Greeting | None = None) -> list[Any]:
    """All that a server says to some lines, with what was answered for it before."""
    messages = [jsonrpc_message_adapter.validate_json(entry, by_name=False) for entry in lines]
    ask, heard = anyio.create_memory_object_stream[SessionMessage | Exception](len(messages) + 1)
    say, answers = anyio.create_memory_object_stream[SessionMessage](len(messages) + 1)
    waits = sum("method" in (one := json.loads(entry)) and "id" in one for entry in lines)
    found: list[Any] = []
    async with anyio.create_task_group() as group, ask, answers:
        group.start_soon(converse, server, heard, say, greeted)
        for message in messages:
            await ask.send(SessionMessage(message))
        with in_time(20):
            for _ in range(waits - (greeted is not None and greeted.opens)):
                answer = await answers.receive()
                found.append(json.loads(answer.message.model_dump_json(by_alias=True, exclude_unset=True)))
        group.cancel_scope.cancel()
    return found


def by_id(answers: list[Any]) -> list[Any]:
    return sorted(answers, key=lambda answer: (str(answer["id"]), json.dumps(answer, sort_keys=True)))


SAYINGS: list[dict[str, Any]] = [
    initialize(),
    initialize("2025-03-26", capabilities=APPS),
    initialize("1999-01-01"),
    INITIALIZED,
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}},
    {"jsonrpc": "2.0", "id": "nobody's", "result": {}},
    discover(),
    request("ping"),
    request("ping", {"_meta": {"progressToken": "t"}}),
    request("no/such/method"),
    request("tools/call", {"name": "list_tasks", "arguments": {}}),
    request("tools/call", {"name": "list_tasks", "arguments": {}, **MODERN}),
    *(request(method, params) for method in LISTS for params in (None, MODERN)),
    request("tools/list", MODERN_APPS),
    request("tools/list", {"_meta": {"progressToken": 7, "note": {"a": 1}}, "cursor": None}),
    request("tools/list", {"cursor": "2"}),
]


@given(sayings=st.lists(st.sampled_from(SAYINGS), min_size=1, max_size=7))
@settings(max_examples=examples(300), deadline=None)
def test_a_conversation_goes_as_it_would_without_the_early_stage(
    sayings: list[dict[str, Any]], served: Served, portal: BlockingPortal
) -> None:
    server, known = served
    lines = [
        line({**one, "id": number} if one.get("method") and "id" in one else one) for number, one in enumerate(sayings)
    ]
    opening = Opening(known)
    early: list[Any] = []
    kept: list[bytes] = []
    for entry in lines:
        answer, is_kept = opening.hear(entry)
        early += [json.loads(answer)] if answer else []
        kept += [entry] if is_kept else []
    # What is handed on is what came, in order.
    assert kept == [entry for entry in lines if entry in kept]
    together = early + portal.call(said, server, kept, opening.greeted)
    assert by_id(together) == by_id(portal.call(said, server, lines))


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "2025-11-25", "2026-07-28", 2**70]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["_meta", "cursor", "progressToken", "progress_token", "mimeTypes", *META]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield here
    for name, child in value.items() if isinstance(value, dict) else ():
        yield from places(child, (*here, name))


def changed(value: dict[str, Any], place: tuple[Any, ...], to: Any) -> Any:
    return to if not place else {**value, place[0]: changed(value.get(place[0], {}), place[1:], to)}


@given(data=st.data(), method=st.sampled_from(LISTS), is_modern=st.booleans())
@settings(max_examples=examples(400), deadline=None)
def test_a_list_that_is_asked_for_in_any_way_is_never_answered_otherwise(
    data: st.DataObject, method: str, is_modern: bool, served: Served, portal: BlockingPortal
) -> None:
    server, known = served
    token = {"progressToken": 1, "traceparent": "x"}
    message = request(method, {"_meta": (MODERN_APPS["_meta"] | token) if is_modern else token, "cursor": None})
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from([*places(message)][1:]))
        message = changed(message, place, data.draw(ODD))
    lines = [line(message)] if is_modern else [line(initialize(capabilities=APPS)), line(message)]
    opening = Opening(known)
    answer = [opening.hear(entry)[0] for entry in lines][-1]
    if answer:
        assert json.loads(answer) == portal.call(asked, server, *lines)


# ---------------------------------------------------------------------------------------------------------------------
# Hosts, at the end of raw pipes


Open = Callable[..., Pipe | Inside]


def names(answer: Any) -> set[str]:
    return {tool["name"] for tool in answer["result"]["tools"]}


def check_end(pipe: Pipe | Inside, *answered: Any, **more: Any) -> None:
    """The rest of a session: a call is answered once, with nothing else but what is named, and the end is clean."""
    pipe.send(call("last", **more))
    pipe.load()
    answers = [pipe.next() for _ in range(len(answered) + 1)]
    assert {answer["id"] for answer in answers} == {"last", *answered}
    assert all("result" in answer for answer in answers)
    assert pipe.end() == (0, [], b"")


def test_a_host_that_asks_for_every_list_at_once(opened: Open) -> None:
    with opened() as pipe:
        pipe.send(initialize(), INITIALIZED, *(request(method, {}, method) for method in LISTS))
        assert [pipe.next()["id"] for _ in range(5)] == [0, *LISTS]
        check_end(pipe)


def test_a_host_that_lists_before_it_says_that_it_is_ready(opened: Open) -> None:
    with opened() as pipe:
        pipe.send(initialize(capabilities=APPS), request("tools/list", number=1), INITIALIZED)
        assert pipe.next()["id"] == 0
        assert "app_make" in names(pipe.next())
        check_end(pipe)


def test_a_host_that_asks_for_what_was_made_first(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "tasks.sqlite3").touch()
    with opened() as pipe:
        pipe.send(initialize(), INITIALIZED, request("resources/list", number="files"), request("tools/list", number=1))
        assert [pipe.next()["id"], pipe.next()["id"]] == [0, 1]
        check_end(pipe, "files")


def test_a_call_is_kept_and_a_list_behind_it_is_not(opened: Open) -> None:
    with opened() as pipe:
        pipe.send(initialize(), INITIALIZED, call("call"), request("ping", number=1), request("tools/list", number=2))
        assert [pipe.next()["id"] for _ in range(3)] == [0, 1, 2]
        check_end(pipe, "call")


def test_a_modern_client_that_does_not_probe(opened: Open) -> None:
    with opened() as pipe:
        pipe.send(request("tools/list", MODERN, 1), request("tools/list", MODERN_APPS, 1), discover(1))
        assert "app_make" not in names(pipe.next())
        assert "app_make" in names(pipe.next())
        assert "supportedVersions" in pipe.next()["result"]
        pipe.send(initialize(number="late"))
        pipe.load()
        assert pipe.next()["error"]["code"] == -32022, "the era is the one of the first request"
        check_end(pipe, **MODERN)


def test_a_modern_client_that_uses_one_id_again_and_again_hears_of_its_call(opened: Open) -> None:
    with opened() as pipe:
        pipe.send(request("tools/list", MODERN, 1), call(1, **MODERN))
        assert names(pipe.next())
        pipe.load()
        assert "nano-banana" in pipe.next()["result"]["content"][0]["text"]
        check_end(pipe, **MODERN)


def test_a_list_is_cancelled_after_it_was_answered(opened: Open) -> None:
    with opened() as pipe:
        pipe.send(initialize(), INITIALIZED, request("tools/list", {"_meta": {"progressToken": 1}}, 1))
        pipe.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
        assert [pipe.next()["id"], pipe.next()["id"]] == [0, 1]
        check_end(pipe)


@pytest.mark.parametrize("odd", [b"garbage\n", b"[]\n", line(initialize(number=1)), b'{"method": "\\ud800"}\n'])
def test_what_may_change_the_connection_ends_the_answering(odd: bytes) -> None:
    opening = Opening(Known(key_set=True, folders=("/p",)))
    assert [opening.hear(entry)[1] for entry in (line(initialize()), odd)] == [True, True]
    assert opening.hear(line(request("tools/list"))) == (b"", True)


def test_a_second_handshake_with_other_capabilities(opened: Open) -> None:
    with opened() as pipe:
        pipe.send(initialize(), initialize(number=1, capabilities=APPS), INITIALIZED, request("tools/list", number=2))
        pipe.load()
        assert [pipe.next()["id"], pipe.next()["id"]] == [0, 1]
        assert "app_make" in names(pipe.next())
        check_end(pipe)


def test_no_more_is_answered_than_a_pipe_holds(opened: Open) -> None:
    """A client that does not read must not hold the server up."""
    lists = [request("tools/list", number=number) for number in range(1, 9)]
    known = Known(key_set=True, folders=("/p",))
    opening = Opening(known)
    answers = [opening.hear(entry)[0] for entry in map(line, (initialize(), *lists))]
    assert sum(map(len, answers)) < 2**16
    assert not answers[-1]
    with opened() as pipe:
        pipe.send(initialize(), INITIALIZED, *lists)
        pipe.load()
        assert {pipe.next()["id"] for _ in range(9)} == set(range(9))
        check_end(pipe)


@pytest.mark.process
def test_a_client_that_only_lists_ends_the_process_at_once(tmp_path: Path) -> None:
    with Pipe(tmp_path) as pipe:
        pipe.send(initialize(), INITIALIZED, request("tools/list", number=1))
        code, answers, errors = pipe.end()
        assert (code, [answer["id"] for answer in answers], errors) == (0, [0, 1], b"")
    assert not (tmp_path / "tasks.sqlite3").exists()
