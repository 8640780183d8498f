"""A task's life through the front door of the service, against a real sandbox."""

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from support.amounts import here, in_time
from support.asking import submit
from support.task_steps import Start, ask, asking, cut_off, happens, posts, settled, until

from apixo_mcp.app import App
from apixo_mcp.errors import InvalidInput, NotFound, SettingsError
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.asking.request import GenerationRequest, Quote
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import LOCAL, Owner
from apixo_mcp.tasks.ports.terms import Sending
from apixo_mcp.tasks.schedule import POLLS_AT_LEAST, PollSchedule
from apixo_mcp.tasks.service import TICK_EVERY
from apixo_mcp.tasks.task import FileState, State, Task
from apixo_mcp.tasks.transitions import submits
from apixo_mcp.tasks.transitions.context import DecisionContext

pytestmark = pytest.mark.anyio

SLOW = f"[slow-submit:{here(0.5):.1f}]"
"""An answer that comes late enough for what is to happen before it."""


async def test_one_wish_is_one_submit_and_one_saved_file(start: Start, box: Sandbox):
    async with start() as app:
        asked = await ask(app)
        task = await settled(app, asked.task)
    assert asked.how == "new"
    assert (task.state, task.failure, task.due, len(task.attempts)) == (State.SUCCESS, None, None, 1)
    assert [result.file for result in task.results] == [FileState.SAVED]
    assert Path(task.results[0].path).stat().st_size == task.results[0].bytes
    assert [entry["remote_id"] for entry in box.submits()] == [task.remote_id]


async def test_pending_is_never_told_without_the_gateways_id(start: Start, box: Sandbox):
    told: list[tuple[State, str]] = []

    async with start() as app:

        async def listen(task: Task) -> None:
            stored = await app.store.get(task.task_id)
            assert stored is not None
            told.extend([(task.state, task.remote_id), (stored.state, stored.remote_id)])

        app.changes.listen(listen)
        asked = await ask(app, f"a fox {SLOW}[took:0.3]")
        await happens(box.submits)
        unanswered = await app.service.find(LOCAL, asked.task.task_id)
        assert (unanswered.state, unanswered.remote_id) == (State.SUBMITTING, "")
        assert unanswered.sent_at is not None
        task = await settled(app, asked.task)
    assert {remote_id for _, remote_id in told} == {task.remote_id}
    assert told[0][0] is State.PENDING


async def test_a_caller_that_leaves_does_not_take_its_task_along(start: Start, box: Sandbox):
    async with start() as app:
        left: list[Task] = []
        with anyio.CancelScope() as call:
            async with anyio.create_task_group() as group:

                async def leave() -> None:
                    await happens(box.submits)
                    call.cancel()

                group.start_soon(leave)
                async with asking(app, f"a fox {SLOW}[took:0.3]") as asked:
                    left.append(asked.task)
                    await app.service.wait(asked.task, 60)
        assert call.cancelled_caught
        task = await settled(app, left[0])
    assert (task.state, task.answer, task.results[0].file) == (State.SUCCESS, "lost", FileState.SAVED)
    assert len(posts(box)) == 1


async def test_a_wait_ends_when_its_time_is_up_and_tells_of_changes(start: Start):
    async with start() as app:
        asked = await ask(app, "a fox [never]")
        with in_time(30), anyio.CancelScope() as changed:

            async def tick(task: Task) -> None:
                if task.state in (State.PENDING, State.PROCESSING):
                    changed.cancel()

            await app.service.wait(asked.task, 3600, tick)
        assert changed.cancelled_caught
        began = anyio.current_time()
        task = await app.service.wait(asked.task, 0.4)
        assert 0.4 <= anyio.current_time() - began < here(3)
        assert task.state in (State.PENDING, State.PROCESSING)
        assert (await app.service.wait(task, 0)).state in (State.PENDING, State.PROCESSING)


async def test_a_wait_for_a_task_that_has_ended_meanwhile_ends_at_once(start: Start):
    """As another process ended it, whose word of it came before anybody waited."""
    async with start(follow=False) as app:
        app.changes.reread_every = 60.0
        asked = await ask(app)
        assert await app.store.request_cancel(asked.task.task_id)
        began = anyio.current_time()
        assert (await app.service.wait(asked.task, 60)).state is State.CANCELLED
        assert anyio.current_time() - began < here(TICK_EVERY)


async def test_a_long_wait_looks_about_twice_a_second(start: Start):
    looks = 0

    async def has_left() -> bool:
        nonlocal looks
        looks += 1
        return False

    async with start(follow=False) as app:
        asked = await ask(app)
        await app.service.wait(asked.task, TICK_EVERY + 1.2, has_left=has_left)
    assert 0 < looks <= 2 * TICK_EVERY + 6


class TestIdempotency:
    async def test_a_key_returns_its_task_and_no_second_submit(self, start: Start, box: Sandbox):
        async with start() as app:
            first = await ask(app, idempotency_key="k")
            task = await settled(app, first.task)
            again = await ask(app, idempotency_key="k")
            assert (again.how, again.task) == ("same_key", task)
            with pytest.raises(InvalidInput, match=task.task_id):
                await ask(app, "a wolf", idempotency_key="k")
            with pytest.raises(InvalidInput, match="128"):
                await ask(app, idempotency_key="k" * 129)
        async with start() as app:
            assert (await ask(app, idempotency_key="k")).task.task_id == task.task_id
        assert len(posts(box)) == 1

    async def test_a_refusal_that_cost_nothing_frees_the_key(self, start: Start, box: Sandbox):
        async with start() as app:
            refused = await settled(app, (await ask(app, "a fox [http:400]", idempotency_key="k")).task)
            assert refused.failure is not None
            assert (refused.state, refused.failure.charged) == (State.FAILED, "no")
            mended = await ask(app, "a fox", idempotency_key="k")
            assert mended.how == "new"
            assert (await settled(app, mended.task)).state is State.SUCCESS

    async def test_a_failure_after_acceptance_keeps_the_key(self, start: Start, box: Sandbox):
        async with start() as app:
            failed = await settled(app, (await ask(app, "a fox [fail:NSFW_DETECTED]", idempotency_key="k")).task)
            assert failed.state is State.FAILED
            again = await ask(app, "a fox [fail:NSFW_DETECTED]", idempotency_key="k")
            assert again.task.task_id == failed.task_id
        assert len(posts(box)) == 1


class TestAdoption:
    async def test_a_request_whose_answer_was_lost_is_adopted_when_repeated(self, start: Start, box: Sandbox):
        async with start() as app:
            first = await cut_off(app)
            async with asking(app) as second:
                assert (second.how, second.task.task_id) == ("adopted", first.task.task_id)
                await settled(app, second.task)
            third = await ask(app)
            assert third.how == "new"
            await settled(app, third.task)
        assert len(posts(box)) == 2

    async def test_a_call_cut_off_just_as_it_ends_counts_as_lost(self, start: Start):
        async with start() as app:
            first = await cut_off(app, waiting=False)
            assert (await ask(app)).task.task_id == first.task.task_id

    async def test_the_repeat_of_a_call_that_is_cut_off_only_now_waits_for_that(self, start: Start, box: Sandbox):
        async with start() as app, anyio.create_task_group() as group:
            call, begun = anyio.CancelScope(), anyio.Event()

            async def first() -> None:
                with call:
                    async with asking(app, "a fox [never]"):
                        begun.set()
                        await anyio.sleep_forever()

            async def cut() -> None:
                await happens(lambda: len(app.delivery.open_names) == 2)  # the repeat is asking already
                call.cancel()

            group.start_soon(first)
            await begun.wait()
            group.start_soon(cut)
            async with asking(app, "a fox [never]") as again:
                assert again.how == "adopted"
                await happens(lambda: posts(box))
        assert len(posts(box)) == 1

    async def test_the_late_end_of_a_first_call_says_nothing_about_the_second(self, start: Start):
        async with start() as app:
            first = await cut_off(app)
            async with asking(app) as second:
                await settled(app, second.task)
            await first.call.lost()
            assert (await app.service.find(LOCAL, second.task.task_id)).answer == "given"

    async def test_an_answer_counts_as_given_only_once_whoever_took_it_over_says_so(self, start: Start, box: Sandbox):
        async with start() as app:
            async with asking(app, "a fox [never]") as first:
                first.call.hand_over()
            await first.call.lost()
            assert (await ask(app, "a fox [never]")).task.task_id == first.task.task_id
            async with asking(app, "a hare [never]") as other:
                other.call.hand_over()
            await other.call.given()
            assert (await ask(app, "a hare [never]")).how == "new"

    async def test_an_answer_that_cannot_be_noted_is_given_all_the_same(self, start: Start, tmp_path: Path):
        async with start() as app:
            with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3")) as other:
                async with asking(app, "a fox [never]") as first:
                    await happens(lambda: app.service.find(LOCAL, first.task.task_id))
                    other.execute(
                        "create trigger t before update of answer on task begin select raise(abort, 'full'); end"
                    )
                other.execute("drop trigger t")
            assert (await ask(app, "a fox [never]")).task.task_id == first.task.task_id

    async def test_two_identical_calls_that_were_answered_are_two_tasks(self, start: Start, box: Sandbox):
        async with start() as app:
            found: list[Task] = []
            for _ in range(2):
                async with asking(app) as asked:
                    found.append(await settled(app, asked.task))
        assert len({task.task_id for task in found}) == 2
        assert len({task.results[0].path for task in found}) == 2
        assert len(box.submits()) == 2

    async def test_identical_calls_that_wait_at_once_are_as_many_tasks(self, start: Start, box: Sandbox):
        async with start() as app:
            found: list[str] = []

            async def one() -> None:
                async with asking(app) as asked:
                    found.append((await settled(app, asked.task)).task_id)

            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(one)
        assert len(set(found)) == len(box.submits()) == 4


class TestMoney:
    @pytest.mark.parametrize("mark", ["http:500", "http:502", "http:504", "cut", "http:500:html", "null-data"])
    async def test_an_unclear_submit_is_never_sent_again(self, start: Start, box: Sandbox, mark: str):
        async with start() as app:
            task = await settled(app, (await ask(app, f"a fox [{mark}]")).task)
            assert task.failure is not None
            assert (task.state, task.due, task.failure.charged) == (State.UNKNOWN, None, "unknown")
        async with start() as app:
            witness = await settled(app, (await ask(app, "a wolf")).task)
            assert witness.state is State.SUCCESS
            assert (await app.service.check(LOCAL, task.task_id)).state is State.UNKNOWN
        assert len([entry for entry in posts(box) if mark in entry["input"]["prompt"]]) == 1

    @pytest.mark.parametrize(
        "mark", ["http:400", "http:401", "http:402", "http:403", "http:404", "http:422", "code:402"]
    )
    async def test_a_refused_submit_fails_free_of_charge(self, start: Start, box: Sandbox, mark: str):
        async with start() as app:
            task = await settled(app, (await ask(app, f"a fox [{mark}]")).task)
        assert task.failure is not None
        assert (task.state, task.failure.charged, task.attempts) == (State.FAILED, "no", ())
        assert len(posts(box)) == 1
        assert not box.submits()

    async def test_what_cost_nothing_is_sent_again_and_what_timed_out_is_tried_anew(self, start: Start, box: Sandbox):
        """Together, for these waits are the gateway's and do not scale."""
        prompts = (
            "a fox [http:429x1]",
            "a fox [http:503x1]",
            "a fox [code:429x1]",
            "a fox [fail-once:PROCESSING_TIMEOUT]",
        )
        async with start() as app:
            first = [(await ask(app, prompt)).task for prompt in prompts]
            found = [await settled(app, task) for task in first]
        assert [task.state for task in found] == [State.SUCCESS] * 4
        assert [len(task.attempts) for task in found] == [1, 1, 1, 2]
        assert [attempt.failure_code for attempt in found[3].attempts] == ["PROCESSING_TIMEOUT", ""]
        assert found[3].attempts[0].remote_id != found[3].attempts[1].remote_id == found[3].remote_id
        assert found[3].failure is None
        sent = [entry["input"]["prompt"] for entry in posts(box)]
        assert [sent.count(prompt) for prompt in prompts] == [2] * 4
        assert len(box.submits()) == 5

    async def test_a_transient_failure_is_the_end_where_retries_are_off(self, start: Start, box: Sandbox):
        async with start(auto_retry=0) as app:
            task = await settled(app, (await ask(app, "a fox [fail-once:PROCESSING_TIMEOUT]")).task)
        assert task.failure is not None
        assert (task.state, task.failure.code, len(task.attempts)) == (State.FAILED, "PROCESSING_TIMEOUT", 1)
        assert len(posts(box)) == 1

    async def test_budget_and_limit_refuse_before_anything_is_sent(self, start: Start, box: Sandbox):
        async with start(daily_budget_usd=0.05) as app:
            await settled(app, (await ask(app)).task)
            with pytest.raises(InvalidInput, match="APIXO_MCP_DAILY_BUDGET_USD"):
                await ask(app, "a wolf")
        async with start(daily_task_limit=1) as app:
            with pytest.raises(InvalidInput, match="APIXO_MCP_DAILY_TASK_LIMIT"):
                await ask(app, "a wolf")
        async with start(confirm_above_usd=0.01) as app:
            request = GenerationRequest(owner=LOCAL, model="nano-banana", arguments={"prompt": "a wolf"})
            assert isinstance(await submit(app, request), Quote)
            assert isinstance(await submit(app, replace(request, provider="")), Quote)
            assert len(await app.service.page(LOCAL)) == 1
        assert len(posts(box)) == 1

    async def test_without_a_key_nothing_is_stored(self, start: Start):
        async with start(apixo_api_key=None) as app:
            with pytest.raises(SettingsError, match="APIXO_API_KEY"):
                await ask(app)
            assert not await app.service.page(LOCAL)


class TestLooking:
    @pytest.mark.parametrize("mark", ["look:500x2", "look:htmlx2", "look:cutx1", "look:nullx2"])
    async def test_errors_while_looking_never_fail_a_task(self, start: Start, box: Sandbox, mark: str):
        async with start(poll_scale=0.002) as app:
            task = await settled(app, (await ask(app, f"a fox [{mark}]")).task)
        assert (task.state, task.failure, task.tries) == (State.SUCCESS, None, 0)
        assert len(posts(box)) == 1
        assert len(box.looks()) >= 2

    async def test_an_overdue_task_is_looked_at_on_and_on(self, start: Start, box: Sandbox):
        async with start(poll_scale=0.001) as app:
            task = (await ask(app, f"a fox [took:{here(1.5):.1f}]")).task
            # Its maximum wait is 0.12 s at this scale, and looks come 0.06 s apart from then on.
            overdue = await until(app, task, lambda now: now.accepted_at and time.time() > now.accepted_at + 0.3)
            looks = len(box.looks())
            await happens(lambda: len(box.looks()) >= looks + 3)
            assert overdue.due is not None
            assert (await settled(app, task)).state is State.SUCCESS

    async def test_after_a_day_overdue_it_is_looked_at_only_when_asked(self, start: Start, box: Sandbox):
        async with start() as app:
            running = await until(app, (await ask(app, "a fox [never]")).task, lambda now: now.remote_id)
        async with start(follow=False) as app:
            now = await app.store.get(running.task_id)
            assert now is not None
            assert await app.store.commit(
                now, replace(now, accepted_at=time.time() - 25 * 3600, due=time.time(), polls=POLLS_AT_LEAST)
            )
        async with start() as app:
            given_up = await until(app, running, lambda now: now.due is None)
            assert given_up.state in (State.PENDING, State.PROCESSING)
            looks = len(box.looks())
            await app.service.check(LOCAL, running.task_id)
            await happens(lambda: len(box.looks()) > looks)
            again = await until(app, running, lambda now: now.due is None and now.polls > given_up.polls)
            assert again.state is given_up.state

    async def test_a_task_is_found_by_the_gateways_id_and_by_nobody_else(self, start: Start):
        async with start() as app:
            task = await settled(app, (await ask(app)).task)
            assert await app.service.check(LOCAL, f" {task.remote_id} ") == task
            with pytest.raises(NotFound):
                await app.service.check(Owner("bob"), task.remote_id)
            with pytest.raises(NotFound):
                await app.service.cancel(Owner("bob"), task.task_id)


class TestRestart:
    async def test_a_running_task_is_followed_to_its_end(self, start: Start, box: Sandbox):
        async with start() as app:
            task = await until(app, (await ask(app, f"a fox [took:{here(1):.1f}]")).task, lambda now: now.remote_id)
            stored = await until(app, task, lambda now: not now.lease_holder)
        # Once its next look is due, the first sweep finds it.
        await happens(lambda: time.time() >= (stored.due or 0))
        async with start() as app:
            assert (await app.service.find(LOCAL, task.task_id)).state in (State.PENDING, State.PROCESSING)
            ended = await settled(app, task)
        assert (ended.state, ended.results[0].file) == (State.SUCCESS, FileState.SAVED)
        assert len(posts(box)) == 1

    async def test_closing_waits_for_the_answer_to_a_submit(self, start: Start, box: Sandbox):
        async with start() as app:
            task = (await ask(app, f"a fox {SLOW}[took:0.3]")).task
            await happens(box.submits)
        async with start(follow=False) as app:
            stored = await app.service.find(LOCAL, task.task_id)
        assert (stored.state, stored.remote_id) == (State.PENDING, box.submits()[0]["remote_id"])
        assert stored.lease_holder == ""

    async def test_closing_amid_a_look_gives_the_lease_back(self, start: Start, box: Sandbox):
        async with start() as app:
            task = (await ask(app, "a fox [look:hang]")).task
            await happens(box.looks)
            assert (await app.service.find(LOCAL, task.task_id)).lease_holder
        async with start(follow=False) as app:
            stored = await app.service.find(LOCAL, task.task_id)
        assert (stored.lease_holder, stored.lease_until, stored.polls) == ("", 0.0, 0)

    async def test_an_intent_that_was_not_sent_is_sent_once(self, start: Start, box: Sandbox):
        async with start(follow=False) as app:
            task = (await ask(app)).task
        assert not posts(box)
        async with start() as app:
            assert (await settled(app, task)).state is State.SUCCESS
        async with start() as app:
            await settled(app, (await ask(app, "a wolf")).task)
        assert [entry["input"]["prompt"] for entry in posts(box)] == ["a fox", "a wolf"]

    async def test_a_submit_whose_process_died_is_unknown_and_not_sent_again(self, start: Start, box: Sandbox):
        async with start(follow=False) as app:
            task = (await ask(app)).task
            now = time.time()
            lasts = here(1)
            sent = await app.store.claim(task.task_id, "dead", lasts, app.key_prints)
            assert sent is not None
            assert (await app.store.mark_sent(sent, Sending(budget=Budget()))).how == "within"
            # While its lease runs, its process may live: only then is the answer taken for lost.
            assert await app.runner.advance(task.task_id) is None
            assert (await app.service.find(LOCAL, task.task_id)).state is State.SUBMITTING
        await happens(lambda: time.time() >= now + lasts)
        async with start() as app:
            found = await settled(app, task)
        assert found.failure is not None
        assert (found.state, found.failure.charged) == (State.UNKNOWN, "unknown")
        assert not posts(box)

    async def test_the_program_can_be_closed_as_soon_as_it_is_open(self, start: Start):
        with in_time(5):
            for _ in range(3):
                async with start():
                    pass


class TestTwoPrograms:
    async def test_one_at_a_time_takes_a_step_and_both_see_the_result(self, start: Start, box: Sandbox):
        async with start(follow=False) as one, start(follow=False) as two:
            task = (await ask(one, "a fox [took:0][look:slow:0.1]")).task

            async def advance(app: App) -> None:
                while not (await app.service.find(LOCAL, task.task_id)).is_settled:
                    await app.runner.advance(task.task_id)

            with in_time(15):
                async with anyio.create_task_group() as group:
                    for app in (one, two, one, two):
                        group.start_soon(advance, app)
            seen = [await settled(app, task) for app in (one, two)]
        assert seen[0] == seen[1]
        assert (seen[0].state, len(seen[0].attempts)) == (State.SUCCESS, 1)
        # A submit, a look and a save, each by one claim.
        assert (len(posts(box)), len(box.looks()), seen[0].fence) == (1, 1, 3)
        assert len([entry for entry in box.log() if entry["route"] == "file"]) == 1

    async def test_two_that_follow_one_folder_submit_and_look_once(self, start: Start, box: Sandbox):
        async with start() as one, start() as two:
            asked = [
                (await ask(app, f"fox {n} {who} [took:0]")).task for n in range(4) for who, app in enumerate((one, two))
            ]
            for task in asked:
                for app in (two, one):
                    assert (await settled(app, task)).state is State.SUCCESS
        assert len(posts(box)) == len(asked)
        assert len(box.looks()) == len(asked)

    async def test_one_takes_over_what_another_left(self, start: Start, box: Sandbox):
        async with start() as two:
            async with start() as one:
                task = await until(one, (await ask(one, "a fox [took:0.2]")).task, lambda now: now.remote_id)
            assert (await settled(two, task)).state is State.SUCCESS
        assert len(posts(box)) == 1

    async def test_a_task_of_another_key_is_left_alone(self, start: Start, box: Sandbox):
        async with start(follow=False, apixo_api_key="sk-theirs") as theirs:
            foreign = (await ask(theirs)).task
        async with start() as mine:
            await settled(mine, (await ask(mine, "a wolf")).task)
            await mine.runner.advance(foreign.task_id)
            assert await mine.service.find(LOCAL, foreign.task_id) == foreign
        assert [entry["input"]["prompt"] for entry in posts(box)] == ["a wolf"]
        async with start(apixo_api_key="sk-theirs") as theirs:
            assert (await settled(theirs, foreign)).state is State.SUCCESS

    async def test_a_late_answer_settles_what_another_took_for_lost(self, start: Start, box: Sandbox):
        async with start(follow=False) as one, start(follow=False) as two:
            task = (await ask(one, f"a fox {SLOW}[took:0]")).task
            async with anyio.create_task_group() as group:
                group.start_soon(one.runner.advance, task.task_id)
                await happens(box.submits)
                # The lease is slept through: nobody renews it here.
                holder = (await one.service.find(LOCAL, task.task_id)).lease_holder
                await one.store.release(holder)
                await two.runner.advance(task.task_id)
                assert (await two.service.find(LOCAL, task.task_id)).state is State.UNKNOWN
            late = await one.service.find(LOCAL, task.task_id)
            assert (late.state, late.remote_id) == (State.PENDING, box.submits()[0]["remote_id"])
        assert len(posts(box)) == 1

    @pytest.mark.parametrize("remote_id", [None, "another-task"])
    async def test_a_late_answer_is_kept_after_a_person_settled_the_task_otherwise(
        self, start: Start, box: Sandbox, remote_id: str | None
    ):
        async with start(follow=False) as one, start(follow=False) as two:
            task = (await ask(one, f"a fox {SLOW}[took:0]")).task
            async with anyio.create_task_group() as group:
                group.start_soon(one.runner.advance, task.task_id)
                await happens(box.submits)
                await one.store.release((await one.service.find(LOCAL, task.task_id)).lease_holder)
                await two.runner.advance(task.task_id)
                unknown = await two.service.find(LOCAL, task.task_id)
                await two.store.commit(
                    unknown,
                    submits.resolved_by_person(
                        unknown, remote_id or "", DecisionContext(time.time(), 0.5, PollSchedule(1, 1, 1))
                    ),
                )
            (there,) = box.submits()
            settled_task = await one.service.find(LOCAL, task.task_id)
            apart = await one.service.find(LOCAL, there["remote_id"])
            assert apart.task_id != task.task_id
            assert (apart.state, len(apart.attempts)) == (State.PENDING, 1)
            assert task.task_id in apart.notes[-1]
            if remote_id:
                assert settled_task.remote_id == remote_id
            else:
                assert settled_task.failure is not None
                assert apart.task_id in settled_task.failure.advice
                again = await ask(one, f"a fox {SLOW}[took:0]")
                assert (again.how, again.task.task_id) == ("adopted", apart.task_id)
        assert len(posts(box)) == 1

    async def test_a_late_answer_is_kept_while_another_is_about_to_give_it_up(self, start: Start, box: Sandbox):
        async with start(follow=False) as one, start(follow=False) as two:
            task = (await ask(one, f"a fox {SLOW}[took:0]")).task
            claimed: Task | None = None
            async with anyio.create_task_group() as group:
                group.start_soon(one.runner.advance, task.task_id)
                await happens(box.submits)
                holder = (await one.service.find(LOCAL, task.task_id)).lease_holder
                await one.store.release(holder)
                # Claimed by another process, which comes to write its `unknown` only after the answer was stored.
                claimed = await two.store.claim(task.task_id, "two", 8, two.key_prints)
            assert claimed is not None
            unknown = replace(claimed, state=State.UNKNOWN, due=None, lease_holder="", lease_until=0.0)
            assert not await two.store.commit(claimed, unknown)
            late = await one.service.find(LOCAL, task.task_id)
        assert (late.state, late.remote_id) == (State.PENDING, box.submits()[0]["remote_id"])


class TestCancel:
    async def test_an_unsent_task_is_never_sent(self, start: Start, box: Sandbox):
        async with start(follow=False) as app:
            task = (await ask(app)).task
            cancelled = await app.service.cancel(LOCAL, task.task_id)
            assert (cancelled.state, cancelled.due) == (State.CANCELLED, None)
            await app.runner.advance(task.task_id)
        async with start() as app:
            await settled(app, (await ask(app, "a wolf")).task)
            assert (await app.service.find(LOCAL, task.task_id)).state is State.CANCELLED
        assert [entry["input"]["prompt"] for entry in posts(box)] == ["a wolf"]

    async def test_a_task_that_waits_to_be_sent_again_is_not(self, start: Start, box: Sandbox):
        async with start() as app:
            waiting = await until(
                app, (await ask(app, "a fox [http:429]")).task, lambda now: now.tries and not now.sent_at
            )
            cancelled = await app.service.cancel(LOCAL, waiting.task_id)
            assert cancelled.state is State.CANCELLED
            assert (await settled(app, waiting)).state is State.CANCELLED
        assert len(posts(box)) == 1

    async def test_a_submit_under_way_that_is_refused_is_not_sent_again(self, start: Start, box: Sandbox):
        async with start(follow=False) as app:
            task = (await ask(app)).task
            now = time.time()
            claimed = await app.store.claim(task.task_id, "me", 8, app.key_prints)
            assert claimed is not None
            assert (await app.store.mark_sent(claimed, Sending(budget=Budget()))).how == "within"
            assert (await app.service.cancel(LOCAL, task.task_id)).state is State.SUBMITTING
            refused = replace(claimed, sent_at=None, due=now, lease_holder="", lease_until=0.0)
            assert await app.store.commit(claimed, refused)
            await app.runner.advance(task.task_id)
            assert (await app.service.find(LOCAL, task.task_id)).state is State.CANCELLED
        assert not posts(box)

    async def test_a_sent_task_is_saved_all_the_same(self, start: Start, box: Sandbox):
        async with start() as app:
            running = await until(app, (await ask(app, "a fox [took:0.3]")).task, lambda now: now.remote_id)
            asked = await app.service.cancel(LOCAL, running.task_id)
            assert asked.cancel_requested
            assert asked.state in (State.PENDING, State.PROCESSING)
            ended = await settled(app, running)
            assert (ended.state, ended.cancel_requested, ended.results[0].file) == (
                State.SUCCESS,
                True,
                FileState.SAVED,
            )
            assert await app.service.cancel(LOCAL, running.task_id) == ended
