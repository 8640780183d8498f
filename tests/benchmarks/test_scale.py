"""What a job queue costs: two replicas and two workers on one Postgres, beside workers that have none.

In turns, each on a database of its own of one server: 1,000 tasks of 4 polls at 2 s, asked for over 40 s, at no pace of
a gateway. The workers of the baseline are the same program, which finds what is due in the rows alone.
"""

import json
import os
import statistics
import subprocess
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import loop_processes
from support.figures import at_most, record
from support.postgres import Cluster

pytestmark = pytest.mark.postgres

TASKS, POLLS = 1000, 4
ROUNDS = 1
RATIO_LIMIT, LATE_LIMIT = 2.0, 0.05
WITHIN = 180.0


def started(what: str, **spec: Any) -> AbstractContextManager[subprocess.Popen[str]]:
    return loop_processes.started("support.scale_loops", what, json.dumps({"what": what, **spec}))


def asked(process: subprocess.Popen[str]) -> dict[str, Any]:
    return json.loads(loop_processes.answer_of(process))


class Figures(NamedTuple):
    """What following took, in seconds.

    Attributes:
        used: the processor time of both workers until every task had ended.
        late: how late each poll was.
        woken_late: how late a process woke that only sleeps.
    """

    used: float
    late: list[float]
    woken_late: list[float]


def followed(what: str, folder: Path, database: str) -> Figures:
    with ExitStack() as stack:
        gateway = stack.enter_context(started("gateway"))
        assert gateway.stdout
        spec = {"gateway": f"http://127.0.0.1:{gateway.stdout.readline().strip()}", "database": database}
        each = {"folder": str(folder / "home"), "count": TASKS // 2}
        workers = [stack.enter_context(started(what, **spec, **each)) for _ in range(2)]
        replicas = [stack.enter_context(started("replica", **spec, **each, label=f"r{n}")) for n in range(2)]
        for process in (*workers, *replicas):
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        before = [asked(worker)["cpu"] for worker in workers]
        began = time.monotonic()
        for process in replicas:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        time.sleep(5)
        while (there := asked(gateway))["looks"] < TASKS * POLLS:
            assert time.monotonic() - began < WITHIN, there
            time.sleep(0.5)
        wall = time.monotonic() - began
        time.sleep(3)  # files are saved
        after = [asked(worker) for worker in workers]
        there = asked(gateway)
    assert there["posts"] == TASKS, "each was paid for once"
    assert there["most"] == POLLS, "none was polled once more than it needed"
    late = [seconds for one in after for seconds in one["late"]]
    assert len(late) == TASKS * POLLS
    used = sum(one["cpu"] for one in after) - sum(before)
    split = "/".join(str(len(one["late"])) for one in after)
    print(f"{what}: {used:.1f} s of processor time, {wall:.0f} s, polls by worker {split}")
    print(f"  {_late(late)}")
    print(f"  a process that only sleeps: {_late(there['woken_late'])}; load {_load():.1f}")
    return Figures(used, late, there["woken_late"])


def _late(late: list[float]) -> str:
    return f"late by {_cut(late, 50) * 1000:.0f} ms (median), {_cut(late, 99) * 1000:.0f} ms (99 of 100)"


def test_a_job_queue_costs_no_more_than_following_does(tmp_path: Path, postgres: Cluster) -> None:
    measured: dict[str, list[Figures]] = {"worker": [], "loop": []}
    print()
    for number in range(ROUNDS):
        for what, figures in measured.items():
            with postgres.database() as name:
                figures.append(followed(what, tmp_path / f"{what}{number}", postgres.url(name)))
    used = {what: sum(one.used for one in figures) for what, figures in measured.items()}
    late = {what: [one for each in figures for one in each.late] for what, figures in measured.items()}
    woken = [one for each in measured["worker"] for one in each.woken_late]
    ratio = used["worker"] / used["loop"]
    print(f"ratio {ratio:.2f} (at most {RATIO_LIMIT}); {_late(late['worker'])}; by the loop {_late(late['loop'])}")
    record(
        "scale",
        {
            "cpu": _beside(used["worker"] / ROUNDS, used["loop"] / ROUNDS) | {"aim": at_most(RATIO_LIMIT), "n": ROUNDS},
            "late": _beside(*(_cut(late[what], 50) for what in ("worker", "loop")))
            | {"aim": at_most(LATE_LIMIT), "of": "ours", "n": len(late["worker"])},
            "latest": _beside(*(_cut(late[what], 99) for what in ("worker", "loop"))) | {"n": len(late["worker"])},
            "woken": {"ours": _cut(woken, 50), "n": len(woken)},
        },
    )
    assert ratio <= RATIO_LIMIT


def _beside(ours: float, loop: float) -> dict[str, float]:
    return {"ours": ours, "beside": loop, "ratio": ours / loop}


def _cut(seconds: list[float], percent: int) -> float:
    return statistics.quantiles(seconds, n=100)[percent - 1]


def _load() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
