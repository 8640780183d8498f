"""A client that gives up without a word, and asks again: it pays once, and what is meant twice is made twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.pipe_client import PipeClient, pipe_client
from support.program import happens, values_for

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.tools.receipts import Receipts
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [never]"}
SOON = {"wait_seconds": 0}


@pytest.fixture
async def client(box: Sandbox, tmp_path: Path) -> AsyncIterator[PipeClient]:
    async with connected(box, tmp_path) as client:
        yield client


@asynccontextmanager
async def connected(box: Sandbox, folder: Path) -> AsyncIterator[PipeClient]:
    async with open_app(read_settings(**values_for(box, folder))) as app:
        receipts = Receipts()
        async with pipe_client(build_server(app, receipts=receipts), receipts) as client:
            yield client


async def generate(client: PipeClient, number: int, *, ago: float = 0.0, **given: Any) -> None:
    await client.call(number, "generate_image", FOX | given, ago)


async def test_a_call_made_again_while_it_is_open_is_one_paid_task(client: PipeClient, box: Sandbox) -> None:
    await generate(client, 11, ago=16)
    await happens(lambda: len(box.submits()) == 1)
    for number, ago in ((12, 10), (13, 5), (14, 0)):
        await generate(client, number, ago=ago, **SOON)
        again = await client.answer(number)
        assert again["deduplicated"] is True
        note = again["notes"][-1]
        assert "idempotency_key" in note
        assert "num_images or seed" in note
    assert len(box.submits()) == 1


async def test_repeats_that_come_together_have_each_the_task_of_another_call(client: PipeClient, box: Sandbox) -> None:
    calls = range(11, 17)
    for number in calls:
        await generate(client, number, ago=9 - (number - 11) * 0.1)
    await happens(lambda: len(box.submits()) == len(calls))
    for number in calls:
        await generate(client, number + 10, **SOON)
    tasks = {(await client.answer(number + 10))["task_id"] for number in calls}
    assert len(tasks) == len(box.submits()) == len(calls)


async def test_calls_that_come_together_are_as_many_tasks(client: PipeClient, box: Sandbox) -> None:
    for number in (11, 12, 13):
        await generate(client, number, ago=9 - (number - 11) * 0.6, **SOON)
    tasks = {(await client.answer(number))["task_id"] for number in (11, 12, 13)}
    assert len(tasks) == 3
    await happens(lambda: len(box.submits()) == 3)


async def test_calls_that_are_open_together_and_made_again_have_their_tasks_back(
    client: PipeClient, box: Sandbox
) -> None:
    await generate(client, 11, ago=9.0)
    await generate(client, 12, ago=8.5)
    await happens(lambda: len(box.submits()) == 2)
    again: list[str] = []
    for number, ago in ((13, 1.0), (14, 0.9)):
        await generate(client, number, ago=ago)
        await client.cancel(number)  # its task is adopted by nobody else here
        await generate(client, number + 10, ago=ago, **SOON)
        again.append((await client.answer(number + 10))["task_id"])
    assert len(set(again)) == 2
    assert len(box.submits()) == 2


@pytest.mark.parametrize("other", [{"prompt": "a wolf [never]"}, {"idempotency_key": "another"}], ids=str)
async def test_a_call_for_something_else_joins_nothing(client: PipeClient, box: Sandbox, other: dict[str, str]) -> None:
    await generate(client, 11, ago=6, idempotency_key="one")
    await happens(lambda: len(box.submits()) == 1)
    await generate(client, 12, **other, **SOON)
    assert "deduplicated" not in await client.answer(12)
    await happens(lambda: len(box.submits()) == 2)
    await generate(client, 13, idempotency_key="one", **SOON)
    assert (await client.answer(13))["deduplicated"] is True
    assert len(box.submits()) == 2


async def test_a_call_made_again_after_its_answer_is_a_second_task_and_says_so(
    client: PipeClient, box: Sandbox
) -> None:
    await generate(client, 11, ago=6, **SOON)
    first = await client.answer(11)
    await generate(client, 12, **SOON)
    second = await client.answer(12)
    assert second["task_id"] != first["task_id"]
    note = f"An equal task {first['task_id']} was asked for"
    assert [entry for entry in second["notes"] if entry.startswith(note) and "still runs; both are charged" in entry]
    await happens(lambda: len(box.submits()) == 2)


async def test_a_joined_call_that_is_cancelled_leaves_its_task_to_the_next(client: PipeClient, box: Sandbox) -> None:
    await generate(client, 11, ago=9)
    await happens(lambda: len(box.submits()) == 1)
    await generate(client, 12, ago=4)
    await client.cancel(12)
    await generate(client, 13, **SOON)
    assert (await client.answer(13))["deduplicated"] is True
    assert len(box.submits()) == 1


async def test_what_a_first_call_is_told_after_a_joined_one_was_lost_counts(client: PipeClient, box: Sandbox) -> None:
    await generate(client, 11, ago=45, prompt="a fox [took:100]")
    await happens(lambda: len(box.submits()) == 1)
    await generate(client, 12, ago=4, prompt="a fox [took:100]")
    await client.cancel(12)
    first = await client.answer(11)
    await generate(client, 13, prompt="a fox [took:100]", **SOON)
    second = await client.answer(13)
    assert second["task_id"] != first["task_id"]
    assert "deduplicated" not in second


async def test_several_prompts_that_are_asked_for_again_while_they_are_open_are_one_purchase(
    client: PipeClient, box: Sandbox
) -> None:
    several = {"model": "nano-banana", "prompts": [f"animal {number} [never]" for number in range(20)]}
    await client.call(11, "generate_image", several, 16)
    await happens(lambda: len(box.submits()) == 20)
    for number, ago in ((12, 10.0), (13, 5.0), (14, 0.0)):
        await client.call(number, "generate_image", several | SOON, ago)
        again = await client.answer(number)
        assert again["deduplicated"] is True
        assert [task["prompt"] for task in again["tasks"]] == several["prompts"]
        assert "idempotency_key" in again["notes"][0]
    assert len(box.submits()) == 20
