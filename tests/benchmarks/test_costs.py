"""What a task costs where processes share a Postgres: processor time, transactions, connections, and rows.

No judgement but a figure each, for docs/capacity.md: one replica and one worker, tasks of 4 polls at 2 s.
"""

import os
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
from benchmarks.test_scale import asked, started
from support.figures import record
from support.postgres import Cluster
from support.store_tasks import KEYS, NO_LIMITS, make

from apixo_mcp.stores.postgres.store import PostgresStore
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.ports.leases import LEASE_LASTS
from apixo_mcp.tasks.ports.terms import Sending
from apixo_mcp.tasks.task import Task

pytestmark = [pytest.mark.postgres, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

TASKS, POLLS = 500, 4
WITHIN = 150.0
DECIDED = 400


def used(*pids: int) -> float:
    """Seconds of processor time of processes and, where they have ended, of their children."""
    tick = os.sysconf("SC_CLK_TCK")
    total = 0
    for pid in pids:
        entries = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        total += sum(map(int, entries[11:15]))
    return total / tick


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()))


def memory(pid: int) -> float:
    """Resident bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_what_a_task_costs(tmp_path: Path, postgres: Cluster) -> None:
    with postgres.database() as name, ExitStack() as stack:
        gateway = stack.enter_context(started("gateway"))
        assert gateway.stdout
        spec = {"gateway": f"http://127.0.0.1:{gateway.stdout.readline().strip()}", "database": postgres.url(name)}
        each = {"folder": str(tmp_path / "home"), "count": TASKS}
        worker = stack.enter_context(started("worker", **spec, **each))
        replica = stack.enter_context(started("replica", **spec, **each, label="r"))
        for process in (worker, replica):
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        time.sleep(5)  # both have settled

        def database() -> tuple[float, float, float]:
            count = "select xact_commit + xact_rollback, pg_current_wal_lsn() - $$0/0$$ from pg_stat_database"
            ((transactions, written),) = postgres.run(f"{count} where datname = '{name}'")
            return used(postgres.pid, *children(postgres.pid)), float(transactions), float(written)

        idle_from, idle_began = database(), time.monotonic()
        time.sleep(10)
        idle_to, idle = database(), time.monotonic() - idle_began
        mine = [used(replica.pid), used(worker.pid)]
        began, before = time.monotonic(), database()
        assert replica.stdin
        replica.stdin.write("\n")
        replica.stdin.flush()
        while (there := asked(gateway))["looks"] < TASKS * POLLS:
            assert time.monotonic() - began < WITHIN, there
            time.sleep(0.5)
        time.sleep(5)  # files are saved
        wall, after = time.monotonic() - began, database()
        spent = [now - then for now, then in zip([used(replica.pid), used(worker.pid)], mine, strict=True)]
        at_rest = (idle_to[1] - idle_from[1]) / idle
        ((connections,),) = postgres.run(f"select count(*) from pg_stat_activity where datname = '{name}'")
        ((size,),) = postgres.run("select pg_total_relation_size('task') + pg_total_relation_size('searched')", name)
        ((row,),) = postgres.run("select avg(pg_column_size(task.*)) from task", name)
        held = [memory(replica.pid), memory(worker.pid)]
    figures = {
        "replica": spent[0] / TASKS,
        "worker": spent[1] / TASKS,
        "database": (after[0] - before[0]) / TASKS,
        "transactions": (after[1] - before[1] - at_rest * wall) / TASKS,
        "resting": at_rest / 2,
        "written": (after[2] - before[2]) / TASKS,
        "stored": size / TASKS,
        "row": float(row),
        "connections": (connections - 1) / 2,
        "replica_memory": held[0] / 1e6,
        "worker_memory": held[1] / 1e6,
    }
    print()
    for figure, value in figures.items():
        print(f"{figure}: {value:,.5f}")
    record("costs", {figure: {"ours": value, "n": TASKS} for figure, value in figures.items()})


@pytest.mark.anyio
async def test_how_many_purchases_a_database_decides_one_after_another(postgres_store_url: str) -> None:
    """Two decisions a task, each alone on all machines: whether it fits the limits, asked twice."""
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(PostgresStore(postgres_store_url)) for _ in range(4)]
        now = time.time()
        tasks = [make(created_at=now, updated_at=now, due=now, asked_until=now + 600) for _ in range(DECIDED)]

        async def each(decide: Callable[[PostgresStore, Task], Coroutine[Any, Any, Any]]) -> float:
            began = time.monotonic()
            async with anyio.create_task_group() as group:
                for number, task in enumerate(tasks):
                    group.start_soon(decide, stores[number % len(stores)], task)
            return (time.monotonic() - began) / len(tasks)

        admitted = await each(lambda store, task: store.admit([task], NO_LIMITS))
        claimed = {task.task_id: await stores[0].claim(task.task_id, "one", LEASE_LASTS, KEYS) for task in tasks}
        terms = Sending(budget=Budget(), process="one", in_flight=10 * DECIDED)
        sent = await each(lambda store, task: store.mark_sent(claimed[task.task_id] or task, terms))
    print(
        f"\nadmission {admitted * 1000:.2f} ms, leaving {sent * 1000:.2f} ms: {1 / (admitted + sent):.0f} purchases/s"
    )
    record("decisions", {"admission": {"ours": admitted, "n": DECIDED}, "leaving": {"ours": sent, "n": DECIDED}})
