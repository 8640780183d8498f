"""Several prompts in one call: one purchase, one answer, and each paid for once."""

from typing import Any

import anyio
import pytest
from jsonschema import validate
from mcp import Client
from mcp.types import CallToolResult, ElicitResult
from support.amounts import here, in_time
from support.program import Connect, happens, text_of

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

PRICE = 0.03  # of the model that is asked for
EACH = {"model": "nano-banana", "wait_seconds": 30}


def animals(count: int, marks: str = "[took:0]") -> list[str]:
    return [f"animal {number} {marks}" for number in range(count)]


async def made(client: Client, prompts: list[str], **given: Any) -> dict[str, Any]:
    answer = await client.call_tool("generate_image", {**EACH, "prompts": prompts, **given})
    assert not answer.is_error, text_of(answer)
    assert answer.structured_content is not None
    return answer.structured_content


async def refused(client: Client, prompts: list[str], **given: Any) -> str:
    answer = await client.call_tool("generate_image", {**EACH, "prompts": prompts, **given})
    assert answer.is_error
    return text_of(answer)


async def stored(client: Client) -> list[dict[str, Any]]:
    listed = (await client.call_tool("list_tasks", {"limit": 100})).structured_content
    assert listed is not None
    return listed["tasks"]


def paid(box: Sandbox) -> list[str]:
    """The prompts of all that was paid for, in the order of the alphabet."""
    return sorted(entry["input"]["prompt"] for entry in box.submits() if entry["paid"])


@pytest.mark.parametrize("transport", ["memory", "http", "sse", pytest.param("stdio", marks=pytest.mark.process)])
async def test_twenty_prompts_are_twenty_paid_tasks_and_one_answer(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        told = await made(client, animals(20))
        assert [task["state"] for task in told["tasks"]] == ["success"] * 20
        assert [task["prompt"] for task in told["tasks"]] == animals(20)
        assert all(task["paths"] for task in told["tasks"])
        assert told["cost"]["amount"] == pytest.approx(20 * PRICE)
        assert len(await stored(client)) == 20
    assert paid(box) == sorted(animals(20))


async def test_equal_prompts_are_several_tasks(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        told = await made(client, ["a fox [took:0]"] * 3)
    assert len({task["task_id"] for task in told["tasks"]}) == 3
    assert paid(box) == ["a fox [took:0]"] * 3


async def test_they_are_listed_as_newest_first(connect: Connect) -> None:
    async with connect() as client:
        told = await made(client, animals(12))
        assert [task["task_id"] for task in await stored(client)] == [task["task_id"] for task in told["tasks"]][::-1]


async def test_one_that_fails_takes_no_other_down(connect: Connect) -> None:
    async with connect() as client:
        told = await made(client, ["a fox [took:0]", "an owl [fail:CONTENT_VIOLATION][took:0]", "a hen [took:0]"])
    assert [task["state"] for task in told["tasks"]] == ["success", "failed", "success"]
    assert "CONTENT_VIOLATION" in told["tasks"][1]["error"]


async def test_the_time_that_is_up_is_that_of_the_call(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        with in_time(10):
            told = await made(client, ["a fox [took:0]", "an owl [never]"], wait_seconds=1)
        await happens(lambda: len(paid(box)) == 2)
    assert told["tasks"][1]["state"] in ("submitting", "pending", "processing")
    assert "check_task" in told["next_step"]


async def test_progress_tells_how_many_are_done(connect: Connect) -> None:
    heard: list[tuple[float, str]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert total == 1
        heard.append((progress, message or ""))

    async with connect() as client:
        prompts = [f"a fox {number} [took:{number}]" for number in range(3)]
        await client.call_tool("generate_image", {**EACH, "prompts": prompts}, progress_callback=hear)
    shown = [progress for progress, _ in heard]
    assert shown == sorted(set(shown))
    assert "of 3 done" in " ".join(message for _, message in heard)


class TestLimits:
    @pytest.mark.parametrize(
        ("limits", "named"),
        [
            ({"daily_budget_usd": 5.5 * PRICE}, "APIXO_MCP_DAILY_BUDGET_USD"),
            ({"daily_task_limit": 5}, "APIXO_MCP_DAILY_TASK_LIMIT"),
        ],
    )
    async def test_a_sum_beyond_them_buys_none(
        self, connect: Connect, box: Sandbox, limits: dict[str, Any], named: str
    ) -> None:
        async with connect(**limits) as client:
            told = await refused(client, animals(6))
            assert await stored(client) == []
            assert box.log() == []
            assert named in told
            assert "the first 5 of them alone" in told
            await made(client, animals(5))
        assert len(paid(box)) == 5

    async def test_a_model_without_a_price_under_a_budget_buys_none(self, connect: Connect, box: Sandbox) -> None:
        async with connect(daily_budget_usd=50.0) as client:
            told = await refused(client, animals(2), model="minimax-image-01")
            assert await stored(client) == []
        assert "no known price" in told
        assert box.log() == []

    @pytest.mark.parametrize("transport", ["memory", "http"])
    async def test_of_ten_calls_at_once_under_a_budget_for_one_one_is_bought(
        self, connect: Connect, box: Sandbox
    ) -> None:
        answers: list[CallToolResult] = []
        async with connect(daily_budget_usd=21 * PRICE) as client:

            async def buy(number: int) -> None:
                prompts = [f"{number}: {prompt}" for prompt in animals(20)]
                answers.append(await client.call_tool("generate_image", {**EACH, "prompts": prompts}))

            async with anyio.create_task_group() as group:
                for number in range(10):
                    group.start_soon(buy, number)
            assert len(await stored(client)) == 20
        assert [answer.is_error or False for answer in answers].count(False) == 1
        assert len(paid(box)) == 20
        assert len({prompt.partition(":")[0] for prompt in paid(box)}) == 1


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ({"prompts": ["a fox", "b" * 6000, "an owl"]}, "prompts[1]: "),
            ({"prompts": ["a fox", " "]}, "prompts[1]: must not be empty"),
            ({"prompts": ["a fox", ""]}, "prompts[1]: must not be empty"),
            ({"prompts": ["a fox"], "prompt": "an owl"}, "prompts: not together with prompt"),
            ({"prompts": animals(51)}, "prompts: at most 50 in one call"),
            ({"prompts": ["a fox", 5]}, "prompts: must be a list of text"),
            ({"prompts": animals(30), "aspect_ratio": "7:1"}, "aspect_ratio: "),
        ],
    )
    async def test_one_refuses_all_and_is_named(
        self, connect: Connect, box: Sandbox, arguments: dict[str, Any], told: str
    ) -> None:
        async with connect() as client:
            answer = await client.call_tool("generate_image", {**EACH, **arguments})
            assert answer.is_error
            assert text_of(answer).count(told) == 1, text_of(answer)
            assert "prompt: required" not in text_of(answer)
            assert await stored(client) == []
        assert box.log() == []

    async def test_what_hosts_make_of_a_list_is_read(self, connect: Connect, box: Sandbox) -> None:
        async with connect() as client:
            answer = await client.call_tool("generate_image", {**EACH, "prompts": '["a fox [took:0]", "b [took:0]"]'})
            alone = await client.call_tool("generate_image", {**EACH, "prompts": "an owl [took:0]", "prompt": ""})
            single = await client.call_tool("generate_image", {**EACH, "prompts": [], "prompt": "a hen [took:0]"})
        for told, count in ((answer, 2), (alone, 1)):
            assert told.structured_content is not None
            assert len(told.structured_content["tasks"]) == count
        assert single.structured_content is not None
        assert single.structured_content["state"] == "success"
        assert len(paid(box)) == 4


class TestKeys:
    async def test_a_key_leads_to_all_its_tasks_for_ever(self, connect: Connect, box: Sandbox) -> None:
        async with connect() as client:
            first = await made(client, animals(4), idempotency_key="k")
            again = await made(client, animals(4), idempotency_key="k")
        assert [task["task_id"] for task in again["tasks"]] == [task["task_id"] for task in first["tasks"]]
        assert "nothing was bought anew" in " ".join(again["notes"])
        assert len(paid(box)) == 4

    async def test_with_other_arguments_it_is_an_error_that_names_a_task(self, connect: Connect, box: Sandbox) -> None:
        async with connect() as client:
            first = await made(client, animals(3), idempotency_key="k")
            for prompts in (animals(2), animals(4), animals(3)[::-1], animals(1)):
                told = await refused(client, prompts, idempotency_key="k")
                assert first["tasks"][0]["task_id"] in told
        assert len(paid(box)) == 3

    async def test_what_failed_of_it_is_not_made_again(self, connect: Connect, box: Sandbox) -> None:
        prompts = ["a fox [took:0]", "an owl [http:400]", "a hen [took:0]"]
        async with connect() as client:
            await made(client, prompts, idempotency_key="k")
            again = await made(client, prompts, idempotency_key="k")
        assert [task["state"] for task in again["tasks"]] == ["success", "failed", "success"]
        assert "call with their prompts alone" in " ".join(again["notes"])
        assert len([entry for entry in box.log() if entry["route"] == "submit"]) == 3

    async def test_after_a_refusal_of_all_that_cost_nothing_it_is_free(self, connect: Connect, box: Sandbox) -> None:
        async with connect() as client:
            await made(client, ["a fox [http:400x1]", "an owl [http:400x1]"], idempotency_key="k")
            again = await made(client, animals(2), idempotency_key="k")
        assert [task["state"] for task in again["tasks"]] == ["success"] * 2


class TestConsent:
    async def test_the_person_is_asked_once_for_the_sum(self, connect: Connect, box: Sandbox) -> None:
        asked: list[str] = []

        async def person(_: Any, params: Any) -> ElicitResult:
            asked.append(params.message)
            return ElicitResult(action="accept", content={"proceed": True})

        async with connect(own={"elicitation_callback": person}, confirm_above_usd=0.05) as client:
            told = await made(client, animals(5))
        assert [task["state"] for task in told["tasks"]] == ["success"] * 5
        (message,) = asked
        assert "5 tasks of nano-banana would cost about $0.15" in message
        assert len(paid(box)) == 5

    async def test_a_yes_counts_for_the_whole_call_and_once(self, connect: Connect, box: Sandbox) -> None:
        async with connect(confirm_above_usd=0.05) as client:
            assert "5 tasks of nano-banana would cost about $0.15" in await refused(client, animals(5))
            for other in (animals(4), animals(6), animals(5)[::-1]):
                assert "Not sent yet" in await refused(client, other, confirm=True)
            assert box.log() == []
            await made(client, animals(5), confirm=True)
            assert "Not sent yet" in await refused(client, animals(5), confirm=True)
        assert len(paid(box)) == 5

    async def test_below_the_limit_together_nobody_is_asked(self, connect: Connect, box: Sandbox) -> None:
        async with connect(confirm_above_usd=5.2 * PRICE) as client:
            await made(client, animals(5))
        assert len(paid(box)) == 5


async def test_the_answer_fits_the_schema_that_is_published(connect: Connect) -> None:
    async with connect() as client:
        (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == "generate_image"]
        assert tool.output_schema is not None
        for arguments in ({"prompts": animals(2)}, {"prompt": "a fox"}, {"prompt": "a fox", "quote": True}):
            answer = await client.call_tool("generate_image", {**EACH, **arguments})
            validate(answer.structured_content, tool.output_schema)


async def all_paid(box: Sandbox, count: int) -> None:
    await happens(lambda: len(paid(box)) >= count)


class TestRepeats:
    @pytest.mark.parametrize("transport", ["memory", "http", "sse", pytest.param("stdio", marks=pytest.mark.process)])
    @pytest.mark.parametrize("seen", [1, 20])
    async def test_a_call_that_was_given_up_and_repeated_gets_all_its_tasks(
        self, connect: Connect, box: Sandbox, seen: int
    ) -> None:
        prompts = animals(20, f"[took:{here(1):.1f}]")
        async with connect() as client, anyio.create_task_group() as group:
            given_up = anyio.CancelScope()

            async def ask() -> None:
                with given_up:
                    await made(client, prompts)

            group.start_soon(ask)
            await all_paid(box, seen)
            given_up.cancel()
            again = await made(client, prompts)
            assert len(await stored(client)) == 20
            assert given_up.cancelled_caught
            assert again["deduplicated"] is True
            assert [task["prompt"] for task in again["tasks"]] == prompts
            await all_paid(box, 20)  # a client that gave up is answered sooner from then on
        assert paid(box) == sorted(prompts)

    async def test_after_a_restart_it_is_the_same(self, connect: Connect, box: Sandbox) -> None:
        prompts = animals(20, f"[took:{here(1):.1f}]")
        async with connect() as client:
            with anyio.CancelScope() as given_up:
                async with anyio.create_task_group() as group:
                    group.start_soon(made, client, prompts)
                    await all_paid(box, 5)
                    given_up.cancel()
        async with connect() as client:
            again = await made(client, prompts)
            await all_paid(box, 20)
        assert again["deduplicated"] is True
        assert paid(box) == sorted(prompts)

    async def test_equal_calls_that_were_both_answered_are_two_purchases(self, connect: Connect, box: Sandbox) -> None:
        async with connect() as client:
            first = await made(client, animals(3))
            second = await made(client, animals(3))
        assert not {task["task_id"] for task in first["tasks"]} & {task["task_id"] for task in second["tasks"]}
        assert len(paid(box)) == 6
