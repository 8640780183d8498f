"""The program is killed at random moments, again and again on one folder; then everything is counted.

`FAULTS_KILLS` says how often, `FAULTS_SEED` repeats a run as far as chance was in it.
"""

import json
import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from support.amounts import KILLS, SEED
from support.driver import Process
from support.kills import KEY, Stages, Told, Victims, all_ended, reconcile, settings
from support.victim import marks

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.lookups import TaskQuery

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("in_full")]

REAL_EVERY = 10


async def test_nothing_is_lost_or_paid_twice_when_the_program_is_killed(tmp_path: Path):
    print(f"\nseed {SEED}: {KILLS} kills")
    chance = random.Random(SEED)
    began = time.monotonic()
    told = Told()
    stages = Stages(tmp_path / "home")
    errors = tmp_path / "stderr"
    real = 0
    async with Sandbox(speed=50, data_dir=tmp_path / "sandbox") as box:

        def spec(number: int) -> dict[str, Any]:
            return {
                "settings": settings(box, tmp_path),
                "label": f"kill{number:04d}",
                "seed": chance.randrange(1 << 30),
                "count": 100,
            }

        async with Victims(errors) as victims:
            following = await victims.start(spec(0))
            for number in range(1, KILLS + 1):
                if number % REAL_EVERY == 0:
                    real += 1
                    told.kills.append(await anyio.to_thread.run_sync(kill_server, box, tmp_path, number, chance, told))
                else:
                    one = following
                    await one.begin()
                    following = await victims.start(spec(number))  # its imports take as long as the other lives
                    await anyio.sleep(chance.uniform(0.05, 0.8))
                    told.kills.append(await victims.kill(one))
                    told.hear(one)
                stages.count(told.kills[-1])
        took = time.monotonic() - began
        values = settings(box, tmp_path)
        async with open_app(read_settings(**values)) as app:
            await all_ended(app)
            tasks = await app.store.page(LOCAL, TaskQuery(limit=1_000_000))
        counts = await reconcile(box, tasks, told, tmp_path / "pictures")
    assert "Traceback" not in errors.read_text(), errors.read_text()[-3000:]
    print(f"{KILLS} kills ({real} of them of the whole server) in {took:.0f} s, {took / KILLS:.2f} s each")
    print(f"kills that fell: {dict(stages.struck)}, into nothing {stages.idle}")
    print("counted: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    assert counts["paid"] > KILLS / 2


def kill_server(box: Sandbox, folder: Path, number: int, chance: random.Random, told: Told) -> float:
    """Kills the real server while a client's calls are under way."""
    values = settings(box, folder)
    env = {
        (name.upper() if name.startswith("apixo_") else f"APIXO_MCP_{name.upper()}"): str(value)
        for name, value in values.items()
    }
    assert env["APIXO_API_KEY"] == KEY
    asked: dict[int, str] = {}
    with Process(env) as server:
        server.start()
        until = time.monotonic() + chance.uniform(0.05, 0.8)
        while (left := until - time.monotonic()) > 0:
            prompt = f"server{number:04d}-{len(asked):03d} {marks(chance)}"
            arguments = {"model": "nano-banana", "prompt": prompt, "wait_seconds": chance.choice((0, 0, 50))}
            asked[server.send("tools/call", {"name": "generate_image", "arguments": arguments})] = prompt
            time.sleep(min(left, chance.uniform(0, 0.08)))
        server.process.kill()
        at = time.time()
        server.process.wait(60)
        server.reader.join(60)
        for line in server.lines:
            with suppress(ValueError):  # the last one may be cut
                hear(line, asked, told)
        assert b"Traceback" not in server.stderr()
    return at


def hear(line: bytes, asked: dict[int, str], told: Told) -> None:
    message = json.loads(line)
    if message.get("id") in asked and "result" in message:
        task = message["result"]["structuredContent"]
        told.admitted[task["task_id"]] = asked[message["id"]]
        if task.get("remote_id"):
            told.remote_ids.setdefault(task["task_id"], set()).add(task["remote_id"])
