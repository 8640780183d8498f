"""Several prompts are one purchase, whatever becomes of the program in the middle of it."""

from typing import Any

import pytest
from support.asking import submit
from support.task_steps import Start, posts, settled

from apixo_mcp.app import App
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import State, Task

pytestmark = pytest.mark.anyio

FIVE = tuple(f"animal {number} [took:0]" for number in range(5))


def request(prompts: tuple[str, ...] = FIVE, **given: Any) -> GenerationRequest:
    return GenerationRequest(owner=LOCAL, model="nano-banana", arguments={}, prompts=prompts, **given)


async def asked(app: App, prompts: tuple[str, ...] = FIVE, **given: Any) -> Submission:
    """What becomes of a call whose caller leaves at once."""
    submission = await submit(app, request(prompts, **given))
    assert isinstance(submission, Submission)
    return submission


async def all_settled(app: App, tasks: tuple[Task, ...]) -> list[State]:
    return [(await settled(app, task)).state for task in tasks]


async def test_what_was_admitted_and_not_sent_is_sent_once_after_a_restart(start: Start, box: Sandbox):
    async with start(follow=False) as app:
        tasks = (await asked(app)).tasks
        assert all(task.is_unsent for task in tasks)
        assert not posts(box)
    async with start() as app:
        again = await asked(app)
        assert (again.how, [task.task_id for task in again.tasks]) == ("adopted", [task.task_id for task in tasks])
        assert await all_settled(app, again.tasks) == [State.SUCCESS] * 5
    assert sorted(entry["input"]["prompt"] for entry in posts(box)) == list(FIVE)


@pytest.mark.parametrize("key", ["", "k"])
async def test_repeated_by_many_processes_at_once_it_is_bought_once(start: Start, box: Sandbox, key: str):
    async with start() as one, start() as two:
        first = await asked(one, idempotency_key=key)
        found = [await asked(app, idempotency_key=key) for app in (two, one, two)]
        assert {tuple(task.task_id for task in again.tasks) for again in (first, *found)} == {
            tuple(task.task_id for task in first.tasks)
        }
        await all_settled(one, first.tasks)
    assert len(posts(box)) == 5


async def test_a_single_request_for_one_of_its_prompts_is_another(start: Start, box: Sandbox):
    single = GenerationRequest(owner=LOCAL, model="nano-banana", arguments={"prompt": FIVE[0]})
    async with start() as app:
        bought = await asked(app)
        other = await submit(app, single)
        assert isinstance(other, Submission)
        assert other.how == "new"
        await all_settled(app, (*bought.tasks, other.task))
    assert len(posts(box)) == 6


async def test_one_prompt_among_several_of_one_is_the_single_request(start: Start, box: Sandbox):
    single = GenerationRequest(owner=LOCAL, model="nano-banana", arguments={"prompt": FIVE[0]})
    async with start() as app:
        bought = await asked(app, FIVE[:1])
        other = await submit(app, single)
        assert isinstance(other, Submission)
        assert (other.how, other.task.task_id) == ("adopted", bought.task.task_id)
        await all_settled(app, bought.tasks)
    assert len(posts(box)) == 1


async def test_what_is_told_once_is_told_by_the_first(start: Start, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APIXO_MCP_DAILY_BUDGET_USD", "${user_config.budget}")
    async with start(follow=False) as app:
        tasks = (await asked(app)).tasks
    assert ["holds a placeholder" in " ".join(task.notes) for task in tasks] == [True, *[False] * 4]


async def test_further_attempts_of_each_ask_the_limit(start: Start, box: Sandbox):
    prompts = tuple(f"{number} [fail:PROCESSING_TIMEOUT][took:0]" for number in range(3))
    async with start(daily_task_limit=4) as app:
        bought = await asked(app, prompts)
        assert await all_settled(app, bought.tasks) == [State.FAILED] * 3
    assert len(posts(box)) == 4
