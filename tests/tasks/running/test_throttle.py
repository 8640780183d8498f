"""How fast a process talks to a gateway."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apixo_mcp.tasks.running.throttle import Throttle
from apixo_mcp.tasks.running.turns import ThrottleLimits

pytestmark = pytest.mark.anyio
LIMITS = ThrottleLimits()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def turns(throttle: Throttle, clock: Clock, seconds: float) -> int:
    """How many requests leave within a time in which callers ask without pause."""
    end, count = clock.now + seconds, 0
    while clock.now < end:
        wait = throttle.take("key")
        if wait == 0:
            count += 1
        else:
            clock.now += wait
    return count


async def test_a_minute_sees_no_more_requests_than_are_documented() -> None:
    clock = Clock()
    throttle = Throttle(LIMITS, clock=clock)
    assert await turns(throttle, clock, 60) <= LIMITS.per_minute + LIMITS.burst + 1
    assert await turns(throttle, clock, 60) <= LIMITS.per_minute + 1


async def test_a_429_holds_back_every_caller_of_that_key_and_no_other() -> None:
    throttle = Throttle(LIMITS, clock=Clock())
    throttle.slow_down("key", 30.0)
    assert await throttle.turn("key") == 30.0
    assert await throttle.turn("key") == 30.0
    assert await throttle.turn("other") == 0


async def test_pauses_double_until_a_request_is_taken_again() -> None:
    clock = Clock()
    throttle = Throttle(LIMITS, clock=clock)
    pauses: list[float] = []
    for _ in range(8):
        throttle.slow_down("key", None)
        pauses.append(throttle.take("key"))
        clock.now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, LIMITS.longest_pause, LIMITS.longest_pause]
    throttle.go_on("key")
    throttle.slow_down("key", None)
    assert throttle.take("key") == 1


@given(st.floats(0, 10_000))
def test_a_retry_after_is_honoured_up_to_an_hour(asked: float) -> None:
    throttle = Throttle(LIMITS, clock=Clock())
    throttle.slow_down("key", asked)
    assert throttle.take("key") == pytest.approx(min(asked, 3600.0))


async def test_a_long_pause_is_told_and_not_waited_for() -> None:
    throttle = Throttle(LIMITS, clock=Clock())
    throttle.slow_down("key", LIMITS.patience + 1.0)
    assert await throttle.turn("key") == LIMITS.patience + 1.0


async def test_a_turn_that_was_not_used_is_somebody_elses() -> None:
    throttle = Throttle(LIMITS, clock=Clock())
    while throttle.take("key") == 0:
        pass
    throttle.give_back("key")
    assert throttle.take("key") == 0
    assert throttle.take("key") > 0


async def test_those_who_line_up_go_in_order_and_a_submit_before_them() -> None:
    throttle = Throttle(ThrottleLimits(per_minute=600, burst=1))
    went: list[str] = []

    async def polls(name: str) -> None:
        assert await throttle.line_up("key")
        went.append(name)

    async def submits() -> None:
        assert await throttle.turn("key") == 0
        went.append("submit")

    assert throttle.take("key") == 0
    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(polls, str(number))
        await anyio.wait_all_tasks_blocked()
        group.start_soon(submits)
    assert [name for name in went if name != "submit"] == [str(number) for number in range(8)]
    assert went.index("submit") < 3


async def test_nobody_lines_up_for_a_long_pause() -> None:
    throttle = Throttle(ThrottleLimits(per_minute=60, burst=1))
    while throttle.take("key") == 0:
        pass
    refused: list[bool] = []

    async def polls() -> None:
        refused.append(await throttle.line_up("key"))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(polls)
        await anyio.wait_all_tasks_blocked()
        throttle.slow_down("key", 30.0)
    assert refused == [False] * 3
    assert throttle.paused("key") == pytest.approx(30.0, abs=5.0)
