"""What every store must add up for a report: how tasks ended, how long they took, and what balances have lost."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from support.store_tasks import CLOCK, NOW, REFUSED, make_followed
from support.stores import Open

from apixo_mcp.tasks.budget import DAY
from apixo_mcp.tasks.owner import LOCAL, Owner
from apixo_mcp.tasks.ports.reports import BalanceReading
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import Attempt, State

pytestmark = pytest.mark.anyio

BOB = Owner("bob")
MIDNIGHT = NOW - NOW % DAY


@pytest.fixture
async def store(open_store: Open) -> AsyncIterator[Store]:
    CLOCK.now = NOW
    async with open_store() as running:
        yield running


async def put(store: Store, *told: dict[str, Any]) -> None:
    await store.add([make_followed(due=None, **one) for one in told])


class TestOutcomes:
    """How tasks ended."""

    async def test_failures_are_counted_by_code_and_by_whether_they_were_charged(self, store: Store):
        perhaps = replace(REFUSED, charged="unknown", message="of a fox")
        await put(
            store,
            *({"state": State.FAILED, "failure": REFUSED},) * 2,
            {"state": State.FAILED, "failure": perhaps},
            {"state": State.UNKNOWN, "failure": replace(REFUSED, code="Y")},
            {"state": State.FAILED, "failure": REFUSED, "owner": "bob"},
            {"state": State.FAILED, "failure": REFUSED, "created_at": NOW - 9 * DAY, "sent_at": NOW - 9 * DAY}
            | {"attempts": ()},
            {"state": State.SUCCESS, "failure": None},
            {"state": State.PENDING, "failure": REFUSED},
        )
        told = await store.reports.outcomes(LOCAL, 7)
        found = {(one.failure.code, one.failure.charged): one.tasks for one in told.failures}
        assert found == {("X", "no"): 2, ("X", "unknown"): 1, ("Y", "no"): 1}
        assert told.failures[0].tasks == 2, "the most frequent comes first"
        everybody = await store.reports.outcomes(None, 7)
        assert {(one.failure.code, one.failure.charged): one.tasks for one in everybody.failures} == {
            **found,
            ("X", "no"): 3,
        }

    async def test_requests_that_another_one_followed_are_counted_apart(self, store: Store):
        gone = Attempt(sent_at=NOW - 20, remote_id="a", failure_code="PROCESSING_TIMEOUT", failed_at=NOW - 5)
        last = Attempt(sent_at=NOW, remote_id="b", failure_code="MODEL_UNAVAILABLE", failed_at=NOW)
        await put(
            store,
            {"state": State.SUCCESS, "attempts": (gone, replace(last, failure_code="")), "completed_at": NOW},
            {"state": State.FAILED, "attempts": (gone, last), "failure": REFUSED},
            {"state": State.SUBMITTING, "attempts": (gone, gone)},
            {"state": State.SUBMITTING, "attempts": (gone,)},
            {"state": State.FAILED, "attempts": (gone,), "failure": REFUSED},
        )
        assert (await store.reports.outcomes(LOCAL, 7)).retried == {"PROCESSING_TIMEOUT": 5}

    async def test_times_are_told_by_model_from_the_first_request_to_the_result(self, store: Store):
        for seconds in range(1, 11):
            await put(store, {"state": State.SUCCESS, "completed_at": NOW + seconds})
        earlier = Attempt(sent_at=NOW - 40, remote_id="a", failure_code="PROCESSING_TIMEOUT", failed_at=NOW)
        again = (earlier, Attempt(sent_at=NOW, remote_id="b"))
        await put(store, {"state": State.SUCCESS, "model": "sora", "completed_at": NOW + 2, "attempts": again})
        await put(store, {"state": State.FAILED, "model": "veo", "completed_at": NOW + 2, "failure": REFUSED})
        times = {one.model: (one.tasks, one.median, one.p90) for one in (await store.reports.outcomes(LOCAL, 7)).times}
        assert times == {"nano-banana": (10, 5.5, 9.0), "sora": (1, 42.0, 42.0)}

    async def test_nothing_is_told_of_nobody(self, store: Store):
        told = await store.reports.outcomes(LOCAL, 7)
        assert (list(told.failures), told.retried, list(told.times)) == ([], {}, [])


class TestBalances:
    """What balances lost."""

    async def read(self, store: Store, amount: float, *, after: float = 60.0, took: float = 0.1, **of: str) -> None:
        CLOCK.now += after
        about = {"payer": "", "gateway": "apixo", "key_print": "k", **of}
        await store.reports.note_balance(BalanceReading(amount=amount, took=took, **about))

    async def lost(self, store: Store, payer: str | None = "", days: int = 7) -> list[tuple[str, float, float]]:
        return [(one.day, one.spent_usd, one.added_usd) for one in await store.reports.measured(payer, days)]

    async def test_a_first_reading_measures_nothing_yet(self, store: Store):
        await self.read(store, 10.0)
        assert await self.lost(store) == []

    async def test_what_is_lost_from_one_reading_to_the_next_adds_up(self, store: Store):
        for amount in (10.0, 9.97, 9.97, 9.9):
            await self.read(store, amount)
        assert await self.lost(store) == [("2026-09-21", 0.1, 0.0)]
        (told,) = await store.reports.measured("", 7)
        assert told.since == NOW + 60

    async def test_credit_that_comes_in_takes_nothing_off(self, store: Store):
        for amount in (10.0, 9.0, 29.0, 28.5):
            await self.read(store, amount)
        assert await self.lost(store) == [("2026-09-21", 1.5, 20.0)]

    async def test_what_was_lost_counts_on_the_day_on_which_it_was_seen(self, store: Store):
        CLOCK.now = MIDNIGHT + DAY - 150
        await self.read(store, 10.0)
        await self.read(store, 9.0)
        await self.read(store, 7.0)
        assert await self.lost(store) == [("2026-09-22", 2.0, 0.0), ("2026-09-21", 1.0, 0.0)]
        CLOCK.now += 3 * DAY
        assert await self.lost(store, days=3) == []

    async def test_an_answer_that_was_asked_for_before_another_came_is_left_out(self, store: Store):
        await self.read(store, 10.0)
        await self.read(store, 9.0)
        await self.read(store, 10.0, after=1.0, took=2.0)
        await self.read(store, 8.5)
        assert await self.lost(store) == [("2026-09-21", 1.5, 0.0)]

    async def test_a_clock_that_was_set_back_stops_no_reading(self, store: Store):
        await self.read(store, 10.0, after=2 * DAY)
        CLOCK.now = NOW
        await self.read(store, 9.0)
        assert [spent for _, spent, _ in await self.lost(store)] == [1.0]

    async def test_each_key_is_measured_for_itself_and_told_to_whoever_pays(self, store: Store):
        for key, payer, fell in (("k", "", 1.0), ("l", "", 2.0), ("b", "bob", 4.0)):
            await self.read(store, 50.0, key_print=key, payer=payer)
            await self.read(store, 50.0 - fell, key_print=key, payer=payer)
        assert [await self.lost(store, payer) for payer in ("", "bob", None, "ann")] == [
            [("2026-09-21", 3.0, 0.0)],
            [("2026-09-21", 4.0, 0.0)],
            [("2026-09-21", 7.0, 0.0)],
            [],
        ]
