"""What every store must do with what is to be told, whatever it is built on."""

from dataclasses import replace
from typing import Any

import anyio
import pytest
from support.store_tasks import CLOCK, KEYS, NO_LIMITS, NOW, make, make_followed

from apixo_mcp.tasks.ports.outbox import ALERT_RAISED, TASK_FINISHED, OutboxCount
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import FileState, Result, State, Task

pytestmark = pytest.mark.anyio


async def added(store: Store, **given: Any) -> Task:
    await store.admit([task := make_followed(**given)], NO_LIMITS)
    return task


async def becomes(store: Store, task: Task, state: State, **given: Any) -> None:
    await store.wake(task.task_id)
    claim = await store.claim(task.task_id, "me", 8, KEYS)
    assert claim is not None
    assert await store.commit(claim, replace(claim, state=state, lease_until=0.0, **{"due": None, **given}))


async def taken(store: Store, lasts: float = 60.0) -> list[tuple[str, str]]:
    await store.outbox.collect()
    return sorted((one.task_id, one.state) for one in await store.outbox.take(lasts, 100))


async def test_an_end_is_told_whichever_process_saw_it(store: Store, elsewhere: Store):
    await store.outbox.begin()
    failed, going = await added(store), await added(store)
    await becomes(elsewhere, failed, State.FAILED)
    await store.admit([unsent := make()], NO_LIMITS)
    await elsewhere.request_cancel(unsent.task_id)
    assert await taken(store) == sorted([(failed.task_id, "failed"), (unsent.task_id, "cancelled")])
    assert await taken(elsewhere) == [], "one at a time"
    await becomes(store, going, State.SUCCESS)
    [webhook] = (await store.outbox.collect(), await store.outbox.take(60, 9))[1]
    assert (webhook.kind, webhook.tries, webhook.made_at) == (TASK_FINISHED, 1, NOW)
    assert webhook.webhook_id == f"msg_{going.task_id[4:]}_success"


async def test_what_had_ended_before_is_no_news(store: Store, elsewhere: Store):
    old = await added(store)
    await becomes(store, old, State.FAILED)
    await store.outbox.begin()
    await elsewhere.outbox.begin()
    assert await taken(store) == []
    await becomes(store, new := await added(store), State.FAILED)
    await store.outbox.begin()  # as after a restart
    assert await taken(store) == [(new.task_id, "failed")]


async def test_what_ended_elsewhere_and_is_imported_is_no_news(store: Store):
    await store.outbox.begin()
    await store.add([make(state=State.FAILED, due=None, is_copy=True)])
    await store.add([going := make_followed(is_copy=True)])
    assert await taken(store) == []
    await becomes(store, going, State.FAILED)
    assert await taken(store) == [(going.task_id, "failed")]


async def test_a_success_is_told_once_its_files_are_settled(store: Store):
    await store.outbox.begin()
    task = await added(store)
    await becomes(store, task, State.SUCCESS, results=(Result(index=0, url="https://a"),), due=NOW)
    assert await taken(store) == []
    await becomes(store, task, State.SUCCESS, results=(Result(index=0, url="https://a", file=FileState.SAVED),))
    assert await taken(store) == [(task.task_id, "success")]


async def test_unknown_is_told_and_then_what_it_came_to(store: Store):
    await store.outbox.begin()
    await store.admit([task := make(state=State.UNKNOWN, due=None, sent_at=NOW)], NO_LIMITS)
    assert await taken(store) == [(task.task_id, "unknown")]
    assert await store.commit(task, replace(task, state=State.FAILED))
    assert await taken(store) == [(task.task_id, "failed")]


async def test_what_is_taken_is_another_process_once_its_time_is_up(store: Store, elsewhere: Store):
    await store.outbox.begin()
    await becomes(store, task := await added(store), State.FAILED)
    assert await taken(store, lasts=60.0) == [(task.task_id, "failed")]
    CLOCK.now += 59
    assert await taken(elsewhere) == []
    CLOCK.now += 1
    [again] = await elsewhere.outbox.take(60.0, 9)
    assert again.tries == 2
    await elsewhere.outbox.put_off(again.webhook_id, 30.0)
    CLOCK.now += 29
    assert await taken(store) == []
    CLOCK.now += 1
    assert len(await taken(store)) == 1
    await store.outbox.taken(again.webhook_id)
    assert await store.outbox.count() == OutboxCount(0, 0)


async def test_what_is_given_up_is_counted_for_some_days(store: Store):
    await store.outbox.begin()
    await becomes(store, await added(store), State.FAILED)
    await store.outbox.collect()
    [webhook] = await store.outbox.take(60.0, 9)
    await store.outbox.give_up(webhook.webhook_id)
    CLOCK.now += 3600
    assert await taken(store) == []
    assert await store.outbox.count() == OutboxCount(0, 1)
    CLOCK.now += 8 * 86400
    await becomes(store, await added(store, created_at=CLOCK.now), State.FAILED)
    await store.outbox.collect()
    assert await store.outbox.count() == OutboxCount(1, 0)


async def test_two_that_take_at_once_share_what_there_is(store: Store, elsewhere: Store):
    await store.outbox.begin()
    for _ in range(20):
        await becomes(store, await added(store), State.FAILED)
    seen: list[str] = []

    async def take(one: Store) -> None:
        await one.outbox.collect()
        while webhooks := await one.outbox.take(60.0, 1):
            seen.extend(webhook.webhook_id for webhook in webhooks)

    async with anyio.create_task_group() as group:
        group.start_soon(take, store)
        group.start_soon(take, elsewhere)
    assert len(seen) == len(set(seen)) == 20


async def test_an_alert_is_kept_only_where_somebody_is_told(store: Store):
    await store.outbox.put("msg_1", ALERT_RAISED, {"alert": "x"})
    assert (await store.outbox.count()).waiting == 0
    await store.outbox.begin()
    for _ in range(2):
        await store.outbox.put("msg_1", ALERT_RAISED, {"alert": "x"})
    [webhook] = await store.outbox.take(60.0, 9)
    assert (webhook.kind, webhook.task_id, webhook.data) == (ALERT_RAISED, "", {"alert": "x"})
