"""Every paid request is counted and allowed: further attempts, what lapses, and the day on which it leaves."""

import sqlite3
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.amounts import here
from support.runners import runner_on
from support.task_steps import Start, ask, asking, posts, settled, until

from apixo_mcp.app import App
from apixo_mcp.errors import InvalidInput, StoreError
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.terms import Clearance, Sending
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.tasks.transitions.unsent import WANTED_FOR, WANTED_WHILE_ALIVE
from apixo_mcp.views.sentences import sentence
from apixo_mcp.views.tasks import task_structure

pytestmark = pytest.mark.anyio

FAILS = "[fail:PROCESSING_TIMEOUT][took:0]"
PRICE = 0.03  # of the model that is asked for
DAY = 86400.0


def told(app: App, task: Task) -> dict[str, Any]:
    return task_structure(task, app.contexts.of(task), None)


async def usage(app: App) -> dict[str, tuple[int, int, float]]:
    """Tasks, attempts and estimate of each day."""
    found: dict[str, tuple[int, int, float]] = {}
    for count in await app.store.usage(LOCAL, 10):
        tasks, attempts, usd = found.get(count.day, (0, 0, 0.0))
        found[count.day] = (tasks + count.tasks, attempts + count.attempts, round(usd + count.estimate_usd, 6))
    return found


def age(folder: Path, seconds: float) -> None:
    """Makes all that is in the store that much older, as if so much time had passed while nothing ran."""
    with closing(sqlite3.connect(folder / "home" / "tasks.sqlite3")) as database, database:
        for column in ("created_at", "updated_at", "due", "asked_until", "wanted_until", "counted_at", "sent_at"):
            database.execute(f"update task set {column} = {column} - ? where {column} > 0", [seconds])


def today(days_ago: int = 0) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - days_ago * DAY))


class TestFurtherAttempts:
    @pytest.mark.parametrize("code", ["PROCESSING_TIMEOUT", "MODEL_UNAVAILABLE"])
    async def test_each_is_counted_and_told(self, start: Start, box: Sandbox, code: str):
        async with start(auto_retry=1) as app:
            asked = (await ask(app, f"a fox [fail:{code}][took:0]")).task
            between = await until(app, asked, lambda now: now.attempts and now.state is State.SUBMITTING)
            task = await settled(app, asked)
            counted = await usage(app)
        assert "second try" in sentence(between)
        assert told(app, between)["cost"]["amount"] == pytest.approx(2 * PRICE)
        assert "second try" in sentence(task)
        assert (told(app, task)["attempts"], told(app, task)["cost"]["amount"]) == (2, pytest.approx(2 * PRICE))
        assert counted == {today(): (1, 2, pytest.approx(2 * PRICE))}
        assert len(box.submits()) == 2

    @pytest.mark.parametrize(
        ("limits", "why"),
        [
            ({"daily_budget_usd": 1.5 * PRICE}, "APIXO_MCP_DAILY_BUDGET_USD"),
            ({"daily_task_limit": 1}, "APIXO_MCP_DAILY_TASK_LIMIT"),
        ],
    )
    async def test_one_that_the_limits_do_not_allow_is_not_made(
        self, start: Start, box: Sandbox, limits: dict[str, Any], why: str
    ):
        async with start(**limits) as app:
            task = await settled(app, (await ask(app, f"a fox {FAILS}")).task)
        assert task.failure is not None
        assert (task.state, task.failure.code, task.failure.charged) == (State.FAILED, "PROCESSING_TIMEOUT", "unknown")
        assert "No further attempt was made" in sentence(task)
        assert why in " ".join(told(app, task)["notes"])
        assert len(box.submits()) == 1

    @pytest.mark.parametrize("limits", [{"daily_budget_usd": 10.5 * PRICE}, {"daily_task_limit": 10}])
    async def test_of_ten_at_once_none_is_sent_beyond_the_limits(
        self, start: Start, box: Sandbox, limits: dict[str, Any]
    ):
        ended: list[Task] = []
        refused: list[InvalidInput] = []
        async with start(**limits) as one, start(**limits) as two:

            async def buy(app: App, number: int) -> None:
                try:
                    async with asking(app, f"fox {number} {FAILS}") as asked:
                        ended.append(await settled(app, asked.task))
                except InvalidInput as error:
                    refused.append(error)

            async with anyio.create_task_group() as group:
                for number in range(12):
                    group.start_soon(buy, (one, two)[number % 2], number)
        assert (len(ended), len(refused)) == (10, 2)
        assert {task.state for task in ended} == {State.FAILED}
        assert len(box.submits()) == len(posts(box)) == 10

    async def test_the_last_one_that_is_allowed_is_made(self, start: Start, box: Sandbox):
        async with start(daily_task_limit=3) as app, anyio.create_task_group() as group:
            for number in range(2):

                async def buy(number: int = number) -> None:
                    async with asking(app, f"fox {number} {FAILS}") as asked:
                        await settled(app, asked.task)

                group.start_soon(buy)
        assert len(box.submits()) == 3

    async def test_what_a_further_attempt_waits_to_cost_is_not_spent_otherwise(self, start: Start, box: Sandbox):
        async with start(daily_task_limit=2) as app:
            asked = (await ask(app, f"a fox {FAILS}")).task
            await until(app, asked, lambda now: now.attempts and now.state is State.SUBMITTING)
            with pytest.raises(InvalidInput, match="APIXO_MCP_DAILY_TASK_LIMIT"):
                await ask(app, "a wolf")
            await settled(app, asked)
        assert len(box.submits()) == 2

    async def test_a_failure_that_is_seen_long_after_leads_to_none(self, start: Start, box: Sandbox, tmp_path: Path):
        async with start() as app:
            asked = (await ask(app, "a fox [fail:PROCESSING_TIMEOUT][took:0.5]")).task
            task = await until(app, asked, lambda now: now.remote_id)
        with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3")) as database, database:
            database.execute("update task set accepted_at = accepted_at - 86400, due = 0")
        async with start() as app:
            ended = await settled(app, task)
        assert ended.failure is not None
        assert (ended.state, ended.failure.code) == (State.FAILED, "PROCESSING_TIMEOUT")
        assert "No further attempt was made" in sentence(ended)
        assert len(posts(box)) == 1

    async def test_a_refused_one_does_not_hide_what_the_first_cost(self, start: Start, box: Sandbox):
        async with start() as app:
            asked = (await ask(app, f"a fox {FAILS}")).task
            between = await until(app, asked, lambda now: now.attempts and now.state is State.SUBMITTING)
        async with start(daily_task_limit=1) as app:
            task = await settled(app, between)
            assert (await usage(app))[today()][1:] == (1, pytest.approx(PRICE))
        assert task.failure is not None
        assert (task.failure.code, task.failure.charged) == ("PROCESSING_TIMEOUT", "unknown")
        assert told(app, task)["cost"]["amount"] == pytest.approx(PRICE)
        assert len(box.submits()) == 1


class TestLapse:
    async def test_what_was_asked_for_long_ago_is_never_bought(self, start: Start, box: Sandbox, tmp_path: Path):
        async with start(follow=False) as app:
            task = (await ask(app, idempotency_key="k")).task
        age(tmp_path, WANTED_FOR + 60)
        async with start() as app:  # a server that somebody starts later, and which is asked for something else
            await settled(app, (await ask(app, "a wolf")).task)
            lapsed = await settled(app, task)
            assert (lapsed.state, lapsed.due, lapsed.failure) == (State.CANCELLED, None, None)
            assert "never sent" in sentence(lapsed)
            assert "cost" not in told(app, lapsed)
            assert (await usage(app))[today()] == (2, 1, pytest.approx(PRICE))
            again = await ask(app, idempotency_key="k")
            assert again.how == "new"
            await settled(app, again.task)
        assert [entry["input"]["prompt"] for entry in posts(box)] == ["a wolf", "a fox"]

    async def test_a_command_that_only_reads_tells_that_it_lapsed(self, start: Start, tmp_path: Path):
        async with start(follow=False, apixo_api_key="sk-of-another-day") as app:
            task = (await ask(app)).task
        age(tmp_path, WANTED_FOR + 60)
        async with start(follow=False) as app:
            assert (await app.service.find(LOCAL, task.task_id)).state is State.CANCELLED

    async def test_within_ten_minutes_another_process_sends_it(self, start: Start, box: Sandbox, tmp_path: Path):
        async with start(follow=False) as app:
            task = (await ask(app)).task
        age(tmp_path, WANTED_FOR - 60)
        async with start() as app:
            assert (await settled(app, task)).state is State.SUCCESS
        assert len(posts(box)) == 1

    async def test_the_process_that_was_asked_sends_it_for_an_hour(self, start: Start, box: Sandbox, tmp_path: Path):
        async with start(follow=False) as asked_one, start(follow=False) as other:
            task = (await ask(asked_one)).task
            age(tmp_path, WANTED_FOR + 60)
            await asked_one.store.want(asked_one.delivery.process, 30)
            await other.runner.end_lapsed()
            await other.runner.advance(task.task_id)
            left_alone = await other.service.find(LOCAL, task.task_id)
            assert (left_alone.state, posts(box)) == (State.SUBMITTING, [])
            await asked_one.runner.end_lapsed()
            await asked_one.store.wake(task.task_id)
            with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3")) as database, database:
                database.execute("update task set due = 0")
            await asked_one.runner.advance(task.task_id)
            assert (await asked_one.service.find(LOCAL, task.task_id)).state is State.PENDING
        assert len(posts(box)) == 1

    async def test_after_an_hour_a_living_process_lets_it_lapse_and_its_waiter_is_told(
        self, start: Start, box: Sandbox, tmp_path: Path
    ):
        async with start(follow=False) as app, asking(app) as asked:
            age(tmp_path, WANTED_WHILE_ALIVE + 60)
            await app.store.want(app.delivery.process, 30)
            task = asked.task
            async with anyio.create_task_group() as group:
                group.start_soon(app.runner.advance, task.task_id)
                task = await app.service.wait(task, here(60))
        assert (task.state, posts(box)) == (State.CANCELLED, [])

    async def test_the_same_request_asked_for_anew_is_wanted_anew(self, start: Start, box: Sandbox, tmp_path: Path):
        async with start(follow=False) as app:
            task = (await ask(app, idempotency_key="k")).task
        age(tmp_path, WANTED_FOR - 60)
        async with start(follow=False) as app:
            assert (await ask(app, idempotency_key="k")).task.task_id == task.task_id
        age(tmp_path, 120)
        with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3")) as database, database:
            database.execute("update task set asked_at = asked_at - 120")
        async with start() as app:
            assert (await settled(app, task)).state is State.SUCCESS
        assert len(posts(box)) == 1

    async def test_a_further_attempt_that_nobody_waits_for_is_not_made(
        self, start: Start, box: Sandbox, tmp_path: Path
    ):
        async with start() as app:
            asked = (await ask(app, f"a fox {FAILS}")).task
            task = await until(app, asked, lambda now: now.attempts and now.state is State.SUBMITTING)
        async with start(follow=False) as app:
            old = replace(task.attempts[0], failed_at=time.time() - 2 * WANTED_FOR)
            assert await app.store.commit(await row(app, task), replace(await row(app, task), attempts=(old,)))
        age(tmp_path, 2 * WANTED_FOR)
        async with start() as app:
            ended = await settled(app, task)
        assert ended.failure is not None
        assert (ended.state, ended.failure.code) == (State.FAILED, "PROCESSING_TIMEOUT")
        assert "No further attempt was made" in sentence(ended)
        assert len(box.submits()) == 1


async def row(app: App, task: Task) -> Task:
    found = await app.store.get(task.task_id)
    assert found is not None
    return found


class TestTheDayItLeaves:
    async def test_counts_it(self, start: Start, tmp_path: Path):
        async with start(follow=False) as app:
            task = (await ask(app)).task
            with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3")) as database, database:
                database.execute("update task set created_at = created_at - 86400, counted_at = counted_at - 86400")
                database.execute("update task set asked_at = ?", [time.time()])
            assert await usage(app) == {today(1): (1, 0, pytest.approx(PRICE))}
        async with start() as app:
            await settled(app, task)
            assert await usage(app) == {today(): (1, 1, pytest.approx(PRICE))}

    @pytest.mark.parametrize("limits", [{"daily_budget_usd": 1.5 * PRICE}, {"daily_task_limit": 1}])
    async def test_is_asked_whether_it_may(self, start: Start, box: Sandbox, tmp_path: Path, limits: dict[str, Any]):
        async with start(follow=False, **limits) as app:
            task = (await ask(app, idempotency_key="k")).task
            with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3")) as database, database:
                database.execute("update task set created_at = created_at - 86400, counted_at = counted_at - 86400")
                database.execute("update task set asked_at = ?, due = due + 2", [time.time()])
        async with start(**limits) as app:
            await settled(app, (await ask(app, "a wolf")).task)
            ended = await settled(app, task)
        assert ended.failure is not None
        assert (ended.state, ended.failure.charged, ended.idempotency_key) == (State.FAILED, "no", "")
        assert "APIXO_MCP_DAILY" in ended.failure.message
        assert "cost" not in told(app, ended)
        assert [entry["input"]["prompt"] for entry in posts(box)] == ["a wolf"]


class Sleeper(SqliteStore):
    """A store whose process sleeps, as a suspended one does, once it has noted that a POST is about to leave."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.marked, self.awake = anyio.Event(), anyio.Event()

    async def mark_sent(self, task: Task, terms: Sending) -> Clearance:
        clearance = await super().mark_sent(task, terms)
        self.marked.set()
        await self.awake.wait()
        return clearance


@asynccontextmanager
async def with_store(app: App, store: SqliteStore) -> AsyncGenerator[App]:
    """The program on another store object of the same file."""
    async with store:
        yield replace(app, store=store, runner=runner_on(app, store, Leases(store)))


async def test_a_process_that_slept_through_its_lease_does_not_send(start: Start, box: Sandbox, tmp_path: Path):
    sleeper = Sleeper(tmp_path / "home" / "tasks.sqlite3")
    async with start(follow=False) as app, with_store(app, sleeper) as slow:
        task = (await ask(app)).task
        async with anyio.create_task_group() as group:
            group.start_soon(slow.runner.advance, task.task_id)
            await sleeper.marked.wait()
            await app.store.release((await row(app, task)).lease_holder)  # as if it had run out
            await app.runner.advance(task.task_id)
            assert (await row(app, task)).state is State.UNKNOWN
            sleeper.awake.set()
        ended = await row(app, task)
        assert ended.failure is not None
        assert (ended.state, ended.failure.code, ended.failure.charged) == (State.FAILED, "NEVER_SENT", "no")
        assert await usage(app) == {today(): (1, 0, 0.0)}
    assert posts(box) == []


class Away(SqliteStore):
    """A store that cannot be asked just before a request leaves."""

    is_away = True

    async def still_sends(self, task: Task, lasts: float) -> bool:
        if self.is_away:
            raise StoreError("the task store is away")
        return await super().still_sends(task, lasts)


async def test_a_store_that_is_away_just_before_a_request_leaves_puts_it_off(
    start: Start, box: Sandbox, tmp_path: Path
):
    store = Away(tmp_path / "home" / "tasks.sqlite3")
    async with start(follow=False) as app, with_store(app, store) as one:
        task = (await ask(app)).task
        await one.runner.advance(task.task_id)
        unsent = await row(app, task)
        assert (unsent.is_unsent, unsent.attempts, posts(box)) == (True, (), [])
        store.is_away = False
        with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3")) as database, database:
            database.execute("update task set due = 0")
        await one.runner.advance(task.task_id)
        assert (await row(app, task)).state is State.PENDING
    assert len(posts(box)) == 1


async def test_a_store_that_is_away_then_leaves_no_doubt_where_another_has_given_it_up(
    start: Start, box: Sandbox, tmp_path: Path
):
    class Late(Away):
        async def still_sends(self, task: Task, lasts: float) -> bool:
            await app.store.release(task.lease_holder)  # as if it had run out meanwhile
            await app.runner.advance(task.task_id)
            assert (await row(app, task)).state is State.UNKNOWN
            return await super().still_sends(task, lasts)

    async with start(follow=False) as app, with_store(app, Late(tmp_path / "home" / "tasks.sqlite3")) as one:
        task = (await ask(app)).task
        await one.runner.advance(task.task_id)
        ended = await row(app, task)
        assert ended.failure is not None
        assert (ended.state, ended.failure.code, ended.failure.charged) == (State.FAILED, "NEVER_SENT", "no")
    assert posts(box) == []


async def test_one_that_slept_and_was_not_missed_sends(start: Start, box: Sandbox, tmp_path: Path):
    sleeper = Sleeper(tmp_path / "home" / "tasks.sqlite3")
    async with start(follow=False) as app, with_store(app, sleeper) as slow:
        task = (await ask(app)).task
        async with anyio.create_task_group() as group:
            group.start_soon(slow.runner.advance, task.task_id)
            await sleeper.marked.wait()
            with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3")) as database, database:
                database.execute("update task set lease_until = ?", [time.time() - 1])
            sleeper.awake.set()
        assert (await row(app, task)).state is State.PENDING
    assert len(posts(box)) == 1


async def test_a_process_that_lives_says_so_in_its_open_tasks(start: Start):
    async with start(follow=False) as app, asking(app, "a fox [never]") as asked:
        assert (await row(app, asked.task)).wanted_until > time.time()
        process = app.delivery.process
        assert await app.store.want(process, 5000.0)
        assert not await app.store.want("another process", 6.0)
        assert (await row(app, asked.task)).wanted_until > time.time() + 4000
