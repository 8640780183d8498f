"""The database's server dies, and a standby takes over beneath replicas and a worker that live on.

Counted by the sandbox's own log: no task is lost, none is sent twice, and each paid file is there whole.
"""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from support.amounts import KILLS
from support.kills import Told, Victims, all_ended, reconcile, settings, until
from support.postgres import PASSWORD, REPLICATED, USER, Cluster, binaries, promote, running_postgres, running_standby

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.lookups import TaskQuery

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

EACH = 40
ROUNDS = max(2, KILLS // 20)


@contextmanager
def pair(programs: Path) -> Iterator[tuple[Cluster, Cluster]]:
    """A server, and one that follows it; what is committed waits until both have it."""
    with running_postgres(programs, **REPLICATED) as primary, running_standby(programs, primary) as standby:
        primary.run("alter system set synchronous_standby_names = '*'")
        primary.run("select pg_reload_conf()")
        yield primary, standby


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_all_tasks_end_and_none_is_sent_twice(number: int, tmp_path: Path, postgres: Cluster) -> None:
    programs = binaries()
    assert programs is not None  # `postgres` has seen to that
    chance, told = random.Random(number), Told()
    with pair(programs) as (primary, standby):
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        url = f"postgresql://{USER}:{PASSWORD}@{hosts}/postgres?target_session_attrs=read-write"
        async with Sandbox(speed=1) as box, Victims(tmp_path / "stderr") as victims:

            def values(home: str) -> dict[str, Any]:
                own = settings(box, tmp_path, poll_scale=0.1, database_url=url)
                return own | {"home": str(tmp_path / home)}

            kinds = {"worker": 0, "replica0": EACH, "replica1": EACH}
            running = []
            for seed, (label, count) in enumerate(kinds.items()):
                asked = {"count": count} if count else {"prompts": [], "worker": True}
                spec = {"settings": values(label), "label": label, "seed": 10 * number + seed, **asked}
                running.append(await victims.start(spec))
            for one in running:
                await one.begin()
            await until(lambda: len(box.submits()) >= 10, 60, every=0.02)
            await anyio.sleep(chance.uniform(0.0, 1.0))
            os.kill(primary.pid, signal.SIGQUIT)
            await anyio.sleep(chance.uniform(0.5, 3.0))
            await anyio.to_thread.run_sync(promote, programs, standby)
            await until(lambda: sum(map(_decided, running)) == 2 * EACH, 60)
            own = values("looks")
            async with open_app(
                read_settings(**own | {name: Path(own[name]) for name in ("home", "download_dir")})
            ) as app:
                await all_ended(app)
                tasks = await app.store.page(LOCAL, TaskQuery(limit=1000))
            for one in running:
                assert one.process.returncode is None, "it ended by itself"
                told.hear(one)
            counts = await reconcile(box, tasks, told, tmp_path / "pictures", were_frozen=True)
    print(f"\nround {number}: {dict(counts)}, not taken: {sum(len(one.told('failed')) for one in running)}")
    assert counts["tasks"] >= 2 * EACH - sum(len(one.told("failed")) for one in running)


def _decided(one: Any) -> int:
    """How many of its prompts a process was told of: they are tasks, or the store did not take them."""
    return len(one.told("admitted")) + len(one.told("failed"))
