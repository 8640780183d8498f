"""Two owners over Streamable HTTP: what is the one's is, for the other, as if it had never been."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.server.subscriptions import ResourceUpdated
from mcp.types import CallToolResult, ResourceTemplateReference, ResourceUpdatedNotification
from support.house import ALICE, BOB, House, made
from support.program import happens, text_of
from support.tasks_client import TakesHandles, begin, cancel, get, rested, update

from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.budget import Budget

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")]

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}
ENDLESS = {"model": "nano-banana", "prompt": "a fox [never]", "wait_seconds": 0}
NEVER_WAS = "tsk_" + "a" * 26
BY_ID = ("check_task", "cancel_task", "view_result", "download_results")


async def refusal(ask: Callable[[str], Awaitable[object]], any_id: str) -> str:
    """What is answered about an id that is not one's own, without the id."""
    try:
        answer = await ask(any_id)
    except MCPError as error:
        return f"{error.error.code} {error.error.message} {error.error.data}".replace(any_id, "ID")
    assert isinstance(answer, CallToolResult)
    assert answer.is_error
    return text_of(answer).replace(any_id, "ID")


def ways(client: Client, era: str) -> dict[str, Callable[[str], Awaitable[object]]]:
    """Every way in that takes the id of a task."""

    def tool(name: str) -> Callable[[str], Awaitable[object]]:
        return lambda task_id: client.call_tool(name, {"task_id": task_id})

    def options(model: str, field: str, value: str) -> Callable[[str], Awaitable[object]]:
        arguments = {"model": model, "prompt": "a fox"}
        return lambda task_id: client.call_tool(
            "generate_image", {**arguments, "options": {field: value.format(task_id)}}
        )

    found = {name: tool(name) for name in BY_ID}
    found["as an input file"] = options("nano-banana", "image_urls", "task:{}/0")
    found["as an earlier task"] = options("midjourney", "taskId", "{}")
    found["its resource"] = lambda task_id: client.read_resource(f"apixo://tasks/{task_id}")
    found["its file"] = lambda task_id: client.read_resource(f"apixo://results/{task_id}/0")
    if era == "legacy":
        found["subscribing"] = lambda task_id: client.subscribe_resource(f"apixo://tasks/{task_id}")
        found["subscribing to its file"] = lambda task_id: client.subscribe_resource(f"apixo://results/{task_id}/0")
    return found


async def test_what_is_anothers_is_answered_like_what_never_was(house: House, box: Sandbox) -> None:
    async with house.client(ALICE) as alice, house.client(BOB) as bob:
        hers = await made(alice)
        for name, ask in ways(bob, house.era).items():
            never_was = await refusal(ask, NEVER_WAS)
            assert await refusal(ask, hers["task_id"]) == never_was, name
            if "as an" in name:  # where an id that is not ours may be the gateway's, of a task made elsewhere
                assert "no such task" in never_was
            else:
                assert await refusal(ask, hers["remote_id"]) == never_was, name
        assert (await made(alice, idempotency_key="again"))["state"] == "success"
        assert (await alice.call_tool("check_task", {"task_id": hers["task_id"]})).structured_content is not None
    assert len(box.submits()) == 2


async def test_nothing_that_lists_tells_of_another(house: House) -> None:
    uri = ResourceTemplateReference(uri="apixo://tasks/{task_id}")
    typed = {"name": "task_id", "value": "tsk_"}
    seen: dict[str, tuple[object, ...]] = {}
    async with house.client(ALICE) as alice, house.client(BOB) as bob:
        hers = await made(alice)
        for name, client in (("alice", alice), ("bob", bob)):
            tasks = (await client.call_tool("list_tasks", {})).structured_content
            usage = (await client.call_tool("get_usage", {})).structured_content
            resources = [str(entry.uri) for entry in (await client.list_resources()).resources]
            completed = (await client.complete(uri, typed)).completion.values
            assert tasks is not None
            assert usage is not None
            ids = [task["task_id"] for task in tasks["tasks"]]
            results = [entry for entry in resources if entry.startswith("apixo://results/")]
            seen[name] = ids, results, completed, usage["totals"]["tasks"]
    task_id = hers["task_id"]
    assert seen == {"alice": ([task_id], [f"apixo://results/{task_id}/0"], [task_id], 1), "bob": ([], [], [], 0)}


async def test_nobody_is_told_of_changes_of_another(house: House) -> None:
    """Bob asks for notices of her task; of the earlier era, where that is refused, for those of his own."""
    heard: dict[str, set[str]] = {"alice": set(), "bob": set()}

    def ear(name: str) -> dict[str, Any]:
        async def hear(message: Any) -> None:
            if isinstance(message, ResourceUpdatedNotification):
                heard[name].add(str(message.params.uri))

        return {"message_handler": hear}

    async def listen_to(client: Client, name: str, uris: list[str], ready: anyio.Event) -> None:
        async with client.listen(resource_subscriptions=uris) as stream:
            ready.set()
            async for event in stream:
                if isinstance(event, ResourceUpdated):
                    heard[name].add(event.uri)

    async with house.client(ALICE, **ear("alice")) as alice, house.client(BOB, **ear("bob")) as bob:
        uris: dict[str, str] = {}
        for name, client in (("alice", alice), ("bob", bob)):
            task = await made(client, prompt=f"a fox of {name} [took:0.3]", wait_seconds=0)
            uris[name] = f"apixo://tasks/{task['task_id']}"
        async with anyio.create_task_group() as group:
            for name, client in (("alice", alice), ("bob", bob)):
                if house.era == "legacy":
                    await client.subscribe_resource(uris[name])
                else:
                    ready = anyio.Event()
                    group.start_soon(listen_to, client, name, list(uris.values()), ready)
                    await ready.wait()
            for name, client in (("alice", alice), ("bob", bob)):
                task_id = uris[name].rpartition("/")[2]
                await client.call_tool("check_task", {"task_id": task_id, "wait_seconds": 20})
            await happens(lambda: all(heard.values()))
            group.cancel_scope.cancel()
    assert heard == {name: {uri} for name, uri in uris.items()}


async def test_a_key_and_an_unanswered_call_lead_to_ones_own_task_alone(house: House, box: Sandbox) -> None:
    async with house.client(ALICE) as alice, house.client(BOB) as bob:
        keyed = [await made(client, idempotency_key="one") for client in (alice, bob, alice, bob)]
        assert [task["task_id"] for task in keyed[:2]] == [task["task_id"] for task in keyed[2:]]
        assert keyed[0]["task_id"] != keyed[1]["task_id"]
        async with anyio.create_task_group() as group:
            group.start_soon(alice.call_tool, "generate_image", {**ENDLESS, "wait_seconds": 20})
            await happens(lambda: len(box.submits()) == 3)
            group.cancel_scope.cancel()
        his = await made(bob, **ENDLESS)
        hers = await made(alice, **ENDLESS)
        newest = (await house.app.service.page(ALICE))[0]
        assert (hers["task_id"], hers["task_id"] != his["task_id"]) == (newest.task_id, True)
    await happens(lambda: len(box.submits()) == 4)
    assert len(await house.app.service.page(ALICE)) == len(await house.app.service.page(BOB)) == 2


async def test_each_has_a_day_of_their_own(house: House, box: Sandbox) -> None:
    for owner in (ALICE, BOB):
        assert await house.app.owners.change(owner.name, lambda owner: replace(owner, budget=Budget(daily_tasks=1)))
    async with house.client(ALICE) as alice, house.client(BOB) as bob:
        for client in (alice, bob):
            assert (await made(client))["budget_left"] == {"tasks": 0}
        for client in (alice, bob):
            over = await client.call_tool("generate_image", {**FOX, "prompt": "a wolf"})
            assert over.is_error
            assert "1 paid requests were made today, and your own limit allows 1" in text_of(over)
            assert "`apixo-mcp owners set NAME --raise USD`" in text_of(over)
    assert len(box.submits()) == 2


@pytest.mark.parametrize("given", [{"daily_task_limit": 1}])
async def test_the_limit_of_the_server_is_that_of_all_together(house: House, box: Sandbox) -> None:
    async with house.client(ALICE) as alice, house.client(BOB) as bob:
        assert (await made(alice))["state"] == "success"
        over = await bob.call_tool("generate_image", FOX)
        assert over.is_error
        assert "for all owners together, and APIXO_MCP_DAILY_TASK_LIMIT allows 1" in text_of(over)
    assert len(box.submits()) == 1


@pytest.mark.parametrize("given", [{"confirm_above_usd": 0.0}])
async def test_a_yes_counts_for_the_one_who_was_quoted(house: House, box: Sandbox) -> None:
    async with house.client(ALICE) as alice, house.client(BOB) as bob:
        assert (await alice.call_tool("generate_image", FOX)).is_error
        his = await bob.call_tool("generate_image", {**FOX, "confirm": True})
        assert his.is_error
        assert "Not sent yet" in text_of(his)
        assert (await made(alice, confirm=True))["state"] == "success"
    assert len(box.submits()) == 1


@pytest.mark.parametrize("era", ["auto"])
async def test_a_handle_of_another_never_was(house: House) -> None:
    async with house.client(ALICE, TakesHandles()) as alice, house.client(BOB, TakesHandles()) as bob:
        running = await begin(alice, ENDLESS)
        done = await begin(alice, FOX)
        await rested(alice, done.task_id)

        def asks(client: Client) -> list[Callable[[str], Awaitable[object]]]:
            return [
                lambda task_id: get(client, task_id),
                lambda task_id: cancel(client, task_id),
                lambda task_id: update(client, task_id, {}),
            ]

        for ask in asks(bob):
            never_was = await refusal(ask, NEVER_WAS)
            for handle in (running, done):
                assert await refusal(ask, handle.task_id) == never_was
        assert (await get(alice, running.task_id)).status == "working"
        assert not (await house.app.service.find(ALICE, running.task_id)).cancel_requested


async def test_a_task_is_checked_while_the_store_waits_to_be_written_to(house: House, tmp_path: Path) -> None:
    """Who asks and what they ask for is looked up at once, and does not queue behind what is written."""
    async with house.client(ALICE) as alice, anyio.create_task_group() as group:
        task_id = (await made(alice, prompt="a fox [never]", wait_seconds=0))["task_id"]
        await alice.call_tool("check_task", {"task_id": task_id, "wait_seconds": 0})
        with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3", isolation_level=None)) as other:
            other.execute("begin immediate")
            written = anyio.Event()

            async def write() -> None:
                await house.app.owners.revoke(BOB.name)
                written.set()

            group.start_soon(write)
            await anyio.wait_all_tasks_blocked()
            answer = await alice.call_tool("check_task", {"task_id": task_id, "wait_seconds": 0})
            assert isinstance(answer, CallToolResult)
            assert answer.structured_content is not None
            assert answer.structured_content["task_id"] == task_id
            assert not written.is_set()
