"""`last` as an input: which task it is, and that a repeated call finds its own."""

import time
from typing import Any

import pytest
from support.asking import submit
from support.task_steps import Start, happens, posts, request, settled

from apixo_mcp.app import App
from apixo_mcp.errors import InvalidInput
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.asking.repeats import Origin
from apixo_mcp.tasks.asking.request import GenerationRequest, Quote, Submission
from apixo_mcp.tasks.owner import LOCAL, Owner
from apixo_mcp.tasks.task import State, Task

pytestmark = pytest.mark.anyio

BOB = Owner("bob")


def over(connection: str) -> Origin:
    now = time.monotonic()
    return Origin(connection=connection, at=now, since=now)


def edit(prompt: str = "at night [took:0]", reference: str = "task:last/0", **given: Any) -> GenerationRequest:
    arguments = {"prompt": prompt, "image_urls": [reference]}
    return GenerationRequest(**{"owner": LOCAL, "model": "nano-banana", "arguments": arguments, **given})


async def bought(app: App, asked: GenerationRequest) -> Submission:
    async with app.admission.asking(asked) as submission:
        assert isinstance(submission, Submission)
    return submission


async def made(app: App, prompt: str = "a fox [took:0]", **given: Any) -> Task:
    asked = GenerationRequest(**{"owner": LOCAL, "model": "nano-banana", "arguments": {"prompt": prompt}, **given})
    return await settled(app, (await bought(app, asked)).task)


async def test_the_newest_task_with_results_of_the_connection_is_meant_and_named(start: Start):
    async with start() as app:
        own = await made(app, origin=over("one"))
        await made(app, "an owl [took:0]", origin=over("two"))
        await bought(app, request("a cat [never]", origin=over("one")))
        task = (await bought(app, edit(origin=over("one")))).task
    assert task.inputs["image_urls"] == [own.results[0].url]
    assert task.notes[0] == f"task:last is {own.task_id} (a fox [took:0])."


async def test_a_connection_without_any_means_the_owners_newest_and_says_so(start: Start):
    async with start() as app:
        await made(app, origin=over("one"))
        newest = await made(app, "an owl [took:0]", origin=over("two"))
        await made(app, "a secret [took:0]", owner=BOB, origin=over("three"))
        other = (await bought(app, edit(origin=over("three")))).task
        shell = (await bought(app, edit("in the rain"))).task
    assert other.inputs["image_urls"] == shell.inputs["image_urls"] == [newest.results[0].url]
    assert "of another connection" in other.notes[0]
    assert "of another connection" not in shell.notes[0]


async def test_no_other_owners_task_is_ever_meant(start: Start, box: Sandbox):
    async with start() as app:
        await made(app, owner=BOB, origin=over("one"))
        with pytest.raises(InvalidInput, match="none of your tasks has results yet"):
            await bought(app, edit(origin=over("one")))
    assert len(posts(box)) == 1


@pytest.mark.parametrize("reference", ["task:last/0", " TASK:last/0 ", "task:last", "apixo://results/last/0"])
async def test_each_way_to_write_it(start: Start, reference: str):
    async with start() as app:
        fox = await made(app)
        assert (await bought(app, edit(reference=reference))).task.inputs["image_urls"] == [fox.results[0].url]


async def test_a_prompt_of_these_words_is_a_prompt(start: Start):
    async with start() as app:
        await made(app)
        task = (await bought(app, request("task:last/0"))).task
    assert task.prompt == "task:last/0"
    assert not task.notes or "task:last" not in task.notes[0]


async def test_a_repeat_of_a_call_that_lost_its_answer_finds_its_task_though_that_is_the_newest(
    start: Start, box: Sandbox
):
    async with start() as app:
        await made(app, origin=over("one"))
        lost = await submit(app, edit(origin=over("one")))
        assert isinstance(lost, Submission)
        night = await settled(app, lost.task)
        again = await bought(app, edit(origin=over("one")))
    assert again.how == "adopted"
    assert again.task.task_id == night.task_id
    assert len(posts(box)) == 2


async def test_a_repeat_of_a_lost_purchase_of_several_finds_it_whole(start: Start, box: Sandbox):
    async with start() as app:
        await made(app, origin=over("one"))
        asked = edit(origin=over("one"), prompts=("at night [took:0]", "at noon [took:0]"))
        lost = await submit(app, asked)
        assert isinstance(lost, Submission)
        for task in lost.tasks:
            await settled(app, task)
        again = await bought(app, asked)
    assert again.how == "adopted"
    assert [task.task_id for task in again.tasks] == [task.task_id for task in lost.tasks]
    assert len(posts(box)) == 3


@pytest.mark.parametrize("key", ["", "k"])
async def test_a_repeat_finds_a_large_purchase_though_all_that_is_newest_is_its_own(
    start: Start, box: Sandbox, key: str
):
    async with start() as app:
        base = await made(app, origin=over("one"))
        prompts = tuple(f"night {number} [took:0]" for number in range(45))
        asked = edit(origin=over("one"), prompts=prompts, idempotency_key=key)
        lost = await submit(app, asked)
        assert isinstance(lost, Submission)
        for task in lost.tasks:
            await settled(app, task)
        again = await bought(app, asked)
    assert again.how == ("same_key" if key else "adopted")
    assert [task.task_id for task in again.tasks] == [task.task_id for task in lost.tasks]
    assert {task.inputs["image_urls"][0] for task in again.tasks} == {base.results[0].url}
    assert len(posts(box)) == 46


@pytest.mark.parametrize("reference", ["task:last", "TASK:LAST/0", "apixo://results/last/0", "task:{}/0"])
async def test_a_repeat_in_other_words_for_the_same_finds_its_task(start: Start, box: Sandbox, reference: str):
    async with start() as app:
        base = await made(app, origin=over("one"))
        lost = await submit(app, edit(origin=over("one")))
        assert isinstance(lost, Submission)
        await settled(app, lost.task)
        again = await bought(app, edit(origin=over("one"), reference=reference.format(base.task_id)))
    assert (again.how, again.task.task_id) == ("adopted", lost.task.task_id)
    assert len(posts(box)) == 2


async def test_calls_that_differ_in_a_prompt_among_the_options_are_two(start: Start):
    async with start() as app:
        await made(app, origin=over("one"))
        options = {"image_urls": ["task:last/0"]}
        red = {"arguments": {}, "options": {**options, "prompt": "paint it red [took:0]"}, "origin": over("one")}
        lost = await submit(app, edit(**red))
        assert isinstance(lost, Submission)
        await settled(app, lost.task)
        blue = {**red, "options": {**options, "prompt": "paint it blue [took:0]"}}
        other = await bought(app, edit(**blue))
        again = await bought(app, edit(**red))
    assert other.how == "new"
    assert again.task.task_id == lost.task.task_id


async def test_another_connection_with_a_last_task_of_its_own_repeats_nothing(start: Start):
    async with start() as app:
        await made(app, origin=over("one"))
        owl = await made(app, "an owl [took:0]", origin=over("two"))
        assert isinstance(await submit(app, edit(origin=over("one"))), Submission)
        other = await bought(app, edit(origin=over("two")))
    assert other.how == "new"
    assert other.task.inputs["image_urls"] == [owl.results[0].url]


async def test_a_repeat_finds_its_task_where_what_is_last_by_then_could_not_be_its_input(start: Start):
    async with start() as app:
        await made(app, origin=over("one"))
        asked = edit("it runs [took:0]", origin=over("one"), model="veo-3-1")
        lost = await submit(app, asked)
        assert isinstance(lost, Submission)
        await settled(app, lost.task)  # a video, and the newest
        again = await bought(app, asked)
    assert (again.how, again.task.task_id) == ("adopted", lost.task.task_id)


async def test_an_equal_call_is_one_though_the_size_of_its_picture_is_known_by_now(start: Start):
    async with start() as app:
        wide = GenerationRequest(
            owner=LOCAL,
            model="nano-banana",
            arguments={"prompt": "a fox [took:0][file:500x2]", "aspect_ratio": "16:9"},
        )
        fox = (await bought(app, wide)).task
        asked = edit(model="gpt-image-1", reference=f"task:{fox.task_id}/0")

        async def is_made() -> bool:
            return (await app.service.find(LOCAL, fox.task_id)).state is State.SUCCESS

        await happens(is_made)
        [early] = (await app.drafts.draft(asked)).tasks
        await settled(app, fox)
        [late] = (await app.drafts.draft(asked)).tasks
    assert (early.inputs["aspect_ratio"], late.inputs["aspect_ratio"]) == ("1:1", "3:2")
    assert early.fingerprint == late.fingerprint


async def test_an_answered_call_that_comes_again_goes_on_from_its_result(start: Start):
    async with start() as app:
        await made(app, origin=over("one"))
        first = await settled(app, (await bought(app, edit(origin=over("one")))).task)
        second = (await bought(app, edit(origin=over("one")))).task
    assert second.task_id != first.task_id
    assert second.inputs["image_urls"] == [first.results[0].url]


async def test_a_key_finds_its_task_whatever_is_the_last_by_then(start: Start, box: Sandbox):
    async with start() as app:
        await made(app, origin=over("one"))
        first = await settled(app, (await bought(app, edit(origin=over("one"), idempotency_key="k"))).task)
        again = await bought(app, edit(origin=over("one"), idempotency_key="k"))
        with pytest.raises(InvalidInput, match="other arguments"):
            await bought(app, edit("by day", origin=over("one"), idempotency_key="k"))
    assert (again.how, again.task.task_id) == ("same_key", first.task_id)
    assert len(posts(box)) == 2


async def test_a_yes_to_the_one_picture_is_none_to_another(start: Start, box: Sandbox):
    async with start() as app:
        await made(app, origin=over("one"))
    async with start(confirm_above_usd=0.001) as app:
        async with app.admission.asking(edit(origin=over("one"))) as quote:
            assert isinstance(quote, Quote)
        async with app.admission.asking(edit(origin=over("one"), agreed=quote)) as agreed:
            assert isinstance(agreed, Submission)
        await settled(app, agreed.task)  # by now it is the last one
        async with app.admission.asking(edit(origin=over("one"), agreed=quote)) as other:
            assert isinstance(other, Quote)
    assert len(posts(box)) == 2


def many(*prompts: str) -> GenerationRequest:
    return GenerationRequest(owner=LOCAL, model="nano-banana", arguments={}, prompts=prompts)


@pytest.mark.parametrize("prompt", ["a fox\n", " a fox", "\ta fox \r\n"])
async def test_white_space_around_a_prompt_makes_no_other_call_of_it_and_is_not_sent(start: Start, prompt: str):
    async with start(follow=False) as app:
        lost = await submit(app, request(" a fox "))
        assert isinstance(lost, Submission)
        again = await bought(app, request(prompt))
        several = await submit(app, many("an owl", "a cat "))
        assert isinstance(several, Submission)
        both = await bought(app, many(" an owl\n", "a cat"))
    assert lost.task.inputs["prompt"] == "a fox"
    assert (again.how, again.task.task_id) == ("adopted", lost.task.task_id)
    assert (both.how, both.task.task_id) == ("adopted", several.task.task_id)
