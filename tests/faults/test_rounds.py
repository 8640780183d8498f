"""Round after round one of a fleet on one Postgres is struck, at random: a replica, a worker, or the database.

It is killed, frozen for 20 s, cut off by a proxy that stops forwarding without closing, or put behind a transaction
pooler, while tasks are asked for without a pause; in one round of ten the tables of the job queue are dropped as well.
After each round every open task must be polled again within 15 s, or more on a machine that is busy otherwise. In the
end all is counted, by the sandbox's own log: nothing is lost, nothing is paid twice, no task was polled twice within
one interval.

`FAULTS_ROUNDS` says how many, `FAULTS_SEED` repeats a run as far as chance was in it.
"""

import os
import random
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import psycopg
import pytest
from support.amounts import ROUNDS, SEED, here
from support.kills import Told, Victim, Victims, all_ended, reconcile, settings, until
from support.pgbouncer import pooled
from support.postgres import Cluster, binaries, running_postgres, start_server
from support.stalling import Stalling, stalling

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.learning.lesson import CLOSEST_POLLS
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.schedule import JITTER

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.usefixtures("in_full")]

AGAIN = 15.0
FROZEN = 20.0
SCALE = 0.1
INTERVAL = 15 * SCALE * CLOSEST_POLLS  # two polls of a task are no closer, whatever its schedule has learned
# Two polls are 3 s apart at most.
MODELS = """[models.nano-banana]
schedule = { first_wait = 15, interval = 15, maximum = 6000 }
"""
EVERY = 1.5  # seconds between two tasks that a replica is asked for
MARKS = ("[took:25]", "[took:40][look:slow:0.5]", "[took:25][slow-submit:0.5]", "[took:15][file:slow:1]")
PLACES = ("replica0", "replica1", "worker0", "worker1", "database")
FAULTS = ("kill", "freeze", "cut off", "pooler")
WIPES = ("drop table procrastinate_jobs cascade", "truncate procrastinate_jobs, procrastinate_workers cascade")


@dataclass
class Fleet:
    """Two replicas and two workers, each behind a proxy of its own, and their database.

    Attributes:
        url: of the database, past every proxy.
        through: the database's URL by a transaction pooler.
        proxies: by the name of who is behind.
        running: who runs just now, by name.
        gone: who has run before.
        struck: when something was struck, Unix seconds.
    """

    box: Sandbox
    victims: Victims
    cluster: Cluster
    url: str
    through: str
    folder: Path
    chance: random.Random
    proxies: dict[str, Stalling]
    running: dict[str, Victim] = field(default_factory=dict)
    gone: list[Victim] = field(default_factory=list)
    struck: list[float] = field(default_factory=list)
    server_pid: int = 0
    _number: int = 0

    async def start(self, name: str, *, is_pooled: bool = False) -> None:
        self._number += 1
        direct = self.url.replace(f":{self.cluster.port}/", f":{self.proxies[name].port}/")
        values = settings(self.box, self.folder, poll_scale=SCALE, database_url=self.through if is_pooled else direct)
        spec = {
            "settings": values,
            "label": f"{name}.{self._number}",
            "seed": self._number,
            "worker": name.startswith("worker"),
            "count": 0 if name.startswith("worker") else 100_000,
            "prompts": [],
            "every": EVERY,
            "marks": MARKS,
        }
        if not spec["worker"]:
            del spec["prompts"]
        self.running[name] = one = await self.victims.start(spec)
        await one.begin()

    async def kill(self, name: str) -> None:
        one = self.running.pop(name)
        self.gone.append(one)
        self.struck.append(await self.victims.kill(one))

    def server_processes(self) -> list[int]:
        """The database's processes, its first one first."""
        children = Path(f"/proc/{self.server_pid}/task/{self.server_pid}/children").read_text().split()
        return [self.server_pid, *map(int, children)]

    def signal_server(self, number: int) -> None:
        for pid in self.server_processes():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    async def restart_server(self) -> None:
        """Kills the database's processes, and starts it anew a moment later."""
        pids = self.server_processes()
        self.signal_server(signal.SIGKILL)
        with suppress(ChildProcessError):
            await anyio.to_thread.run_sync(os.waitpid, self.server_pid, 0)
        await until(lambda: not any(map(_is_there, pids)), 10)
        await anyio.sleep(self.chance.uniform(0.5, 5))
        programs = binaries()
        assert programs is not None
        # Not in a thread of its own: the server ends with the thread that started it.
        server = start_server(programs, self.cluster.folder, self.cluster.port)
        assert server.poll() is None, "the database did not start again"
        self.server_pid = server.pid

    def wipe(self, how: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection, suppress(psycopg.errors.UndefinedTable):
            connection.execute("set lock_timeout = '5s'")
            connection.execute(how.encode())

    async def polled_again(self, since: float) -> float:
        """Waits until each task that was open at a moment was polled since, and returns how long the last one took."""

        def behind() -> list[str]:
            with psycopg.connect(self.url, autocommit=True) as connection:
                statement = """select remote_id from task where state in ('pending', 'processing') and due is not null
                    and accepted_at < %s"""
                still_open = [row[0] for row in connection.execute(statement, [since]).fetchall()]
            last = {entry["remote_id"]: entry["at"] for entry in self.box.looks()}
            return [one for one in still_open if last.get(one, 0.0) <= since]

        async def are() -> bool:
            return not await anyio.to_thread.run_sync(behind)

        try:
            await until(are, AGAIN + 15, every=0.3)
        except TimeoutError:
            raise AssertionError(f"not polled again: {behind()}") from None
        return time.time() - since

    async def strike(self, what: str, where: str) -> float:
        """Lets something happen, and returns when it was over, Unix seconds."""
        self.struck.append(time.time())
        names = list(self.running) if where == "database" else [where]
        match what:
            case "kill" if where == "database":
                await self.restart_server()
            case "kill":
                await self.kill(where)
                ended = time.time()
                await self.start(where)
                return ended
            case "freeze" if where == "database":
                self.signal_server(signal.SIGSTOP)
                await anyio.sleep(FROZEN)
                self.signal_server(signal.SIGCONT)
            case "freeze":
                self.running[where].process.send_signal(signal.SIGSTOP)
                await anyio.sleep(FROZEN)
                self.running[where].process.send_signal(signal.SIGCONT)
            case "cut off":
                for name in names:
                    self.proxies[name].stall()
                await anyio.sleep(FROZEN)
                for name in names:
                    self.proxies[name].go_on()
            case _:
                for name in names:
                    await self.kill(name)
                    await self.start(name, is_pooled=True)
        return time.time()


def _is_there(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@asynccontextmanager
async def fleet(folder: Path, chance: random.Random) -> AsyncGenerator[Fleet]:
    programs = binaries()
    assert programs is not None
    (folder / "home").mkdir()
    (folder / "home" / "models.toml").write_text(MODELS)
    with running_postgres(programs) as cluster, pooled(cluster.url()) as through:
        async with AsyncExitStack() as stack:
            names = [name for name in PLACES if name != "database"]
            proxies = {name: await stack.enter_async_context(stalling(cluster.port)) for name in names}
            box = await stack.enter_async_context(Sandbox(speed=1))
            victims = await stack.enter_async_context(Victims(folder / "stderr"))
            there = Fleet(box, victims, cluster, cluster.url(), through, folder, chance, proxies)
            there.server_pid = cluster.pid
            try:
                for name in reversed(names):
                    await there.start(name)
                await until(lambda: len(box.looks()) > 20, 60)
                yield there
            finally:
                with suppress(OSError):
                    there.signal_server(signal.SIGCONT)
                    if there.server_pid != cluster.pid:
                        os.kill(there.server_pid, signal.SIGQUIT)


async def counted(there: Fleet) -> None:
    """Lets all of it end, and holds it against the log of the gateway."""
    told = Told(kills=there.struck)
    for name in [name for name in there.running if name.startswith("replica")]:
        await there.kill(name)
    values = settings(there.box, there.folder, poll_scale=SCALE, database_url=there.url)
    async with open_app(read_settings(**values), follow=False) as app:
        await all_ended(app)
        for name in list(there.running):
            await there.kill(name)
        for one in there.gone:
            told.hear(one)
        tasks = [task async for task in _all(app)]
    counts = await reconcile(there.box, tasks, told, there.folder / "pictures", were_frozen=True)
    looks: dict[str, list[float]] = defaultdict(list)
    for entry in there.box.looks():
        looks[entry["remote_id"]].append(entry["at"])
    gaps = [later - earlier for times in looks.values() for earlier, later in pairwise(times)]
    print(f"{len(gaps)} gaps between polls, shortest {min(gaps):.2f} s, longest {max(gaps):.2f} s; {dict(counts)}")
    near = [
        f"{remote_id} {[round(at - there.struck[0], 2) for at in times]}"
        for remote_id, times in looks.items()
        if any(later - earlier < INTERVAL * (1 - JITTER) - 0.05 for earlier, later in pairwise(times))
    ]
    struck = [round(at - there.struck[0], 2) for at in there.struck]
    assert not near, f"polled twice within one interval (struck at {struck}):\n" + "\n".join(near)


async def _all(app: Any) -> AsyncGenerator[Any]:
    after = ""
    while page := await app.store.dump(after):
        for task in page:
            if task.owner == LOCAL.name:
                yield task
        after = page[-1].task_id


async def test_a_fleet_goes_on_whatever_is_struck(tmp_path: Path, postgres: Cluster) -> None:
    print(f"\nseed {SEED}: {ROUNDS} rounds")
    chance = random.Random(SEED)
    took: dict[str, list[float]] = defaultdict(list)
    wiped = chance.randrange(10)
    began = time.monotonic()
    async with fleet(tmp_path, chance) as there:
        for number in range(ROUNDS):
            what, where = chance.choice(FAULTS), chance.choice(PLACES)
            is_wiped = number % 10 == wiped
            await anyio.sleep(chance.uniform(0, 2))
            if is_wiped:
                await anyio.to_thread.run_sync(there.wipe, chance.choice(WIPES))
            seconds = await there.polled_again(await there.strike(what, where))
            told = f"{what} {where.rstrip('01')}"
            took[told].append(seconds)
            print(f"{number + 1}: {told}{', tables wiped' if is_wiped else ''}: followed again after {seconds:.1f} s")
            assert seconds <= here(AGAIN), f"{told}: seed {SEED}, round {number + 1}"
        await counted(there)
    print(f"{ROUNDS} rounds in {(time.monotonic() - began) / 60:.1f} min")
    for told, seconds in sorted(took.items()):
        print(f"{told}: {len(seconds)} times, {statistics.median(seconds):.1f} s, at most {max(seconds):.1f} s")
