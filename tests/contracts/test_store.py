"""What every task store must do, whatever it is built on."""

import errno
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from support.amounts import examples
from support.sqlite_connections import connections
from support.store_tasks import CALL, CLOCK, KEYS, NO_LIMITS, NOW, PROCESS, REFUSED, Clock, make, make_followed, tasks
from support.stores import Open, sqlite_store

from apixo_mcp.errors import SchemaTooNew, StoreError
from apixo_mcp.gateways.gateway import EMPTY_RESULT
from apixo_mcp.stores.sqlite.database import NOTED_AT_MOST
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.budget import Agreement, Allowance, Budget, Spent
from apixo_mcp.tasks.hearing import Hearer
from apixo_mcp.tasks.owner import LOCAL, Owner
from apixo_mcp.tasks.ports.leases import LEASE_LASTS
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.ports.store import IdTaken, Store
from apixo_mcp.tasks.ports.terms import Admitted, Sending, Terms
from apixo_mcp.tasks.purchase import AT_PLACE, bought_together
from apixo_mcp.tasks.task import (
    HEARD_BY_ALL,
    MOVES,
    TERMINAL,
    Attempt,
    Delivered,
    FileState,
    Result,
    State,
    Task,
    new_task_id,
)

pytestmark = pytest.mark.anyio

DAY = 86400.0
T = TypeVar("T")


@pytest.fixture(autouse=True)
def start_of_time() -> None:
    CLOCK.now = NOW


@pytest.fixture
async def store(open_store: Open) -> AsyncIterator[Store]:
    async with open_store() as store:
        yield store


@pytest.fixture
async def other(open_store: Open, store: Store) -> AsyncIterator[Store]:
    """A second store object on the same data."""
    async with open_store() as other:
        yield other


async def add(store: Store, task: Task) -> Task:
    assert (await store.admit([task], NO_LIMITS)).how == "new"
    return task


async def claim(store: Store, task: Task, holder: str = "me", now: float = NOW, until: float = NOW + 8) -> Task:
    await due_at(store, now)
    claimed = await store.claim(task.task_id, holder, until - now, KEYS)
    assert claimed is not None
    return claimed


async def due_at(store: Store, now: float, keys: Iterable[str] = KEYS, limit: int = 500) -> list[tuple[str, float]]:
    """What is due at a moment, and when it can be taken; whoever asks has asked before, as an engine does."""
    await store.due(keys)
    CLOCK.now = now
    return [(task_id, now + after) for task_id, after in await store.due(keys, limit=limit)]


def spent_before(outcome: Admitted) -> Spent:
    """What was spent of the limit of all before a purchase."""
    return outcome.limits[-1].spent


async def leaves(store: Store, task: Task, now: float = NOW, in_flight: int = 1000, process: str = "") -> bool:
    """Whether a task that was claimed may be sent; it then counts as sent."""
    CLOCK.now = now
    terms = Sending(budget=Budget(), process=process, in_flight=in_flight)
    return (await store.mark_sent(task, terms)).how == "within"


async def row(store: Store, task: Task) -> Task:
    found = await store.get(task.task_id)
    assert found is not None
    return found


async def all_at_once(works: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    found: list[T] = []

    async def run(work: Callable[[], Awaitable[T]]) -> None:
        found.append(await work())

    async with anyio.create_task_group() as group:
        for work in works:
            group.start_soon(run, work)
    return found


class TestAdmit:
    async def test_a_new_task_is_stored_as_it_is(self, store: Store, other: Store):
        task = make(notes=("a note",), estimate_usd=0.25)
        admitted = await store.admit([task], NO_LIMITS)
        assert (admitted.how, admitted.task) == ("new", task)
        assert await other.get(task.task_id) == task

    async def test_an_idempotency_key_leads_to_its_first_task_for_ever(self, store: Store):
        first = await add(store, make(idempotency_key="k", created_at=1.0, state=State.SUCCESS, answer="given"))
        again = await store.admit([make(idempotency_key="k", fingerprint="another")], NO_LIMITS)
        assert (again.how, again.task) == ("same_key", first)

    async def test_an_idempotency_key_is_its_owners_own(self, store: Store):
        await add(store, make(idempotency_key="k", owner="ann"))
        assert (await store.admit([make(idempotency_key="k", owner="bob")], NO_LIMITS)).how == "new"

    async def test_of_many_concurrent_requests_with_one_key_one_is_new(self, store: Store, other: Store):
        def ask(where: Store) -> Callable[[], Awaitable[Any]]:
            return lambda: where.admit([make(idempotency_key="k", fingerprint="f")], NO_LIMITS)

        found = await all_at_once([ask(where) for where in (store, other) * 10])
        assert sorted(entry.how for entry in found) == ["new"] + ["same_key"] * 19
        assert len({entry.task.task_id for entry in found}) == 1

    @pytest.mark.parametrize("state", [State.SUBMITTING, State.PENDING, State.PROCESSING, State.SUCCESS, State.UNKNOWN])
    async def test_a_task_whose_answer_was_lost_is_adopted(self, store: Store, state: State):
        lost = await add(store, make(fingerprint="f", state=state, created_at=NOW - 300))
        await store.mark_answer([lost.task_id], CALL, "lost")
        again = await store.admit([make(fingerprint="f")], NO_LIMITS)
        assert (again.how, again.task.task_id) == ("adopted", lost.task_id)

    async def test_a_lost_task_is_adopted_once(self, store: Store, other: Store):
        lost = await add(store, make(fingerprint="f"))
        await store.mark_answer([lost.task_id], CALL, "lost")
        hows = [(await where.admit([make(fingerprint="f")], NO_LIMITS)).how for where in (store, other)]
        assert hows == ["adopted", "awaited"]

    @pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
    async def test_a_task_that_ended_badly_is_not_adopted(self, store: Store, state: State):
        lost = await add(store, make(fingerprint="f", state=state))
        await store.mark_answer([lost.task_id], CALL, "lost")
        assert (await store.admit([make(fingerprint="f")], NO_LIMITS)).how == "new"

    async def test_a_call_of_this_process_that_is_waited_for_is_not_decided_yet(self, store: Store):
        mine = await add(store, make(fingerprint="f", created_at=NOW - 30, asked_until=NOW - 20))
        here = replace(NO_LIMITS, process=PROCESS, waiting=frozenset({CALL}))
        again = await store.admit([make(fingerprint="f")], here)
        assert (again.how, again.task.task_id) == ("awaited", mine.task_id)
        known = replace(here, alive=frozenset({CALL}))
        assert (await store.admit([make(fingerprint="f")], known)).how == "new"

    async def test_a_call_of_this_process_that_nobody_waits_for_leaves_its_task_at_once(self, store: Store):
        mine = await add(store, make(fingerprint="f", asked_until=NOW + 5))
        again = await store.admit([make(fingerprint="f")], replace(NO_LIMITS, process=PROCESS))
        assert (again.how, again.task.task_id) == ("adopted", mine.task_id)

    async def test_a_call_that_fell_silent_leaves_its_task_to_the_next(self, store: Store):
        silent = await add(store, make(fingerprint="f", asked_by="a dead process", asked_until=NOW - 1))
        again = await store.admit([make(fingerprint="f")], NO_LIMITS)
        assert (again.how, again.task.task_id) == ("adopted", silent.task_id)
        assert (await store.admit([make(fingerprint="f")], NO_LIMITS)).how == "awaited", "now by the one who asked"

    async def test_a_call_that_waits_in_another_process_is_not_decided_yet(self, store: Store):
        theirs = await add(store, make(fingerprint="f", asked_by="another process", asked_until=NOW + 5))
        again = await store.admit([make(fingerprint="f")], NO_LIMITS)
        assert (again.how, again.task.task_id) == ("awaited", theirs.task_id)
        alive = replace(NO_LIMITS, alive=frozenset({theirs.asked_by}))
        assert (await store.admit([make(fingerprint="f")], alive)).how == "new"

    @pytest.mark.parametrize("answer", ["awaited", "given"])
    async def test_a_call_that_repeats_an_open_one_joins_its_task(self, store: Store, answer: Delivered):
        mine = await add(store, make(fingerprint="f", created_at=NOW - 700, answer=answer))
        here = replace(NO_LIMITS, process=PROCESS, waiting=frozenset({CALL}), repeated=frozenset({mine.task_id}))
        joined = await store.admit([make(fingerprint="f", asked_by="a later call")], here)
        assert (joined.how, joined.task.task_id) == ("joined", mine.task_id)
        told = await row(store, mine)
        assert (told.answer, told.asked_by) == ("awaited", "a later call")
        assert (await store.admit([make(fingerprint="another")], here)).how == "new"
        assert (await store.admit([make(fingerprint="f", idempotency_key="k")], here)).how == "new"

    async def test_a_repeated_call_takes_a_lost_task_before_an_open_one(self, store: Store):
        mine = make(fingerprint="f", created_at=NOW - 9)
        lost = make(fingerprint="f", asked_by="one that left", created_at=NOW - 8, answer="lost")
        await store.add([mine, lost])
        here = replace(NO_LIMITS, process=PROCESS, waiting=frozenset({CALL}), repeated=frozenset({mine.task_id}))
        found = [await store.admit([make(fingerprint="f", asked_by=f"call {number}")], here) for number in range(2)]
        assert [(entry.how, entry.task.task_id) for entry in found] == [
            ("adopted", lost.task_id),
            ("joined", mine.task_id),
        ]

    async def test_where_the_last_call_is_lost_that_of_another_one_counts_next(self, store: Store):
        task = await add(store, make(fingerprint="f"))
        await store.mark_answer([task.task_id], CALL, "lost", then="the first call")
        assert (await row(store, task)).answer == "lost"
        await store.mark_answer([task.task_id], CALL, "given")
        assert (await row(store, task)).answer == "lost"
        await store.mark_answer([task.task_id], "the first call", "given")
        assert (await store.admit([make(fingerprint="f")], NO_LIMITS)).how == "new"

    async def test_whoever_has_the_answer_has_heard_of_the_task_though_a_later_call_counts(self, store: Store):
        call = "a process/line/mark/call"
        task = await add(store, make(asked_by=call, heard_by=""))
        await store.mark_answer([task.task_id], call, "lost", then="a process/line/mark/later")
        assert (await row(store, task)).heard_by == ""
        await store.mark_answer([task.task_id], call, "given")
        told = await row(store, task)
        assert (told.answer, told.heard_by) == ("lost", "mark line")

    async def test_who_has_heard_of_a_task_is_noted_as_far_as_that_tells_more(self, store: Store, other: Store):
        task = await add(store, make(asked_by="a process/line/mark/call", heard_by=""))
        elsewhere, here = Hearer("line2", "mark2"), Hearer("line", "mark")
        steps = [
            (elsewhere, "mark2 line2"),
            (Hearer("line3", "mark3"), "mark2 line2"),
            (Hearer("line4", "mark"), "mark2 line2 mark"),
            (here, "mark2 line2 mark line"),
            (here, "mark2 line2 mark line"),
        ]
        for number, (hearer, heard_by) in enumerate(steps):
            await (other if number % 2 else store).mark_heard([task.task_id, "unknown"], hearer)
            assert (await row(store, task)).heard_by == heard_by

    async def test_a_task_of_which_it_is_not_kept_is_heard_of_by_all(self, store: Store):
        task = make()
        await store.add([task])
        await store.mark_heard([task.task_id], Hearer("line", "mark"))
        assert (await row(store, task)).heard_by == HEARD_BY_ALL

    async def test_a_move_leaves_who_has_heard_of_a_task(self, store: Store):
        task = await add(store, make(asked_by="a process/line/mark/call", heard_by=""))
        claimed = await claim(store, task)
        await store.mark_heard([task.task_id], Hearer("line", "mark"))
        assert await store.commit(claimed, replace(claimed, tries=1))
        assert (await row(store, task)).heard_by == "mark line"

    @pytest.mark.parametrize(
        ("earlier", "how"),
        [
            ({"created_at": NOW - 40}, "was asked for 40 s ago and still runs; both are charged"),
            ({"created_at": NOW - 200, "state": State.SUCCESS}, "was asked for 3 min ago and is done; both"),
            ({"state": State.UNKNOWN}, "may have been sent; both are charged"),
            ({"created_at": NOW - 601}, ""),
            ({"state": State.FAILED}, ""),
            ({"owner": "bob"}, ""),
        ],
        ids=str,
    )
    async def test_a_second_task_for_the_same_says_that_it_is_one(
        self, store: Store, earlier: dict[str, Any], how: str
    ):
        first = await add(store, make(fingerprint="f", answer="given", **earlier))
        second = await store.admit([make(fingerprint="f", notes=("a note",))], NO_LIMITS)
        notes = (await row(store, second.task)).notes
        assert second.how == "new"
        assert notes[0] == "a note"
        assert [first.task_id in note and how in note for note in notes[1:]] == ([True] if how else [])

    async def test_a_process_vouches_only_for_its_own_calls(self, store: Store):
        theirs = await add(store, make(asked_by="another process", asked_until=NOW + 5))
        await store.vouch([(theirs.task_id, CALL)], 100)
        await store.vouch([(theirs.task_id, "another process")], 50)
        told = await store.get(theirs.task_id)
        assert told is not None
        assert told.asked_until == NOW + 50

    async def test_two_answered_requests_are_two_tasks(self, store: Store):
        first = await add(store, make(fingerprint="f", created_at=NOW - 100))
        await store.mark_answer([first.task_id], CALL, "given")
        assert (await store.admit([make(fingerprint="f")], NO_LIMITS)).how == "new"

    @pytest.mark.parametrize(
        "lost",
        [
            make(fingerprint="f", created_at=NOW - 601),
            make(fingerprint="other"),
            make(fingerprint="f", owner="bob"),
            make(fingerprint="f", idempotency_key="k"),
        ],
        ids=["too old", "another wish", "another owner", "asked for under a key"],
    )
    async def test_a_lost_task_that_is_not_the_callers_own_wish_is_not_adopted(self, store: Store, lost: Task):
        await add(store, lost)
        await store.mark_answer([lost.task_id], CALL, "lost")
        assert (await store.admit([make(fingerprint="f")], NO_LIMITS)).how == "new"

    async def test_a_request_under_a_key_adopts_nothing(self, store: Store):
        lost = await add(store, make(fingerprint="f"))
        await store.mark_answer([lost.task_id], CALL, "lost")
        assert (await store.admit([make(fingerprint="f", idempotency_key="k")], NO_LIMITS)).how == "new"


class TestLimits:
    def limits(self, usd: float | None = None, tasks: int | None = None) -> Terms:
        return replace(NO_LIMITS, budget=Budget(usd, tasks))

    async def test_what_fits_the_budget_to_the_cent_is_taken(self, store: Store):
        await add(store, make(estimate_usd=0.75))
        admitted = await store.admit([make(estimate_usd=0.25)], self.limits(usd=1.0))
        assert (admitted.how, spent_before(admitted)) == ("new", Spent(0.75, 1))

    async def test_what_is_over_budget_is_not_stored(self, store: Store):
        await add(store, make(estimate_usd=0.75))
        over = make(estimate_usd=0.5)
        admitted = await store.admit([over], self.limits(usd=1.0))
        assert (admitted.how, admitted.task, spent_before(admitted).usd) == ("over_budget", over, 0.75)
        assert await store.get(over.task_id) is None

    async def test_more_tasks_than_the_day_allows_are_not_stored(self, store: Store):
        await add(store, make())
        over = make()
        admitted = await store.admit([over], self.limits(tasks=1))
        assert (admitted.how, spent_before(admitted).posts) == ("over_limit", 1)
        assert await store.get(over.task_id) is None

    async def test_of_concurrent_requests_for_the_last_dollar_one_gets_it(self, store: Store, other: Store):
        await add(store, make(estimate_usd=4.0))

        def ask(where: Store) -> Callable[[], Awaitable[Any]]:
            return lambda: where.admit([make(estimate_usd=1.0)], self.limits(usd=5.0))

        found = await all_at_once([ask(where) for where in (store, other) * 10])
        assert sorted(entry.how for entry in found) == ["new"] + ["over_budget"] * 19
        assert len(await store.page(LOCAL, TaskQuery(limit=100))) == 2

    async def test_yesterday_counts_for_nothing(self, store: Store):
        await add(store, make(estimate_usd=9.0, created_at=NOW - NOW % DAY - 1))
        admitted = await store.admit([make(estimate_usd=1.0)], self.limits(usd=1.0, tasks=1))
        assert (admitted.how, spent_before(admitted)) == ("new", Spent(0.0, 0))

    async def test_what_cost_nothing_counts_for_nothing(self, store: Store):
        await add(store, make(estimate_usd=9.0, state=State.CANCELLED))
        await add(store, make(estimate_usd=9.0, state=State.FAILED))
        admitted = await store.admit([make(estimate_usd=1.0)], self.limits(usd=1.0, tasks=1))
        assert (admitted.how, spent_before(admitted).usd) == ("new", 0.0)

    async def test_a_failure_after_it_was_accepted_counts(self, store: Store):
        await add(store, make_followed(estimate_usd=9.0, state=State.FAILED))
        assert (await store.admit([make(estimate_usd=1.0)], self.limits(usd=9.5))).how == "over_budget"

    async def test_an_earlier_task_is_given_back_whatever_the_limits(self, store: Store):
        lost = await add(store, make(fingerprint="f", estimate_usd=9.0))
        await store.mark_answer([lost.task_id], CALL, "lost")
        await add(store, make(idempotency_key="k", estimate_usd=9.0))
        strict = self.limits(usd=0.0, tasks=0)
        assert (await store.admit([make(fingerprint="f", estimate_usd=9.0)], strict)).how == "adopted"
        assert (await store.admit([make(idempotency_key="k", estimate_usd=9.0)], strict)).how == "same_key"


def purchase(count: int = 3, **given: Any) -> tuple[Task, ...]:
    """The tasks of one purchase; equal ones of the same call have the same fingerprint."""
    prints = {"fingerprint": "f", **given}
    return bought_together([make(**{**prints, "prompt": f"fox {number}"}) for number in range(count)])


async def of(store: Store, tasks: Iterable[Task]) -> list[Task]:
    return [await row(store, task) for task in tasks]


class TestPurchases:
    @staticmethod
    def limits(usd: float | None = None, tasks: int | None = None, ask_above: float | None = None) -> Terms:
        return replace(NO_LIMITS, budget=Budget(usd, tasks, ask_above))

    async def test_all_are_stored_as_they_are(self, store: Store, other: Store):
        tasks = purchase()
        admitted = await store.admit(tasks, NO_LIMITS)
        assert (admitted.how, admitted.tasks) == ("new", tasks)
        assert await of(other, tasks) == list(tasks)
        assert [task.task_id for task in await other.page(LOCAL)] == [task.task_id for task in reversed(tasks)]

    @pytest.mark.parametrize(
        ("limits", "verdict"),
        [
            ({"usd": 2.99}, "over_budget"),
            ({"tasks": 2}, "over_limit"),
            ({"ask_above": 2.99}, "ask_first"),
            ({"usd": 3.0, "tasks": 3, "ask_above": 3.0}, "new"),
        ],
    )
    async def test_the_limits_are_asked_for_the_sum(self, store: Store, limits: dict[str, Any], verdict: str):
        tasks = purchase(estimate_usd=1.0)
        assert (await store.admit(tasks, self.limits(**limits))).how == verdict
        assert len(await store.page(LOCAL)) == (3 if verdict == "new" else 0)
        assert (await store.spent(LOCAL)).posts == (3 if verdict == "new" else 0)

    async def test_one_without_a_price_leaves_the_sum_without_one(self, store: Store):
        tasks = bought_together([make(estimate_usd=1.0), make()])
        assert (await store.admit(tasks, self.limits(usd=9.0))).how == "no_price"
        assert not await store.page(LOCAL)

    async def test_what_is_spent_counts_before_it(self, store: Store):
        await add(store, make(estimate_usd=1.0))
        assert (await store.admit(purchase(estimate_usd=1.0), self.limits(usd=3.5))).how == "over_budget"
        assert (await store.admit(purchase(2, estimate_usd=1.0), self.limits(usd=3.5))).how == "new"

    async def test_of_ten_at_once_under_a_budget_for_one_one_is_bought(self, store: Store, other: Store):
        def ask(where: Store, number: int) -> Callable[[], Awaitable[Admitted]]:
            tasks = purchase(20, fingerprint=f"f{number}", estimate_usd=0.1)
            return lambda: where.admit(tasks, self.limits(usd=2.5))

        found = await all_at_once([ask(where, number) for number, where in enumerate((store, other) * 5)])
        assert sorted(entry.how for entry in found) == ["new"] + ["over_budget"] * 9
        assert len(await store.page(LOCAL, TaskQuery(limit=500))) == 20

    async def test_none_is_stored_where_one_cannot_be(self, store: Store):
        await add(store, make(idempotency_key=f"k{AT_PLACE}1", owner="local"))
        tasks = bought_together([make(fingerprint="f", idempotency_key="other") for _ in range(3)])
        broken = (*tasks[:2], replace(tasks[2], idempotency_key=f"k{AT_PLACE}1"))
        with pytest.raises(StoreError):
            await store.admit(broken, NO_LIMITS)
        assert [await store.get(task.task_id) for task in broken] == [None] * 3
        assert (await store.spent(LOCAL)).posts == 1

    @pytest.mark.parametrize("key", ["", "k"])
    async def test_an_equal_one_gets_all_of_it_in_order(self, store: Store, key: str):
        tasks = purchase(12, idempotency_key=key)
        await store.admit(tasks, NO_LIMITS)
        await store.mark_answer([task.task_id for task in tasks], CALL, "lost")
        again = await store.admit(purchase(12, idempotency_key=key, asked_by="b/1"), NO_LIMITS)
        assert again.how == ("same_key" if key else "adopted")
        assert [task.task_id for task in again.tasks] == [task.task_id for task in tasks]
        assert {task.asked_by for task in await of(store, tasks)} == {"b/1"}
        assert len(await store.page(LOCAL)) == 12

    async def test_one_of_another_count_order_or_prompt_is_another(self, store: Store):
        await store.admit(purchase(3, answer="lost"), NO_LIMITS)
        first, second = make(fingerprint="f"), make(fingerprint="g")
        await store.admit(bought_together([replace(first, answer="lost"), replace(second, answer="lost")]), NO_LIMITS)
        fresh = [replace(task, task_id=new_task_id()) for task in (second, first)]
        for other in (purchase(2), purchase(4), bought_together(fresh), (make(fingerprint="f"),)):
            assert (await store.admit(other, NO_LIMITS)).how == "new"

    async def test_one_that_failed_in_part_is_adopted_whole(self, store: Store):
        tasks = purchase(answer="lost")
        failed = replace(tasks[0], state=State.FAILED, failure=REFUSED, due=None)
        await store.admit([failed, *tasks[1:]], NO_LIMITS)
        again = await store.admit(purchase(), NO_LIMITS)
        assert (again.how, [task.state for task in again.tasks]) == ("adopted", [State.FAILED, *[State.SUBMITTING] * 2])

    async def test_one_that_failed_whole_is_bought_anew(self, store: Store):
        await store.admit(purchase(answer="lost", state=State.FAILED, failure=REFUSED, due=None), NO_LIMITS)
        assert (await store.admit(purchase(), NO_LIMITS)).how == "new"

    async def test_one_that_may_be_waited_for_is_told_whole(self, store: Store):
        tasks = purchase()
        await store.admit(tasks, NO_LIMITS)
        awaited = await store.admit(purchase(), replace(NO_LIMITS, process=PROCESS, waiting=frozenset({CALL})))
        assert (awaited.how, len(awaited.tasks)) == ("awaited", 3)
        alive = replace(NO_LIMITS, process=PROCESS, waiting=frozenset({CALL}), alive=frozenset({CALL}))
        assert (await store.admit(purchase(), alive)).how == "new"

    async def test_what_became_of_an_answer_is_noted_in_all(self, store: Store):
        tasks = purchase()
        await store.admit(tasks, NO_LIMITS)
        ids = [task.task_id for task in tasks]
        await store.mark_answer(ids, "another call", "lost")
        assert {task.answer for task in await of(store, tasks)} == {"awaited"}
        await store.mark_answer(ids, CALL, "given")
        assert {task.answer for task in await of(store, tasks)} == {"given"}
        assert (await store.admit(purchase(), NO_LIMITS)).how == "new"

    async def test_one_of_another_owner_is_not_seen(self, store: Store):
        await store.admit(purchase(owner="ann", answer="lost", idempotency_key="k"), NO_LIMITS)
        await store.admit(purchase(owner="ann", answer="lost"), NO_LIMITS)
        for key in ("k", ""):
            assert (await store.admit(purchase(owner="bob", idempotency_key=key), NO_LIMITS)).how == "new"

    async def test_its_key_is_taken_for_every_other_request(self, store: Store):
        tasks = purchase(idempotency_key="k")
        await store.admit(tasks, NO_LIMITS)
        for count in (1, 2):
            taken = await store.admit(purchase(count, idempotency_key="k"), NO_LIMITS)
            assert (taken.how, taken.tasks) == ("same_key", tasks)

    async def test_the_key_of_a_single_task_is_taken_for_a_purchase(self, store: Store):
        single = await add(store, make(idempotency_key="k"))
        taken = await store.admit(purchase(idempotency_key="k"), NO_LIMITS)
        assert (taken.how, taken.tasks) == ("same_key", (single,))

    async def test_a_key_that_begins_alike_is_free(self, store: Store):
        await store.admit(purchase(idempotency_key="k"), NO_LIMITS)
        for key in ("k0", "k ", "K", "kk"):
            assert (await store.admit(purchase(idempotency_key=key), NO_LIMITS)).how == "new"

    async def test_its_key_stays_taken_while_one_of_it_has_it(self, store: Store):
        tasks = purchase(idempotency_key="k")
        await store.admit(tasks, NO_LIMITS)
        for task in tasks[:2]:
            await store.request_cancel(task.task_id)
        again = await store.admit(purchase(idempotency_key="k"), NO_LIMITS)
        assert (again.how, [task.state for task in again.tasks]) == (
            "same_key",
            [State.CANCELLED, State.CANCELLED, State.SUBMITTING],
        )
        await store.request_cancel(tasks[2].task_id)
        assert (await store.admit(purchase(idempotency_key="k"), NO_LIMITS)).how == "new"

    async def test_its_key_is_free_once_nobody_wants_what_was_never_sent(self, store: Store):
        tasks = purchase(idempotency_key="k")
        await store.admit(tasks, NO_LIMITS)
        CLOCK.now = NOW + 2 * 3600
        assert (await store.admit(purchase(idempotency_key="k", created_at=CLOCK.now), NO_LIMITS)).how == "new"
        assert {task.state for task in await of(store, tasks)} == {State.CANCELLED}

    async def test_a_yes_to_the_sum_buys_it_once(self, store: Store):
        terms = replace(self.limits(ask_above=0.05), confirmed=True, open_for=lambda: -1.0)
        tasks = purchase(estimate_usd=0.04)
        assert (await store.admit(tasks, terms)).how == "ask_first"
        for usd, how in ((0.04, "ask_first"), (0.12, "new"), (None, "ask_first")):
            if usd is not None:
                await store.quote(LOCAL, tasks[0].fingerprint, Agreement(usd, 2))
            bought = await store.admit(purchase(estimate_usd=0.04), terms)
            assert bought.how == how
            await store.mark_answer([task.task_id for task in bought.tasks], CALL, "given")
        assert [task.agreed_attempts for task in await store.page(LOCAL)] == [2] * 3

    async def test_a_further_attempt_that_the_yes_to_the_sum_did_not_name_is_not_made(self, store: Store):
        terms = replace(self.limits(ask_above=0.05), agreed=Agreement(0.12, 1))
        ran = (Attempt(sent_at=NOW, remote_id="r"),)
        tasks = purchase(estimate_usd=0.04, state=State.PENDING, sent_at=NOW, attempts=ran)
        pending = (await store.admit(tasks, terms)).tasks[1]
        again = replace(pending, state=State.SUBMITTING, sent_at=None)
        assert (await store.try_again(pending, again, Sending(budget=terms.budget))).how == "ask_first"


class TestQuotes:
    """A yes counts for what was quoted, once, for half an hour."""

    strict = replace(NO_LIMITS, budget=Budget(None, None, 0.01), confirmed=True)

    async def ask(self, store: Store, terms: Terms = strict, **given: Any) -> Admitted:
        return await store.admit([make(**{"fingerprint": "f", "estimate_usd": 0.04, **given})], terms)

    async def test_a_yes_needs_its_quote_and_uses_it_up(self, store: Store, other: Store):
        assert (await self.ask(store)).how == "ask_first"
        CLOCK.now = NOW - 1700
        await other.quote(LOCAL, "f", Agreement(0.04, 3))
        CLOCK.now = NOW
        assert (await self.ask(store, replace(self.strict, confirmed=False))).how == "ask_first"
        bought = await self.ask(store)
        assert (bought.how, bought.task.agreed_attempts) == ("new", 3)
        assert await store.get(bought.task.task_id) == bought.task
        await store.mark_answer([bought.task.task_id], bought.task.asked_by, "given")
        assert (await self.ask(other)).how == "ask_first"

    @pytest.mark.parametrize(
        ("given", "made_at"),
        [
            ({"fingerprint": "g"}, NOW),
            ({"owner": "bob"}, NOW),
            ({"estimate_usd": 0.05}, NOW),
            ({"estimate_usd": None}, NOW),
            ({}, NOW - 1801),
            ({}, NOW + 100),
        ],
        ids=["another call", "another owner", "dearer", "price unknown", "too old", "the clock was set back"],
    )
    async def test_a_yes_to_something_else_does_not_count(self, store: Store, given: dict[str, Any], made_at: float):
        CLOCK.now = made_at
        await store.quote(LOCAL, "f", Agreement(0.04, 3))
        CLOCK.now = NOW
        assert (await self.ask(store, **given)).how == "ask_first"

    async def test_a_yes_that_was_under_way_before_its_quote_does_not_count(self, store: Store):
        await store.quote(LOCAL, "f", Agreement(0.04, 3))
        CLOCK.now = NOW + 5
        assert (await self.ask(store, replace(self.strict, open_for=lambda: 5.5))).how == "ask_first"
        assert (await self.ask(store, replace(self.strict, open_for=lambda: 4.5))).how == "new"

    async def test_a_quote_that_was_declined_is_gone(self, store: Store, other: Store):
        await store.quote(LOCAL, "f", Agreement(0.04, 3))
        await other.forget_quote(LOCAL, "f")
        assert (await self.ask(store)).how == "ask_first"

    async def test_the_last_quote_counts(self, store: Store):
        await store.quote(LOCAL, "f", Agreement(0.04, 1))
        await store.quote(LOCAL, "f", Agreement(0.03, 2))
        assert (await self.ask(store)).how == "ask_first"
        assert (await self.ask(store, estimate_usd=0.03)).task.agreed_attempts == 2

    async def test_a_yes_in_person_needs_none(self, store: Store):
        in_person = replace(self.strict, confirmed=False, agreed=Agreement(0.04, 2))
        assert (await self.ask(store, in_person, estimate_usd=0.05)).how == "ask_first"
        assert (await self.ask(store, in_person)).task.agreed_attempts == 2

    async def test_of_many_yeses_to_one_quote_at_once_one_buys(self, store: Store, other: Store):
        await store.quote(LOCAL, "f", Agreement(0.04, 1))
        found = await all_at_once([lambda where=where: self.ask(where, answer="given") for where in (store, other) * 5])
        assert sorted(entry.how for entry in found) == ["ask_first"] * 9 + ["new"]


class TestFinding:
    async def test_a_task_is_found_by_either_id(self, store: Store):
        task = await add(store, make_followed())
        assert await store.find(LOCAL, task.task_id) == task
        assert await store.find(LOCAL, task.remote_id) == task
        assert await store.get(task.task_id) == task

    async def test_another_owner_sees_nothing(self, store: Store):
        task = await add(store, make_followed())
        assert await store.find(Owner("bob"), task.task_id) is None
        assert await store.find(Owner("bob"), task.remote_id) is None
        assert await store.page(Owner("bob")) == []

    @pytest.mark.parametrize("text", ["", "%", "tsk_%", "'", "tsk_unknown"])
    async def test_what_is_no_id_finds_nothing(self, store: Store, text: str):
        await add(store, make())
        assert await store.find(LOCAL, text) is None
        assert await store.get(text) is None

    async def test_a_task_is_found_by_where_its_file_was_saved(self, store: Store):
        path = '/pictures/Ünder "q" \\ fox.png'
        saved = (Result(index=0, path=f"{path}.json"), Result(index=1, path=path))
        older = await add(store, make(state=State.SUCCESS, results=saved, created_at=NOW - 1))
        assert await store.saved_at(LOCAL, path) == older
        newer = await add(store, make(state=State.SUCCESS, results=(Result(index=0, path=path),)))
        await add(store, make(state=State.SUCCESS, owner="bob", results=saved, created_at=NOW + 1))
        assert await store.saved_at(LOCAL, path) == newer
        for other in ("", path[:-1], path[1:], "%", "fox.png"):
            assert await store.saved_at(LOCAL, other) is None, other
        assert await store.saved_at(Owner("eve"), path) is None

    async def test_a_task_is_found_by_the_address_of_its_result(self, store: Store):
        url = 'https://cdn.example/a "b"/0.png?x=1&y=%20'
        task = await add(store, make(state=State.SUCCESS, results=(Result(index=0, url=url),)))
        assert await store.made_at(LOCAL, url) == task
        assert await store.made_at(LOCAL, url[:-1]) is None
        assert await store.made_at(Owner("eve"), url) is None

    async def test_a_page_is_newest_first_and_may_be_narrowed(self, store: Store):
        old = await add(store, make(created_at=NOW - 2, state=State.SUCCESS))
        new = await add(store, make(created_at=NOW - 1, modality="video"))
        assert await store.page(LOCAL) == [new, old]
        assert await store.page(LOCAL, TaskQuery(state=State.SUCCESS)) == [old]
        assert await store.page(LOCAL, TaskQuery(modality="video")) == [new]
        assert await store.page(LOCAL, TaskQuery(state=State.SUCCESS, modality="video")) == []
        assert await store.page(LOCAL, TaskQuery(limit=1)) == [new]

    async def test_a_page_holds_what_was_made_since_a_moment(self, store: Store):
        made = [await add(store, make(created_at=NOW + number)) for number in range(4)]
        assert await store.page(LOCAL, TaskQuery(since=NOW + 2)) == [made[3], made[2]]
        assert await store.page(LOCAL, TaskQuery(since=NOW + 2, before=(NOW + 3, made[3].task_id))) == [made[2]]
        assert await store.page(LOCAL, TaskQuery(since=NOW + 9)) == []

    @pytest.mark.parametrize(
        ("words", "prompt"),
        [
            (("fox",), "A red Fox"),
            (("RED", "fox"), "A red Fox"),
            (("狐", "雪"), "雪地里的一只狐狸"),
            (("öl",), "ÖLBILD eines Hauses"),
            (("100%",), "at 100% zoom"),
            (("a_b",), "a_b"),
            (("wow!",), "wow! a cat"),
            (("'",), "it's"),
            (("\\",), "back\\slash"),
        ],
    )
    async def test_a_page_holds_what_has_all_words_in_its_prompt(
        self, store: Store, words: tuple[str, ...], prompt: str
    ):
        wanted = await add(store, make(prompt=prompt))
        for other in ("a red ox", "A fo", "一只狐", "at 100 zoom", "acb", "wow a cat"):
            await add(store, make(prompt=other))
        await add(store, make(prompt=prompt, owner="bob"))
        assert await store.page(LOCAL, TaskQuery(words=tuple(words))) == [wanted]

    async def test_a_page_holds_what_a_connection_asked_for_last(self, store: Store):
        first = await add(store, make(created_at=NOW - 2, asked_by="process/one/1"))
        await add(store, make(created_at=NOW - 1, asked_by="process/two/1"))
        await add(store, make(owner="bob", asked_by="process/one/2"))
        assert await store.page(LOCAL, TaskQuery(connection="one")) == [first]
        assert await store.page(LOCAL, TaskQuery(connection="three")) == []

    async def test_pages_are_complete_and_without_duplicates_while_tasks_are_added(self, store: Store, other: Store):
        # Many share a moment: the id decides among them.
        made = [await add(store, make(created_at=NOW - number // 4)) for number in range(23)]
        seen: list[Task] = []
        before = None
        while len(seen) <= len(made) and (page := await store.page(LOCAL, TaskQuery(limit=5, before=before))):
            seen += page
            before = (page[-1].created_at, page[-1].task_id)
            await add(other, make(created_at=NOW + len(seen)))
        assert seen == sorted(made, key=lambda task: (task.created_at, task.task_id), reverse=True)


class TestClaim:
    async def test_a_due_task_is_listed_and_claimed(self, store: Store):
        task = await add(store, make())
        assert await due_at(store, NOW, KEYS) == [(task.task_id, NOW)]
        claimed = await claim(store, task)
        assert claimed == replace(task, fence=1, lease_holder="me", lease_until=NOW + 8)
        assert await store.get(task.task_id) == claimed

    async def test_one_of_many_concurrent_claimers_wins(self, store: Store, other: Store):
        task = await add(store, make())

        def ask(where: Store, holder: str) -> Callable[[], Awaitable[Any]]:
            return lambda: where.claim(task.task_id, holder, 8, KEYS)

        claimers = [ask(where, f"{number}") for number, where in enumerate((store, other) * 10)]
        winners = [entry for entry in await all_at_once(claimers) if entry is not None]
        assert winners == [await row(store, task)]

    async def test_not_before_it_is_due(self, store: Store):
        task = await add(store, make(due=NOW + 1))
        assert await due_at(store, NOW, KEYS) == []
        assert await store.claim(task.task_id, "me", 8, KEYS) is None

    async def test_not_where_nothing_is_left_to_do(self, store: Store):
        task = await add(store, make(state=State.SUCCESS, due=None))
        assert await due_at(store, NOW * 2, KEYS) == []
        assert await store.claim(task.task_id, "me", 8, KEYS) is None

    async def test_not_while_it_is_leased_but_once_the_lease_has_run_out(self, store: Store, other: Store):
        task = await add(store, make())
        first = await claim(store, task)
        assert await due_at(other, NOW + 7, KEYS) == [(task.task_id, NOW + 8)]
        assert await other.claim(task.task_id, "you", 8, KEYS) is None
        assert await due_at(other, NOW + 8, KEYS) == [(task.task_id, NOW)]
        second = await claim(other, task, "you", NOW + 8, NOW + 16)
        assert second.fence == first.fence + 1

    async def test_while_it_is_leased_by_its_holder_alone_who_began_it_anew(self, store: Store, other: Store):
        """Its step ended without a commit, as where the database was away. What that step still writes is refused."""
        task = await add(store, make())
        broken = await claim(store, task)
        anew = await store.claim(task.task_id, "me", 8, KEYS)
        assert anew is not None
        assert anew.fence == broken.fence + 1
        assert not await store.commit(broken, replace(broken, due=NOW + 60, lease_holder="", lease_until=0.0))
        assert await other.claim(task.task_id, "you", 8, KEYS) is None

    async def test_only_for_the_keys_that_are_held(self, store: Store):
        task = await add(store, make(key_print="theirs"))
        assert await due_at(store, NOW, KEYS) == []
        assert await due_at(store, NOW, ()) == []
        assert await store.claim(task.task_id, "me", 8, KEYS) is None
        assert await store.claim(task.task_id, "me", 8, ()) is None
        assert await due_at(store, NOW, ("ours", "theirs")) == [(task.task_id, NOW)]
        assert await store.claim(task.task_id, "me", 8, ("ours", "theirs")) is not None

    async def test_one_whose_submit_was_cut_off_by_whoever_comes(self, store: Store, other: Store):
        """Its owner may have another key by now: that it is unknown takes none."""
        cut = await add(store, make(key_print="theirs"))
        assert await store.claim(cut.task_id, "dead", 8, ("theirs",)) is not None
        assert await leaves(store, await row(store, cut))
        assert await due_at(other, NOW, KEYS) == [(cut.task_id, NOW + 8)]
        assert await other.claim(cut.task_id, "me", 8, KEYS) is None
        assert await claim(other, cut, now=NOW + 8, until=NOW + 16) is not None

    async def test_the_longest_overdue_come_first_and_no_more_than_asked_for(self, store: Store):
        made = [await add(store, make(due=NOW - number)) for number in range(5)]
        assert await due_at(store, NOW, KEYS, limit=2) == [(task.task_id, task.due) for task in (made[4], made[3])]

    async def test_a_lease_is_prolonged_by_its_holder_alone(self, store: Store):
        task, unclaimed = await add(store, make()), await add(store, make())
        await claim(store, task)
        await store.renew("you", [task.task_id], 100)
        assert (await row(store, task)).lease_until == NOW + 8
        await store.renew("me", [task.task_id, unclaimed.task_id, "tsk_unknown"], 16)
        assert (await row(store, task)).lease_until == NOW + 16
        assert (await row(store, unclaimed)).lease_until == 0.0

    async def test_a_lease_that_ended_is_not_brought_back(self, store: Store):
        task = await add(store, make())
        claimed = await claim(store, task)
        await store.commit(claimed, replace(claimed, lease_holder="", lease_until=0.0))
        await store.renew("me", [task.task_id], 16)
        assert (await row(store, task)).lease_until == 0.0

    async def test_leases_that_are_given_back_can_be_claimed_at_once(self, store: Store, other: Store):
        mine, yours = await add(store, make()), await add(store, make())
        await claim(store, mine)
        await claim(other, yours, "you")
        await store.release("me")
        assert await due_at(other, NOW, KEYS) == [(mine.task_id, NOW), (yours.task_id, NOW + 8)]
        assert (await claim(other, mine, "you")).lease_holder == "you"


class TestClocks:
    """Two processes whose clocks differ, on a store that knows no other."""

    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Open:
        return lambda clock: sqlite_store(tmp_path / "tasks.sqlite3", clock)

    @pytest.mark.parametrize("ahead", [60.0, 6.0, -6.0, -60.0])
    @pytest.mark.parametrize("phase", [0.0, 1.3, 4.9])
    async def test_a_lease_is_its_holders_while_it_renews(self, open_store: Open, ahead: float, phase: float):
        here, there = Clock(), Clock(NOW + ahead)
        async with open_store(here) as one, open_store(there) as other:
            made = (make(due=NOW - 99), make(due=NOW - 99), make_followed(due=NOW - 99))
            held = [await claim(one, await add(one, task)) for task in made]
            here.now = NOW
            assert (await one.mark_sent(held[1], Sending(budget=Budget()))).how == "within"
            held[1] = replace(held[1], sent_at=NOW)
            assert await one.hold("name", "me", LEASE_LASTS)
            for tenth in range(700):
                here.now, there.now = NOW + tenth / 10, NOW + ahead + tenth / 10
                if tenth % 25 == 0:
                    await one.renew("me", [task.task_id for task in held], LEASE_LASTS)
                    assert await one.hold("name", "me", LEASE_LASTS)
                if (tenth / 10 - phase) % 5 < 0.1:
                    assert not await other.hold("name", "you", LEASE_LASTS)
                    for task_id, after in await other.due(KEYS):
                        assert after > 0
                        assert await other.claim(task_id, "you", LEASE_LASTS, KEYS) is None
            assert await one.still_sends(held[1], LEASE_LASTS)
            assert [(await row(one, task)).fence for task in held] == [1, 1, 1]
            assert [(await row(one, task)).state for task in held] == [task.state for task in made]

    @pytest.mark.parametrize("ahead", [60.0, 0.0, -60.0])
    async def test_what_a_dead_process_held_is_taken_soon(self, open_store: Open, ahead: float):
        here, there = Clock(), Clock(NOW + ahead)
        async with open_store(here) as one, open_store(there) as other:
            task = await claim(one, await add(one, make(due=NOW - 99)))
            there.now += 5
            ((_, after),) = await other.due(KEYS)
            assert 0 < after <= LEASE_LASTS
            there.now += after
            assert await other.claim(task.task_id, "you", LEASE_LASTS, KEYS) is not None


class TestCommit:
    async def test_a_move_is_written_whole(self, store: Store, other: Store):
        claimed = await claim(store, await add(store, make()))
        after = replace(
            claimed,
            state=State.PENDING,
            remote_id="r",
            attempts=(Attempt(sent_at=NOW, remote_id="r"),),
            due=NOW + 5,
            lease_holder="",
            lease_until=0.0,
        )
        assert await store.commit(claimed, after)
        assert await other.get(claimed.task_id) == after

    async def test_the_late_write_of_a_sleeper_is_refused(self, store: Store, other: Store):
        task = await add(store, make_followed())
        slept = await claim(store, task)
        awake = await claim(other, task, "you", NOW + 9, NOW + 17)
        assert not await store.commit(slept, replace(slept, state=State.SUCCESS))
        assert await row(store, task) == awake
        assert await other.commit(awake, replace(awake, state=State.FAILED, failure=REFUSED))

    async def test_a_task_in_another_state_than_expected_is_left_alone(self, store: Store):
        task = await add(store, make_followed())
        assert await store.commit(task, replace(task, state=State.SUCCESS, due=None))
        assert not await store.commit(task, replace(task, state=State.FAILED))
        assert (await row(store, task)).state is State.SUCCESS

    async def test_a_task_that_is_not_there_is_not_made(self, store: Store):
        task = make()
        assert not await store.commit(task, replace(task, polls=1))
        assert await store.get(task.task_id) is None

    @pytest.mark.parametrize(
        ("start", "end"),
        [(start, end) for start in State for end in State if start is not end and end not in MOVES[start]],
    )
    async def test_a_move_that_the_table_does_not_allow_is_an_error(self, store: Store, start: State, end: State):
        task = await add(store, make(state=start))
        with pytest.raises(ValueError, match=f"{start} to {end}"):
            await store.commit(task, replace(task, state=end))
        assert await row(store, task) == task

    async def test_what_other_verbs_own_is_not_overwritten(self, store: Store, other: Store):
        claimed = await claim(store, await add(store, make_followed()))
        await other.request_cancel(claimed.task_id)
        await other.mark_answer([claimed.task_id], claimed.asked_by, "lost")
        assert await store.commit(claimed, replace(claimed, state=State.PROCESSING))
        found = await row(store, claimed)
        assert (found.state, found.cancel_requested, found.answer) == (State.PROCESSING, True, "lost")

    async def test_a_poll_that_brought_nothing_is_written_and_leaves_all_else(self, store: Store, other: Store):
        task = await add(store, make_followed())
        for state, failure in ((State.PENDING, REFUSED), (State.PROCESSING, None), (State.PROCESSING, REFUSED)):
            CLOCK.now += 1
            before = await store.claim(task.task_id, "here", LEASE_LASTS, KEYS)
            assert before is not None
            await other.mark_answer([task.task_id], CALL, "given")
            polled = replace(before, state=state, polls=before.polls + 1, tries=before.tries + 2, failure=failure)
            after = replace(polled, due=CLOCK.now, updated_at=CLOCK.now, lease_holder="", lease_until=0.0)
            assert await store.commit(before, after)
            written = await other.get(task.task_id)
            assert written == replace(after, answer="given", heard_by=written.heard_by if written else "")

    async def test_a_poll_of_a_sleeper_is_refused(self, store: Store, other: Store):
        task = await add(store, make_followed())
        slept = await claim(store, task)
        awake = await claim(other, task, "you", NOW + 9, NOW + 17)
        late = replace(slept, polls=1, due=CLOCK.now + 60, lease_holder="", lease_until=0.0)
        assert not await store.commit(slept, late)
        assert await row(store, task) == awake

    async def test_of_concurrent_commits_from_one_state_one_is_written(self, store: Store, other: Store):
        task = await add(store, make_followed())

        def move(where: Store, end: State) -> Callable[[], Awaitable[Any]]:
            return lambda: where.commit(task, replace(task, state=end))

        works = [move(store, State.SUCCESS), move(other, State.FAILED), move(store, State.FAILED)]
        assert sorted(bool(entry) for entry in await all_at_once(works)) == [False, False, True]


class TestSending:
    async def test_the_post_is_noted_once(self, store: Store):
        claimed = await claim(store, await add(store, make()))
        assert await leaves(store, claimed, NOW + 1)
        assert (await row(store, claimed)).sent_at == NOW + 1
        assert not await leaves(store, claimed, NOW + 2)
        assert (await row(store, claimed)).sent_at == NOW + 1

    async def test_nothing_is_sent_by_one_who_lost_the_task(self, store: Store, other: Store):
        task = await add(store, make())
        slept = await claim(store, task)
        await claim(other, task, "you", NOW + 9, NOW + 17)
        assert not await leaves(store, slept, NOW + 10)
        assert (await row(store, task)).sent_at is None

    async def test_nothing_is_sent_after_the_cancel(self, store: Store, other: Store):
        claimed = await claim(store, await add(store, make()))
        cancelled = await other.request_cancel(claimed.task_id)
        assert cancelled is not None
        assert (cancelled.state, cancelled.fence) == (State.CANCELLED, claimed.fence + 1)
        assert not await leaves(store, claimed, NOW)
        assert not await store.commit(claimed, replace(claimed, state=State.PENDING))
        assert (await row(store, claimed)).sent_at is None

    async def test_no_more_are_sent_than_may_be_with_the_gateway_at_once(self, store: Store, other: Store):
        for task in (make_followed(), make(sent_at=NOW), make_followed(key_print="theirs"), make(state=State.UNKNOWN)):
            await add(store, task)
        claimed = await claim(store, await add(store, make()))
        assert not await leaves(store, claimed, NOW, 2)
        assert (await row(store, claimed)).sent_at is None
        assert await leaves(other, claimed, NOW, 3)

    async def test_of_concurrent_sends_for_the_last_place_one_gets_it(self, store: Store, other: Store):
        await add(store, make_followed())
        claimed = [await claim(store, await add(store, make())) for _ in range(10)]

        def send(where: Store, task: Task) -> Callable[[], Awaitable[Any]]:
            return lambda: leaves(where, task, NOW, 2)

        works = [send((store, other)[number % 2], task) for number, task in enumerate(claimed)]
        assert sorted(bool(entry) for entry in await all_at_once(works)) == [False] * 9 + [True]

    async def test_nothing_is_sent_under_a_lease_that_has_run_out(self, store: Store):
        claimed = await claim(store, await add(store, make()))
        assert not await leaves(store, claimed, NOW + 8)
        assert not await leaves(store, claimed, NOW - 100)  # the clock was set back: nobody knows
        assert not await leaves(store, replace(claimed, lease_holder="you"), NOW + 1)
        assert await leaves(store, claimed, NOW + 7)

    async def test_a_post_about_to_leave_is_still_ones_own_until_another_takes_it(self, store: Store, other: Store):
        claimed = await claim(store, await add(store, make()))
        assert await leaves(store, claimed)
        sent = replace(claimed, sent_at=NOW)
        assert not await store.still_sends(replace(sent, sent_at=NOW + 1), 30)
        assert await store.still_sends(sent, 30)
        assert (await row(store, sent)).lease_until == NOW + 30
        await claim(other, sent, "you", NOW + 31, NOW + 40)
        assert not await store.still_sends(sent, 8)

    async def clearance(self, store: Store, task: Task, **terms: Any) -> str:
        return (await store.mark_sent(task, Sending(**{"budget": Budget(), **terms}))).how

    async def test_what_nobody_wants_any_more_is_not_sent(self, store: Store):
        old = make(created_at=NOW - 700, asked_by="asker/1", wanted_until=NOW + 30)
        claimed = await claim(store, await add(store, old))
        assert await self.clearance(store, claimed) == "by_another"
        claimed = await claim(store, await add(store, replace(old, task_id=new_task_id(), wanted_until=NOW - 1)))
        assert await self.clearance(store, claimed) == "lapsed"
        assert await self.clearance(store, claimed, process="asker") == "within"

    async def test_the_day_on_which_it_leaves_is_asked_and_counts_it(self, store: Store):
        yesterday = make(created_at=NOW - DAY, asked_at=NOW, estimate_usd=0.5)
        claimed = await claim(store, await add(store, yesterday))
        spent = await add(store, make_followed(estimate_usd=0.6))
        assert await self.clearance(store, claimed, budget=Budget(1.0)) == "over_budget"
        assert await self.clearance(store, claimed, budget=Budget(None, 1)) == "over_limit"
        assert await self.clearance(store, claimed, budget=Budget(None, None, 0.4)) == "ask_first"
        assert (await row(store, claimed)).sent_at is None
        assert await self.clearance(store, claimed, budget=Budget(1.1, 2)) == "within"
        after = await store.admit([make(estimate_usd=0.1)], replace(NO_LIMITS, budget=Budget(1.0)))
        assert (after.how, spent_before(after)) == ("over_budget", Spent(1.1, 2))
        assert spent.posts == 1

    async def test_of_concurrent_sends_for_the_last_dollar_one_gets_it(self, store: Store, other: Store):
        yesterdays = [make(created_at=NOW - DAY, asked_at=NOW, estimate_usd=1.0) for _ in range(10)]
        claimed = [await claim(store, await add(store, task)) for task in yesterdays]

        def send(where: Store, task: Task) -> Callable[[], Awaitable[Any]]:
            return lambda: self.clearance(where, task, budget=Budget(1.5))

        works = [send((store, other)[number % 2], task) for number, task in enumerate(claimed)]
        assert sorted(map(str, await all_at_once(works))) == ["over_budget"] * 9 + ["within"]

    async def test_a_further_attempt_asks_and_is_reserved_in_one_transaction(self, store: Store, other: Store):
        made = [await add(store, make_followed(estimate_usd=1.0)) for _ in range(4)]

        def again(where: Store, task: Task) -> Callable[[], Awaitable[Any]]:
            failed = replace(task.attempts[0], failure_code="PROCESSING_TIMEOUT", failed_at=NOW)
            after = replace(task, state=State.SUBMITTING, attempts=(failed,), sent_at=None, remote_id="")
            return lambda: where.try_again(task, after, Sending(budget=Budget(5.5)))

        found = await all_at_once([again((store, other)[n % 2], task) for n, task in enumerate(made)])
        assert sorted(entry.how for entry in found) == ["over_budget"] * 3 + ["within"]
        states = [(await row(store, task)).state for task in made]
        assert states.count(State.SUBMITTING) == 1

    async def test_an_estimate_below_nothing_buys_nothing_more(self, store: Store):
        await store.add([make_followed(estimate_usd=-100.0)])
        await add(store, make_followed(estimate_usd=1.0))
        admitted = await store.admit([make(estimate_usd=1.0)], replace(NO_LIMITS, budget=Budget(1.5)))
        assert (admitted.how, spent_before(admitted).usd) == ("over_budget", 1.0)

    async def test_an_unsent_task_knows_how_many_are_before_it(self, store: Store):
        for task in (make(created_at=NOW - 2), make(created_at=NOW - 1), make(created_at=NOW + 1), make_followed()):
            await add(store, task)
        await add(store, make(created_at=NOW - 3, key_print="theirs"))
        await add(store, make(created_at=NOW - 3, sent_at=NOW))
        assert await store.place(await add(store, make())) == 2

    async def test_of_send_and_cancel_at_once_exactly_one_happens(self, store: Store, other: Store):
        for _ in range(10):
            claimed = await claim(store, await add(store, make()))
            async with anyio.create_task_group() as group:
                group.start_soon(leaves, store, claimed, NOW)
                group.start_soon(other.request_cancel, claimed.task_id)
            found = await row(store, claimed)
            assert (found.sent_at is None) == (found.state is State.CANCELLED)
            assert found.cancel_requested


class TestCancel:
    async def test_an_unsent_task_ends_cancelled(self, store: Store):
        task = await add(store, make())
        CLOCK.now = NOW + 1
        cancelled = await store.request_cancel(task.task_id)
        assert cancelled is not None
        assert cancelled == await row(store, task)
        assert (cancelled.state, cancelled.due, cancelled.completed_at) == (State.CANCELLED, None, NOW + 1)
        assert await due_at(store, NOW * 2, KEYS) == []

    async def test_an_unsent_further_attempt_ends_failed(self, store: Store):
        failed = (Attempt(sent_at=NOW, remote_id="r", failure_code="PROCESSING_TIMEOUT"),)
        task = await add(store, make(attempts=failed, failure=REFUSED))
        ended = await store.request_cancel(task.task_id)
        assert ended is not None
        assert (ended.state, ended.failure, ended.due) == (State.FAILED, REFUSED, None)

    @pytest.mark.parametrize(
        "task",
        [make(sent_at=NOW), make_followed(), make_followed(state=State.PROCESSING), make(state=State.UNKNOWN)],
        ids=["sent", "pending", "processing", "unknown"],
    )
    async def test_of_a_sent_task_only_the_waiting_ends(self, store: Store, task: Task):
        await add(store, task)
        CLOCK.now = NOW + 1
        asked = await store.request_cancel(task.task_id)
        assert asked == replace(task, cancel_requested=True, updated_at=NOW + 1)

    @pytest.mark.parametrize("state", sorted(TERMINAL))
    async def test_a_task_that_ended_is_untouched(self, store: Store, state: State):
        task = await add(store, make(state=state, due=None))
        assert await store.request_cancel(task.task_id) is None
        assert await row(store, task) == task

    async def test_an_unknown_task_is_not_made(self, store: Store):
        assert await store.request_cancel("tsk_unknown") is None


class TestWaking:
    @pytest.mark.parametrize("state", [State.PENDING, State.PROCESSING])
    @pytest.mark.parametrize("due", [None, NOW + 60])
    async def test_a_followed_task_is_looked_at_earlier(self, store: Store, state: State, due: float | None):
        task = await add(store, make_followed(state=state, due=due))
        assert await store.wake(task.task_id)
        assert await due_at(store, NOW, KEYS) == [(task.task_id, NOW)]

    async def test_never_later(self, store: Store):
        task = await add(store, make_followed(due=NOW))
        assert not await store.wake(task.task_id, 1)
        assert (await row(store, task)).due == NOW

    @pytest.mark.parametrize("state", [State.SUBMITTING, State.UNKNOWN, State.FAILED, State.CANCELLED, State.SUCCESS])
    async def test_no_other_task_is_looked_at(self, store: Store, state: State):
        due = NOW + 60 if state is State.SUBMITTING else None
        task = await add(store, make(state=state, due=due))
        assert not await store.wake(task.task_id)
        assert await row(store, task) == task


class TestCounting:
    async def test_usage_is_counted_by_utc_day_model_and_state(self, store: Store):
        midnight = NOW - NOW % DAY
        await add(store, make(created_at=midnight - 0.5, estimate_usd=1.0))
        await add(store, make(created_at=midnight, estimate_usd=2.0))
        await add(store, make(created_at=midnight + DAY - 0.5, estimate_usd=4.0))
        sent = Attempt(sent_at=midnight + 5, remote_id="r")
        await add(store, make(created_at=midnight, state=State.SUCCESS, estimate_usd=None, attempts=(sent,)))
        await add(store, make(created_at=midnight, model="veo-3-1", estimate_usd=8.0))
        await add(store, make(created_at=midnight - DAY - 1, estimate_usd=16.0))
        await add(store, make(created_at=midnight, owner="bob", estimate_usd=32.0))
        # What was refused before it cost anything, or was never sent, is in no sum.
        await add(store, make(created_at=midnight, state=State.FAILED, estimate_usd=64.0))
        await add(store, make(created_at=midnight, state=State.CANCELLED, estimate_usd=128.0))
        CLOCK.now = midnight + 10
        assert await store.spent(LOCAL) == Spent(14.0, 4, 31.0)
        CLOCK.now = NOW
        counts = [count for count in await store.usage(LOCAL, 2) if count.state not in ("failed", "cancelled")]
        found = {(count.day, count.model, str(count.state)): count for count in counts}
        assert len(found) == len(counts) == 4
        today = found["2026-09-21", "nano-banana", "submitting"]
        assert (today.tasks, today.estimate_usd, today.without_price) == (2, 6.0, 0)
        unpriced = found["2026-09-21", "nano-banana", "success"]
        assert (unpriced.tasks, unpriced.attempts) == (1, 1)
        assert (unpriced.estimate_usd, unpriced.without_price) == (0.0, 1)
        assert found["2026-09-20", "nano-banana", "submitting"].estimate_usd == 1.0
        assert found["2026-09-21", "veo-3-1", "submitting"].tasks == 1

    async def test_open_tasks_are_those_with_a_next_step(self, store: Store):
        for task in (make(), make_followed(due=NOW + 60), make(due=None), make(key_print="theirs")):
            await add(store, task)
        assert await store.open_count(KEYS) == 2
        assert await store.open_count(("theirs",)) == 1
        assert await store.open_count(()) == 0

    @pytest.mark.parametrize(
        ("given", "is_needed"),
        [
            ({"state": State.SUBMITTING}, True),
            ({"state": State.SUBMITTING, "due": None}, True),
            ({"state": State.PENDING, "due": NOW + 60, "created_at": NOW - 99_000}, True),
            ({"state": State.PROCESSING, "due": NOW - 60}, True),
            ({"state": State.PROCESSING, "due": None}, False),
            ({"state": State.UNKNOWN, "due": None, "sent_at": NOW - 3000}, True),
            ({"state": State.UNKNOWN, "due": None, "sent_at": NOW - 4000}, False),
            ({"state": State.SUCCESS, "due": None, "completed_at": NOW - 50}, True),
            ({"state": State.SUCCESS, "due": NOW, "completed_at": NOW - 70}, False),
            ({"state": State.FAILED, "due": None, "completed_at": NOW - 70}, False),
            ({"state": State.CANCELLED, "due": None, "completed_at": NOW - 50}, True),
        ],
    )
    async def test_an_input_is_needed_by_a_task_that_goes_on_or_has_just_ended(
        self, store: Store, given: dict[str, Any], is_needed: bool
    ):
        await add(store, make(inputs={"image_urls": ["https://files.example/inputs/abc/image.png"]}, **given))
        assert await store.needs_input("abc", 60.0, 3600.0) is is_needed
        assert not await store.needs_input("abd", 60.0, 3600.0)


class TestMoving:
    """Tasks that leave a store and come into another."""

    async def test_every_task_is_dumped_once_in_pages(self, store: Store):
        made = [await add(store, make(owner=owner)) for owner in ("local", "bob") * 4]
        seen: list[Task] = []
        while page := await store.dump(seen[-1].task_id if seen else "", limit=3):
            seen += page
        assert seen == sorted(made, key=lambda task: task.task_id)

    async def test_what_is_there_already_is_left_as_it_is(self, store: Store):
        there = await add(store, make(prompt="ours"))
        new = make(prompt="new")
        assert await store.add([replace(there, prompt="theirs"), new]) == [new.task_id]
        assert await row(store, there) == there
        assert await row(store, new) == new
        assert await store.add([new]) == []

    async def test_a_taken_idempotency_key_stays_with_the_task_that_has_it(self, store: Store):
        there = await add(store, make(idempotency_key="k"))
        new = make(idempotency_key="k")
        assert await store.add([new]) == [new.task_id]
        assert await row(store, there) == there
        assert await row(store, new) == replace(new, idempotency_key="")

    async def test_all_come_in_or_none(self, store: Store):
        with pytest.raises(StoreError):
            await store.add([make(), make(created_at=None)])
        assert await store.dump() == []


class TestIds:
    """An id of the gateway belongs to one row, whoever owns it."""

    async def test_an_id_that_another_row_has_is_not_taken(self, store: Store, other: Store):
        there = await add(store, make_followed(owner="ann", remote_id="r"))
        claimed = await claim(other, await add(store, make()))
        with pytest.raises(IdTaken) as taken:
            await other.commit(claimed, replace(claimed, state=State.PENDING, remote_id="r"))
        assert (taken.value.task_id, taken.value.owner) == (there.task_id, "ann")
        assert await row(store, claimed) == claimed
        assert await other.commit(claimed, replace(claimed, state=State.PENDING, remote_id="another"))

    async def test_the_holder_of_an_id_is_another_row_at_the_same_gateway(self, store: Store):
        there = await add(store, make_followed(owner="ann", remote_id="r"))
        holder = await store.holder(make(), "r")
        assert holder is not None
        assert (holder.task_id, holder.owner) == (there.task_id, "ann")
        assert await store.holder(there, "r") is None
        assert await store.holder(make(gateway="ruxa"), "r") is None
        assert await store.holder(make(), "another") is None

    async def test_of_concurrent_takers_of_an_id_one_gets_it(self, store: Store, other: Store):
        made = [await claim(store, await add(store, make())) for _ in range(6)]

        async def take(where: Store, task: Task) -> bool:
            try:
                return await where.commit(task, replace(task, state=State.PENDING, remote_id="r"))
            except IdTaken:
                return False

        works = [lambda n=n, task=task: take((store, other)[n % 2], task) for n, task in enumerate(made)]
        assert sorted(await all_at_once(works)) == [False] * 5 + [True]


class TestReread:
    empty = replace(REFUSED, code=EMPTY_RESULT)

    async def test_a_failure_without_a_result_may_become_a_success(self, store: Store, other: Store):
        failed = await add(store, make_followed(state=State.FAILED, failure=self.empty, due=None))
        after = replace(failed, state=State.SUCCESS, failure=None)
        assert await store.reread(failed, after)
        assert await row(other, failed) == after
        assert not await other.reread(failed, after)

    async def test_no_other_end_is_left(self, store: Store):
        failed = await add(store, make_followed(state=State.FAILED, failure=REFUSED, due=None))
        assert not await store.reread(failed, replace(failed, state=State.SUCCESS))
        with pytest.raises(ValueError, match="pending"):
            await store.reread(failed, replace(failed, state=State.PENDING))
        assert await row(store, failed) == failed


class TestLapsing:
    """What is not sent within the time for which it is wanted ends; a process that lives may keep it wanted."""

    async def test_what_nobody_wants_any_more_ends_whoever_owns_it(self, store: Store, other: Store):
        old = await add(store, make(owner="ann", key_print="theirs", created_at=NOW - 700))
        for kept in (make(created_at=NOW - 500), make(created_at=NOW - 700, sent_at=NOW), make_followed(created_at=1)):
            await add(store, kept)
        assert [task.task_id for task in await store.end_lapsed()] == [old.task_id]
        assert (await row(other, old)).state is State.CANCELLED
        assert await other.end_lapsed() == []

    async def test_a_process_that_lives_keeps_what_it_was_asked_for(self, store: Store, other: Store):
        task = await add(store, make(created_at=NOW - 700))
        assert await store.want(PROCESS, 30)
        assert await other.end_lapsed("another process") == []
        assert await other.end_lapsed(PROCESS) == []
        CLOCK.now = NOW + 31
        assert [ended.task_id for ended in await other.end_lapsed()] == [task.task_id]

    async def test_a_process_that_was_asked_for_nothing_open_is_told(self, store: Store):
        await add(store, make(state=State.SUCCESS, due=None))
        await add(store, make(asked_by="another process/1"))
        assert not await store.want(PROCESS, 30)


class TestKeeping:
    async def test_a_text_is_kept_with_its_task_until_it_is_let_go_of(self, store: Store, other: Store):
        await store.keep("tsk_a", "answer", "one")
        await store.keep("tsk_a", "answer", "two \ud83e")
        await store.keep("tsk_b", "answer", "other")
        assert await other.kept("tsk_a", "answer") == "two ?"
        assert await other.kept("tsk_a", "file") is None
        await other.let_go_of("tsk_a", "answer")
        assert [await store.kept(task_id, "answer") for task_id in ("tsk_a", "tsk_b")] == [None, "other"]


class TestNamedLeases:
    async def test_one_holder_at_a_time(self, store: Store, other: Store):
        assert await store.hold("name", "me", 8)
        assert await store.hold("name", "me", 8)
        assert not await other.hold("name", "you", 8)
        assert await other.hold("another name", "you", 8)
        await other.let_go("name", "you")
        assert not await other.hold("name", "you", 8)
        await store.let_go("name", "me")
        assert await other.hold("name", "you", 8)


class TestDurability:
    async def test_a_secret_stays_and_is_not_to_be_guessed(self, open_store: Open):
        async with open_store() as first:
            one, two = await first.secret("one"), await first.secret("two")
        async with open_store() as second:
            assert await second.secret("one") == one
        assert one != two
        assert len(one) >= 16

    async def test_concurrent_first_users_of_a_secret_agree(self, store: Store, other: Store):
        found = await all_at_once([lambda where=where: where.secret("salt") for where in (store, other) * 5])
        assert len(set(found)) == 1

    async def test_many_processes_may_open_a_new_store_at_once(self, open_store: Open):
        async with AsyncExitStack() as stack:
            opened = await all_at_once([lambda: stack.enter_async_context(open_store())] * 8)
            task = await add(opened[0], make())
            for store in opened:
                assert await store.get(task.task_id) == task

    async def test_a_closed_store_says_so(self, open_store: Open):
        async with open_store() as store:
            pass
        with pytest.raises(StoreError, match="closed"):
            await store.get("tsk_x")

    @given(first=tasks, later=tasks)
    @settings(
        max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    )
    async def test_any_task_reads_back_equal_through_another_store(self, open_store: Open, first: Task, later: Task):
        async with open_store() as store, open_store() as other:
            await add(store, first)
            assert await other.get(first.task_id) == first
            after = replace(
                later,
                task_id=first.task_id,
                owner=first.owner,
                state=first.state,
                prompt=first.prompt,
                inputs=first.inputs,
                fingerprint=first.fingerprint,
                created_at=first.created_at,
                fence=first.fence,
                cancel_requested=first.cancel_requested,
                answer=first.answer,
                lease_holder=first.lease_holder,
                lease_until=first.lease_until,
            )
            assert await store.commit(first, after)
            assert await other.get(first.task_id) == after


class TestSqliteFile:
    """What is particular to a store that is one file."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "tasks.sqlite3"

    @pytest.mark.parametrize("journal", ["delete", "wal"])
    async def test_a_newer_schema_is_refused_and_left_untouched(self, path: Path, journal: str):
        with sqlite3.connect(path) as database:
            database.execute(f"pragma journal_mode = {journal}")
            database.execute("create table task (something_new text)")
            database.execute("pragma user_version = 9999")
        database.close()
        before = path.read_bytes()
        with pytest.raises(SchemaTooNew, match=r"schema 9999.*APIXO_MCP_HOME") as error:
            async with SqliteStore(path):
                pass
        assert str(path) in str(error.value)
        assert path.read_bytes() == before

    async def test_an_empty_file_is_brought_up_to_date(self, path: Path):
        path.touch()
        async with SqliteStore(path) as store:
            task = await add(store, make())
        with sqlite3.connect(path) as database:
            assert database.execute("pragma user_version").fetchone()[0] >= 1
        database.close()
        async with SqliteStore(path) as store:
            assert await store.get(task.task_id) == task

    async def test_a_folder_that_cannot_be_made_is_told_by_its_path(self, tmp_path: Path):
        (tmp_path / "file").touch()
        with pytest.raises(StoreError, match="file"):
            async with SqliteStore(tmp_path / "file" / "tasks.sqlite3"):
                pass

    async def test_every_commit_is_on_disk_before_the_call_returns(self, path: Path, monkeypatch: pytest.MonkeyPatch):
        opened = connections(monkeypatch)
        async with SqliteStore(path) as store:
            task = await add(store, make())
            assert await store.claim(task.task_id, "holder", 8, KEYS)
            assert opened[str(path)].execute("pragma synchronous").fetchone()[0] == 2, (
                "a power cut could take back a commit that was paid for"
            )
            with sqlite3.connect(path) as reader:
                assert reader.execute("select count(*) from task where task_id = ?", [task.task_id]).fetchone() == (1,)
            reader.close()

    async def test_a_task_is_looked_up_while_others_wait_to_write(self, path: Path):
        async with SqliteStore(path) as store, anyio.create_task_group() as group:
            task = await add(store, make())
            assert await store.get(task.task_id) == task
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("begin immediate")
                written = anyio.Event()

                async def write() -> None:
                    await add(store, make())
                    written.set()

                group.start_soon(write)
                await anyio.wait_all_tasks_blocked()
                assert await store.get(task.task_id) == task
                assert await store.find(LOCAL, task.task_id) == task
                assert not written.is_set()

    async def test_a_poll_is_noted_though_another_process_is_writing(self, path: Path):
        async with sqlite_store(path) as store:
            task = await claim(store, await add(store, make_followed()))
            polled = replace(task, polls=1, lease_holder="", lease_until=0.0)
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("begin immediate")
                async with anyio.create_task_group() as group:
                    group.start_soon(store.commit, task, polled)
                    await anyio.wait_all_tasks_blocked()
                    assert await store.get(task.task_id) == task
                    other.execute("rollback")
            assert await store.get(task.task_id) == polled
            assert (await claim(store, task)).polls == 1

    async def test_however_many_polls_are_noted_the_log_stays_small(self, path: Path):
        async with sqlite_store(path) as store:
            made = [await add(store, make_followed(prompt="a fox " * 500)) for _ in range(4)]
            for turn in range(NOTED_AT_MOST):
                for task in made:
                    claimed = await claim(store, task)
                    polled = replace(claimed, polls=turn, lease_holder="", lease_until=0.0)
                    assert await store.commit(claimed, polled)
            log_size = path.with_name(f"{path.name}-wal").stat().st_size
        assert log_size < NOTED_AT_MOST * 4096 * 20

    async def test_what_another_process_has_committed_is_looked_up_at_once(self, path: Path):
        async with SqliteStore(path) as store, SqliteStore(path) as other:
            task = await add(store, make())
            for seconds in range(3):
                assert await other.get(task.task_id) == await store.get(task.task_id)
                await store.wake(task.task_id, after=seconds)

    async def test_a_file_that_is_deleted_under_the_program_is_written_anew_whole(self, path: Path):
        async with sqlite_store(path) as store, sqlite_store(path) as other:
            early = await add(store, make())
            assert await store.get(early.task_id) == await other.get(early.task_id) == early
            for file in path.parent.iterdir():
                file.unlink()
            late = await add(store, make())
            assert await store.get(late.task_id) == late
            later = await add(other, make())
            async with SqliteStore(path) as fresh:
                for task in (early, late, later):
                    assert await fresh.get(task.task_id) is not None
        async with SqliteStore(path) as store:
            assert len(await store.page(LOCAL)) == 3
            assert store.warnings == ()

    async def test_a_folder_that_is_deleted_under_the_program_is_made_anew(self, tmp_path: Path):
        path = tmp_path / "home" / "tasks.sqlite3"
        async with sqlite_store(path) as store:
            task = await claim(store, await add(store, make()))
            shutil.rmtree(path.parent)
            assert await leaves(store, task, NOW)
        async with SqliteStore(path) as store:
            sent = await store.get(task.task_id)
        assert sent is not None
        assert sent.sent_at == NOW

    async def test_nothing_is_sent_where_its_outcome_could_not_be_noted(self, path: Path, monkeypatch):
        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        async with sqlite_store(path) as store:
            task = await claim(store, await add(store, make()))
            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", full)
                with pytest.raises(StoreError, match="Make room on the disk"):
                    await leaves(store, task, NOW)
            assert await leaves(store, task, NOW)


class TestWhatAnOperatorSees:
    async def test_open_tasks_of_all_owners_are_counted_by_gateway(self, store: Store):
        await store.add(
            [
                make(task_id="tsk_a", owner="alice"),
                make(task_id="tsk_b", owner="bob", sent_at=NOW),
                make_followed(task_id="tsk_c", owner="bob", remote_id="r1"),
                make_followed(task_id="tsk_d", remote_id="r2", gateway="ruxa"),
                make_followed(task_id="tsk_e", remote_id="r3", due=None),  # nobody looks any more
                make(task_id="tsk_f", state=State.CANCELLED, due=None),
            ]
        )
        totals = await store.totals()
        assert totals.in_flight == {"apixo": 2, "ruxa": 1}
        assert totals.queued == {"apixo": 1}

    async def test_what_each_owner_has_spent_today_is_what_admission_counts(self, store: Store):
        yesterday = NOW - DAY
        sent = Attempt(sent_at=NOW, remote_id="r")
        old = Attempt(sent_at=yesterday, remote_id="q")
        await store.add(
            [
                make(task_id="tsk_a", owner="alice", estimate_usd=0.5, attempts=(old, sent), state=State.PENDING),
                make(task_id="tsk_b", owner="bob", estimate_usd=0.25),
                make(task_id="tsk_c", owner="carol", estimate_usd=9.0, created_at=yesterday, attempts=(old,)),
                make(task_id="tsk_d", owner="dora"),
            ]
        )
        spent = (await store.totals()).spent
        assert {owner: one.usd for owner, one in spent.items() if one.usd} == {"alice": 0.5, "bob": 0.25}
        for owner in ("alice", "bob", "carol", "dora"):
            assert spent.get(owner, Spent()) == await store.spent(Owner(owner))
        assert await store.owner_names() == ["alice", "bob", "carol", "dora"]

    async def test_what_all_have_made_is_what_each_has(self, store: Store):
        await store.add(
            [
                make(task_id="tsk_a", owner="alice", estimate_usd=0.5),
                make(task_id="tsk_b", owner="bob", estimate_usd=0.25, created_at=NOW - DAY),
            ]
        )
        each = [count for name in ("alice", "bob") for count in await store.usage(Owner(name), 7)]
        assert sorted(await store.usage(None, 7), key=str) == sorted(each, key=str)
        assert [(count.tasks, count.estimate_usd) for count in each] == [(1, 0.5), (1, 0.25)]
        assert len(await store.usage(None, 1)) == 1

    async def test_the_limits_of_all_are_those_of_nobody_in_particular(self, store: Store):
        await store.add([make(task_id="tsk_a", owner="alice", estimate_usd=0.5)])
        budget = Budget(daily_usd=2.0)
        assert await store.limits(None, budget) == (Allowance(budget, Spent(0.5, 1), "all"),)

    async def test_an_empty_store_has_nothing(self, store: Store):
        totals = await store.totals()
        assert (totals.in_flight, totals.queued, totals.spent) == ({}, {}, {})
        assert (await store.owner_names(), await store.usage(None, 7)) == ([], [])

    async def test_where_files_are_is_written_only_over_what_was_read_and_keeps_who_read_before_from_writing(
        self, store: Store, other: Store
    ):
        saved = (Result(index=0, path="/a/b.png", url="u", file=FileState.SAVED),)
        before = make(state=State.SUCCESS, due=None, results=saved, updated_at=NOW - DAY, answer="given")
        moved = replace(before, results=(replace(saved[0], path="s3://a/b.png"),), prompt="not written")
        await store.add([before])
        assert not await store.move_files(replace(before, results=moved.results), moved)
        assert await other.move_files(before, moved)
        after = await row(store, before)
        assert after == replace(before, results=moved.results, fence=before.fence + 1)
        assert not await store.move_files(before, moved)
        assert not await store.commit(before, replace(before, results=()))
        for busy in (make_followed(results=saved), make(state=State.SUCCESS, results=saved)):
            await store.add([busy])
            assert not await store.move_files(busy, replace(busy, results=moved.results))
        assert await store.delete_entry(after, "deleted")
        assert not await store.move_files(after, after)

    async def test_tasks_whose_files_are_of_an_age_are_found_page_by_page(self, store: Store):
        old = {"state": State.SUCCESS, "due": None, "updated_at": NOW - 3 * DAY}
        saved = (Result(index=0, path="/a/b.png", url="u"),)
        await store.add(
            [
                make(task_id="tsk_a", owner="alice", results=saved, **old),
                make(task_id="tsk_b", owner="bob", results=saved, **old),
                make(task_id="tsk_c", results=saved, **{**old, "updated_at": NOW - DAY}),
                make(task_id="tsk_d", results=saved, **{**old, "due": NOW}),
                make(task_id="tsk_e", results=(Result(index=0, url="u"),), **old),
                make(task_id="tsk_f", results=saved, **{**old, "state": State.FAILED}),
            ]
        )
        found: list[str] = []
        after, pages = "", 0
        while pages == 0 or after:
            tasks, after = await store.kept_for(2 * DAY, after, 2)
            found += [task.task_id for task in tasks]
            pages += 1
        assert (found, pages) == (["tsk_a", "tsk_b"], 4)
        assert await store.kept_for(4 * DAY, "", 9) == ([], "tsk_f")
