"""A task of which it is not known whether the gateway has it, settled by a person."""

from dataclasses import replace

import pytest
from support.store_tasks import NOW, make
from support.task_steps import Start, ask, posts, settled, until

from apixo_mcp.app import App
from apixo_mcp.errors import InvalidInput, NotFound
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.owner import LOCAL, Owner
from apixo_mcp.tasks.schedule import PollSchedule
from apixo_mcp.tasks.task import FileState, State, Task
from apixo_mcp.tasks.transitions import submits
from apixo_mcp.tasks.transitions.context import DecisionContext

pytestmark = pytest.mark.anyio


async def resolve(app: App, owner: Owner, task_id: str, remote_id: str | None) -> Task:
    return await app.settlement.resolve(await app.service.find(owner, task_id), remote_id)


async def unknown(app: App, **given: str) -> Task:
    task = await settled(app, (await ask(app, "a fox [cut]", **given)).task)
    assert task.state is State.UNKNOWN
    return task


async def test_with_the_gateways_id_it_is_followed_to_its_end(start: Start, box: Sandbox):
    async with start() as app:
        task = await unknown(app)
        (there,) = box.submits()
        pending = await resolve(app, LOCAL, task.task_id, f" {there['remote_id']} ")
        assert (pending.state, pending.remote_id, len(pending.attempts)) == (State.PENDING, there["remote_id"], 1)
        done = await settled(app, pending)
    assert (done.state, done.results[0].file) == (State.SUCCESS, FileState.SAVED)
    assert len(posts(box)) == 1


async def test_the_next_server_follows_it(start: Start, box: Sandbox):
    async with start() as app:
        task = await unknown(app)
    async with start(follow=False) as app:
        pending = await resolve(app, LOCAL, task.task_id, box.submits()[0]["remote_id"])
        assert pending.due is not None
    async with start() as app:
        assert (await settled(app, task)).state is State.SUCCESS


async def test_one_that_never_ran_costs_nothing_and_frees_its_key(start: Start, box: Sandbox):
    async with start() as app:
        task = await unknown(app, idempotency_key="k")
        ended = await resolve(app, LOCAL, task.task_id, None)
        assert ended.failure is not None
        assert (ended.state, ended.failure.charged, ended.due) == (State.FAILED, "no", None)
        again = await ask(app, "a wolf", idempotency_key="k")
        assert again.how == "new"
        await settled(app, again.task)
    assert len(posts(box)) == 2


async def test_what_is_no_such_task_or_id_changes_nothing(start: Start, box: Sandbox):
    async with start() as app:
        task = await unknown(app)
        other = await settled(app, (await ask(app, "a wolf")).task)
        for remote_id, said in (
            ("", "dashboard"),
            ("two words", "dashboard"),
            ("no-such-id", "does not confirm"),
            (other.remote_id, other.task_id),
        ):
            with pytest.raises(InvalidInput, match=said):
                await resolve(app, LOCAL, task.task_id, remote_id)
        with pytest.raises(InvalidInput, match=r"only a task in state unknown.*success"):
            await resolve(app, LOCAL, other.task_id, None)
        with pytest.raises(NotFound):
            await resolve(app, Owner("somebody"), task.task_id, None)
        assert await app.service.find(LOCAL, task.task_id) == task


def test_an_earlier_attempt_may_have_been_charged():
    sent = make(state=State.SUBMITTING, sent_at=NOW, idempotency_key="k")
    once = submits.unclear(sent, NOW + 100, "cut")
    twice = replace(once, attempts=(once.attempts[0], *once.attempts))
    context = DecisionContext(NOW + 100, 0.5, PollSchedule(1, 1, 1))
    first, second = (
        submits.resolved_by_person(once, "", context),
        submits.resolved_by_person(twice, "", context),
    )
    assert first.failure is not None
    assert second.failure is not None
    assert (first.failure.charged, first.idempotency_key) == ("no", "")
    assert (second.failure.charged, second.idempotency_key) == ("unknown", "k")


class TestChangedKey:
    async def test_an_open_task_goes_on_by_the_key_that_is_set_now(self, start: Start, box: Sandbox):
        async with start() as app:
            old = await until(app, (await ask(app, "a fox [took:1]")).task, lambda now: now.remote_id)
        async with start(apixo_api_key="sk-other") as app:
            moved = await app.settlement.rekey(await app.service.find(LOCAL, old.task_id), LOCAL)
            assert moved.key_print != old.key_print
            done = await settled(app, moved)
        assert (done.state, done.results[0].file) == (State.SUCCESS, FileState.SAVED)
        assert len(posts(box)) == 1

    async def test_what_the_new_key_does_not_see_is_left_as_it_is(self, start: Start, box: Sandbox):
        async with start() as app:
            old = await until(app, (await ask(app, "a fox [never]")).task, lambda now: now.remote_id)
            with pytest.raises(InvalidInput, match="is the one that is set here"):
                await app.settlement.rekey(old, LOCAL)
        async with start(apixo_api_key="sk-bad") as app:
            task = await app.service.find(LOCAL, old.task_id)
            with pytest.raises(InvalidInput, match="does not confirm it"):
                await app.settlement.rekey(task, LOCAL)
            assert await app.service.find(LOCAL, old.task_id) == task

    async def test_what_has_ended_is_not_moved(self, start: Start):
        async with start() as app:
            done = await settled(app, (await ask(app)).task)
        async with start(apixo_api_key="sk-other") as app:
            with pytest.raises(InvalidInput, match="its state is success"):
                await app.settlement.rekey(done, LOCAL)
