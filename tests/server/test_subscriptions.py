"""Change notices, in both eras of the protocol."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.server import MCPServer
from mcp.server.subscriptions import ResourcesListChanged, ResourceUpdated, ServerEvent
from mcp.shared.memory import create_client_server_memory_streams
from mcp.shared.message import SessionMessage
from mcp.types import ResourceListChangedNotification, ResourceUpdatedNotification
from mcp.types.jsonrpc import jsonrpc_message_adapter
from support.amounts import here, in_time
from support.asking import submit
from support.program import Connect, values_for

from apixo_mcp.app import App, open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.sdk import lowlevel_of
from apixo_mcp.server.subscriptions import Subscriptions
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import LOCAL, Owner
from apixo_mcp.tasks.ports.terms import Terms
from apixo_mcp.tasks.task import State, Task, new_task_id

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")]

TAKES = f"[took:{here(0.8):.1f}]"
"""Time for whoever asked to subscribe before it is done."""

SLOW = {"model": "nano-banana", "prompt": f"a fox {TAKES}", "wait_seconds": 0}
UNKNOWN_TASK = "apixo://tasks/tsk_" + "a" * 26


class Heard:
    """What a client was told so far: the URIs that changed, `list` for the list of resources."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._more = anyio.Event()

    def put(self, word: str) -> None:
        self.said.append(word)
        self._more.set()
        self._more = anyio.Event()

    async def until(self, *words: str) -> None:
        with in_time(10):
            while not set(words) <= set(self.said):
                await self._more.wait()

    def client(self, era: str) -> dict[str, Any]:
        """How a client of the earlier era hears; one of the later has a stream of its own."""
        return {"message_handler": self._hear} if era == "legacy" else {}

    async def _hear(self, message: Any) -> None:
        match message:
            case ResourceUpdatedNotification():
                self.put(str(message.params.uri))
            case ResourceListChangedNotification():
                self.put("list")
            case _:
                pass


@asynccontextmanager
async def subscribed(client: Client, heard: Heard, era: str, *uris: str) -> AsyncIterator[None]:
    """Subscribes in the way of the era; everything that is told goes into `heard`."""
    if era == "legacy":
        for uri in uris:
            await client.subscribe_resource(uri)
        yield
        return

    async with client.listen(resources_list_changed=True, resource_subscriptions=uris) as stream:

        async def hear() -> None:
            async for event in stream:
                match event:
                    case ResourceUpdated(uri):
                        heard.put(uri)
                    case ResourcesListChanged():
                        heard.put("list")
                    case _:
                        pass

        async with anyio.create_task_group() as group:
            group.start_soon(hear)
            yield
            group.cancel_scope.cancel()


async def begin(client: Client, arguments: dict[str, Any] = SLOW) -> str:
    made = (await client.call_tool("generate_image", arguments)).structured_content
    assert made is not None
    return made["task_id"]


async def finish(client: Client, task_id: str) -> None:
    done = await client.call_tool("check_task", {"task_id": task_id, "wait_seconds": 20})
    assert done.structured_content is not None
    assert done.structured_content["state"] == "success"


@pytest.mark.parametrize("transport", ["memory", pytest.param("stdio", marks=pytest.mark.process), "http", "sse"])
async def test_changes_of_a_task_and_its_files_are_told(connect: Connect, era: str) -> None:
    heard = Heard()
    async with connect(own=heard.client(era)) as client:
        assert client.server_capabilities.resources is not None
        assert client.server_capabilities.resources.subscribe
        task_id = await begin(client)
        task, result = f"apixo://tasks/{task_id}", f"apixo://results/{task_id}/0"
        async with subscribed(client, heard, era, task, result):
            await finish(client, task_id)
            await heard.until(task, result)
            if era != "legacy":  # a connection of the earlier era did not ask for it, and is not promised it
                await heard.until("list")
    assert set(heard.said) == {task, result} | ({"list"} if era != "legacy" else set())
    assert len(heard.said) < 10


async def test_the_list_of_resources_has_the_newest_results(connect: Connect) -> None:
    async with connect() as client:
        before = [str(entry.uri) for entry in (await client.list_resources()).resources]
        task_id = await begin(client)
        await finish(client, task_id)
        after = (await client.list_resources()).resources
    new = [entry for entry in after if str(entry.uri) not in before]
    assert [str(entry.uri) for entry in new] == [f"apixo://results/{task_id}/0"]
    assert new[0].mime_type == "image/jpeg"
    assert new[0].size


async def test_nothing_is_told_after_the_subscription_ends(connect: Connect, era: str) -> None:
    heard = Heard()
    async with connect(own=heard.client(era)) as client:
        ended, going_on = await begin(client), await begin(client, {**SLOW, "prompt": f"an owl {TAKES}"})
        uri, other = f"apixo://tasks/{ended}", f"apixo://tasks/{going_on}"
        if era == "legacy":
            await client.subscribe_resource(uri)
            await client.unsubscribe_resource(uri)
        else:
            async with subscribed(client, heard, era, uri):
                pass
        heard.said.clear()
        async with subscribed(client, heard, era, other):
            await finish(client, ended)
            await finish(client, going_on)
            await heard.until(other)
    assert uri not in heard.said


@pytest.mark.parametrize("era", ["legacy"])
async def test_a_task_that_is_not_ones_own_cannot_be_subscribed_to(connect: Connect) -> None:
    async with connect() as client:
        for uri in (UNKNOWN_TASK, UNKNOWN_TASK.replace("tasks", "results") + "/0"):
            with pytest.raises(MCPError) as refused:
                await client.subscribe_resource(uri)
            assert refused.value.error.code == -32602


class Wire:
    """A client by hand, which reads only when it wants to."""

    def __init__(self, read: Any, write: Any) -> None:
        self._read = read
        self._write = write

    async def say(self, method: str, params: dict[str, Any], number: int | None = None) -> None:
        said: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
        if number is not None:
            said["id"] = number
        await self._write.send(SessionMessage(jsonrpc_message_adapter.validate_python(said)))

    async def hear(self) -> dict[str, Any]:
        with in_time(10):
            return (await self._read.receive()).message.model_dump(by_alias=True, exclude_none=True)

    async def subscribe(self, era: str, uri: str) -> None:
        if era == "legacy":
            await self.say("initialize", HELLO, 1)
            assert (await self.hear())["result"]["capabilities"]["resources"]["subscribe"]
            await self.say("notifications/initialized", {})
            await self.say("resources/subscribe", {"uri": uri}, 2)
        else:
            wanted = {"resourceSubscriptions": [uri], "resourcesListChanged": True}
            await self.say("subscriptions/listen", {"notifications": wanted, "_meta": ENVELOPE}, 2)
        assert "error" not in await self.hear()

    async def vanish(self) -> None:
        await self._write.aclose()
        await self._read.aclose()


HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "by-hand", "version": "1"}}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "by-hand", "version": "1"},
}


@asynccontextmanager
async def by_hand(server: MCPServer[Any]) -> AsyncIterator[Wire]:
    lowlevel = lowlevel_of(server)
    async with create_client_server_memory_streams() as (ours, theirs), anyio.create_task_group() as group:
        group.start_soon(lowlevel.run, *theirs, lowlevel.create_initialization_options())
        wire = Wire(*ours)
        yield wire
        await wire.vanish()


async def slow_task(app: App) -> Task:
    request = GenerationRequest(owner=LOCAL, model="nano-banana", arguments={"prompt": SLOW["prompt"]})
    submitted = await submit(app, request)
    assert isinstance(submitted, Submission)
    return submitted.task


async def test_a_client_that_does_not_read_holds_nothing_up_and_leaves_nothing_behind(
    box: Sandbox, tmp_path: Path, era: str
) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        server = build_server(app)
        notices = server._subscriptions
        assert isinstance(notices, Subscriptions)
        async with by_hand(server) as wire:
            task = await slow_task(app)
            await wire.subscribe(era, f"apixo://tasks/{task.task_id}")
            assert notices.subscribers == 1
            assert (await app.service.wait(task, here(30))).state is State.SUCCESS
            for _ in range(3000):  # more than any buffer holds
                await notices.publish(ResourceUpdated(f"apixo://tasks/{task.task_id}"))
            assert (await wire.hear())["method"] == "notifications/resources/updated"
            assert notices.subscribers == 1
        assert notices.subscribers == 0


async def test_each_owner_hears_of_their_own_tasks_only(box: Sandbox, tmp_path: Path) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        task = await app.service.wait(await slow_task(app), here(30))
        notices = Subscriptions(app.service)
        mine, theirs = LOCAL, Owner("somebody")
        heard: dict[Owner, list[ServerEvent]] = {mine: [], theirs: []}
        for owner, events in heard.items():
            notices.subscribe(events.append, owner)
        await notices.changed(task)
        await notices.changed(replace(task, owner="somebody", task_id=new_task_id()))
        assert heard[mine][0] == ResourceUpdated(f"apixo://tasks/{task.task_id}")
        assert len(heard[mine]) == len(heard[theirs]) == 3
        assert set(heard[mine]).intersection(heard[theirs]) == {ResourcesListChanged()}


async def test_looks_that_find_nothing_new_are_not_told(box: Sandbox, tmp_path: Path) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        notices = Subscriptions(app.service)
        events: list[ServerEvent] = []
        notices.subscribe(events.append, LOCAL)
        task = replace(await slow_task(app), state=State.PROCESSING)
        for looks in range(5):
            await notices.changed(replace(task, polls=looks))
        assert len(events) == 1


async def test_a_task_of_another_owner_cannot_be_subscribed_to(box: Sandbox, tmp_path: Path) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        theirs = replace(await slow_task(app), task_id=new_task_id(), owner="somebody")
        await app.store.admit([theirs], Terms(budget=Budget()))
        async with Client(build_server(app), mode="legacy") as client:
            with pytest.raises(MCPError) as refused:
                await client.subscribe_resource(f"apixo://tasks/{theirs.task_id}")
            assert refused.value.error.code == -32602
