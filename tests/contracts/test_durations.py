"""What every store must know of how long tasks took, whatever it is built on."""

import pytest
from support.store_tasks import CLOCK

from apixo_mcp.tasks.durations import Duration
from apixo_mcp.tasks.ports.durations import DURATIONS_KEPT
from apixo_mcp.tasks.ports.store import Store

pytestmark = pytest.mark.anyio

MODEL, SMALL, LARGE = "nano-banana-pro", "resolution=1k", "resolution=4k"


async def test_what_one_process_notes_another_reads(both: tuple[Store, Store]):
    store, elsewhere = both
    await store.durations.note(MODEL, SMALL, Duration(20.0, 23.0))
    await elsewhere.durations.note(MODEL, LARGE, Duration(44.5, 44.5))
    await store.durations.note(MODEL, SMALL, Duration(0.0, 20.0))
    await store.durations.note("seedream-4-5", SMALL, Duration(1.0, 2.0))
    assert await elsewhere.durations.newest(MODEL) == {
        SMALL: [Duration(20.0, 23.0), Duration(0.0, 20.0)],
        LARGE: [Duration(44.5, 44.5)],
    }


async def test_a_new_store_has_none(both: tuple[Store, Store]):
    assert await both[0].durations.newest(MODEL) == {}


async def test_the_newest_of_each_variant_are_kept_whatever_the_clock_says(both: tuple[Store, Store]):
    store = both[0]
    await store.durations.note(MODEL, LARGE, Duration(50.0, 50.0))
    for number in range(DURATIONS_KEPT + 20):
        if number == DURATIONS_KEPT:
            CLOCK.now -= 86400.0
        await store.durations.note(MODEL, SMALL, Duration(float(number), float(number)))
    kept = await store.durations.newest(MODEL)
    assert [duration.most for duration in kept[SMALL]] == [float(number) for number in range(20, DURATIONS_KEPT + 20)]
    assert kept[LARGE] == [Duration(50.0, 50.0)]
