"""What a task costs where processes share a Postgres: processor time, transactions, connections, and rows.

No judgement but a figure each, for docs/capacity.md: one replica and one worker, tasks of 4 polls at 2 s.
"""

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from benchmarks.test_scale import asked, started
from support.figures import record
from support.postgres import Cluster

pytestmark = [pytest.mark.postgres, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

TASKS, POLLS = 500, 4
WITHIN = 150.0


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
        "replica_ms": 1000 * spent[0] / TASKS,
        "worker_ms": 1000 * spent[1] / TASKS,
        "database_ms": 1000 * (after[0] - before[0]) / TASKS,
        "transactions": (after[1] - before[1] - at_rest * wall) / TASKS,
        "idle_transactions": at_rest / 2,
        "written_bytes": (after[2] - before[2]) / TASKS,
        "stored_bytes": size / TASKS,
        "row_bytes": float(row),
        "connections": (connections - 1) / 2,
        "replica_bytes": held[0],
        "worker_bytes": held[1],
    }
    print()
    for figure, value in figures.items():
        print(f"{figure}: {value:,.2f}")
    record("costs", {figure: {"ours": value, "n": TASKS} for figure, value in figures.items()})
