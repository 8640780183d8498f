"""A gateway's limits for a key, where several processes use it: counted at the sandbox."""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.amounts import here, in_time
from support.task_steps import ask, settled

from apixo_mcp.app import App, open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.running.parts import StepLimits
from apixo_mcp.tasks.running.turns import ThrottleLimits

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

TASKS = 40
SLOW = ThrottleLimits(per_minute=900, burst=3)  # 40 tasks ask for ten times as much
Opened = Callable[..., AbstractAsyncContextManager[App]]


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=20) as box:
        yield box


@pytest.fixture
def opened(box: Sandbox, postgres_url: str, tmp_path: Path) -> Opened:
    """Opens the program on the database, once for each process that is wanted."""

    def open_it(limits: StepLimits = StepLimits(), *, worker: bool = False) -> AbstractAsyncContextManager[App]:
        settings = read_settings(
            home=tmp_path / "home",
            download_dir=tmp_path / "pictures",
            apixo_api_key="sk-scale",
            apixo_base_url=box.url,
            allow_private_hosts=True,
            poll_scale=0.1,
            database_url=postgres_url,
        )
        return open_app(settings, worker=worker, limits=Limits(steps=limits))

    return open_it


def requests(box: Sandbox) -> list[dict[str, Any]]:
    """What counts at a gateway: submits and polls."""
    return [entry for entry in box.log() if entry["route"] in ("submit", "look")]


async def counted(box: Sandbox, count: int) -> list[float]:
    """When the first so many requests came."""
    with in_time(60):
        while len(came := requests(box)) < count:
            await anyio.sleep(0.05)
    return [entry["at"] for entry in came[:count]]


async def test_two_workers_and_two_replicas_make_together_as_many_requests_as_one_may(
    opened: Opened, box: Sandbox
) -> None:
    steps = StepLimits(throttle=SLOW)
    async with (
        opened(steps) as one,
        opened(steps) as two,
        opened(steps, worker=True),
        opened(steps, worker=True),
    ):
        for number in range(TASKS):
            await ask((one, two)[number % 2], f"fox {number} [never]")
        moments = await counted(box, 90)
    seconds = moments[-1] - moments[0]
    print(f"\n{len(moments)} requests in {seconds:.2f} s, {len(moments) / seconds * 60:.0f} a minute")
    # Each of them alone would be as fast as the four may be together.
    assert len(moments) <= seconds / SLOW.interval + 3 * (SLOW.burst + 1)
    assert len(box.submits()) == TASKS, "they go before the polls"


async def test_no_more_tasks_of_a_key_are_with_the_gateway_than_it_takes_whichever_replica_sends(
    opened: Opened, box: Sandbox
) -> None:
    steps = StepLimits(in_flight=5)
    async with opened(steps) as one, opened(steps) as two, opened(steps, worker=True):
        asked = [(await ask((one, two)[number % 2], f"fox {number} [took:0.5]")).tasks[0] for number in range(20)]
        assert {task.state for task in asked} == {"submitting"}
        for task in asked:
            assert (await settled(one, task)).state == "success"
    began = {entry["remote_id"]: entry["at"] for entry in box.submits()}
    assert len(began) == 20
    ends = {name: max(entry["at"] for entry in box.looks() if entry["remote_id"] == name) for name in began}
    most = max(sum(began[other] <= at < ends[other] for other in began) for at in began.values())
    assert most <= 5


async def test_a_429_to_a_replica_holds_back_the_worker_within_two_seconds(opened: Opened, box: Sandbox) -> None:
    async with opened() as replica, opened(worker=True):
        for number in range(8):
            await ask(replica, f"fox {number} [never]")
        await counted(box, 40)
        after = math.ceil(here(6))
        await ask(replica, f"a wolf [http:429:after={after}x1]")
        with in_time(60):
            while not (refused := [entry["at"] for entry in requests(box) if entry["status"] == 429]):
                await anyio.sleep(0.05)
            while not [entry for entry in box.looks() if entry["at"] > refused[0] + after]:
                await anyio.sleep(0.05)
            while len(box.submits()) < 9:  # goes on where it was refused
                await anyio.sleep(0.05)
    came = [at for at in (refused[0], *(entry["at"] for entry in requests(box))) if refused[0] <= at]
    longest = max(later - earlier for earlier, later in pairwise(sorted(came)))
    print(f"\nno request for {longest:.2f} s of the {after}")
    assert longest >= 2 / 3 * after, "without a word of it the worker polls several times a second"


async def test_the_turns_of_a_worker_that_dies_are_no_loss_and_the_others_go_on(opened: Opened, box: Sandbox) -> None:
    steps = StepLimits(throttle=SLOW)
    async with opened(steps) as replica, opened(steps, worker=True) as worker:
        assert worker.store.pace is not None
        (key,) = worker.key_prints
        # A process takes what is free for the next second, and dies.
        await worker.store.pace.take(key, 15, SLOW, goes_on=False)
        task = (await ask(replica, "a fox [took:0.1]")).tasks[0]
        assert (await settled(replica, task)).state == "success"
    assert len(requests(box)) >= 2
