"""What is particular to a store on a Postgres server: its schema, its clock, what is decided on several machines."""

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any, TypeVar

import anyio
import psycopg
import pytest
from support.amounts import here, in_time
from support.pgbouncer import pooled
from support.postgres import PASSWORD, Cluster
from support.postgres_proxy import Between, between
from support.store_tasks import KEYS, NO_LIMITS, make, make_followed
from support.task_steps import happens

from apixo_mcp.errors import SchemaTooNew, SettingsError, StoreError
from apixo_mcp.stores.migrations import migrations_of
from apixo_mcp.stores.postgres.address import database_address
from apixo_mcp.stores.postgres.connection import ServerLine, set_up
from apixo_mcp.stores.postgres.database import DECIDE, LOOK_UP, REST
from apixo_mcp.stores.postgres.schema import needed_schema, newest_schema
from apixo_mcp.stores.postgres.session import lock_of
from apixo_mcp.stores.postgres.store import PostgresStore
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.ports.leases import LEASE_LASTS
from apixo_mcp.tasks.ports.store import IdTaken
from apixo_mcp.tasks.ports.terms import Admitted, Sending, Terms
from apixo_mcp.tasks.task import Attempt, State, Task

pytestmark = pytest.mark.anyio

REPLICAS = 3
T = TypeVar("T")


@pytest.fixture
async def replicas(postgres_store_url: str) -> AsyncIterator[Sequence[PostgresStore]]:
    """The stores of several machines, each with connections of its own, on the server's clock."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(PostgresStore(postgres_store_url)) for _ in range(REPLICAS)]


def fresh(**given: Any) -> Task:
    """A task that was asked for just now, by a clock that is right."""
    now = time.time()
    return make(**{"created_at": now, "updated_at": now, "due": now, "asked_until": now + 8, **given})


async def at_once(works: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    done: list[T] = []

    async def run(work: Callable[[], Awaitable[T]]) -> None:
        done.append(await work())

    async with anyio.create_task_group() as group:
        for work in works:
            group.start_soon(run, work)
    return done


class TestMoney:
    async def test_of_a_thousand_calls_at_once_on_three_machines_no_more_than_the_budget_is_spent(
        self, replicas: Sequence[PostgresStore]
    ):
        terms = Terms(budget=Budget(daily_usd=1.0))

        def buy(number: int) -> Callable[[], Awaitable[Admitted]]:
            task = fresh(estimate_usd=0.01, fingerprint=f"f{number}")
            return lambda: replicas[number % REPLICAS].admit([task], terms)

        began = time.monotonic()
        admitted = await at_once([buy(number) for number in range(1000)])
        print(f"{1000 / (time.monotonic() - began):.0f} admissions a second")
        assert [one.how for one in admitted].count("new") == 100
        assert (await replicas[0].spent(None)).usd == pytest.approx(1.0)

    async def test_of_tasks_that_leave_at_once_on_three_machines_no_more_than_may_be_with_the_gateway_are_sent(
        self, replicas: Sequence[PostgresStore]
    ):
        tasks = [fresh(estimate_usd=0.1) for _ in range(60)]
        for task in tasks:
            assert (await replicas[0].admit([task], NO_LIMITS)).how == "new"

        def send(number: int) -> Callable[[], Awaitable[str]]:
            async def work() -> str:
                store = replicas[number % REPLICAS]
                claimed = await store.claim(tasks[number].task_id, f"machine {number}", LEASE_LASTS, KEYS)
                assert claimed is not None
                return (await store.mark_sent(claimed, Sending(budget=Budget(daily_usd=6.0), in_flight=5))).how

            return work

        hows = await at_once([send(number) for number in range(60)])
        assert sorted(set(hows)) == ["no_room", "within"]
        assert hows.count("within") == 5

    @pytest.mark.parametrize("key", ["k", ""])
    async def test_of_the_same_call_on_three_machines_one_task_is_made(
        self, replicas: Sequence[PostgresStore], key: str
    ):
        def ask(number: int) -> Callable[[], Awaitable[Admitted]]:
            task = fresh(idempotency_key=key, fingerprint="f")
            return lambda: replicas[number % REPLICAS].admit([task], NO_LIMITS)

        admitted = await at_once([ask(number) for number in range(90)])
        assert sorted(one.how for one in admitted) == sorted(["new"] + ["same_key" if key else "awaited"] * 89)
        assert len({one.task.task_id for one in admitted}) == 1

    async def test_an_id_of_the_gateway_is_one_tasks_whoever_writes_it(self, replicas: Sequence[PostgresStore]):
        tasks = [make_followed(state=State.SUBMITTING, remote_id="", attempts=()) for _ in range(30)]
        await replicas[0].add(tasks)

        def accept(number: int) -> Callable[[], Awaitable[bool]]:
            after = replace(tasks[number], state=State.PENDING, remote_id="theirs")

            async def work() -> bool:
                try:
                    return await replicas[number % REPLICAS].commit(tasks[number], after)
                except IdTaken:
                    return False

            return work

        assert (await at_once([accept(number) for number in range(30)])).count(True) == 1

    async def test_leases_and_polls_wait_for_no_purchase(self, replicas: Sequence[PostgresStore], postgres: Cluster):
        task = make_followed(due=time.time() - 1)
        await replicas[0].add([task])
        url = postgres.url(str(await _name(replicas[0])))
        with psycopg.connect(url) as busy:
            busy.execute(lock_of("money").encode())
            async with anyio.create_task_group() as group:
                for _ in range(DECIDE + LOOK_UP + REST):
                    group.start_soon(replicas[0].admit, [fresh()], NO_LIMITS)
                with in_time(3):
                    claimed = await replicas[0].claim(task.task_id, "me", LEASE_LASTS, KEYS)
                    assert claimed is not None
                    await replicas[0].renew("me", [task.task_id], LEASE_LASTS)
                    assert await replicas[0].commit(claimed, replace(claimed, polls=1, lease_until=0.0))
                busy.rollback()


async def _name(store: PostgresStore) -> str:
    return store.told.split()[0].rpartition("/")[2]


class TestClock:
    @pytest.mark.parametrize("ahead", [9.0, -9.0])
    async def test_a_machine_whose_clock_is_wrong_takes_no_lease_and_no_due_time_for_another(
        self, postgres_store_url: str, ahead: float
    ):
        async with (
            PostgresStore(postgres_store_url) as right,
            PostgresStore(postgres_store_url, wall=lambda: time.time() + ahead) as wrong,
        ):
            sent, followed = fresh(), make_followed(due=time.time() - 1)
            await right.admit([sent], NO_LIMITS)
            await right.add([followed])
            claimed = [await right.claim(task.task_id, "right", LEASE_LASTS, KEYS) for task in (sent, followed)]
            assert all(claimed)
            assert (await right.mark_sent(claimed[0] or sent, Sending(budget=Budget()))).how == "within"
            for task in (sent, followed):
                assert await wrong.claim(task.task_id, "wrong", LEASE_LASTS, KEYS) is None
            assert all(0 < after <= LEASE_LASTS for _, after in await wrong.due(KEYS))

            theirs = make_followed(due=time.time() + ahead - 1)  # due a second ago, as its machine has it
            await wrong.add([theirs])
            ((_, after),) = [entry for entry in await right.due(KEYS) if entry[0] == theirs.task_id]
            assert after == pytest.approx(-1, abs=here(0.5))
            mine = await wrong.claim(theirs.task_id, "wrong", LEASE_LASTS, KEYS)
            assert mine is not None
            assert mine.due == pytest.approx(theirs.due, abs=here(0.5))
            assert await wrong.commit(mine, replace(mine, due=time.time() + ahead + 5, lease_until=0.0, polls=1))
            read = await right.get(theirs.task_id)
            assert read is not None
            assert read.due == pytest.approx(time.time() + 5, abs=here(1))

    async def test_a_lease_that_nobody_renews_is_over_when_the_server_says_so(self, replicas: Sequence[PostgresStore]):
        task = make_followed(due=time.time() - 1)
        await replicas[0].add([task])
        assert await replicas[0].claim(task.task_id, "gone", here(0.3), KEYS) is not None
        assert await replicas[1].claim(task.task_id, "next", LEASE_LASTS, KEYS) is None
        with in_time(5):
            while await replicas[1].claim(task.task_id, "next", LEASE_LASTS, KEYS) is None:
                ((_, after),) = await replicas[1].due(KEYS)
                await anyio.sleep(max(0.0, after))


class TestSchema:
    async def test_processes_that_start_together_make_it_once(self, postgres_url: str):
        stores = [PostgresStore(postgres_url) for _ in range(6)]
        async with AsyncExitStack() as stack:
            opened = await at_once([lambda store=store: stack.enter_async_context(store) for store in stores])
            task = fresh()
            await opened[0].admit([task], NO_LIMITS)
            assert [await store.get(task.task_id) for store in opened] == [task] * 6

    async def test_who_comes_while_it_is_made_waits_longer_than_for_an_answer(
        self, postgres_url: str, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
    ):
        """A step through tables of millions of rows takes longer than any answer may: it would never be made."""
        monkeypatch.setattr(ServerLine, "answers_within", 0.5)
        waits_long = """select 1 from pg_stat_activity where wait_event = 'advisory'
          and clock_timestamp() - query_start > interval '0.7 seconds'"""
        store = PostgresStore(postgres_url)
        with psycopg.connect(postgres_url, options="-c idle_in_transaction_session_timeout=0") as busy:
            busy.execute(lock_of("schema").encode())
            async with anyio.create_task_group() as group:

                async def open_it() -> None:
                    async with store:
                        assert store.told.endswith(f"of schema {newest_schema()}")

                group.start_soon(open_it)
                await happens(lambda: postgres.run(waits_long))
                busy.rollback()

    async def test_a_newer_one_is_refused(self, postgres: Cluster, postgres_store_url: str):
        name = postgres_store_url.rpartition("/")[2]
        postgres.run("insert into schema_of_apixo_mcp (version) values (9999)", name)
        with pytest.raises(SchemaTooNew, match=r"newer apixo-mcp \(schema 9999") as told:
            async with PostgresStore(postgres_store_url):
                pass
        assert PASSWORD not in str(told.value)

    async def test_a_newer_one_that_only_adds_is_used(self, postgres: Cluster, postgres_store_url: str):
        name = postgres_store_url.rpartition("/")[2]
        postgres.run(f"insert into schema_of_apixo_mcp (version, needs) values (9999, {newest_schema()})", name)
        async with PostgresStore(postgres_store_url) as store:
            assert store.told.endswith("of schema 9999")

    async def test_what_was_prepared_is_prepared_anew_once_a_newer_program_has_added_a_column(
        self, postgres: Cluster, postgres_store_url: str
    ):
        async with PostgresStore(postgres_store_url) as store:
            task = fresh()
            await store.admit([task], NO_LIMITS)
            for _ in range(3):  # on all connections
                await at_once([lambda: store.get(task.task_id)] * 20)
            postgres.run(
                "alter table task add column flavour text not null default ''", postgres_store_url.rpartition("/")[2]
            )
            assert await at_once([lambda: store.get(task.task_id)] * 20) == [task] * 20

    def test_each_migration_says_which_programs_go_on_and_those_that_do_only_add(self):
        for number, script in migrations_of("apixo_mcp.stores.postgres"):
            needed = needed_schema(number, script)
            assert 1 <= needed <= number
            if needed < number:
                assert not re.search(r"\b(drop|rename|alter column|set not null|truncate)\b", script, re.IGNORECASE)
                for column in re.findall(r"add column[^;,]*", script, re.IGNORECASE):
                    assert "not null" not in column or "default" in column, column


class TestTroubles:
    @pytest.mark.parametrize(
        ("changed", "told"),
        [
            (lambda url: url.replace("127.0.0.1:", "127.0.0.1:1"), "cannot be used just now"),
            (lambda url: f"{url}_not_there", "does not exist. Create the database, or name another one"),
            (lambda url: url.replace("tester:", "nobody:"), 'role "nobody" does not exist'),
        ],
        ids=["port", "database", "user"],
    )
    async def test_what_is_wrong_is_told_without_the_password(
        self, postgres_url: str, changed: Callable[[str], str], told: str, caplog: pytest.LogCaptureFixture
    ):
        with pytest.raises(StoreError) as error:
            async with PostgresStore(changed(postgres_url)):
                pass
        assert told in str(error.value)
        assert PASSWORD not in f"{error.value} {error.value.__cause__} {caplog.text}"

    @pytest.mark.parametrize("password", ["se@cret", "se/cret", "se@c/ret", "se?cret", "se%cret", "s@e?c#ret"])
    async def test_a_sign_in_a_password_that_tears_the_address_is_told_and_no_piece_of_it(self, password: str):
        with pytest.raises(SettingsError, match=r"are written in percent signs") as error:
            PostgresStore(f"postgresql://apixo:{password}@db.example:5432/apixo")
        assert "cret" not in str(error.value)

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql:///apixo?host=/run/a@b",
            "postgresql://u:p%40@[::1]:5432/apixo",
            "host=db.example password=p@ss/w",
        ],
    )
    async def test_an_address_that_is_whole_is_none_of_these(self, url: str):
        assert database_address(url).conninfo

    async def test_a_user_who_may_have_no_more_connections_is_told(self, postgres_url: str, postgres: Cluster):
        postgres.run("create role crowded login connection limit 0")
        with pytest.raises(StoreError, match=r"too many connections.* have more connections, and try again"):
            async with PostgresStore(postgres_url.replace("//tester:", "//crowded:")):
                pass

    async def test_what_is_committed_waits_for_the_disk_whatever_the_database_is_set_to(
        self, postgres_url: str, postgres: Cluster
    ):
        name = postgres_url.rsplit("/", 1)[-1]
        postgres.run(f"alter database {name} set synchronous_commit = off")
        with ServerLine.connect(**database_address(postgres_url).conninfo) as line:
            set_up(line)
            rows = line.execute("select current_setting('synchronous_commit') as waits").fetchall()
            assert [row["waits"] for row in rows] == ["on"]
        with pooled(postgres_url) as through, pytest.raises(StoreError, match="set synchronous_commit = on"):
            async with PostgresStore(through):
                pass

    async def test_a_database_may_be_set_as_its_operator_likes(self, postgres_url: str, postgres: Cluster):
        postgres.set_oddly(postgres_url)
        task = fresh(prompt="a fox \N{FOX FACE}", due=1_800_000_000.1234567, idempotency_key="'\\")
        twice = make_followed(attempts=[Attempt(sent_at=time.time(), remote_id="'\\") for _ in range(2)])
        async with PostgresStore(f"{postgres_url}?client_encoding=latin1") as store:
            await store.add([task, twice])
            assert await store.get(task.task_id) == task
            assert (await store.spent(None)).posts == 3
            with psycopg.connect(postgres_url, options="-c idle_in_transaction_session_timeout=0") as busy:
                busy.execute(lock_of("money").encode())
                async with anyio.create_task_group() as group:
                    group.start_soon(store.admit, [fresh()], NO_LIMITS)
                    await happens(lambda: postgres.run("select 1 from pg_locks where not granted"))
                    busy.rollback()

    @pytest.mark.parametrize("digits", [0, -15])
    async def test_a_database_that_rounds_what_it_tells_is_read_exactly_also_behind_a_pooler(
        self, postgres_url: str, postgres: Cluster, digits: int
    ):
        postgres.run(f"alter database {postgres_url.rsplit('/', 1)[-1]} set extra_float_digits = {digits}")
        task = fresh(due=time.time() - 1.1234567, estimate_usd=0.123456789012345)
        with pooled(postgres_url) as through:
            async with PostgresStore(through) as one, PostgresStore(through) as other:
                await one.add([task])
                assert await one.get(task.task_id) == task
                assert await one.claim(task.task_id, "gone", here(0.3), KEYS) is not None
                assert await one.hold("a name", "gone", here(0.3))
                with in_time(10):
                    while (taken := await other.claim(task.task_id, "next", LEASE_LASTS, KEYS)) is None:
                        await anyio.sleep(0.05)
                    while not await other.hold("a name", "next", LEASE_LASTS):
                        await anyio.sleep(0.05)
                assert (await other.mark_sent(taken, Sending(budget=Budget()))).how == "within"
                sent = await one.get(task.task_id)
                assert sent is not None
                assert await other.still_sends(sent, LEASE_LASTS)
                assert (await one.spent(None)).usd == task.estimate_usd

    async def test_what_keeps_tables_from_being_made_is_told_with_what_helps(
        self, postgres_url: str, postgres: Cluster
    ):
        name = postgres_url.rsplit("/", 1)[-1]
        postgres.run("create table task (theirs integer)", name)
        with pytest.raises(StoreError, match="a database of its own"):
            async with PostgresStore(postgres_url):
                pass
        postgres.run(f"alter database {name} set search_path = nowhere")
        with pytest.raises(StoreError, match="search_path names no schema"):
            async with PostgresStore(postgres_url):
                pass

    @pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
    async def test_a_database_that_cannot_hold_every_character_is_refused_with_what_to_do(
        self, postgres: Cluster, encoding: str
    ):
        with postgres.database(f"template0 encoding '{encoding}'") as name:
            with pytest.raises(StoreError, match=rf"its encoding is {encoding}.*\. Create one with `createdb"):
                async with PostgresStore(postgres.url(name)):
                    pass
            assert postgres.run("select count(*) from pg_class where relname = 'task'", name) == [(0,)]

    async def test_an_address_that_cannot_be_read_is_told_without_it(self):
        with pytest.raises(SettingsError, match="APIXO_MCP_DATABASE_URL") as error:
            PostgresStore("postgresql://u:se%cret@host/db")
        assert "se%cret" not in str(error.value)

    async def test_connections_that_the_server_has_ended_are_replaced(
        self, replicas: Sequence[PostgresStore], postgres: Cluster
    ):
        await at_once([lambda: replicas[0].spent(None)] * 8)
        name = await _name(replicas[0])
        postgres.run(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")
        task = fresh()
        with in_time(5):
            assert (await replicas[0].admit([task], NO_LIMITS)).how == "new"
            assert await at_once([lambda: replicas[0].get(task.task_id)] * 8) == [task] * 8

    async def test_a_text_with_any_character_comes_back(self, replicas: Sequence[PostgresStore]):
        task = fresh(prompt="a\0fox\ufdd0 \ufdd01 \U0010ffff")
        await replicas[0].admit([task], NO_LIMITS)
        assert await replicas[1].get(task.task_id) == task


class TestCopy:
    async def test_what_a_copy_shows_as_unsent_is_not_sent_ten_minutes_after_its_moment(
        self, postgres: Cluster, postgres_store_url: str
    ):
        original = postgres_store_url.rsplit("/", 1)[-1]
        now = time.time()
        failed = Attempt(sent_at=now - 60, remote_id="theirs", failure_code="TIMEOUT", failed_at=now)
        tasks = [fresh(wanted_until=now + LEASE_LASTS), fresh(created_at=now - 60, attempts=(failed,))]
        async with PostgresStore(postgres_store_url) as store:
            await store.add(tasks)
        with postgres.database(original) as copy:
            async with PostgresStore(postgres_store_url) as store:
                assert [await send(store, task) for task in tasks] == ["within", "within"]
            async with PostgresStore(postgres.url(copy), clock=lambda: time.time() + 601) as store:
                assert [await send(store, task) for task in tasks] == ["lapsed", "lapsed"]


async def send(store: PostgresStore, task: Task) -> str:
    """Has a task sent by a process that was not asked for it, and returns how that went."""
    claimed = await store.claim(task.task_id, "another", LEASE_LASTS, KEYS)
    assert claimed is not None
    return (await store.mark_sent(claimed, Sending(budget=Budget(), process="another"))).how


class TestLostConnections:
    @pytest.fixture
    def proxy(self, postgres: Cluster) -> Iterator[Between]:
        with between(postgres.port) as proxy:
            yield proxy

    @pytest.mark.parametrize("cuts", [["before"], ["after"], ["before", "before"], ["before", "after"]])
    async def test_a_purchase_whose_commit_is_cut_off_is_made_once(
        self, postgres_store_url: str, proxy: Between, cuts: list[str]
    ):
        async with PostgresStore(proxy.url(postgres_store_url)) as store:
            terms = Terms(budget=Budget(daily_usd=1.0))
            for left in (0.75, 0.5):
                proxy.cuts[:] = cuts
                task = fresh(estimate_usd=0.25)
                admitted = await store.admit([task], terms)
                assert (admitted.how, admitted.task) == ("new", task)
                assert not proxy.cuts
                assert (await store.spent(None)).usd == pytest.approx(1 - left)

    @pytest.mark.parametrize("cut", ["before", "after"])
    async def test_a_paid_request_leaves_once_though_its_note_is_cut_off(
        self, postgres_store_url: str, proxy: Between, cut: str
    ):
        async with PostgresStore(proxy.url(postgres_store_url)) as store, PostgresStore(postgres_store_url) as other:
            task = fresh()
            await store.admit([task], NO_LIMITS)
            claimed = await store.claim(task.task_id, "me", LEASE_LASTS, KEYS)
            assert claimed is not None
            proxy.cuts.append(cut)
            assert (await store.mark_sent(claimed, Sending(budget=Budget()))).how == "within"
            noted = await other.get(task.task_id)
            assert noted is not None
            assert noted.sent_at is not None
            assert (await other.mark_sent(claimed, Sending(budget=Budget()))).how == "lost", "it is noted once"

    async def test_a_server_that_hangs_is_given_up_and_found_again(self, postgres_store_url: str, proxy: Between):
        async with PostgresStore(proxy.url(postgres_store_url)) as store:
            task = fresh()
            await store.admit([task], NO_LIMITS)
            proxy.is_hanging = True
            with in_time(15), pytest.raises(StoreError, match=r"cannot be (used|reached) just now"):
                await store.request_cancel(task.task_id)
            proxy.is_hanging = False
            with in_time(20):
                while True:
                    with suppress(StoreError):
                        assert await store.get(task.task_id) == task
                        break
