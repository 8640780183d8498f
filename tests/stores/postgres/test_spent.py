"""What was spent in hours that are over stands added up, and is at each moment what the tasks add up to."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.amounts import examples, in_time
from support.store_tasks import CLOCK, NOW, make, make_followed

from apixo_mcp.stores import statements
from apixo_mcp.stores.part import execute
from apixo_mcp.stores.postgres.address import database_address
from apixo_mcp.stores.postgres.database import PostgresDatabase
from apixo_mcp.stores.postgres.spent import SpentHours
from apixo_mcp.stores.postgres.store import PostgresStore
from apixo_mcp.tasks.budget import Budget, day_start, month_start
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.terms import Terms
from apixo_mcp.tasks.task import Attempt, State, Task

pytestmark = pytest.mark.anyio

HOUR = 3600.0
OWNERS = ("alice", "bob")
MOMENTS = st.sampled_from([-40 * 24.0, -30.0, -3.0, -1.5, -1.5, 0.0, 2.0]).map(lambda hours: hours * HOUR)
CHANGES = st.sampled_from(
    [
        "estimate_usd = 7",
        "estimate_usd = null",
        "estimate_usd = -1",
        "owner = 'bob'",
        "sent_at = sent_at - 7200",
        "counted_at = counted_at + 7200",
        "state = 'submitting'",
        "state = 'failed', attempts = '[]'",
        "sent_at = null",
        "attempts = attempts || ' '",
        'attempts = \'[{"sent_at": 1}, {"sent_at": 2}]\'',
        "deleted_at = 1",
    ]
)
DOES = st.lists(
    st.one_of(
        st.tuples(st.just("adds"), st.sampled_from(OWNERS), MOMENTS),
        st.tuples(st.just("changes"), st.integers(0, 2), CHANGES),
        st.tuples(st.just("changes"), st.integers(0, 9), CHANGES),
        st.tuples(st.just("deletes"), st.integers(0, 9), st.none()),
        st.tuples(
            st.just("passes"), st.sampled_from([0.3, 1.0, 5.0, 30.0, 800.0, 3_000.0, -5.0, -800.0, -3_000.0]), st.none()
        ),
        st.tuples(st.just("adds up"), st.sampled_from(["", *OWNERS]), st.none()),
    ),
    max_size=25,
)


@pytest.fixture
async def store(postgres_store_url: str) -> AsyncIterator[PostgresStore]:
    CLOCK.now = NOW
    async with PostgresStore(postgres_store_url, clock=CLOCK) as store:
        yield store


@pytest.fixture
async def server(store: PostgresStore, postgres_store_url: str) -> AsyncIterator[PostgresDatabase]:
    """The same database, asked for itself."""
    server = PostgresDatabase(database_address(postgres_store_url), CLOCK, CLOCK)
    server.open()
    yield server
    server.close()


def sent(owner: str, at: float, **given: Any) -> Task:
    times = {"created_at": at, "updated_at": at, "sent_at": at, "attempts": (Attempt(sent_at=at, remote_id="r"),)}
    unique = make().task_id
    return make_followed(task_id=unique, owner=owner, remote_id=unique, estimate_usd=0.5, **times, **given)


async def added_up(server: PostgresDatabase, owner: str | None, *, plain: bool) -> tuple[float, float, int]:
    """What was spent: as the store says, or with a statement that reads all tasks."""
    statement = statements.SPENT_BY_ALL if owner is None else statements.SPENT
    named = {"since": month_start(CLOCK.now), "today": day_start(CLOCK.now), "without": "", "owner": owner or ""}
    (row,) = await server.run(execute, f"{statement} " if plain else statement, named)
    return round(float(row["month_usd"]), 6), round(float(row["usd"]), 6), int(row["posts"])


@settings(max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.lists(MOMENTS, min_size=3, max_size=3), does=DOES)
async def test_whatever_becomes_of_tasks_it_is_what_they_add_up_to(
    store: PostgresStore,
    server: PostgresDatabase,
    postgres_store_url: str,
    first: list[float],
    does: list[tuple[str, Any, Any]],
) -> None:
    CLOCK.now = NOW
    spent = SpentHours(server, CLOCK)
    with psycopg.connect(postgres_store_url, autocommit=True) as line:
        line.execute("truncate task, spent_before, spent_hour")
        ids: list[str] = []
        there = [("adds", "alice", moment) for moment in first]
        for what, one, other in [*there, ("adds up", "", None), ("adds up", "alice", None), *does]:
            if what == "adds":
                task = sent(one, CLOCK.now + other)
                await store.add([task])
                ids.append(task.task_id)
            elif what == "changes" and ids:
                line.execute(f"update task set {other} where task_id = %s".encode(), [ids[one % len(ids)]])
            elif what == "deletes" and ids:
                line.execute("delete from task where task_id = %s", [ids[one % len(ids)]])
            elif what == "passes":
                CLOCK.now += one * HOUR
            elif what == "adds up":
                await spent.add_up(one)
            for owner in (None, *OWNERS):
                assert await added_up(server, owner, plain=False) == await added_up(server, owner, plain=True)


async def test_a_task_that_is_just_changing_is_waited_for(
    store: PostgresStore, server: PostgresDatabase, postgres_store_url: str
) -> None:
    task = sent("alice", NOW - 30 * HOUR)
    await store.add([task])
    with psycopg.connect(postgres_store_url) as line, psycopg.connect(postgres_store_url, autocommit=True) as other:
        line.execute("update task set estimate_usd = 2 where task_id = %s", [task.task_id])
        async with anyio.create_task_group() as group:
            group.start_soon(SpentHours(server).add_up, "", "alice")
            with in_time(5):
                waits = "select 1 from pg_locks where locktype = 'advisory' and not granted"
                while not other.execute(waits).fetchall():
                    await anyio.sleep(0.01)
            line.commit()
    for owner in (None, "alice"):
        assert await added_up(server, owner, plain=False) == await added_up(server, owner, plain=True) == (2.0, 0.0, 0)


async def test_a_transaction_that_is_left_open_holds_up_a_purchase_for_a_moment_only(
    store: PostgresStore, server: PostgresDatabase, postgres_store_url: str
) -> None:
    task = sent("alice", NOW - 30 * HOUR)
    await store.add([task])
    with psycopg.connect(postgres_store_url) as line:
        line.execute("update task set estimate_usd = 2 where task_id = %s", [task.task_id])
        with in_time(6):  # below the eight seconds that a statement has
            await SpentHours(server).add_up("")
        line.commit()
    assert await added_up(server, None, plain=False) == await added_up(server, None, plain=True) == (2.0, 0.0, 0)


async def test_a_clock_that_was_far_ahead_and_is_set_back_forgets_nothing(
    store: PostgresStore, server: PostgresDatabase
) -> None:
    await store.add([sent("alice", NOW + hours * HOUR) for hours in (-100, -30, -3)])
    spent = SpentHours(server, CLOCK)
    await spent.add_up("", "alice")
    CLOCK.now += 3_000 * HOUR
    await spent.add_up("", "alice")
    CLOCK.now -= 3_000 * HOUR
    for owner in (None, "alice"):
        assert await added_up(server, owner, plain=False) == await added_up(server, owner, plain=True) == (1.5, 0.5, 1)


async def test_what_was_added_up_is_not_read_again(store: PostgresStore, postgres_store_url: str) -> None:
    assert await store.owners.add(Owner("alice", budget=Budget(monthly_usd=1e6)), "")
    await store.add([sent("alice", NOW - 30 * HOUR, state=State.SUCCESS, due=None) for _ in range(5)])
    wants = make(owner="alice", estimate_usd=1.0)
    admitted = await store.admit([wants], Terms(budget=Budget(monthly_usd=1e6)))
    assert [limit.spent.month_usd for limit in admitted.limits] == [2.5, 2.5]
    with psycopg.connect(postgres_store_url) as line:
        known = line.execute("select owner, usd, posts from spent_hour order by owner").fetchall()
    assert known == [("", 2.5, 5), ("alice", 2.5, 5)]
