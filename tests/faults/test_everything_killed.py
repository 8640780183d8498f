"""Everything is killed with -9 at a random moment, and others go on from the database and the shared folder alone.

Two processes that are asked for tasks and two workers, each with a data folder of its own, and in every other round the
database's server too. Those that go on afterwards have empty data folders. Counted by the sandbox's own log: no task is
lost, none is sent twice, and each paid file is there whole.
"""

import os
import random
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest
from support.kills import Told, Victims, all_ended, reconcile, settings, until
from support.postgres import Cluster, binaries, running_postgres, start_server

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.lookups import TaskQuery

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

EACH = 30
ROUNDS = int(os.environ.get("FAULTS_ALL_KILLED", "4"))
STAGES = """select case when state = 'submitting' and sent_at is null then 'before sending'
    when state = 'submitting' then 'during the submit' when state = 'success' then 'before or while saving'
    else 'between or during polls' end, count(*) from task where due is not null group by 1"""
"""What was under way, by what the dead left in the database."""


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_all_tasks_end(number: int, tmp_path: Path, postgres: Cluster) -> None:
    programs = binaries()
    assert programs is not None  # `postgres` has seen to that
    chance, told = random.Random(number), Told()
    with running_postgres(programs) as cluster:
        async with AsyncExitStack() as stack:
            box = await stack.enter_async_context(Sandbox(speed=1))
            victims = await stack.enter_async_context(Victims(tmp_path / "stderr"))

            def values(home: str) -> dict[str, Any]:
                own = settings(box, tmp_path, poll_scale=0.1, database_url=cluster.url())
                return own | {"home": str(tmp_path / home)}

            def spec(label: str, seed: int, *, worker: bool) -> dict[str, Any]:
                asked = {"prompts": []} if worker else {"count": EACH}
                return {"settings": values(label), "label": label, "seed": seed, "worker": worker, **asked}

            kinds = [(f"worker{n}", True) for n in range(2)] + [(f"replica{n}", False) for n in range(2)]
            running = [
                await victims.start(spec(label, 10 * number + place, worker=worker))
                for place, (label, worker) in enumerate(kinds)
            ]
            for one in running:
                await one.begin()
            await until(lambda: len(box.submits()) >= 5, 60, every=0.02)
            await anyio.sleep(chance.uniform(0.0, 2.5))
            for one in running:
                one.process.send_signal(signal.SIGKILL)
            at = time.time()
            if is_down := number % 2 == 1:
                os.kill(cluster.pid, signal.SIGQUIT)
            for one in running:
                await one.gone.wait()
                told.hear(one)
            told.kills.append(at)
            server = start_server(programs, cluster.folder, cluster.port) if is_down else None
            try:
                with psycopg.connect(cluster.url(), autocommit=True) as connection:
                    struck = Counter(dict(connection.execute(STAGES.encode()).fetchall()))
                    paths = connection.execute(b"select count(*) from task").fetchone()
                counts = await _go_on(box, values, told, tmp_path)
                print(f"\nround {number}: of {paths} killed {dict(struck)}, then {dict(counts)}")
                assert sum(struck.values()) > 5, "nothing was under way"
            finally:
                if server is not None:
                    server.send_signal(signal.SIGQUIT)
                    server.wait(90)


async def _go_on(box: Sandbox, values: Any, told: Told, folder: Path) -> Counter[str]:
    async with AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(open_app(_read(values(f"new worker{n}")), worker=True)) for n in range(2)
        ]
        await all_ended(workers[0])
        tasks = await workers[0].store.page(LOCAL, TaskQuery(limit=1000))
    return await reconcile(box, tasks, told, folder / "pictures")


def _read(values: dict[str, Any]) -> Any:
    return read_settings(**values | {name: Path(values[name]) for name in ("home", "download_dir")})
