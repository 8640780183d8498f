"""The program is killed while it buys several at once: of each purchase there is all or nothing, sent at most once."""

import random
from collections import defaultdict
from pathlib import Path

import anyio
import pytest
from support.amounts import KILLS, SEED
from support.kills import Told, Victims, all_ended, reconcile, settings
from support.workers import worker_beside

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.lookups import TaskQuery

pytestmark = [pytest.mark.anyio, pytest.mark.process]

TOGETHER = 8
ROUNDS = max(3, KILLS // 10)


async def test_of_a_purchase_that_a_kill_falls_into_there_is_all_or_nothing(tmp_path: Path):
    chance = random.Random(SEED)
    told = Told()
    values = {"label": "kill", "together": TOGETHER, "count": 50 * TOGETHER}
    async with Sandbox(speed=50, data_dir=tmp_path / "sandbox") as box:
        async with Victims(tmp_path / "stderr") as victims:
            for number in range(ROUNDS):
                spec = {**values, "label": f"kill{number:03d}", "seed": chance.randrange(1 << 30)}
                one = await victims.start({**spec, "settings": settings(box, tmp_path)})
                await one.begin()
                await anyio.sleep(chance.uniform(0.05, 0.5))
                told.kills.append(await victims.kill(one))
                told.hear(one)
        values_here = read_settings(**settings(box, tmp_path))
        async with worker_beside(values_here), open_app(values_here) as app:
            await all_ended(app)
            tasks = await app.store.page(LOCAL, TaskQuery(limit=1_000_000))
        await reconcile(box, tasks, told, tmp_path / "pictures")
    bought: defaultdict[str, list[int]] = defaultdict(list)
    for task in tasks:
        bought[task.purchase].append(task.place)
    assert {tuple(sorted(places)) for places in bought.values()} == {tuple(range(TOGETHER))}, f"seed {SEED}"
