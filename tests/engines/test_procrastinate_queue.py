"""The job queue on procrastinate: what it hands out, to whom and when, and what it survives."""

import time
from collections.abc import AsyncIterator, Callable, Sequence, Set
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import psycopg
import pytest
from psycopg.pq import TransactionStatus
from support.amounts import in_time
from support.postgres import Cluster
from support.task_steps import happens

from apixo_mcp.engines import procrastinate_queue
from apixo_mcp.engines.job_queue import Following
from apixo_mcp.engines.procrastinate_queue import ProcrastinateQueue
from apixo_mcp.engines.procrastinate_schema import LOCK, make_queue_tables
from apixo_mcp.errors import StoreError

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

KEY = "0123456789abcdef"
SOON, LATER = 3.0, 3600.0


class Taken:
    """What a worker was given, and holds until it is told to let go."""

    def __init__(self) -> None:
        self.followings: list[Following] = []
        self.free = anyio.Event()

    async def __call__(self, following: Following) -> None:
        self.followings.append(following)
        await self.free.wait()

    @property
    def ids(self) -> list[str]:
        return [one.task_id for one in self.followings]


@asynccontextmanager
async def taking(queue: ProcrastinateQueue) -> AsyncIterator[Taken]:
    taken = Taken()
    async with anyio.create_task_group() as group:
        group.start_soon(queue.take, taken)
        try:
            yield taken
        finally:
            queue.stop()
            taken.free.set()


@pytest.fixture
async def queue(postgres_url: str) -> AsyncIterator[ProcrastinateQueue]:
    queue = ProcrastinateQueue(postgres_url, lambda: [KEY])
    async with queue.opened():
        yield queue


def following(task_id: str, after: float = SOON, key: str = KEY) -> Following:
    return Following(task_id, time.time() + after, key)


@pytest.fixture
def asked(postgres_url: str) -> Callable[[str], list[tuple[object, ...]]]:
    def ask(statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    return ask


async def tidied(queue: ProcrastinateQueue, asked: Callable[[str], list[tuple[object, ...]]], *ids: str) -> None:
    """Returns once a silent worker's tasks are named: it may be heard of between the two statements."""
    named: list[str] = []

    async def are_named() -> bool:
        asked("update procrastinate_workers set last_heartbeat = now() - interval '16 seconds'")
        named.extend(await queue.tidy())
        return set(named) >= set(ids)

    await happens(are_named)


async def test_what_is_put_is_taken_with_its_due_time(queue: ProcrastinateQueue) -> None:
    put = [following("a"), following("b", after=-1.0)]
    await queue.put(put)
    async with taking(queue) as taken:
        await happens(lambda: len(taken.followings) == 2)
    assert sorted(taken.followings, key=lambda one: one.task_id) == put


async def test_it_works_in_a_database_that_is_set_oddly(postgres: Cluster, postgres_url: str) -> None:
    postgres.set_oddly(postgres_url)
    queue = ProcrastinateQueue(postgres_url, lambda: [KEY])
    put = [following("a", after=-1.0), following("b")]
    async with queue.opened(), taking(queue) as taken:
        await queue.put(put)
        await happens(lambda: len(taken.followings) == 2)
        assert sorted(taken.followings, key=lambda one: one.task_id) == put
        assert await queue.tidy() == []


async def test_what_many_dead_workers_left_is_cleared_away_a_part_at_a_time(
    queue: ProcrastinateQueue, asked: Callable[[str], list[tuple[object, ...]]]
) -> None:
    await queue.put([following("waits")])
    asked(
        """insert into procrastinate_jobs (queue_name, task_name, queueing_lock, args, status)
        select 'key', 'apixo_mcp.follow', 'left ' || i, jsonb_build_object('task_id', 'left ' || i), 'doing'
        from generate_series(1, 50000) as i"""
    )
    with in_time(3.0):
        left = await queue.tidy()
    assert len(left) == len(set(left)) == 500
    assert asked("select count(*) from procrastinate_jobs") == [(49_501,)]


async def test_what_waits_already_stays_and_holds_up_no_other(queue: ProcrastinateQueue) -> None:
    await queue.put([following("a")])
    await queue.put([following("b"), following("a"), following("c")])
    async with taking(queue) as taken:
        await happens(lambda: len(taken.ids) == 3)
    assert sorted(taken.ids) == ["a", "b", "c"]


async def test_what_is_due_long_from_now_waits_until_it_is_hurried(queue: ProcrastinateQueue) -> None:
    await queue.put([following("far", LATER), following("near")])
    async with taking(queue) as taken:
        await happens(lambda: "near" in taken.ids)
        assert taken.ids == ["near"]
        await queue.put([following("far", LATER + 1)])
        await queue.put([following("far", 0.0)])
        await happens(lambda: "far" in taken.ids)


async def test_a_worker_is_given_what_its_keys_can_poll(queue: ProcrastinateQueue, postgres_url: str) -> None:
    keys = ["another"]
    other = ProcrastinateQueue(postgres_url, lambda: list(keys))
    await queue.put([following("mine"), following("yours", key="another"), following("new", key="added")])
    async with other.opened(), taking(queue) as taken, taking(other) as others:
        await happens(lambda: taken.ids == ["mine"] and others.ids == ["yours"])
        keys.append("added")
        await happens(lambda: others.ids == ["yours", "new"])


async def test_a_job_of_another_version_is_taken(
    queue: ProcrastinateQueue, asked: Callable[[str], list[tuple[object, ...]]]
) -> None:
    await make_queue_tables(queue.pool)
    asked(
        "insert into procrastinate_jobs (queue_name, task_name, args) values "
        f"""('{KEY}', '{procrastinate_queue.TASK}', '{{"task_id": "a", "of_later": true}}')"""
    )
    async with taking(queue) as taken:
        await happens(lambda: taken.followings == [Following("a", 0.0, "")])


@pytest.mark.parametrize("task", [procrastinate_queue.TASK, "another"])
async def test_jobs_of_another_program_hold_up_nobody(
    postgres_url: str, asked: Callable[[str], list[tuple[object, ...]]], task: str
) -> None:
    queue = ProcrastinateQueue(postgres_url, lambda: [KEY], looks_every=0.02)
    odd = [
        *("5", "[]", "null", "{}", '{"task_id": null}', '{"task_id": ["a"], "due": 1}', '{"task_id": ""}'),
        *('{"task_id": "a", "due": "nan", "key_print": ["x"]}', '{"task_id": "b", "due": {}}'),
        '{"task_id": "c", "due": 1' + "0" * 400 + "}",
    ]
    async with queue.opened(), taking(queue) as taken:
        await queue.put([following("before")])
        await happens(lambda: taken.ids == ["before"])
        for args in odd:
            asked(
                "insert into procrastinate_jobs (queue_name, task_name, args, priority) "
                f"values ('{KEY}', '{task}', '{args}', 9)"
            )
        await queue.put([following("mine")])
        await happens(lambda: "mine" in taken.ids)
        others = [Following(name, 0.0, "") for name in "abc"] if task == procrastinate_queue.TASK else []
        assert taken.followings[1:-1] == others
        asked("update procrastinate_jobs set args = '[]' where args ->> 'task_id' = 'before'")
        await tidied(queue, asked, "mine")


async def test_nothing_stays_of_what_has_ended(
    queue: ProcrastinateQueue, asked: Callable[[str], list[tuple[object, ...]]]
) -> None:
    await queue.put([following("a")])
    async with taking(queue) as taken:
        await happens(lambda: taken.ids == ["a"])
        taken.free.set()
        await happens(
            lambda: not asked("select 1 from procrastinate_jobs union all select 1 from procrastinate_events")
        )


async def test_what_a_silent_worker_held_is_cleared_away_and_named(
    queue: ProcrastinateQueue, asked: Callable[[str], list[tuple[object, ...]]]
) -> None:
    await queue.put([following("a"), following("b")])
    async with taking(queue) as taken:
        await happens(lambda: sorted(taken.ids) == ["a", "b"])
        assert not await queue.tidy()
        await tidied(queue, asked, "a", "b")
        await queue.put([following("a")])
        await happens(lambda: sorted(taken.ids) == ["a", "a", "b"])


@pytest.mark.parametrize(
    "wipe",
    [
        "truncate procrastinate_jobs, procrastinate_workers, procrastinate_events cascade",
        "drop table procrastinate_jobs cascade",
        "drop function procrastinate_fetch_job_v2; drop table procrastinate_jobs cascade; drop table apixo_mcp_queue",
    ],
)
async def test_it_goes_on_where_its_tables_are_wiped(
    postgres_url: str, asked: Callable[[str], list[tuple[object, ...]]], wipe: str
) -> None:
    queue = ProcrastinateQueue(postgres_url, lambda: [KEY], looks_every=0.02)
    names = [f"before {number}" for number in range(10)]  # enough that what it asks is prepared for these tables
    async with queue.opened(), taking(queue) as taken:
        await queue.pool.resize(1, 1)
        for name in names:
            await queue.put([following(name)])
            await happens(lambda name=name: taken.ids[-1:] == [name])
        for statement in wipe.split(";"):
            asked(statement)
        await queue.put([following("after")])
        await happens(lambda: taken.ids == [*names, "after"])
        await queue.tidy()


async def test_one_that_is_frozen_while_it_makes_the_tables_holds_up_no_other(
    queue: ProcrastinateQueue, postgres_url: str
) -> None:
    other = ProcrastinateQueue(postgres_url, lambda: [KEY])
    async with queue.pool.connection() as connection:
        await connection.set_autocommit(False)
        await connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        async with other.opened():
            await other.put([following("a")])
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            await connection.execute("select 1")


async def test_many_that_start_together_make_its_tables_once(postgres_url: str) -> None:
    queues = [ProcrastinateQueue(postgres_url, lambda: [KEY]) for _ in range(4)]

    async def start(queue: ProcrastinateQueue, number: int) -> None:
        async with queue.opened():
            await queue.put([following(str(number))])

    async with anyio.create_task_group() as group:
        for number, queue in enumerate(queues):
            group.start_soon(start, queue, number)


async def test_tables_of_an_earlier_version_are_brought_up_to_date(
    queue: ProcrastinateQueue, asked: Callable[[str], list[tuple[object, ...]]]
) -> None:
    """As if its last migration had not been made; what waits stays."""
    await queue.put([following("a")])
    [(newest,)] = asked("select migration from apixo_mcp_queue")
    asked("update apixo_mcp_queue set migration = '03.04.00_01_pre_add_retry_failed_job_procedure.sql'")
    trigger = "procrastinate_trigger_status_events_update_v1"
    asked(f"drop trigger {trigger} on procrastinate_jobs")
    await make_queue_tables(queue.pool)
    assert asked(f"select count(*) from pg_trigger where tgname = '{trigger}'") == [(1,)]
    assert asked("select migration from apixo_mcp_queue") == [(newest,)]
    async with taking(queue) as taken:
        await happens(lambda: taken.ids == ["a"])


async def test_what_can_never_matter_is_cleared_away_and_what_may_still_matter_waits(
    queue: ProcrastinateQueue, postgres_url: str, asked: Callable[[str], list[tuple[object, ...]]]
) -> None:
    """A key that nobody holds may come back: what is open waits for it."""
    open_ones = {f"open {number}" for number in range(250)}
    keys = [KEY, "of nobody"]
    await queue.put([following(f"over {number}", key=keys[number % 2]) for number in range(1_000)])
    await queue.put([following(name, key=keys[number % 2]) for number, name in enumerate(sorted(open_ones))])
    asked(
        "insert into procrastinate_jobs (queue_name, task_name, args, status) values "
        f"""('{KEY}', '{procrastinate_queue.TASK}', '{{"task_id": "over"}}', 'doing'),
        ('{KEY}', '{procrastinate_queue.TASK}', '5', 'todo'), ('{KEY}', 'of another program', '{{}}', 'todo')"""
    )
    sizes: list[int] = []

    async def ask(task_ids: Sequence[str]) -> Set[str]:
        sizes.append(len(task_ids))
        return open_ones & set(task_ids)

    for _ in range(4):
        await queue.clear(ask)
    assert asked("select count(*) from procrastinate_jobs") == [(251,)]
    assert set(asked("select queueing_lock from procrastinate_jobs")) == {(name,) for name in open_ones} | {(None,)}
    assert max(sizes) <= 200
    asked("update procrastinate_jobs set scheduled_at = null")
    other = ProcrastinateQueue(postgres_url, lambda: ["of nobody"])
    async with other.opened(), taking(other) as taken:
        await happens(lambda: len(taken.ids) == 125)


async def test_a_queue_without_tables_has_nothing_to_be_cleared_of(queue: ProcrastinateQueue) -> None:
    async def ask(_: Sequence[str]) -> Set[str]:
        raise AssertionError("there is no job to ask about")

    await queue.clear(ask)


@pytest.mark.parametrize("due", [1e12, 1e18, 1e300])
async def test_a_moment_that_no_calendar_has_holds_up_no_other(queue: ProcrastinateQueue, due: float) -> None:
    await queue.put([Following("never", due, KEY), following("soon")])
    async with taking(queue) as taken:
        await happens(lambda: taken.ids == ["soon"])
        await queue.put([following("never")])
        await happens(lambda: taken.ids == ["soon", "never"])


async def test_a_queue_that_cannot_be_used_says_so(postgres: Cluster) -> None:
    with postgres.database() as name:
        url = postgres.url(name)
    queue = ProcrastinateQueue(url, lambda: [KEY])
    async with queue.opened():
        with pytest.raises(StoreError, match="job queue"):
            await queue.put([following("a")])
        with pytest.raises(StoreError, match="job queue"):
            await queue.tidy()


async def test_whoever_leaves_in_the_middle_of_a_statement_is_told_nothing_of_it(
    queue: ProcrastinateQueue, caplog: pytest.LogCaptureFixture
) -> None:
    async with queue.pool.connection() as connection, anyio.create_task_group() as group:

        async def ask() -> None:
            await connection.execute("select pg_sleep(60)")

        group.start_soon(ask)
        with in_time(10):
            while connection.pgconn.transaction_status != TransactionStatus.ACTIVE:
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert caplog.text == ""
