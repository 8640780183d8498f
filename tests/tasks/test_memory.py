"""What a process remembers of each model, beside others on the same store."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.store_tasks import Clock

from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.durations import Duration
from apixo_mcp.tasks.learning.lesson import FEWEST_DURATIONS
from apixo_mcp.tasks.learning.memory import LEARNED_EVERY, LOOKED_UP_EVERY, Memory
from apixo_mcp.tasks.ports.durations import DURATIONS_KEPT
from apixo_mcp.tasks.schedule import PollSchedule

pytestmark = pytest.mark.anyio

PRO = PollSchedule(first_wait=20, interval=3, maximum=180)
MODEL, SMALL, LARGE = "nano-banana-pro", "resolution=1k", "resolution=4k"


@dataclass
class Process:
    """A memory, the store that it reads, and the clock it goes by."""

    memory: Memory
    clock: Clock
    store: SqliteStore

    async def sees(self, seconds: float, count: int = FEWEST_DURATIONS, variant: str = SMALL) -> None:
        for _ in range(count):
            await self.memory.note(MODEL, variant, Duration(seconds, seconds))

    async def median(self, variant: str = SMALL, scale: float = 1.0) -> int | None:
        """What is remembered when a task of the variant is polled, to the second."""
        await self.memory.refresh(MODEL, variant, PRO, scale)
        lesson = self.memory.lesson(MODEL, variant)
        return round(lesson.usual[1]) if lesson else None


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes on the same data."""
    async with AsyncExitStack() as stack:
        processes: list[Process] = []
        for _ in range(2):
            clock = Clock()
            store = await stack.enter_async_context(SqliteStore(tmp_path / "tasks.sqlite3"))
            processes.append(Process(Memory(store, clock=clock), clock, store))
        yield processes[0], processes[1]


async def test_nothing_is_remembered_before_enough_was_seen(both: tuple[Process, Process]):
    one = both[0]
    assert one.memory.lesson(MODEL, SMALL) is None
    await one.sees(28, FEWEST_DURATIONS - 1)
    assert await one.median() is None
    await one.sees(28, 1)
    one.clock.now += LEARNED_EVERY
    assert await one.median() == 28
    assert one.memory.lesson(MODEL, LARGE) is None
    assert one.memory.lesson("seedream-4-5", SMALL) is None


@pytest.mark.parametrize("scale", [1.0, 0.1])
async def test_what_ends_here_is_learned_from_every_few_seconds(both: tuple[Process, Process], scale: float):
    one = both[0]
    await one.sees(28, DURATIONS_KEPT)
    assert await one.median(scale=scale) == 28
    await one.sees(40, DURATIONS_KEPT)
    one.clock.now += LEARNED_EVERY * scale - 0.01
    assert await one.median(scale=scale) == 28, "not with each task that ends"
    one.clock.now += 0.02
    assert await one.median(scale=scale) == 40


async def test_a_few_more_are_no_reason_to_learn_before_it_is_looked_anyhow(both: tuple[Process, Process]):
    one = both[0]
    await one.sees(28, DURATIONS_KEPT)
    assert await one.median() == 28
    before = one.memory.lesson(MODEL, SMALL)
    await one.sees(40, DURATIONS_KEPT // 20)
    one.clock.now += LEARNED_EVERY + 1
    await one.median()
    assert one.memory.lesson(MODEL, SMALL) is before
    one.clock.now += LOOKED_UP_EVERY
    await one.median()
    assert one.memory.lesson(MODEL, SMALL) is not before


async def test_what_ends_elsewhere_is_looked_up_now_and_then(both: tuple[Process, Process]):
    one, other = both
    await other.sees(28)
    assert await one.median() == 28
    await other.sees(40, DURATIONS_KEPT)
    one.clock.now += LOOKED_UP_EVERY - 0.01
    assert await one.median() == 28
    one.clock.now += 0.02
    assert await one.median() == 40


async def test_all_of_a_model_is_told_as_it_is_now(both: tuple[Process, Process]):
    one, other = both
    assert await one.memory.lessons(MODEL, PRO) == {}
    await other.sees(28)
    await other.sees(50, variant=LARGE)
    await other.sees(90, FEWEST_DURATIONS - 1, variant="resolution=2k")
    lessons = await one.memory.lessons(MODEL, PRO)
    assert {variant: (lesson.tasks, round(lesson.usual[1])) for variant, lesson in lessons.items()} == {
        SMALL: (FEWEST_DURATIONS, 28),
        LARGE: (FEWEST_DURATIONS, 50),
    }
    assert one.memory.lesson(MODEL, LARGE) is lessons[LARGE], "and is remembered"
    await other.sees(40, DURATIONS_KEPT)
    assert round((await one.memory.lessons(MODEL, PRO))[SMALL].usual[1]) == 40
    assert (await one.memory.lessons(MODEL, PRO))[LARGE] is lessons[LARGE], "learned once from the same"


async def test_a_store_that_does_not_answer_takes_nothing_from_what_is_known(tmp_path: Path):
    clock = Clock()
    async with SqliteStore(tmp_path / "tasks.sqlite3") as store:
        one = Process(Memory(store, clock=clock), clock, store)
        await one.sees(28)
        assert await one.median() == 28
    clock.now += LOOKED_UP_EVERY  # it is closed now
    await one.sees(40)
    assert await one.median() == 28
    assert await one.memory.lessons(MODEL, PRO) == {}
