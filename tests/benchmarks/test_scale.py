"""What a job queue costs: two replicas and two workers on one Postgres, beside workers that have none.

In turns, each on a database of its own of one server: 1,000 tasks of 4 polls at 2 s. The workers of the baseline are
the same program, which finds what is due in the rows alone.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.figures import at_most, record
from support.postgres import Cluster

pytestmark = pytest.mark.postgres

TESTS = Path(__file__).parents[1]
TASKS, POLLS = 1000, 4
ROUNDS = 2
RATIO_LIMIT = 2.0
WITHIN = 180.0


@contextmanager
def started(what: str, **spec: Any):
    command = [sys.executable, "-m", "support.scale_loops", what, json.dumps({"what": what, **spec})]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def asked(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def followed(what: str, folder: Path, database: str) -> tuple[float, list[float]]:
    """The processor time of both workers until every task has ended, and how late each poll was, in seconds."""
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
    print(f"{what}: {used:.1f} s of processor time, {wall:.0f} s, polls by worker {split}; {_late(late)}")
    return used, late


def _late(late: list[float]) -> str:
    cuts = statistics.quantiles(late, n=100)
    return f"late by {cuts[49] * 1000:.0f} ms (median), {cuts[98] * 1000:.0f} ms (99 of 100)"


def test_a_job_queue_costs_no_more_than_following_does(tmp_path: Path, postgres: Cluster) -> None:
    used: dict[str, list[float]] = {"worker": [], "loop": []}
    late: list[float] = []
    print()
    for number in range(ROUNDS):
        for what, figures in used.items():
            with postgres.database() as name:
                seconds, lateness = followed(what, tmp_path / f"{what}{number}", postgres.url(name))
            figures.append(seconds)
            if what == "worker":
                late += lateness
    ratio = sum(used["worker"]) / sum(used["loop"])
    median, most = statistics.quantiles(late, n=100)[49], statistics.quantiles(late, n=100)[98]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    print(f"ratio {ratio:.2f} (at most {RATIO_LIMIT}); {_late(late)}; load {load:.1f} on {os.cpu_count()} cores")
    cost = {"ours": sum(used["worker"]) / ROUNDS, "beside": sum(used["loop"]) / ROUNDS, "ratio": ratio}
    aim = {"aim": at_most(RATIO_LIMIT), "n": ROUNDS}
    record(
        "scale", {"cpu": cost | aim, "late": {"ours": median, "n": len(late)}, "latest": {"ours": most, "n": len(late)}}
    )
    assert ratio <= RATIO_LIMIT
