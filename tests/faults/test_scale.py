"""Two processes that are asked for tasks and two workers on one Postgres, and what befalls one of them meanwhile.

Counted by the sandbox's own log: nothing is lost, nothing is paid twice, no task is polled twice within one interval,
and each is followed again within 15 s of the fault's end.
"""

import os
import signal
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import psycopg
import pytest
from support.amounts import here, in_time
from support.kills import Told, Victim, Victims, all_ended, reconcile, settings, until
from support.pgbouncer import pooled
from support.postgres import Cluster, binaries, running_postgres, start_server
from support.stalling import Stalling, stalling

from apixo_mcp.app import App, open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.schedule import JITTER

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

AGAIN = 15.0
SCALE = 0.5
INTERVAL = 3.0 * SCALE  # nano-banana's
EACH = 12
FROZEN = 20.0
MARKS = ("[took:60]", "[took:60][look:slow:1]", "[took:60][slow-submit:1]", "[took:8][file:slow:2]")


@dataclass
class Site:
    """The processes, the gateway and what stands between them and the database."""

    box: Sandbox
    told: Told
    victims: Victims
    replicas: list[Victim]
    workers: list[Victim]
    proxy: Stalling
    url: str
    folder: Path
    pictures: Path

    @property
    def last_poll(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for entry in self.box.looks():
            found[entry["remote_id"]] = entry["at"]
        return found

    def open_polled(self) -> list[str]:
        """The gateway's ids of the tasks that are still polled."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            statement = "select remote_id from task where state in ('pending', 'processing') and due is not null"
            return [row[0] for row in connection.execute(statement).fetchall()]

    async def polled_again(self, since: float) -> float:
        """Waits until each task that is open has been polled since a moment, and returns how long the last one took."""

        def are() -> bool:
            last = self.last_poll
            return all(last.get(one, 0.0) > since for one in self.open_polled())

        await until(are, AGAIN + 10, every=0.2)
        first: dict[str, float] = {}
        for entry in self.box.looks():
            if entry["at"] > since:
                first.setdefault(entry["remote_id"], entry["at"])
        return max((at - since for at in first.values()), default=0.0)


@asynccontextmanager
async def site(tmp_path: Path, url: str, *, of: str = "worker", through: str = "") -> AsyncGenerator[Site]:
    """Runs one whose first worker, or replica, reaches the database through a proxy that can stall.

    Args:
        tmp_path: of the test.
        url: of the database.
        of: which of the two.
        through: the database's URL for all of them, where it is another one.
    """
    async with AsyncExitStack() as stack:
        port = urlsplit(url).port
        assert port
        proxy = await stack.enter_async_context(stalling(port))
        box = await stack.enter_async_context(Sandbox(speed=1))
        victims = await stack.enter_async_context(Victims(tmp_path / "stderr"))
        behind = url.replace(f":{port}/", f":{proxy.port}/")

        def spec(label: str, number: int, *, worker: bool) -> dict[str, Any]:
            is_behind = number == 0 and of == ("worker" if worker else "replica")
            database = through or (behind if is_behind else url)
            values = settings(box, tmp_path, poll_scale=SCALE, database_url=database)
            prompts = [] if worker else [f"{label} {n} {MARKS[n % len(MARKS)]}" for n in range(EACH)]
            return {"settings": values, "label": label, "seed": number, "prompts": prompts, "worker": worker}

        workers = [await victims.start(spec(f"worker{n}", n, worker=True)) for n in range(2)]
        replicas = [await victims.start(spec(f"replica{n}", n, worker=False)) for n in range(2)]
        for one in (*workers, *replicas):
            await one.begin()
        there = Site(box, Told(), victims, replicas, workers, proxy, url, tmp_path, tmp_path / "pictures")
        await until(lambda: len(box.submits()) == 2 * EACH, 30)
        await until(lambda: len(there.last_poll) == 2 * EACH, 30)
        yield there


async def ended(there: Site) -> dict[str, int]:
    """Lets all of it end, and holds it against the log of the gateway."""
    told, victims = there.told, there.victims
    values = settings(there.box, there.folder, poll_scale=SCALE, database_url=there.url)
    async with open_app(read_settings(**values), follow=False) as app:
        await all_ended(app)
        for one in (*there.replicas, *there.workers):
            told.hear(one)
            if one.process.returncode is None:
                await victims.kill(one)
        tasks = await app.store.page(LOCAL, TaskQuery(limit=1000))
    counts = await reconcile(there.box, tasks, told, there.pictures)
    looks: dict[str, list[float]] = defaultdict(list)
    for entry in there.box.looks():
        looks[entry["remote_id"]].append(entry["at"])
    gaps = [later - earlier for times in looks.values() for earlier, later in pairwise(times)]
    print(f"{len(gaps)} gaps between polls, shortest {min(gaps):.2f} s, longest {max(gaps):.2f} s; {dict(counts)}")
    assert min(gaps) >= INTERVAL * (1 - JITTER) - 0.05, "polled twice within one interval"
    return counts


async def test_a_worker_is_killed(tmp_path: Path, postgres_url: str) -> None:
    async with site(tmp_path, postgres_url) as there:
        there.told.hear(there.workers[0])
        at = await there.victims.kill(there.workers.pop(0))
        there.told.kills.append(at)
        took = await there.polled_again(at)
        print(f"\nkilled: all polled again after {took:.1f} s")
        assert took <= here(AGAIN)
        await ended(there)


async def test_a_worker_is_frozen(tmp_path: Path, postgres_url: str) -> None:
    async with site(tmp_path, postgres_url) as there:
        at = time.time()
        there.workers[0].process.send_signal(signal.SIGSTOP)
        took = await there.polled_again(at)
        await anyio.sleep(max(0.0, at + FROZEN - time.time()))
        there.workers[0].process.send_signal(signal.SIGCONT)
        print(f"\nfrozen: all polled again after {took:.1f} s")
        assert took <= here(AGAIN)
        await ended(there)


@pytest.mark.parametrize("of", ["worker", "replica"])
async def test_the_network_before_one_stops_forwarding(tmp_path: Path, postgres_url: str, of: str) -> None:
    async with site(tmp_path, postgres_url, of=of) as there:
        at = time.time()
        there.proxy.stall()
        took = await there.polled_again(at)
        await anyio.sleep(max(0.0, at + FROZEN - time.time()))
        there.proxy.go_on()
        print(f"\n{of} cut off: all polled again after {took:.1f} s")
        assert took <= here(AGAIN + 5)  # what it had just begun is in a lease that it cannot give back
        assert await there.polled_again(time.time()) <= here(AGAIN)
        await ended(there)


@pytest.mark.parametrize("how", ["truncate procrastinate_jobs cascade", "drop table procrastinate_jobs cascade"])
async def test_the_tables_of_the_queue_are_wiped(tmp_path: Path, postgres_url: str, how: str) -> None:
    async with site(tmp_path, postgres_url) as there:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(how.encode())
        at = time.time()
        took = await there.polled_again(at)
        print(f"\nwiped: all polled again after {took:.1f} s")
        assert took <= here(AGAIN)
        there.told.hear(there.workers[0])
        await there.victims.kill(there.workers.pop(0))  # what it followed is handed out anew
        assert await there.polled_again(time.time()) <= here(AGAIN)
        await ended(there)


async def test_everything_stands_behind_a_transaction_pooler(tmp_path: Path, postgres_url: str) -> None:
    with pooled(postgres_url) as through:
        async with site(tmp_path, postgres_url, through=through) as there:
            at = time.time()
            assert await there.polled_again(at) <= here(AGAIN)
            await ended(there)


async def test_a_worker_that_is_told_to_end_gives_back_what_it_follows(tmp_path: Path, postgres_url: str) -> None:
    async with site(tmp_path, postgres_url) as there:
        one = there.workers.pop(0)
        at = time.time()
        one.process.send_signal(signal.SIGINT)
        with in_time(10):
            await one.gone.wait()
        left = time.time() - at
        took = await there.polled_again(at)
        print(f"\nended after {left:.1f} s; all polled again after {took:.1f} s")
        assert took <= here(2 * INTERVAL + 3)
        await ended(there)


async def test_the_database_is_away_for_38_s(tmp_path: Path, postgres: Cluster) -> None:
    programs = binaries()
    assert programs is not None  # `postgres` has seen to that
    with running_postgres(programs) as cluster:
        async with site(tmp_path, cluster.url()) as there:
            os.kill(cluster.pid, signal.SIGQUIT)
            await anyio.sleep(38)
            server = start_server(programs, cluster.folder, cluster.port)
            try:
                at = time.time()
                took = await there.polled_again(at)
                print(f"\naway for 38 s: all polled again {took:.1f} s after it was back")
                assert took <= here(AGAIN)
                await ended(there)
            finally:
                server.send_signal(signal.SIGQUIT)
                server.wait(90)


async def test_all_are_killed_and_others_go_on_from_the_database_alone(tmp_path: Path, postgres_url: str) -> None:
    async with site(tmp_path, postgres_url) as there:
        for one in (*there.replicas, *there.workers):
            there.told.hear(one)
            there.told.kills.append(await there.victims.kill(one))
        there.replicas, there.workers = [], []
        values = settings(there.box, tmp_path, poll_scale=SCALE, database_url=postgres_url)
        at = time.time()
        async with worker(values):
            took = await there.polled_again(at)
            print(f"\nall killed: polled again after {took:.1f} s")
            assert took <= here(AGAIN)
            await ended(there)


@asynccontextmanager
async def worker(values: dict[str, Any]) -> AsyncGenerator[App]:
    async with open_app(read_settings(**values), worker=True) as app:
        yield app
