"""Two servers of a team are killed at random while its owners buy; then what was paid is held against whose it is."""

import hashlib
import random
import signal
from collections import Counter, defaultdict
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from support.amounts import KILLS, SEED
from support.kills import all_ended, until
from support.process import Process, started
from support.program import values_for
from support.sign_in import bearer, let_in
from support.workers import worker_beside

from apixo_mcp.app import App, open_app
from apixo_mcp.owners.key_sources import of_file, of_variable
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.task import State, Task

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("in_full"), pytest.mark.process]

PLAYS = 20.0 + KILLS / 10  # seconds
PRICE = 0.03
MARKS = ("", "[slow-submit:0.3]", "[http:503x1]", "[fail-once:PROCESSING_TIMEOUT]", "[http:400]")
LIMITS = {"alice": Budget(daily_usd=0.6), "bob": Budget(daily_tasks=15), "carol": Budget(monthly_usd=0.3)}


def shown(key: str) -> str:
    """A key as the sandbox's log tells of it."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


class Team:
    """Two servers, of which one after the other is killed, and the clients of each owner."""

    def __init__(self, box: Sandbox, folder: Path, stack: ExitStack) -> None:
        self._box, self._folder, self._stack = box, folder, stack
        self._chance = random.Random(SEED)
        self.servers: list[Process] = []
        self.asked: dict[str, str] = {}

    def start(self) -> Process:
        return self._stack.enter_context(started(self._box, self._folder))

    async def play(self, owners: list[Owner], key_of_bob: Path) -> set[str]:
        """Returns every key that was Bob's."""
        self.servers = [await anyio.to_thread.run_sync(self.start) for _ in range(2)]
        keys = {key_of_bob.read_text()}
        with anyio.move_on_after(PLAYS):
            async with anyio.create_task_group() as group:
                for number in range(2 * len(owners)):
                    group.start_soon(self._buys, number, owners[number % len(owners)])
                while True:
                    await anyio.sleep(self._chance.uniform(0.5, 2))
                    number = self._chance.randrange(2)
                    killed, self.servers[number] = self.servers[number], await anyio.to_thread.run_sync(self.start)
                    killed.end(signal.SIGKILL)
                    keys.add(f"sk-of-bob-{len(keys)}")
                    key_of_bob.write_text(f"sk-of-bob-{len(keys) - 1}")
        return keys

    async def _buys(self, number: int, owner: Owner) -> None:
        chance = random.Random(SEED + number)
        for count in range(10_000):
            prompt = f"{owner.name} {number}-{count} [took:0.3]{chance.choice(MARKS)}"
            self.asked[prompt] = owner.name
            asked: dict[str, Any] = {"model": "nano-banana", "prompt": prompt, "wait_seconds": 0}
            for server in chance.sample(self.servers, 2):  # again at the other one where the first has just died
                with suppress(MCPError, httpx2.TransportError, BaseExceptionGroup):
                    async with (
                        httpx2.AsyncClient(headers=bearer(owner), timeout=30) as http,
                        Client(streamable_http_client(f"{server.url}/mcp", http_client=http)) as client,
                    ):
                        await client.call_tool("generate_image", {**asked, "idempotency_key": f"{number}-{count}"})
                    break


async def none_is_cut_off(app: App) -> bool:
    """Whether each task that was cut off while it was sent is known to be: with keys, too, that nobody has any more."""
    return not any(task.state is State.SUBMITTING and task.sent_at for task in await app.store.dump(limit=100_000))


async def test_each_pays_for_their_own_with_their_own_key_and_no_more_than_they_may(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    print(f"\nseed {SEED}, {PLAYS:.0f} s")
    monkeypatch.setenv("KEY_OF_ALICE", "sk-of-alice")
    key_of_bob = tmp_path / "key of bob"
    key_of_bob.write_text("sk-of-bob-0")
    sources = {"alice": {"apixo": of_variable("KEY_OF_ALICE")}, "bob": {"apixo": of_file(key_of_bob)}, "carol": {}}
    owners = [Owner(name, budget=LIMITS[name], keys=keys) for name, keys in sources.items()]
    values = read_settings(**values_for(box, tmp_path))
    async with open_app(values, follow=False) as app:
        await let_in(app, *owners)
    with ExitStack() as stack:
        team = Team(box, tmp_path, stack)
        of_bob = await team.play(owners, key_of_bob)
    rows: defaultdict[str, list[Task]] = defaultdict(list)
    async with worker_beside(values), open_app(values) as app:
        await all_ended(app)
        await until(lambda: none_is_cut_off(app), 60)
        for task in await app.store.dump(limit=100_000):
            rows[task.prompt].append(task)
    keys = {"alice": {"sk-of-alice"}, "bob": of_bob, "carol": {"sk-test"}}
    paid = {entry["remote_id"]: entry for entry in box.submits()}
    looked = {(entry["remote_id"], entry["key"]) for entry in box.looks()}
    bought: Counter[str] = Counter()
    for entry in (entry for entry in box.log() if entry["route"] == "submit"):
        assert entry["key"] in map(shown, keys[team.asked[entry["input"]["prompt"]]]), "paid with another's key"
    for remote_id, entry in paid.items():
        prompt = entry["input"]["prompt"]
        (task,) = rows[prompt]
        bought[task.owner] += 1
        assert task.owner == team.asked[prompt], "is another's"
        kept = {attempt.remote_id for attempt in task.attempts}
        assert remote_id in kept or task.state is State.UNKNOWN, f"paid and lost: {task}"
        assert {key for one, key in looked if one == remote_id} <= {entry["key"]}, "asked about with another key"
    print(dict(bought), dict(Counter(str(task.state) for tasks in rows.values() for task in tasks)))
    assert bought
    assert bought["alice"] * PRICE <= 0.6 + 1e-9
    assert bought["bob"] <= 15
    assert bought["carol"] * PRICE <= 0.3 + 1e-9
