"""What a poll costs the processor, beside a bare loop at the same rate, below the limit of a key and above it.

All that is compared runs at once, each in a process of its own, so that whatever else the machine does meets with each.
"""

import os
import subprocess
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from support import loop_processes
from support.figures import at_most, record

SECONDS = 15.0
A_TASK = 58.0  # seconds of a task of a minute, but for what starting takes
INTERVAL = 3.0
TASKS = 300  # a hundred polls a second
RATIO_LIMIT = 1.5
SHARE_LIMIT = 0.28  # of a core
ABOVE_LIMIT = 1.15  # the same within what two runs of the same differ by
PER_MINUTE = 3000  # half of what so many tasks ask for


def started(*arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return loop_processes.started("support.poll_loops", *arguments)


def asked(process: subprocess.Popen[str]) -> tuple[int, float]:
    """How many polls it made by now, and the seconds of processor time it used."""
    polls, seconds = loop_processes.answer_of(process).split()
    return int(polls), float(seconds)


def measured(
    folder: Path, loops: dict[str, tuple[str, int, int]], interval: float = INTERVAL, seconds: float = SECONDS
) -> dict[str, tuple[int, float]]:
    """Polls and seconds of processor time of each loop: of what it is, how many tasks and polls a minute."""
    with ExitStack() as stack:
        gateway = stack.enter_context(started("gateway"))
        assert gateway.stdout
        url = f"http://127.0.0.1:{gateway.stdout.readline().strip()}"
        processes: dict[str, subprocess.Popen[str]] = {}
        for name, (what, tasks, per_minute) in loops.items():
            (folder / name).mkdir()
            words = (what, url, str(tasks), str(interval), str(folder / name), str(per_minute))
            processes[name] = stack.enter_context(started(*words))
        for process in processes.values():
            asked(process)
        time.sleep(interval + 1)
        before = {name: asked(process) for name, process in processes.items()}
        time.sleep(seconds)
        after = {name: asked(process) for name, process in processes.items()}
    if hasattr(os, "getloadavg"):
        print(f"\nload of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return {name: (after[name][0] - before[name][0], after[name][1] - before[name][1]) for name in loops}


def costs(folder: Path, loops: dict[str, tuple[str, int, int]]) -> dict[str, float]:
    """Microseconds of processor time for a poll of each loop."""
    told: dict[str, float] = {}
    for name, (polls, used) in measured(folder, loops).items():
        told[name] = 1e6 * used / polls
        print(f"{name}: {polls / SECONDS:.0f} polls a second, {told[name]:.0f} µs of processor time each")
    return told


def record_costs(name: str, ours: float, beside: float, limit: float) -> None:
    """Records the seconds of processor time of a poll, each the mean of all that were made at the same time."""
    figure = {"ours": ours / 1e6, "beside": beside / 1e6, "ratio": ours / beside, "aim": at_most(limit), "n": 1}
    record(name, {name: figure})


def test_a_poll_costs_little_more_than_a_bare_one(tmp_path: Path) -> None:
    told = costs(tmp_path, {"bare": ("bare", TASKS, 0), "ours": ("ours", TASKS, 0)})
    ratio = told["ours"] / told["bare"]
    record_costs("poll", told["ours"], told["bare"], RATIO_LIMIT)
    print(f"ratio {ratio:.2f} (at most {RATIO_LIMIT})")
    assert ratio <= RATIO_LIMIT


def test_a_poll_above_the_limit_costs_no_more_than_below_it(tmp_path: Path) -> None:
    loops = {"below": ("ours", TASKS // 2, 0), "above": ("ours", TASKS, PER_MINUTE)}
    told = costs(tmp_path, loops)
    ratio = told["above"] / told["below"]
    record_costs("poll-above", told["above"], told["below"], ABOVE_LIMIT)
    print(f"ratio {ratio:.2f} (at most {ABOVE_LIMIT})")
    assert ratio <= ABOVE_LIMIT


def test_a_thousand_tasks_in_flight_take_a_share_of_a_core(tmp_path: Path) -> None:
    polls, used = measured(tmp_path, {"ours": ("ours", 1000, 0)}, interval=0, seconds=A_TASK)["ours"]
    share = used / A_TASK
    record("thousand", {"thousand": {"ours": share, "aim": at_most(SHARE_LIMIT), "n": 1}})
    print(f"1000 tasks for {A_TASK:.0f} s: {polls} polls, {share:.0%} of a core (at most {SHARE_LIMIT:.0%})")
    assert polls > 5000, "each was polled on the schedule of a fast picture"
    assert share <= SHARE_LIMIT
