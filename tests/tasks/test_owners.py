"""Another owner's task is not found, by any way in."""

from dataclasses import replace
from typing import Any

import anyio
import pytest
from support.asking import submit
from support.task_steps import Start, posts, settled, until

from apixo_mcp.app import App
from apixo_mcp.errors import InvalidInput, NotFound
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.task import FileState, State, Task

pytestmark = pytest.mark.anyio

ALICE, BOB = Owner("alice"), Owner("bob")


def request_of(owner: Owner, **given: Any) -> GenerationRequest:
    arguments = {"prompt": "a fox", **given.pop("arguments", {})}
    return GenerationRequest(owner=owner, model="nano-banana", arguments=arguments, **given)


async def made(app: App, owner: Owner, **given: Any) -> Task:
    submitted = await submit(app, request_of(owner, **given))
    assert isinstance(submitted, Submission)
    return submitted.task


async def test_a_task_is_found_by_its_owner_alone(start: Start):
    async with start() as app:
        task = await settled(app, await made(app, ALICE))
        for any_id in (task.task_id, task.remote_id):
            assert (await app.service.find(ALICE, any_id)).task_id == task.task_id
            for way in (app.service.find, app.service.check, app.service.cancel):
                with pytest.raises(NotFound):
                    await way(BOB, any_id)
        assert [one.task_id for one in await app.service.page(ALICE)] == [task.task_id]
        assert not await app.service.page(BOB)
        assert (await app.spending(ALICE, 1, 0.0))["totals"]["tasks"] == 1
        assert (await app.spending(BOB, 1, 0.0))["totals"]["tasks"] == 0


async def test_neither_a_key_nor_an_unanswered_request_leads_to_the_task_of_another(start: Start, box: Sandbox):
    async with start() as app:
        hers = [await made(app, ALICE, idempotency_key="k"), await made(app, ALICE, arguments={"prompt": "a wolf"})]
        his = [await made(app, BOB, idempotency_key="k"), await made(app, BOB, arguments={"prompt": "a wolf"})]
        again = [await made(app, BOB, idempotency_key="k"), await made(app, BOB, arguments={"prompt": "a wolf"})]
        assert {task.task_id for task in hers}.isdisjoint(task.task_id for task in his)
        assert [task.task_id for task in again] == [task.task_id for task in his]
        for task in (*hers, *his):
            await settled(app, task)
    assert len(posts(box)) == 4


async def test_a_result_of_another_is_no_input(start: Start, box: Sandbox):
    async with start() as app:
        task = await settled(app, await made(app, ALICE))
        with pytest.raises(InvalidInput, match="there is no such task"):
            await made(app, BOB, arguments={"image_urls": [f"task:{task.task_id}/0"]})
    assert len(posts(box)) == 1


async def test_what_waits_of_an_owner_who_is_revoked_is_not_sent(start: Start, box: Sandbox):
    async with start(follow=False) as app:
        assert await app.owners.add(ALICE, "")
        asked = await made(app, ALICE)
        assert await app.owners.revoke("alice")
    async with start() as app:
        task = await settled(app, asked)
    assert (task.state, task.due) == (State.CANCELLED, None)
    assert "never sent, and nothing was charged: alice may not make anything any more" in task.notes[-1]
    assert not posts(box)


async def test_what_waits_of_a_model_that_is_taken_from_its_owner_is_not_sent(start: Start, box: Sandbox):
    async with start(follow=False) as app:
        assert await app.owners.add(ALICE, "")
        asked = await made(app, ALICE)
        await app.owners.change("alice", lambda owner: replace(owner, models=("Seedream 4.5",)))
    async with start() as app:
        task = await settled(app, asked)
    assert (task.state, task.due) == (State.CANCELLED, None)
    assert "never sent, and nothing was charged: alice may not use nano-banana any more" in task.notes[-1]
    assert not posts(box)


async def test_what_waits_of_a_model_that_is_left_to_its_owner_by_another_name_is_sent(start: Start, box: Sandbox):
    async with start(follow=False) as app:
        assert await app.owners.add(ALICE, "")
        asked = await made(app, ALICE)
        await app.owners.change("alice", lambda owner: replace(owner, models=("Nano Banana",)))
    async with start() as app:
        assert (await settled(app, asked)).state is State.SUCCESS
    assert len(posts(box)) == 1


async def test_no_further_attempt_is_made_by_a_model_that_was_taken_from_its_owner(start: Start, box: Sandbox):
    async with start() as app:
        assert await app.owners.add(ALICE, "")
        asked = await made(app, ALICE, arguments={"prompt": "a fox [fail:PROCESSING_TIMEOUT][took:0.2]"})
        await until(app, asked, lambda now: now.remote_id)
        await app.owners.change("alice", lambda owner: replace(owner, models=("seedream-*",)))
        task = await settled(app, asked)
    assert task.state is State.FAILED
    assert "No further attempt was made: alice may not use nano-banana any more" in task.notes[-1]
    assert len(posts(box)) == 1


async def test_what_was_sent_of_an_owner_who_is_revoked_is_followed_and_saved(start: Start, box: Sandbox):
    async with start() as app:
        assert await app.owners.add(ALICE, "")
        asked = await made(app, ALICE, arguments={"prompt": "a fox [took:0.2]"})
        await until(app, asked, lambda now: now.remote_id)
        assert await app.owners.revoke("alice")
        task = await settled(app, asked)
        with pytest.raises(InvalidInput, match="alice may not make anything"):
            await made(app, ALICE)
    assert (task.state, [result.file for result in task.results]) == (State.SUCCESS, [FileState.SAVED])
    assert len(posts(box)) == 1


async def test_a_limit_that_is_changed_counts_for_the_next_request(start: Start, box: Sandbox):
    async with start() as app:
        assert await app.owners.add(replace(ALICE, budget=Budget(daily_tasks=1)), "")
        await settled(app, await made(app, ALICE))
        with pytest.raises(InvalidInput, match="your own limit allows 1"):
            await made(app, ALICE, arguments={"prompt": "a wolf"})
        await app.owners.change("alice", lambda _: replace(ALICE, budget=Budget(daily_tasks=2)))
        await settled(app, await made(app, ALICE, arguments={"prompt": "a wolf"}))
    assert len(posts(box)) == 2


async def test_of_many_calls_at_once_in_two_programs_no_more_is_sent_than_the_dollar_pays(start: Start, box: Sandbox):
    refused: list[InvalidInput] = []
    tasks: list[Task] = []
    async with start() as one, start() as two:
        assert await one.owners.add(replace(ALICE, budget=Budget(daily_usd=1.0)), "")

        async def buy(app: App, number: int) -> None:
            try:
                tasks.append(await made(app, ALICE, arguments={"prompt": f"fox {number} [took:0]"}))
            except InvalidInput as error:
                refused.append(error)

        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(buy, (one, two)[number % 2], number)
        for task in tasks:
            assert (await settled(one, task)).state is State.SUCCESS
        spent = await two.store.spent(ALICE)
    assert (len(tasks), len(refused)) == (33, 67)  # of $0.03 each
    assert spent.usd == pytest.approx(0.99)
    assert all("$0.01 of your day's $1.00 are left" in str(error) for error in refused)
    assert len(box.submits()) == len(posts(box)) == 33
