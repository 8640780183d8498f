"""Places are shared out between tasks, whatever one of them asks for."""

import anyio
import anyio.lowlevel
import pytest
from support.amounts import in_time

from apixo_mcp.media.places import Places, Shares, TransferLimits

pytestmark = pytest.mark.anyio


async def test_a_task_of_many_results_holds_half_and_others_come_next():
    shares, served = Shares(4), []

    async def hold(task_id: str, done: anyio.Event) -> None:
        async with shares.place(task_id):
            served.append(task_id)
            await done.wait()

    done = anyio.Event()
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(hold, "many", done)
        await anyio.wait_all_tasks_blocked()
        assert served == ["many"] * 2
        for other in ("one", "two", "three"):
            group.start_soon(hold, other, done)
        await anyio.wait_all_tasks_blocked()
        assert sorted(served) == ["many", "many", "one", "two"]
        done.set()
    assert served[4] == "three"
    assert len(served) == 53


async def test_who_leaves_the_line_takes_no_place():
    shares = Shares(2)
    async with anyio.create_task_group() as group:
        await shares.take("a")
        group.start_soon(shares.take, "a")
        await anyio.wait_all_tasks_blocked()
        assert shares.are_wanted
        group.cancel_scope.cancel()
    assert not shares.are_wanted
    shares.give_back("a")
    with in_time(30):
        await shares.take("a")
        await shares.take("b")


async def test_the_result_of_one_task_comes_beside_a_thousand_of_another():
    places, go_on = Places(TransferLimits()), anyio.Event()

    async def endless(turn):
        await turn.came(1 << 20)
        await go_on.wait()

    async def short(turn):
        await turn.came(1 << 20)
        return "came"

    async with anyio.create_task_group() as group:
        for _ in range(1000):
            group.start_soon(places.during, "many", endless)
        await anyio.lowlevel.checkpoint()
        with in_time(10):
            assert await places.during("one", short) == "came"
        group.cancel_scope.cancel()
