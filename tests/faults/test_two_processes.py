"""Two processes on one folder: one is killed or sleeps, and the other takes over; both share the day's limits."""

import random
import signal
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from support.amounts import SEED, TAKEOVERS, here
from support.kills import Told, Victims, all_ended, reconcile, settings, until

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.schedule import JITTER

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("in_full")]

TAKEOVER = 15.0
SLEEPS = 2 * TAKEOVERS
SCALE = 0.2
INTERVAL = 3.0 * SCALE
PROMPTS = {
    "plain": "[took:20]",
    "slow look": "[took:20][look:slow:2]",
    "slow submit": "[took:20][slow-submit:3]",
    "slow file": "[took:3][file:slow:4]",
}


def last_moves(box: Sandbox, folder: Path) -> dict[str, float]:
    """When something was last done about each prompt's task, by the log and by the store."""
    with closing(sqlite3.connect(f"{(folder / 'home' / 'tasks.sqlite3').as_uri()}?mode=ro", uri=True)) as database:
        rows = database.execute("select prompt, remote_id, updated_at, state, due from task").fetchall()
    prompts = {remote_id: prompt for prompt, remote_id, *_ in rows if remote_id}
    found = {prompt: updated_at for prompt, _, updated_at, *_ in rows}
    for entry in box.log():
        prompt = prompts.get(entry.get("remote_id", ""))
        if prompt and entry["route"] in ("look", "file"):
            found[prompt] = max(found[prompt], entry["at"])
    return found


@pytest.mark.parametrize("round_number", range(TAKEOVERS))
async def test_the_survivor_takes_over(tmp_path: Path, round_number: int):
    chance = random.Random(SEED + round_number)
    told = Told()
    async with Sandbox(speed=50) as box, Victims(tmp_path / "stderr") as victims:
        values = settings(box, tmp_path, poll_scale=SCALE)

        def spec(label: str) -> dict[str, Any]:
            return {"settings": values, "label": label, "seed": chance.randrange(1 << 30), "prompts": prompts(label)}

        def prompts(label: str) -> list[str]:
            return [f"{label} {kind} {number} {marks}" for number in range(4) for kind, marks in PROMPTS.items()]

        dying = await victims.start(spec("one"))
        living = await victims.start(spec("two"))
        await dying.begin()
        await living.begin()
        await until(lambda: len(box.submits()) == 2 * len(prompts("")), 20)
        await anyio.sleep(chance.uniform(0, 2))
        looked = {name: len(one.told("moved")) for name, one in (("one", dying), ("two", living))}
        open_at_kill = [prompt for prompt, _, due in open_tasks(tmp_path) if due]
        killed = await victims.kill(dying)
        told.kills.append(killed)
        told.hear(dying)

        first: dict[str, float] = {}

        def taken_over() -> bool:
            for prompt, at in last_moves(box, tmp_path).items():
                if at > killed and prompt in open_at_kill:
                    first.setdefault(prompt, at)
            return len(first) == len(open_at_kill)

        await until(taken_over, TAKEOVER + 10)
        waits = {prompt: at - killed for prompt, at in first.items()}
        by_kind: dict[str, float] = defaultdict(float)
        for prompt, wait in waits.items():
            kind = " ".join(prompt.split()[1:3]) if "slow" in prompt.split()[1] else prompt.split()[1]
            by_kind[kind] = max(by_kind[kind], wait)
        told.hear(living)
        told.kills.append(await victims.kill(living))
        async with open_app(read_settings(**(values | {"poll_scale": 0.02}))) as app:
            await all_ended(app)
            tasks = await app.store.page(LOCAL, TaskQuery(limit=1000))
        counts = await reconcile(box, tasks, told, tmp_path / "pictures")

        looks: dict[str, list[float]] = defaultdict(list)
        for entry in box.looks():
            if entry["at"] < told.kills[-1]:
                looks[entry["remote_id"]].append(entry["at"])
        gaps = [later - earlier for times in looks.values() for earlier, later in pairwise(times)]
    print(f"\nseed {SEED}, round {round_number}: moves before the kill {looked}, {len(open_at_kill)} tasks open")
    told_kinds = ", ".join(f"{kind} {wait:.1f}" for kind, wait in sorted(by_kind.items()))
    print(f"longest takeover {max(waits.values()):.1f} s ({told_kinds}); {len(gaps)} gaps between looks, ", end="")
    print(f"shortest {min(gaps):.2f} s at an interval of {INTERVAL:.2f} s; counted: {dict(counts)}")
    assert max(waits.values()) <= here(TAKEOVER)
    assert min(gaps) >= INTERVAL * (1 - JITTER) - 0.01, "two looks at one task within one interval"
    assert all(looked.values())
    assert "Traceback" not in (tmp_path / "stderr").read_text()


async def stop_outside_a_write(process: Process, folder: Path) -> None:
    """Stops a process while it has no lock of the store, which nobody could take from it before it wakes."""
    while True:
        process.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(folder / "home" / "tasks.sqlite3", timeout=1.0, isolation_level=None)) as database:
            try:
                database.execute("begin immediate")
                database.execute("rollback")
                return
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
        await anyio.sleep(0.01)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot stop a process")
@pytest.mark.parametrize("round_number", range(SLEEPS))
async def test_a_process_that_slept_sends_nothing_that_another_took_over(tmp_path: Path, round_number: int):
    chance = random.Random(SEED + round_number)
    async with Sandbox(speed=50) as box, Victims(tmp_path / "stderr") as victims:
        values = settings(box, tmp_path)
        prompts = [f"fox {number} [took:0]{chance.choice(('', '[slow-submit:0.3]'))}" for number in range(60)]
        sleeping = await victims.start({"settings": values, "label": "one", "seed": 1, "prompts": prompts})
        living = await victims.start({"settings": values, "label": "two", "seed": 2, "prompts": ["hare [took:0]"]})
        await living.begin()
        await sleeping.begin()
        await anyio.sleep(chance.uniform(0.05, 2.5))
        await stop_outside_a_write(sleeping.process, tmp_path)

        def is_left(row: tuple[str, str, float | None]) -> bool:
            return row[1] == "submitting"

        await until(lambda: not any(map(is_left, open_tasks(tmp_path))), TAKEOVER + 10)
        taken_over = len(box.submits())
        sleeping.process.send_signal(signal.SIGCONT)
        await until(lambda: len(open_tasks(tmp_path)) == 61, 30)
        await until(lambda: not any(due for _, _, due in open_tasks(tmp_path)), 30)
        async with open_app(read_settings(**values)) as app:
            await all_ended(app)
            tasks = await app.store.page(LOCAL, TaskQuery(limit=1000))
        sent = Counter(entry["input"]["prompt"] for entry in box.log() if entry["route"] == "submit")
        paid = {entry["input"]["prompt"]: entry["remote_id"] for entry in box.submits()}
    print(f"\nseed {SEED}, round {round_number}: {taken_over} had been sent when it woke; ", end="")
    print(dict(Counter(str(task.state) for task in tasks)))
    assert len(tasks) == 61
    assert max(sent.values()) == 1, "sent twice"
    for task in tasks:
        if task.prompt in sent:
            assert task.remote_id == paid[task.prompt], "what was paid for is lost"
        else:
            assert task.failure is not None
            assert task.failure.code == "NEVER_SENT"


@pytest.mark.parametrize("limit", [{"daily_task_limit": 10}, {"daily_budget_usd": 0.31}])
async def test_two_processes_send_no_more_than_the_day_allows(tmp_path: Path, limit: dict[str, Any]):
    """Each task fails for a passing reason, and its further attempts count like the first ones of others."""
    async with Sandbox(speed=50) as box, Victims(tmp_path / "stderr") as victims:
        values = settings(box, tmp_path, **limit)
        both = [
            await victims.start(
                {
                    "settings": values,
                    "label": label,
                    "seed": seed,
                    "prompts": [f"{label} {number} [fail:PROCESSING_TIMEOUT][took:0]" for number in range(10)],
                }
            )
            for seed, label in enumerate(("one", "two"))
        ]
        async with anyio.create_task_group() as group:
            for one in both:
                group.start_soon(one.begin)
        await until(lambda: sum(len(one.told("admitted") + one.told("refused")) for one in both) == 20, 30)
        await until(lambda: not any(due for _, _, due in open_tasks(tmp_path)), 30)
        assert len(box.submits()) == 10
        assert {state for _, state, _ in open_tasks(tmp_path)} == {"failed"}


def open_tasks(folder: Path) -> list[tuple[str, str, float | None]]:
    with closing(sqlite3.connect(f"{(folder / 'home' / 'tasks.sqlite3').as_uri()}?mode=ro", uri=True)) as database:
        return database.execute("select prompt, state, due from task").fetchall()
