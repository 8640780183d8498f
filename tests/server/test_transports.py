"""One body of tests over every transport, in both eras of the protocol."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp.types import Implementation
from mcp.types.jsonrpc import JSONRPCNotification, JSONRPCRequest, JSONRPCResponse
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS, KNOWN_PROTOCOL_VERSIONS
from support.amounts import in_time
from support.program import Dial, program, structure, text_at, text_of, told_once, values_for

from apixo_mcp import __version__
from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}
ENDLESS = {"model": "nano-banana", "prompt": "a fox [never]", "wait_seconds": 0}


@dataclass(frozen=True)
class Running:
    """A program with one client that stays connected."""

    transport: str
    era: str
    dial: Dial
    client: Client

    def another(self) -> Client:
        return Client(self.dial(), mode=self.era, client_info=Implementation(name="claude-ai", version="1"))


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def _clean_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "APIXO_MCP_MODELS",
            "APIXO_MCP_TOOLS",
            "APIXO_MCP_DAILY_BUDGET_USD",
            "APIXO_MCP_CONFIRM_ABOVE_USD",
        ):
            patch.delenv(name, raising=False)
        yield


def _over(transports: tuple[str, ...], eras: tuple[str, ...]) -> list[Any]:
    # A group goes to one worker, so that no program is started twice.
    marks = {"stdio": [pytest.mark.process]}
    return [
        pytest.param((over, era), id=name, marks=[pytest.mark.xdist_group(name), *marks.get(over, [])])
        for over in transports
        for era in eras
        if (name := f"{over}-{era}")
    ]


@pytest.fixture(scope="module", params=_over(("memory", "stdio", "http", "sse"), ("auto", "legacy")))
async def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _clean_environment: None
) -> AsyncIterator[Running]:
    transport, era = request.param
    info = Implementation(name="claude-ai", version="1")
    async with (
        Sandbox(speed=1000.0) as box,
        program(transport, values_for(box, tmp_path_factory.mktemp("program"))) as dial,
        Client(dial(), mode=era, client_info=info) as client,
    ):
        yield Running(transport, era, dial, client)


async def test_the_handshake_tells_who_answers_in_which_revision(running: Running) -> None:
    client = running.client
    assert client.protocol_version == ("2026-07-28" if running.era == "auto" else "2025-11-25")
    assert client.server_info is not None
    assert (client.server_info.name, client.server_info.version) == ("apixo-mcp", __version__)
    assert "costs the user money" in (client.instructions or "")


async def test_everything_is_listed(running: Running) -> None:
    tools = (await running.client.list_tools()).tools
    assert len(tools) == 11
    assert len((await running.client.list_prompts()).prompts) == 7
    assert "apixo://schemas/task" in [str(entry.uri) for entry in (await running.client.list_resources()).resources]


async def test_a_picture_is_made_with_progress_on_the_way(running: Running) -> None:
    told: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    answer = structure(await running.client.call_tool("generate_image", FOX, progress_callback=note))
    assert answer["state"] == "success"
    assert answer["results"][0]["file"] == "saved"
    assert told
    assert told == sorted(set(told))
    task = await text_at(running.client, f"apixo://tasks/{answer['task_id']}")
    assert json.loads(task)["state"] == "success"


async def test_a_failure_is_an_answer(running: Running) -> None:
    request = {**FOX, "prompt": "a fox [fail:CONTENT_VIOLATION][took:0]"}
    answer = structure(await running.client.call_tool("generate_image", request))
    assert answer["state"] == "failed"
    assert answer["error"]["category"] == "content_policy"


async def test_a_refusal_is_an_error_in_words(running: Running) -> None:
    answer = await running.client.call_tool("generate_image", {"model": "no-such-model", "prompt": "a fox"})
    assert answer.is_error
    assert "no-such-model" in text_of(answer)


async def test_a_sent_task_is_not_unsent(running: Running) -> None:
    made = structure(await running.client.call_tool("generate_image", {**ENDLESS, "wait_seconds": 0}))
    await told_once(running.client, made, lambda answer: "remote_id" in answer)
    answer = structure(await running.client.call_tool("cancel_task", {"task_id": made["task_id"]}))
    assert answer["cancel_requested"] is True
    assert answer["state"] in ("pending", "processing")


async def test_two_clients_see_the_same_tasks(running: Running) -> None:
    made = structure(await running.client.call_tool("generate_image", ENDLESS))
    async with running.another() as other:
        seen = structure(await other.call_tool("list_tasks", {"limit": 1}))
        checked = structure(await other.call_tool("check_task", {"task_id": made["task_id"], "wait_seconds": 0}))
    assert [task["task_id"] for task in seen["tasks"]] == [made["task_id"]]
    assert checked["prompt"] == ENDLESS["prompt"]


@pytest.mark.parametrize("revision", HANDSHAKE_PROTOCOL_VERSIONS[:-1])  # the last is what `legacy` clients agree on
@pytest.mark.parametrize("running", _over(("stdio", "http", "sse"), ("legacy",)), indirect=True)
async def test_every_earlier_revision_is_served(running: Running, revision: str) -> None:
    dialled = running.dial()
    opened = streamable_http_client(dialled) if isinstance(dialled, str) else dialled
    me = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    async with opened as (heard, said):

        async def ask(number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
            await said.send(SessionMessage(JSONRPCRequest(jsonrpc="2.0", id=number, method=method, params=params)))
            with in_time(20):
                received = await heard.receive()
            assert isinstance(received, SessionMessage)
            message = received.message
            assert isinstance(message, JSONRPCResponse)
            return message.result

        assert (await ask(1, "initialize", me))["protocolVersion"] == revision
        await said.send(SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized")))
        assert len((await ask(2, "tools/list", {}))["tools"]) == 11


def test_five_revisions_are_known() -> None:
    assert set(KNOWN_PROTOCOL_VERSIONS) == {*HANDSHAKE_PROTOCOL_VERSIONS, "2026-07-28"}
    assert len(KNOWN_PROTOCOL_VERSIONS) == 5
