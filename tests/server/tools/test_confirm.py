"""Asking before spending, in both eras of the protocol."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.types import CallToolResult, ElicitRequestFormParams, ElicitResult, ErrorData, InputRequiredResult
from support.amounts import here, in_time
from support.pipe import INITIALIZED, Pipe, initialize, request
from support.program import Connect, text_of, values_for
from support.tasks_client import Handle, TakesHandles

from apixo_mcp.app import open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.server.tools.consent.confirm import AT_ONCE
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}
YES = ElicitResult(action="accept", content={"proceed": True})


def person(answer: ElicitResult | ErrorData, asked: list[str], *, thinks: float = 0.0) -> dict[str, Any]:
    """Somebody at the client who always answers the same; who does not think is the client itself."""

    async def callback(_: Any, params: Any) -> ElicitResult | ErrorData:
        assert isinstance(params, ElicitRequestFormParams)
        asked.append(params.message)
        await anyio.sleep(thinks)
        return answer

    return {"elicitation_callback": callback}


async def stored(client: Client) -> list[dict[str, Any]]:
    listed = (await client.call_tool("list_tasks", {})).structured_content
    assert listed is not None
    return listed["tasks"]


@pytest.mark.parametrize(
    ("transport", "content"),
    [
        ("memory", {"proceed": True}),
        ("memory", {}),
        ("memory", None),
        pytest.param("stdio", {"proceed": True}, marks=pytest.mark.process),
        ("http", {"proceed": True}),
        ("sse", {"proceed": True}),
    ],
)
async def test_a_yes_sends_one_request(connect: Connect, box: Sandbox, content: Any) -> None:
    asked: list[str] = []
    own = person(ElicitResult(action="accept", content=content), asked)
    async with connect(own=own, confirm_above_usd=0.01) as client:
        answer = await client.call_tool("generate_image", FOX)
    assert answer.structured_content is not None
    assert answer.structured_content["state"] == "success"
    assert len(box.submits()) == 1
    (message,) = asked
    for said in ("nano-banana", "about $0.0", "above $0.01", "APIXO_MCP_CONFIRM_ABOVE_USD"):
        assert said in message


@pytest.mark.parametrize(
    "answer",
    [
        ElicitResult(action="decline"),
        ElicitResult(action="cancel"),
        ElicitResult(action="accept", content={"proceed": False}),
    ],
)
async def test_without_a_yes_nothing_is_stored_or_sent(connect: Connect, box: Sandbox, answer: ElicitResult) -> None:
    async with connect(own=person(answer, [], thinks=AT_ONCE), confirm_above_usd=0.01) as client:
        refused = await client.call_tool("generate_image", FOX)
        assert await stored(client) == []
    assert refused.is_error
    assert "Nothing was sent or charged" in text_of(refused)
    assert ("confirm: true" in text_of(refused)) == (answer.action == "cancel")
    assert box.log() == []


async def test_below_the_limit_nobody_is_asked(connect: Connect) -> None:
    asked: list[str] = []
    async with connect(own=person(YES, asked), confirm_above_usd=5.0) as client:
        await client.call_tool("generate_image", FOX)
    assert asked == []


async def test_what_is_wrong_with_a_call_is_told_before_anybody_is_asked(connect: Connect) -> None:
    asked: list[str] = []
    async with connect(own=person(YES, asked), confirm_above_usd=0.01) as client:
        answer = await client.call_tool("generate_image", {"model": "nano-banana"})
    assert "prompt: required" in text_of(answer)
    assert asked == []


async def test_a_client_that_declines_by_itself_gets_the_quote(connect: Connect, box: Sandbox) -> None:
    async with connect(own=person(ElicitResult(action="decline"), []), confirm_above_usd=0.01) as client:
        quoted = await client.call_tool("generate_image", FOX)
        assert "confirm: true" in text_of(quoted)
        assert box.log() == []
        answer = await client.call_tool("generate_image", {**FOX, "confirm": True})
    assert answer.structured_content is not None
    assert answer.structured_content["state"] == "success"


async def test_a_no_of_the_person_takes_an_earlier_quote_back(connect: Connect, box: Sandbox) -> None:
    async with connect(confirm_above_usd=0.01) as client:
        await client.call_tool("generate_image", FOX)
    asked: list[str] = []
    own = person(ElicitResult(action="decline"), asked, thinks=AT_ONCE)
    async with connect(own=own, confirm_above_usd=0.01) as client:
        assert "the user said no" in text_of(await client.call_tool("generate_image", FOX))
        refused = await client.call_tool("generate_image", {**FOX, "confirm": True})
    assert "the user said no" in text_of(refused)
    assert len(asked) == 2
    assert box.log() == []


@pytest.mark.parametrize("other", [{"prompt": "a wolf [took:0]"}, {"aspect_ratio": "16:9"}, {"provider": "official"}])
async def test_a_yes_without_a_quote_for_that_very_call_gets_the_quote(
    connect: Connect, box: Sandbox, other: dict[str, Any]
) -> None:
    async with connect(confirm_above_usd=0.01) as client:
        at_once = await client.call_tool("generate_image", {**FOX, "confirm": True})
        for_another = await client.call_tool("generate_image", {**FOX, **other, "confirm": True})
        assert box.log() == []
        assert await stored(client) == []
        answer = await client.call_tool("generate_image", {**FOX, "confirm": True, "wait_seconds": 10})
    for quoted in (at_once, for_another):
        assert quoted.is_error
        assert "Not sent yet" in text_of(quoted)
    assert answer.structured_content is not None
    assert answer.structured_content["state"] == "success"


async def test_one_quote_allows_one_purchase(connect: Connect, box: Sandbox) -> None:
    async with connect(confirm_above_usd=0.01) as client:
        await client.call_tool("generate_image", FOX)
        await client.call_tool("generate_image", {**FOX, "confirm": True})
        again = await client.call_tool("generate_image", {**FOX, "confirm": True})
    assert "Not sent yet" in text_of(again)
    assert len(box.submits()) == 1


async def test_a_quote_outlives_the_process_and_not_half_an_hour(
    connect: Connect, box: Sandbox, tmp_path: Path
) -> None:
    wolf = FOX | {"prompt": "a wolf [took:0]"}
    async with connect(confirm_above_usd=0.01) as client:
        await client.call_tool("generate_image", FOX)
        await client.call_tool("generate_image", wolf)
    with closing(sqlite3.connect(next(tmp_path.rglob("tasks.sqlite3")))) as database, database:
        database.execute("update quote set made_at = made_at - 1801 where rowid = (select max(rowid) from quote)")
    async with connect(confirm_above_usd=0.01) as client:
        answer = await client.call_tool("generate_image", {**FOX, "confirm": True})
        expired = await client.call_tool("generate_image", {**wolf, "confirm": True})
    assert answer.structured_content is not None
    assert answer.structured_content["state"] == "success"
    assert "Not sent yet" in text_of(expired)
    assert len(box.submits()) == 1


async def test_a_yes_to_a_lower_price_gets_the_new_quote(connect: Connect, box: Sandbox, tmp_path: Path) -> None:
    for usd in (0.05, 0.06):
        (tmp_path / f"{usd}.toml").write_text(f'[prices."nano-banana"]\nusd = {usd}\nper = "task"\n')
    async with connect(confirm_above_usd=0.01, prices=tmp_path / "0.05.toml") as client:
        await client.call_tool("generate_image", FOX)
    async with connect(confirm_above_usd=0.01, prices=tmp_path / "0.06.toml") as client:
        dearer = await client.call_tool("generate_image", {**FOX, "confirm": True})
    assert "about $0.06" in text_of(dearer)
    assert box.log() == []
    async with connect(confirm_above_usd=0.01, prices=tmp_path / "0.05.toml") as client:
        cheaper = await client.call_tool("generate_image", {**FOX, "confirm": True})
    assert cheaper.structured_content is not None
    assert len(box.submits()) == 1


async def test_where_no_question_is_due_a_yes_is_ignored(connect: Connect, box: Sandbox) -> None:
    async with connect(confirm_above_usd=5.0) as client:
        answer = await client.call_tool("generate_image", {**FOX, "confirm": True})
    assert answer.structured_content is not None
    assert answer.structured_content["state"] == "success"


@pytest.mark.parametrize(("auto_retry", "posts"), [(0, 1), (1, 2)])
async def test_a_yes_allows_the_further_attempts_that_its_quote_named(
    connect: Connect, box: Sandbox, auto_retry: int, posts: int
) -> None:
    call = FOX | {"prompt": "a fox [fail:PROCESSING_TIMEOUT][took:0]"}
    async with connect(confirm_above_usd=0.01, auto_retry=auto_retry) as client:
        quoted = text_of(await client.call_tool("generate_image", call))
    async with connect(confirm_above_usd=0.01, auto_retry=5) as client:  # a setting of today does not widen the yes
        answer = await client.call_tool("generate_image", {**call, "confirm": True})
    assert ("up to 2 attempts" in quoted) == (auto_retry == 1)
    assert answer.structured_content is not None
    assert answer.structured_content["state"] == "failed"
    assert answer.structured_content["attempts"] == posts
    assert len(box.submits()) == posts
    assert "APIXO_MCP_CONFIRM_ABOVE_USD" in " ".join(answer.structured_content["notes"])


async def test_a_client_that_cannot_ask_gets_the_quote(connect: Connect, box: Sandbox) -> None:
    async with connect(confirm_above_usd=0.01) as client:
        quoted = await client.call_tool("generate_image", FOX)
        assert await stored(client) == []
        assert box.log() == []
        answer = await client.call_tool("generate_image", {**FOX, "confirm": True})
    assert quoted.is_error
    assert "confirm: true" in text_of(quoted)
    assert answer.structured_content is not None
    assert answer.structured_content["state"] == "success"


@pytest.mark.parametrize("era", ["legacy"])
async def test_a_client_that_fails_to_ask_gets_the_quote(connect: Connect, box: Sandbox) -> None:
    own = person(ErrorData(code=-32603, message="no window"), [])
    async with connect(own=own, confirm_above_usd=0.01) as client:
        quoted = await client.call_tool("generate_image", FOX)
    assert "confirm: true" in text_of(quoted)
    assert box.log() == []


@pytest.mark.process
@pytest.mark.parametrize("answer", [{}, {"action": "bogus"}, {"action": "accept", "content": 5}])
def test_what_is_no_answer_gets_the_quote(tmp_path: Path, answer: dict[str, Any]) -> None:
    with Pipe(tmp_path, APIXO_MCP_CONFIRM_ABOVE_USD="0.001") as pipe:
        pipe.send(initialize(capabilities={"elicitation": {}}), INITIALIZED)
        pipe.send(request("tools/call", {"name": "generate_image", "arguments": FOX}, 1))
        assert pipe.next()["id"] == 0
        asked = pipe.next()
        assert asked["method"] == "elicitation/create"
        pipe.send({"jsonrpc": "2.0", "id": asked["id"], "result": answer})
        assert "confirm: true" in pipe.next()["result"]["content"][0]["text"]


@pytest.mark.parametrize("path", ["/mcp", "/sse"])
async def test_an_open_question_does_not_hold_up_the_end(box: Sandbox, tmp_path: Path, path: str) -> None:
    asked = anyio.Event()

    async def thinking(context: Any, params: Any) -> ElicitResult:
        asked.set()
        await anyio.sleep_forever()
        raise AssertionError

    listener = listen("127.0.0.1", 0)
    place = f"{url_of(listener)}{path}"
    values = values_for(box, tmp_path) | {"confirm_above_usd": 0.01}

    async def ask() -> None:
        dial: Any = sse_client(place) if path == "/sse" else place
        async with Client(dial, mode="legacy", elicitation_callback=thinking) as client:
            await client.call_tool("generate_image", FOX)

    times: list[float] = []
    async with open_app(read_settings(**values)) as app, anyio.create_task_group() as group:
        async with serving(app, build_server(app), listener):
            group.start_soon(ask)
            with in_time(20):
                await asked.wait()
            times.append(anyio.current_time())
        times.append(anyio.current_time())
        group.cancel_scope.cancel()
    assert times[1] - times[0] < here(2)
    assert box.log() == []


Retry = Callable[..., Awaitable[CallToolResult]]


async def asked_by_return(client: Client, arguments: dict[str, Any]) -> tuple[InputRequiredResult, Retry]:
    """The question that a call is answered with, and the call made again with answers to it."""
    question = await client.session.call_tool("generate_image", arguments, allow_input_required=True)
    assert isinstance(question, InputRequiredResult)

    async def retry(answer: ElicitResult = YES, arguments: dict[str, Any] = arguments) -> CallToolResult:
        done = await client.session.call_tool(
            "generate_image",
            arguments,
            input_responses=dict.fromkeys(question.input_requests or {}, answer),
            request_state=question.request_state,
            allow_input_required=True,
        )
        assert isinstance(done, CallToolResult)
        return done

    return question, retry


@pytest.mark.parametrize("era", ["auto"])
async def test_a_yes_that_arrives_twice_pays_once(connect: Connect, box: Sandbox) -> None:
    async with connect(own=person(YES, []), confirm_above_usd=0.01) as client:
        _, retry = await asked_by_return(client, FOX)
        assert await stored(client) == []
        answers: list[dict[str, Any] | None] = []

        async def arrive() -> None:
            answers.append((await retry()).structured_content)

        async with anyio.create_task_group() as at_once:
            at_once.start_soon(arrive)
            at_once.start_soon(arrive)
        await arrive()
        _, other_retry = await asked_by_return(client, FOX)
        other = (await other_retry()).structured_content
    assert other is not None
    (task_id,) = {told["task_id"] for told in answers if told}
    assert [("deduplicated" in told) for told in answers if told].count(False) == 1
    assert other["task_id"] != task_id
    assert len(box.submits()) == 2


@pytest.mark.parametrize("era", ["auto"])
async def test_a_yes_holds_for_the_call_that_was_asked_about(connect: Connect, box: Sandbox) -> None:
    async with connect(own=person(YES, []), confirm_above_usd=0.01) as client:
        question, retry = await asked_by_return(client, FOX)
        with pytest.raises(MCPError, match="requestState"):
            await retry(arguments={**FOX, "model": "nano-banana-pro"})
        question.request_state = "made up"
        with pytest.raises(MCPError, match="requestState"):
            await retry()
        question.request_state = None
        with pytest.raises(AssertionError):  # an answer to nothing is asked about again
            await retry()
    assert box.log() == []


@pytest.mark.parametrize("era", ["auto"])
async def test_a_yes_survives_a_restart(connect: Connect, box: Sandbox) -> None:
    async with connect(own=person(YES, []), confirm_above_usd=0.01) as client:
        question, _ = await asked_by_return(client, FOX)
    async with connect(own=person(YES, []), confirm_above_usd=0.01) as client:
        done = await client.session.call_tool(
            "generate_image",
            FOX,
            input_responses=dict.fromkeys(question.input_requests or {}, YES),
            request_state=question.request_state,
            allow_input_required=True,
        )
    assert isinstance(done, CallToolResult)
    assert done.structured_content is not None
    assert done.structured_content["state"] == "success"
    assert len(box.submits()) == 1


@pytest.mark.parametrize("era", ["auto"])
async def test_a_client_of_tasks_gets_its_handle_after_the_yes(connect: Connect, box: Sandbox) -> None:
    own = person(YES, []) | {"extensions": [TakesHandles()]}
    async with connect(own=own, confirm_above_usd=0.01) as client:
        question = await client.session.call_tool("generate_image", FOX, allow_input_required=True, allow_claimed=True)
        assert isinstance(question, InputRequiredResult)
        handle = await client.session.call_tool(
            "generate_image",
            FOX,
            input_responses=dict.fromkeys(question.input_requests or {}, YES),
            request_state=question.request_state,
            allow_claimed=True,
        )
        assert isinstance(handle, Handle)
        done = await client.call_tool("check_task", {"task_id": handle.task_id, "wait_seconds": 20})
    assert done.structured_content is not None
    assert done.structured_content["state"] == "success"
    assert len(box.submits()) == 1
