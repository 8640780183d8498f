"""A thousand tasks in flight in one process, at the real schedule, with a gateway that errs: CPU, memory, looks."""

import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from support.driver import Process
from support.figures import at_most, record

from apixo_mcp.catalog.model import IMAGE_FAST
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.schedule import BACK_OFF, CAP

pytestmark = pytest.mark.anyio

TASKS = 1000
TOOK = 60  # seconds, of each task
PATIENCE = 300.0
IN_FLIGHT = 10.0  # seconds, at least: a machine that takes the whole minute to submit has no time in which all are
CPU_LIMIT = 0.28  # of a core, while all are in flight
RSS_LIMIT_MB = 150
LOOKS_LIMIT = 1.1  # times the schedule's


def scheduled(took: float) -> int:
    """How many looks the schedule makes at a task that takes so long, the last one included."""
    at, looks = float(IMAGE_FAST.first_wait), 1
    while at < took:
        at += min(CAP, IMAGE_FAST.interval * BACK_OFF ** (looks - 1))
        looks += 1
    return looks


async def until(fits: Callable[[], bool]) -> None:
    """Returns once it is so, or when it has taken too long: what is asked afterwards tells."""
    with anyio.move_on_after(PATIENCE):
        while True:
            if fits():
                return
            await anyio.sleep(0.5)


def memory_mb(pid: int, field: str) -> float:
    found = re.search(rf"^{field}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="measured by /proc")
async def test_a_thousand_tasks_in_flight(tmp_path: Path):
    chance = random.Random(1)
    usual = scheduled(TOOK)
    async with Sandbox(speed=1) as box:
        env = {
            "APIXO_API_KEY": "sk-load",
            "APIXO_BASE_URL": box.url,
            "APIXO_MCP_HOME": str(tmp_path / "home"),
            "APIXO_MCP_DOWNLOAD_DIR": str(tmp_path / "pictures"),
            "APIXO_MCP_ALLOW_PRIVATE_HOSTS": "1",
        }
        prompts: list[str] = []
        for number in range(TASKS):
            # Of all looks, 5 % are answered with an error and 1 % are cut: spread over the tasks as marks.
            errors = sum(chance.random() < 0.05 for _ in range(usual))
            cuts = sum(chance.random() < 0.01 for _ in range(usual))
            marks = (f"[look:500x{errors}]" if errors else "") + (f"[look:cutx{cuts}]" if cuts else "")
            prompts.append(f"load {number} [took:{TOOK}]{marks}")
        with Process(env) as server:
            await anyio.to_thread.run_sync(server.start)
            pid = server.process.pid
            began, cpu = time.monotonic(), cpu_seconds(pid)
            for prompt in prompts:
                arguments = {"model": "nano-banana", "prompt": prompt, "wait_seconds": 0}
                server.send("tools/call", {"name": "generate_image", "arguments": arguments})
                await anyio.sleep(0.002)
            await until(lambda: len(box.submits()) == TASKS)
            submitted, cpu_submitted = time.monotonic(), cpu_seconds(pid)
            await anyio.sleep(max(0.0, began + TOOK - time.monotonic() - 1))
            waited, cpu_waited = time.monotonic(), cpu_seconds(pid)
            await until(lambda: sum(1 for _ in tmp_path.glob("pictures/*/*.json")) >= TASKS)
            ended, cpu_ended = time.monotonic(), cpu_seconds(pid)
            peak = memory_mb(pid, "VmHWM")
            states: Counter[str] = Counter()
            cursor = ""
            while True:
                given = {"limit": 100} | ({"cursor": cursor} if cursor else {})
                page = (await anyio.to_thread.run_sync(server.call, "list_tasks", given))["structuredContent"]
                states.update(task["state"] for task in page["tasks"])
                cursor = page.get("next_cursor", "")
                if not cursor:
                    break
            server.kill()
        looks = box.looks()
        paid = len(box.submits())
    faults = sum(entry["outcome"] == "fault" for entry in looks)
    rate = (cpu_waited - cpu_submitted) / (waited - submitted)
    print(f"\n{TASKS} tasks of {TOOK} s: {dict(states)}, {paid} submits; peak RSS {peak:.0f} MB")
    for what, seconds, used in (
        ("submitted", submitted - began, cpu_submitted - cpu),
        ("all in flight", waited - submitted, cpu_waited - cpu_submitted),
        ("looked at last, and saved", ended - waited, cpu_ended - cpu_waited),
        ("the whole run", ended - began, cpu_ended - cpu),
    ):
        print(f"{what}: {seconds:.0f} s, CPU {used:.1f} s, {used / seconds:.0%} of a core")
    expected = usual * TASKS
    print(f"{len(looks)} looks, {faults} of them spoilt; the schedule's are {expected}: x {len(looks) / expected:.3f}")
    polls = {"ours": len(looks), "beside": expected, "ratio": len(looks) / expected}
    figures = {
        "load-share": {"ours": rate, "aim": at_most(CPU_LIMIT), "n": 1},
        "load-polls": {**polls, "aim": at_most(LOOKS_LIMIT), "n": 1},
        "load-memory": {"ours": peak, "aim": at_most(RSS_LIMIT_MB), "n": 1},
    }
    assert waited - submitted >= IN_FLIGHT, "the machine is too busy: no share of a core can be told"
    record("load", figures)
    assert states == {"success": TASKS}
    assert paid == TASKS
    assert len(looks) <= LOOKS_LIMIT * usual * TASKS
    assert rate < CPU_LIMIT
    assert peak < RSS_LIMIT_MB
