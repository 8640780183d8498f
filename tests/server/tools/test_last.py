"""The last task, as connections mean it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import Implementation
from support.amounts import in_time
from support.program import Connect, program, structure, text_of, values_for
from support.task_steps import happens

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

EVERY = ["memory", pytest.param("stdio", marks=pytest.mark.process), "http", "sse"]


async def made(client: Client, prompt: str, tool: str = "generate_image", **given: Any) -> dict[str, Any]:
    model = {"model": "nano-banana"} if tool == "generate_image" else {}
    return structure(await client.call_tool(tool, {"prompt": prompt, "wait_seconds": 20, **model, **given}))


def last_inputs(box: Sandbox) -> dict[str, Any]:
    return box.submits()[-1]["body"]["input"]


@pytest.mark.parametrize("transport", EVERY)
@pytest.mark.parametrize("era", ["auto"])
async def test_the_last_picture_is_edited_and_named(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        fox = await made(client, "a fox [took:0]")
        told = await made(client, "at night [took:0]", image_urls=["task:last/0"])
    assert last_inputs(box)["image_urls"] == [fox["results"][0]["url"]]
    assert f"task:last is {fox['task_id']} (a fox" in told["notes"][0]


@pytest.mark.parametrize("transport", ["memory"])
async def test_wherever_an_earlier_result_may_be_given(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        fox = await made(client, "a fox [took:0]")
        asked = {"prompt": "it runs [took:0]", "wait_seconds": 20, "image_urls": ["task:last/0"]}
        structure(await client.call_tool("generate_video", {"model": "veo-3-1", **asked}))
        assert last_inputs(box)["image_urls"] == [fox["results"][0]["url"]]
        open_model = {"model": "runway-gen4-image", "prompt": "a mix [took:0]", "wait_seconds": 20}
        fox = await made(client, "another fox [took:0]")
        options = {"reference": [{"image": "task:last/0"}]}
        structure(await client.call_tool("generate_image", {**open_model, "options": options}))
        assert last_inputs(box)["reference"] == [{"image": fox["results"][0]["url"]}]
    async with connect(tools="models", models=("nano-banana",)) as client:
        fox = await made(client, "a third fox [took:0]", "generate_nano_banana")
        await made(client, "by day [took:0]", "generate_nano_banana", image_urls=["task:last/0"])
    assert last_inputs(box)["image_urls"] == [fox["results"][0]["url"]]


@asynccontextmanager
async def two_clients(transport: str, box: Sandbox, folder: Any, mode: str) -> AsyncIterator[tuple[Client, Client]]:
    info = Implementation(name="claude-ai", version="1")
    async with (
        program(transport, values_for(box, folder)) as dial,
        Client(dial(), mode=mode, client_info=info) as one,
        Client(dial(), mode=mode, client_info=info) as two,
    ):
        yield one, two


@pytest.mark.parametrize("transport", [*EVERY[1:]])
async def test_two_connections_of_one_owner_have_each_its_own_last_task(
    box: Sandbox, tmp_path: Any, transport: str
) -> None:
    async with two_clients(transport, box, tmp_path, "legacy") as (one, two):
        fox = await made(one, "a fox [took:0]")
        owl = await made(two, "an owl [took:0]")
        told = structure(await one.call_tool("check_task", {"task_id": "last"}))
        assert told["task_id"] == fox["task_id"]
        assert told["notes"][0].startswith(f"last is {fox['task_id']} (a fox")
        assert structure(await two.call_tool("check_task", {"task_id": "last"}))["task_id"] == owl["task_id"]
        await made(one, "at night [took:0]", image_urls=["task:last/0"])
        assert last_inputs(box)["image_urls"] == [fox["results"][0]["url"]]


@pytest.mark.parametrize("transport", ["http"])
async def test_without_sessions_it_is_the_owners_newest(box: Sandbox, tmp_path: Any, transport: str) -> None:
    async with two_clients(transport, box, tmp_path, "auto") as (one, two):
        await made(one, "a fox [took:0]")
        owl = await made(two, "an owl [took:0]")
        told = structure(await one.call_tool("check_task", {"task_id": "last"}))
    assert told["task_id"] == owl["task_id"]
    assert "(an owl" in told["notes"][0]


@pytest.mark.parametrize("transport", ["memory"])
async def test_without_any_nothing_is_sent(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        call = {"model": "nano-banana", "prompt": "x", "image_urls": ["task:last/0"]}
        answer = await client.call_tool("generate_image", call)
    assert answer.is_error
    assert "none of your tasks has results yet" in text_of(answer)
    assert box.submits() == []


@pytest.mark.parametrize("transport", ["memory"])
async def test_the_last_picture_is_looked_at_and_brought(connect: Connect) -> None:
    async with connect() as client:
        fox = await made(client, "a fox [took:0]")
        await made(client, "an owl [never]", wait_seconds=0)
        seen = await client.call_tool("view_result", {"task_id": "last"})
        brought = structure(await client.call_tool("download_results", {"task_id": "last"}))
    assert f"last is {fox['task_id']} (a fox" in text_of(seen)
    assert fox["results"][0]["path"] in text_of(seen)
    assert brought["task_id"] == fox["task_id"]
    assert "last is" in brought["notes"][0]


async def test_the_last_task_is_cancelled_and_named(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        told = owl = await made(client, "an owl [http:429:after=60]", wait_seconds=0)
        with in_time(20):  # until it was refused for now, and is to be sent again in a minute
            while not (box.log() and "Waiting to be sent" in told["next_step"]):
                told = structure(await client.call_tool("check_task", {"task_id": "last", "wait_seconds": 0}))
        told = structure(await client.call_tool("cancel_task", {"task_id": "last"}))
    assert (told["task_id"], told["state"]) == (owl["task_id"], "cancelled")
    assert told["notes"][0].startswith(f"last is {owl['task_id']} (an owl")


@pytest.mark.parametrize("transport", ["memory"])
async def test_where_the_last_task_has_ended_no_earlier_one_is_cancelled(connect: Connect) -> None:
    async with connect() as client:
        running = await made(client, "an owl [never]", wait_seconds=0)
        fox = await made(client, "a fox [took:0]")
        told = structure(await client.call_tool("cancel_task", {"task_id": "last"}))
        after = structure(await client.call_tool("check_task", {"task_id": running["task_id"], "wait_seconds": 0}))
    assert (told["task_id"], told["state"]) == (fox["task_id"], "success")
    assert "Nothing was cancelled: this task had ended before." in told["notes"]
    assert "cancel_requested" not in after


@pytest.mark.parametrize("transport", ["http"])
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_last_task_of_another_connection_is_not_cancelled(
    box: Sandbox, tmp_path: Any, transport: str, mode: str
) -> None:
    async with two_clients(transport, box, tmp_path, mode) as (one, two):
        owl = await made(one, "an owl [never]", wait_seconds=0)
        refused = await two.call_tool("cancel_task", {"task_id": "last"})
        after = structure(await one.call_tool("check_task", {"task_id": owl["task_id"], "wait_seconds": 0}))
    assert refused.is_error
    assert owl["task_id"] in text_of(refused)
    assert "cancel_requested" not in after


async def given_up(client: Client, box: Sandbox, **call: Any) -> None:
    """Makes a call that its client gives up once all of it has been sent."""
    wanted = len(box.submits()) + len(call.get("prompts", (1,)))
    async with anyio.create_task_group() as group:

        async def ask() -> None:
            await client.call_tool("generate_image", {"model": "nano-banana", "wait_seconds": 20, **call})

        group.start_soon(ask)
        await happens(lambda: len(box.submits()) >= wanted)
        group.cancel_scope.cancel()


async def newest_is(client: Client, state: str) -> None:
    async def is_so() -> bool:
        listed = structure(await client.call_tool("list_tasks", {}))
        return listed["tasks"][0]["state"] == state

    await happens(is_so)


SLOW = "at night [took:0][file:slow:8]"
"""Is not answered about while its file is being saved."""
BROKEN = "at night [took:1][fail-once:GENERATION_FAILED]"


@pytest.mark.parametrize("transport", EVERY)
@pytest.mark.parametrize(("prompt", "key"), [(BROKEN, ""), (SLOW, "another")], ids=["failed", "new_key"])
async def test_what_is_bought_anew_is_made_of_the_newest_though_the_same_words_were_given_up_before(
    connect: Connect, box: Sandbox, prompt: str, key: str
) -> None:
    async with connect(auto_retry=0) as client:
        await made(client, "a fox [took:0]")
        await given_up(client, box, prompt=prompt, image_urls=["task:last/0"])
        await newest_is(client, "failed" if prompt == BROKEN else "success")
        owl = await made(client, "an owl [took:0]")
        sent = len(box.submits())
        told = await made(client, prompt, image_urls=["task:last/0"], idempotency_key=key)
    assert len(box.submits()) == sent + 1
    assert last_inputs(box)["image_urls"] == [owl["results"][0]["url"]]
    assert f"task:last is {owl['task_id']} (an owl" in told["notes"][0]


@pytest.mark.parametrize("transport", EVERY)
async def test_nine_edits_that_were_given_up_are_taken_up_and_not_made_of_themselves(
    connect: Connect, box: Sandbox
) -> None:
    async with connect() as client:
        await made(client, "a fox [took:0]")
        prompts = [f"night {number} [took:0]" for number in range(8)]
        call = {"prompts": [*prompts, SLOW], "image_urls": ["task:last/0"]}
        await given_up(client, box, **call)
        await newest_is(client, "success")
        told = structure(await client.call_tool("generate_image", {"model": "nano-banana", "wait_seconds": 0, **call}))
    assert told["deduplicated"] is True
    assert len(box.submits()) == 10


@pytest.mark.parametrize("transport", ["http"])
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_an_open_call_of_another_client_binds_nobodys_last(
    box: Sandbox, tmp_path: Any, transport: str, mode: str
) -> None:
    async with program(transport, values_for(box, tmp_path)) as dial, anyio.create_task_group() as group:
        names = [Implementation(name=name, version="1") for name in ("claude-ai", "cursor")]
        async with (
            Client(dial(), mode=mode, client_info=names[0]) as one,
            Client(dial(), mode=mode, client_info=names[1]) as two,
        ):
            await made(one, "a fox [took:0]")
            call = {"prompt": "at night [never]", "image_urls": ["task:last/0"]}
            group.start_soon(one.call_tool, "generate_image", {"model": "nano-banana", "wait_seconds": 20, **call})
            await happens(lambda: len(box.submits()) == 2)
            owl = await made(two, "an owl [took:0]")
            told = structure(await two.call_tool("generate_image", {"model": "nano-banana", "wait_seconds": 0, **call}))
            await happens(lambda: len(box.submits()) == 4)
            assert "deduplicated" not in told
            assert last_inputs(box)["image_urls"] == [owl["results"][0]["url"]]
            group.cancel_scope.cancel()


@pytest.mark.parametrize("transport", ["memory"])
async def test_the_question_for_a_yes_names_the_picture(connect: Connect, box: Sandbox) -> None:
    async with connect(confirm_above_usd=0.05, auto_retry=0) as client:
        fox = await made(client, "a fox [took:0]")
        call = {"model": "nano-banana", "prompts": ["at night", "at noon"], "image_urls": ["task:last/0"]}
        refused = await client.call_tool("generate_image", call)
        assert refused.is_error
        assert f"task:last is {fox['task_id']} (a fox" in text_of(refused)
    assert len(box.submits()) == 1


@pytest.mark.parametrize("transport", ["memory"])
async def test_a_quote_of_a_call_that_would_get_an_earlier_task_says_so(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        fox = await made(client, "a fox [took:0]")
        call = {"model": "nano-banana", "prompt": SLOW, "image_urls": ["task:last/0"]}
        await given_up(client, box, **call)
        owl = await made(client, "an owl [took:0]")
        quote = structure(await client.call_tool("generate_image", {**call, "quote": True}))
        told = structure(await client.call_tool("generate_image", {**call, "wait_seconds": 0}))
    assert quote["cost"]["amount"] == 0
    assert "nothing more is charged" in quote["next_step"]
    assert "to buy" not in quote["next_step"]
    for notes in (" ".join(quote["notes"]), " ".join(told["notes"])):
        assert f"task:last is {fox['task_id']} (a fox" in notes
        assert f"Newer is {owl['task_id']} (an owl" in notes
    assert told["task_id"] in " ".join(quote["notes"])
    assert told["deduplicated"] is True
    assert len(box.submits()) == 3
