"""What every store must know of callbacks, whatever it is built on."""

from dataclasses import replace
from typing import Any

import pytest
from support.store_tasks import CLOCK, KEYS, NO_LIMITS, make

from apixo_mcp.gateways.gateway import Accepted
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.ports.terms import Sending
from apixo_mcp.tasks.schedule import CALLS_AT_ONCE, PollSchedule
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.tasks.transitions.context import DecisionContext
from apixo_mcp.tasks.transitions.submits import after_submit

pytestmark = pytest.mark.anyio

URL = "https://mcp.example.com"
EVERY = 3.0
PACE = PollSchedule(first_wait=5, interval=EVERY, maximum=120)


async def claimed(store: Store, task: Task) -> Task:
    claim = await store.claim(task.task_id, "me", 8, KEYS)
    assert claim is not None
    return claim


async def sent(store: Store, **given: Any) -> Task:
    """A task whose POST has just left, and asks to be called back."""
    await store.admit([task := make(due=CLOCK.now, **given)], NO_LIMITS)
    claim = replace(await claimed(store, task), reached_at=URL)
    assert (await store.mark_sent(claim, Sending(budget=Budget()))).how == "within"
    return await row(store, task)


async def followed(store: Store, **given: Any) -> Task:
    task = await sent(store, **given)
    accepted = after_submit(task, Accepted(task.task_id), DecisionContext(CLOCK.now, 0.5, PACE))
    assert await store.commit(task, accepted)
    return await row(store, task)


async def claimed_at(store: Store, task: Task) -> Task:
    await store.wake(task.task_id)
    return await claimed(store, task)


async def row(store: Store, task: Task) -> Task:
    now = await store.get(task.task_id)
    assert now is not None
    return now


async def ends(store: Store, task: Task) -> None:
    """A poll finds the task ended."""
    claim = await claimed_at(store, task)
    await store.arrivals.ended_uncalled(claim)
    assert await store.commit(claim, replace(claim, state=State.FAILED, due=None, lease_until=0.0))


async def test_one_callback_tells_every_process_that_they_arrive(store: Store, elsewhere: Store):
    task = await followed(store)
    assert not await elsewhere.arrivals.arrive("apixo", URL)
    assert await store.arrivals.came(task.task_id, EVERY) == 0
    assert await elsewhere.arrivals.arrive("apixo", URL)
    assert not await elsewhere.arrivals.arrive("ruxa", URL)
    assert not await elsewhere.arrivals.arrive("apixo", "https://other.example.com")


async def test_they_arrive_also_where_the_task_has_ended_before_or_was_not_answered_yet(store: Store):
    for task in (await sent(store), await followed(store)):
        if task.state is State.PENDING:
            await ends(store, task)
        came = await store.arrivals.came(task.task_id, EVERY)
        assert (came is None) == (task.state is State.PENDING)
        assert await store.arrivals.arrive("apixo", URL)


async def test_what_is_called_about_again_and_again_is_polled_no_more_often_than_by_its_schedule(store: Store):
    task = await followed(store)
    began, polls = CLOCK.now, list[float]()
    for _ in range(3000):
        CLOCK.now += 0.02
        if (wait := await store.arrivals.came(task.task_id, EVERY)) is not None:
            polls.append(CLOCK.now + wait - began)
    assert len([at for at in polls if at < EVERY]) == CALLS_AT_ONCE
    assert len(polls) <= CALLS_AT_ONCE + 6, "as many as the schedule makes in that minute"


async def test_a_task_that_has_ended_is_polled_for_no_callback(store: Store):
    task = await followed(store)
    await ends(store, task)
    assert [await store.arrivals.came(task.task_id, EVERY) for _ in range(3)] == [None] * 3
    assert await store.arrivals.came("tsk_nobody", EVERY) is None


async def test_a_callback_during_a_poll_is_not_lost_with_what_that_writes(store: Store, elsewhere: Store):
    task = await followed(store)
    polling = await claimed_at(store, task)
    CLOCK.now += 1
    assert await elsewhere.arrivals.came(task.task_id, EVERY) == 0
    assert await store.commit(polling, replace(polling, polls=1, due=CLOCK.now + 60, lease_until=0.0))
    assert (await row(store, task)).due == CLOCK.now
    again = await claimed(store, task)
    assert await store.commit(again, replace(again, polls=2, due=CLOCK.now + 60, lease_until=0.0))
    assert (await row(store, task)).due == CLOCK.now + 60, "one poll for one call"


async def test_a_further_attempt_waits_for_a_callback_of_its_own(store: Store):
    task = await followed(store)
    await store.arrivals.came(task.task_id, EVERY)
    claim = await claimed_at(store, task)
    again = replace(claim, state=State.SUBMITTING, sent_at=None, remote_id="", due=CLOCK.now, lease_until=0.0)
    assert (await store.try_again(claim, again, Sending(budget=Budget()))).how == "within"
    second = replace(await claimed(store, task), reached_at=URL)
    assert (await store.mark_sent(second, Sending(budget=Budget()))).how == "within"
    assert (await row(store, task)).calls == 0


async def test_missed_is_what_does_not_come_in_time(store: Store, elsewhere: Store):
    await store.arrivals.came((await followed(store)).task_id, EVERY)
    late, lost, open_one = [await followed(store) for _ in range(3)]
    waiting = await claimed_at(store, open_one)
    assert await store.commit(waiting, replace(waiting, due=CLOCK.now + 600, lease_until=0.0))
    CLOCK.now += 20
    await ends(store, late)
    assert await store.arrivals.missed(45) == ()
    CLOCK.now += 30
    await elsewhere.arrivals.came(late.task_id, EVERY)  # the first retry
    CLOCK.now += 60
    assert list(await store.arrivals.missed(45)) == []
    await ends(store, lost)
    CLOCK.now += 46
    [missed] = await elsewhere.arrivals.missed(45)
    assert (missed.gateway, missed.url, missed.missed_at) == ("apixo", URL, CLOCK.now)
    assert not await store.arrivals.arrive("apixo", URL)
    assert list(await store.arrivals.missed(45)) == [], "told once"
    due = (await row(store, open_one)).due
    assert due is not None
    assert due <= CLOCK.now, "nobody waits for the net any more"
    CLOCK.now += 1
    await store.arrivals.came(lost.task_id, EVERY)  # the second retry
    assert await store.arrivals.arrive("apixo", URL)
    [known] = await store.arrivals.known()
    assert known.go_on


async def test_an_old_callback_that_is_repeated_proves_nothing(store: Store):
    old = await followed(store)
    await store.arrivals.came(old.task_id, EVERY)
    await ends(store, lost := await followed(store))
    CLOCK.now += 46
    assert len(await store.arrivals.missed(45)) == 1
    await store.arrivals.came(old.task_id, EVERY)
    assert not await store.arrivals.arrive("apixo", URL)
    CLOCK.now += 1
    await store.arrivals.came(lost.task_id, EVERY)
    assert await store.arrivals.arrive("apixo", URL)


async def test_what_was_not_to_be_called_back_is_not_missed(store: Store):
    await store.admit([task := make_plain()], NO_LIMITS)
    claim = await claimed(store, task)
    assert (await store.mark_sent(claim, Sending(budget=Budget()))).how == "within"
    await store.arrivals.ended_uncalled(claim)
    await store.arrivals.came(task.task_id, EVERY)
    CLOCK.now += 100
    assert list(await store.arrivals.missed(45)) == []
    assert list(await store.arrivals.known()) == []


def make_plain() -> Task:
    return make(due=CLOCK.now)


async def test_that_one_is_missed_is_an_alert_where_somebody_is_told(store: Store):
    await store.outbox.begin()
    await store.arrivals.came((await followed(store)).task_id, EVERY)
    await ends(store, await followed(store))
    CLOCK.now += 46
    await store.arrivals.missed(45)
    [alert] = [one for one in await store.outbox.take(60, 9) if not one.task_id]
    assert (alert.kind, alert.data["alert"], alert.data["gateway"]) == ("alert.raised", "callbacks_missed", "apixo")
