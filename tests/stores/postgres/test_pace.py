"""The line of turns of each key on a server: one row, whichever process asks."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress

import anyio
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.amounts import examples
from support.pace import Line, most_beyond
from support.store_tasks import CLOCK, NOW

from apixo_mcp.errors import StoreError
from apixo_mcp.stores.postgres.store import PostgresStore
from apixo_mcp.tasks.ports.pace import PaceStore, Turns
from apixo_mcp.tasks.running.throttle import Throttle
from apixo_mcp.tasks.running.turns import ThrottleLimits

pytestmark = pytest.mark.anyio
LIMITS = ThrottleLimits(per_minute=6_000, burst=10, patience=0.0)
ASKS = st.lists(
    st.tuples(
        st.floats(0, 0.5),  # seconds that pass
        st.sampled_from([0, 1, 1, 5, 40]),  # turns that are taken
        st.sampled_from([0.0, 0.0, 0.0, 1.0, 30.0]),  # seconds of a pause that is told
        st.booleans(),  # whether a request was taken again
    ),
    max_size=30,
)


@pytest.fixture
async def paces(postgres_store_url: str) -> AsyncIterator[Sequence[PaceStore]]:
    """Those of two processes."""
    CLOCK.now = NOW
    async with AsyncExitStack() as stack:
        opened = [PostgresStore(postgres_store_url, clock=CLOCK) for _ in range(2)]
        yield [one.pace for one in [await stack.enter_async_context(store) for store in opened] if one.pace]


def throttles(paces: Sequence[PaceStore], limits: ThrottleLimits = LIMITS) -> list[Throttle]:
    return [Throttle(limits, pace=pace, clock=CLOCK) for pace in paces]


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asks=ASKS)
async def test_a_row_gives_what_the_line_is_to_give(
    paces: Sequence[PaceStore], asks: list[tuple[float, int, float, bool]]
) -> None:
    CLOCK.now += 1_000.0  # a key anew costs a row, a long silence makes one
    line, key = Line(LIMITS), f"key {CLOCK.now}"
    for number, (passes, count, pause, goes_on) in enumerate(asks):
        CLOCK.now += passes
        pace = paces[number % 2]
        told = await pace.take(key, count, LIMITS, goes_on=goes_on)
        meant = line.take(CLOCK.now, count, goes_on=goes_on)
        assert (told.count, told.pause) == (count, meant.pause)
        assert told.starts_in == pytest.approx(meant.starts_in, abs=1e-4)
        assert told.paused_for == pytest.approx(meant.paused_for, abs=1e-4)
        if pause:
            await pace.hold_back(key, pause, 2 * told.pause)
            line.hold_back(CLOCK.now, pause, 2 * told.pause)


async def test_processes_that_ask_at_once_are_given_no_turn_twice(paces: Sequence[PaceStore]) -> None:
    starts: list[float] = []

    async def take(number: int) -> None:
        turns = await paces[number % 2].take("key", 3, LIMITS, goes_on=False)
        starts.append(turns.starts_in)

    async with anyio.create_task_group() as group:
        for number in range(60):
            group.start_soon(take, number)
    gaps = [after - before for before, after in zip(sorted(starts), sorted(starts)[1:], strict=False)]
    assert gaps == pytest.approx([3 * LIMITS.interval] * 59, abs=1e-4)


async def test_two_processes_make_together_no_more_requests_than_one(paces: Sequence[PaceStore]) -> None:
    both, left = throttles(paces), list[float]()
    while CLOCK.now < NOW + 3:
        for one in both:
            while await one.turn("key") == 0:
                left.append(CLOCK.now)
        CLOCK.now += LIMITS.interval
    assert most_beyond(left, LIMITS) <= LIMITS.burst + 1 + 1e-3
    assert len(left) >= 0.9 * 300
    assert await both[0].turn("another key") == 0


async def test_a_429_to_one_process_holds_back_the_others_and_its_pauses_grow_for_all(
    paces: Sequence[PaceStore],
) -> None:
    one, two = throttles(paces)
    assert [await one.turn("key"), await two.turn("key")] == [0, 0]
    one.slow_down("key", None)
    await one.tell("key")
    CLOCK.now += 1.1
    assert await two.turn("key") == 0, "the pause was of a second"
    two.slow_down("key", None)
    await two.tell("key")
    assert two.paused("key") == pytest.approx(2.0)
    CLOCK.now += 1.1
    assert await one.turn("key") == pytest.approx(0.9)
    CLOCK.now += 1.0
    assert await one.turn("key") == 0
    one.go_on("key")
    CLOCK.now += 1.1
    assert await one.turn("key") == 0  # tells that it goes on
    CLOCK.now += 1.1
    assert await two.turn("key") == 0
    two.slow_down("key", None)
    assert two.paused("key") == pytest.approx(1.0)


async def test_a_retry_after_holds_for_a_process_that_starts_meanwhile(paces: Sequence[PaceStore]) -> None:
    one, two = throttles(paces)
    one.slow_down("key", 30.0)
    await one.tell("key")
    assert await two.turn("key") == pytest.approx(30.0)
    assert await two.turn("another key") == 0


@pytest.mark.parametrize(
    "row",
    [
        "'NaN', 'NaN', 'NaN', 'NaN'",
        "'Infinity', 0, 'Infinity', 'Infinity'",
        "'-Infinity', '-Infinity', 'Infinity', 1e300",
        "1e300, 1e300, 1e300, -5",
        "0, 0, 0, 0",
    ],
)
async def test_a_row_of_nonsense_holds_nobody_back_and_makes_no_pause_too_long_or_none(
    paces: Sequence[PaceStore], postgres_store_url: str, row: str
) -> None:
    with psycopg.connect(postgres_store_url, autocommit=True) as line:
        line.execute(f"insert into pace values ('k', {row})".encode())
    throttle = throttles(paces)[0]
    assert await throttle.turn("k") == 0
    throttle.slow_down("k", None)
    assert LIMITS.first_pause <= throttle.paused("k") <= LIMITS.longest_pause


async def test_where_the_database_is_away_nothing_leaves_and_all_goes_on_once_it_is_back(
    postgres_store_url: str,
) -> None:
    CLOCK.now = NOW
    store = PostgresStore(postgres_store_url, clock=CLOCK)
    throttle = Throttle(LIMITS, pace=store.pace, clock=CLOCK)
    for asks in (throttle.turn, throttle.line_up):
        with pytest.raises(StoreError):
            await asks("key")
    throttle.slow_down("key", 1.0)
    await throttle.tell("key")  # is told later
    async with store:
        CLOCK.now += 0.5
        other = Throttle(LIMITS, pace=store.pace, clock=CLOCK)
        await throttle.tell("key")
        assert await other.turn("key") == pytest.approx(0.5)
        CLOCK.now += 0.6
        assert await throttle.turn("key") == 0
        assert await throttle.line_up("key")
    CLOCK.now += 1.1
    with pytest.raises(StoreError):
        await throttle.turn("key")


async def test_turns_in_hand_are_used_where_the_database_does_not_answer_meanwhile(postgres_store_url: str) -> None:
    CLOCK.now = NOW
    limits = ThrottleLimits(per_minute=6_000, burst=200, patience=0.0)
    store = PostgresStore(postgres_store_url, clock=CLOCK)
    throttle, used = Throttle(limits, pace=store.pace, clock=CLOCK), 0
    async with store:
        while await throttle.turn("key") == 0:
            pass  # its last turns are of moments to come
    CLOCK.now += 1.05  # by now it would ask how the key is
    with suppress(StoreError):
        while await throttle.turn("key") == 0:
            used += 1
    assert 1 <= used <= 25, "a quarter of a second's"
    with pytest.raises(StoreError):
        await throttle.turn("key")


async def test_a_clock_of_the_server_that_is_set_back_holds_nobody_back_for_longer_than_a_minute(
    paces: Sequence[PaceStore],
) -> None:
    async def take() -> Turns:
        return await paces[0].take("key", 1, LIMITS, goes_on=False)

    await take()
    await paces[0].hold_back("key", 30.0, 2.0)
    for back in (10.0, 300.0, 7200.0):
        CLOCK.now -= back
        turns = await take()
        assert turns.paused_for == 0.0
        assert turns.starts_in <= 60.0
