"""What every store must do about the limits of an owner and of all owners together: each asked where money moves."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.store_tasks import CLOCK, KEYS, NO_LIMITS, NOW, make, make_followed

from apixo_mcp.stores import statements
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.budget import Budget, Spent, month_start, reason
from apixo_mcp.tasks.owner import LOCAL, Owner, Raise, Scope
from apixo_mcp.tasks.ports.terms import Sending, Terms
from apixo_mcp.tasks.task import Attempt, State, Task
from apixo_mcp.tasks.uses import usd_left

pytestmark = pytest.mark.anyio

DAY = 86400.0
MIDNIGHT = NOW - NOW % DAY
ALICE = Owner("alice", Scope.GENERATE, budget=Budget(daily_usd=1.0))


@pytest.fixture
async def store(both: tuple[Any, Any]) -> Any:
    """The store of a process, on which another has just added an owner."""
    assert await both[1].owners.add(ALICE, "")
    return both[0]


def hers(**given: Any) -> Task:
    return make(owner="alice", **given)


async def admitted(store: Any, *tasks: Task, **all_together: Any) -> str:
    return (await store.admit(tasks, Terms(budget=Budget(**all_together)))).how


async def claimed(store: Any, task: Task) -> Task:
    assert (await store.admit([task], NO_LIMITS)).how == "new"
    return await store.claim(task.task_id, "here", 8.0, KEYS)


async def cleared(store: Any, task: Task, **all_together: Any) -> str:
    return (await store.mark_sent(task, Sending(budget=Budget(**all_together)))).how


async def at_once(asks: list[Callable[[], Awaitable[str]]]) -> list[str]:
    answers: list[str] = []

    async def ask(one: Callable[[], Awaitable[str]]) -> None:
        answers.append(await one())

    async with anyio.create_task_group() as group:
        for one in asks:
            group.start_soon(ask, one)
    return answers


async def test_a_thousand_calls_at_once_in_two_processes_spend_the_dollar_and_no_more(both: tuple[Any, Any]):
    assert await both[0].owners.add(ALICE, "")

    def ask(number: int) -> Callable[[], Awaitable[str]]:
        return lambda: admitted(both[number % 2], hers(estimate_usd=0.04))

    answers = await at_once([ask(number) for number in range(1000)])
    assert {how: answers.count(how) for how in set(answers)} == {"new": 25, "over_budget": 975}
    assert (await both[0].spent(ALICE)).usd == pytest.approx(1.0)


async def test_a_thousand_calls_at_once_of_many_owners_spend_no_more_than_all_may(both: tuple[Any, Any]):
    for number in range(10):
        assert await both[0].owners.add(Owner(f"owner{number}", budget=Budget(daily_usd=0.5)), "")

    def ask(number: int) -> Callable[[], Awaitable[str]]:
        task = make(owner=f"owner{number % 10}", estimate_usd=0.04)
        return lambda: admitted(both[number % 2], task, daily_usd=1.0)

    answers = await at_once([ask(number) for number in range(1000)])
    assert answers.count("new") == 25
    assert set(answers) == {"new", "over_budget"}
    assert (await both[1].spent(None)).usd == pytest.approx(1.0)


async def test_whoever_sends_asks_the_same_limits_again(both: tuple[Any, Any]):
    assert await both[0].owners.add(replace(ALICE, budget=Budget(daily_usd=9.0)), "")
    tasks = [await claimed(both[0], hers(estimate_usd=0.4)) for _ in range(4)]
    assert await both[1].owners.change("alice", lambda _: ALICE)

    def ask(number: int) -> Callable[[], Awaitable[str]]:
        return lambda: cleared(both[number % 2], tasks[number])

    # All four are reserved, which is more than the day allows by now: none may leave until some have ended.
    assert await at_once([ask(number) for number in range(4)]) == ["over_budget"] * 4
    await both[0].request_cancel(tasks[0].task_id)
    await both[0].request_cancel(tasks[1].task_id)
    assert await at_once([ask(2), ask(3)]) == ["within"] * 2


@pytest.mark.parametrize(
    ("own", "of_all", "how", "whose"),
    [
        (Budget(daily_usd=1.0), Budget(), "over_budget", "owner"),
        (Budget(monthly_usd=1.0), Budget(), "over_month", "owner"),
        (Budget(daily_tasks=1), Budget(), "over_limit", "owner"),
        (Budget(), Budget(daily_usd=1.0), "over_budget", "all"),
        (Budget(), Budget(monthly_usd=1.0), "over_month", "all"),
        (Budget(), Budget(daily_tasks=1), "over_limit", "all"),
        (Budget(daily_usd=5.0), Budget(daily_usd=1.0), "over_budget", "all"),
        (Budget(daily_usd=1.0), Budget(daily_usd=5.0), "over_budget", "owner"),
    ],
)
async def test_each_limit_refuses_and_the_refusal_says_whose_it_is(
    store: Any, own: Budget, of_all: Budget, how: str, whose: str
):
    await store.owners.change("alice", lambda _: replace(ALICE, budget=own))
    assert (await store.admit([hers(estimate_usd=0.9)], Terms(budget=of_all))).how == "new"
    over = hers(estimate_usd=0.2)
    refused = await store.admit([over], Terms(budget=of_all))
    assert refused.how == how
    words = reason(refused.how, refused.limits, 0.2, over)
    assert ("your" in words, "server" in words or "all owners" in words) == (whose == "owner", whose == "all")
    assert "midnight UTC" in words
    if how != "over_limit":
        assert "$0.10" in words
    await store.owners.change("alice", lambda _: replace(ALICE, budget=Budget()))
    claim = await claimed(store, over)
    await store.owners.change("alice", lambda _: replace(ALICE, budget=own))
    assert await cleared(store, claim, **{name: getattr(of_all, name) for name in of_all.__dataclass_fields__}) == how
    await store.owners.change("alice", lambda _: replace(ALICE, budget=Budget(daily_usd=0.0)))
    assert await admitted(store, make(estimate_usd=0.05)) == "new", "this machine's own has no limits but those of all"


async def test_a_month_is_of_the_calendar(store: Any):
    await store.owners.change("alice", lambda _: replace(ALICE, budget=Budget(monthly_usd=1.0)))
    first = month_start(NOW)
    assert datetime.fromtimestamp(first, UTC).day == 1
    CLOCK.now = first - 1
    assert await admitted(store, hers(estimate_usd=0.9, created_at=first - 1)) == "new"
    CLOCK.now = first
    assert await admitted(store, hers(estimate_usd=0.9, created_at=first)) == "new"
    CLOCK.now = first + 20 * DAY
    assert await admitted(store, hers(estimate_usd=0.2, created_at=CLOCK.now)) == "over_month"
    assert await store.spent(ALICE) == Spent(0.0, 0, 0.9)
    CLOCK.now = NOW


async def test_a_raise_counts_for_its_day_and_for_the_month(store: Any):
    owner = replace(ALICE, budget=Budget(daily_usd=1.0, monthly_usd=2.0))
    raised = owner.raised_by(1.0, NOW).raised_by(0.5, NOW + 1)
    assert raised.raised == Raise(usd=1.5, day=MIDNIGHT, month_usd=1.5)
    await store.owners.change("alice", lambda _: raised)
    assert await admitted(store, hers(estimate_usd=2.5)) == "new"
    assert await admitted(store, hers(estimate_usd=0.1)) == "over_budget"
    CLOCK.now = NOW + DAY
    assert usd_left(await store.limits(ALICE, Budget())) == pytest.approx(1.0)
    assert raised.budget_at(CLOCK.now) == Budget(daily_usd=1.0, monthly_usd=3.5)
    assert raised.raised_by(2.0, CLOCK.now).raised == Raise(usd=2.0, day=MIDNIGHT + DAY, month_usd=3.5)
    assert raised.budget_at(NOW + 40 * DAY) == owner.budget
    assert owner.raised_by(1.0, NOW).budget_at(NOW).daily_tasks is None
    assert Owner("bob").raised_by(1.0, NOW).budget_at(NOW) == Budget(), "what has no limit is not raised into one"


@pytest.mark.parametrize("change", ["revoked", "may only read"])
async def test_what_was_not_sent_of_an_owner_who_was_shut_out_is_not(both: tuple[Any, Any], store: Any, change: str):
    unsent = await claimed(store, hers(estimate_usd=0.1))
    if change == "revoked":
        await both[1].owners.revoke("alice")
    else:
        await both[1].owners.change("alice", lambda _: replace(ALICE, scope=Scope.READ))
    refused = await store.mark_sent(unsent, Sending(budget=Budget()))
    assert refused.how == "not_allowed"
    assert "alice may not make anything any more" in reason(refused.how, refused.limits, 0.1, unsent)
    assert await admitted(store, hers(estimate_usd=0.1)) == "not_allowed"
    assert (await store.get(unsent.task_id)).sent_at is None


async def test_no_further_attempt_is_made_for_an_owner_who_was_shut_out(both: tuple[Any, Any], store: Any):
    sent = make_followed(owner="alice", estimate_usd=0.1)
    await store.admit([sent], NO_LIMITS)
    await both[1].owners.revoke("alice")
    again = replace(sent, state=State.SUBMITTING, sent_at=None, remote_id="")
    assert (await store.try_again(sent, again, Sending(budget=Budget()))).how == "not_allowed"
    assert (await store.get(sent.task_id)).state is State.PENDING


async def test_what_was_not_sent_by_a_model_that_was_taken_from_its_owner_is_not(both: tuple[Any, Any], store: Any):
    unsent = await claimed(store, hers(estimate_usd=0.1))
    others = replace(ALICE, models=("seedream-*",))
    await both[1].owners.change("alice", lambda _: others)
    refused = await store.mark_sent(unsent, Sending(budget=Budget()))
    assert refused.how == "not_offered"
    assert f"alice may not use {unsent.model} any more" in reason(refused.how, refused.limits, 0.1, unsent)
    assert await admitted(store, hers(estimate_usd=0.1)) == "not_offered"
    assert (await store.get(unsent.task_id)).sent_at is None
    sent = make_followed(owner="alice", estimate_usd=0.1)
    await store.add([sent])
    again = replace(sent, state=State.SUBMITTING, sent_at=None, remote_id="")
    assert (await store.try_again(sent, again, Sending(budget=Budget()))).how == "not_offered"
    await both[1].owners.change("alice", lambda _: replace(others, models=("nano-*",)))
    assert (await store.mark_sent(unsent, Sending(budget=Budget()))).how == "within"


async def test_what_is_left_is_what_the_tightest_limit_leaves(store: Any):
    await store.owners.change("alice", lambda _: replace(ALICE, budget=Budget(daily_usd=1.0, monthly_usd=10.0)))
    assert await admitted(store, hers(estimate_usd=0.25)) == await admitted(store, make(estimate_usd=1.0)) == "new"
    limits = await store.limits(ALICE, Budget(daily_usd=1.5))
    assert [limit.spent.usd for limit in limits] == [0.25, 1.25]
    assert usd_left(limits) == 0.25
    assert usd_left(await store.limits(ALICE, Budget())) == 0.75
    assert [limit.whose for limit in await store.limits(LOCAL, Budget(daily_usd=1.5))] == ["all"]


async def test_what_is_added_up_are_the_posts_of_each_task(store: Any):
    """Whatever became of a task: what the sums count is what its row tells that was paid, or may have been."""

    def sent(*moments: float, failed_at: float | None = None) -> tuple[Attempt, ...]:
        return tuple(Attempt(sent_at=moment, remote_id=f"r{moment}", failed_at=failed_at) for moment in moments)

    rows = [
        hers(),
        hers(sent_at=NOW),
        hers(state=State.PENDING, sent_at=NOW, attempts=sent(NOW)),
        hers(state=State.SUCCESS, sent_at=NOW, attempts=sent(NOW)),
        hers(state=State.SUCCESS, sent_at=NOW, attempts=sent(NOW - 9, NOW)),
        hers(state=State.FAILED, sent_at=None, attempts=sent(NOW - 9)),
        hers(state=State.FAILED, sent_at=None),
        hers(state=State.CANCELLED),
        hers(sent_at=None, attempts=sent(NOW - 9)),
        hers(sent_at=NOW, attempts=sent(NOW - 9, NOW - 5)),
        hers(state=State.UNKNOWN, sent_at=NOW, attempts=(Attempt(sent_at=NOW, failure_code='}, {"x'),)),
    ]
    rows = [replace(task, estimate_usd=2.0**number) for number, task in enumerate(rows)]
    await store.add(rows)
    spent = await store.spent(ALICE)
    assert spent.posts == sum(task.posts for task in rows)
    assert spent.usd == spent.month_usd == sum(task.posts * 2.0**number for number, task in enumerate(rows))
    assert await store.spent(None) == spent


async def test_a_post_counts_on_the_day_on_which_it_left(store: Any):
    yesterday = MIDNIGHT - 10
    late = Attempt(sent_at=yesterday, remote_id="r", failed_at=MIDNIGHT + 10)
    await store.add([hers(state=State.FAILED, sent_at=yesterday, attempts=(late,), estimate_usd=1.0)])
    await store.add([hers(sent_at=None, attempts=(late,), estimate_usd=4.0, created_at=yesterday)])
    assert await store.spent(ALICE) == Spent(4.0, 1, 9.0)


async def test_the_sums_of_a_month_are_found_by_an_index(tmp_path: Path):
    async with SqliteStore(tmp_path / "tasks.sqlite3"):
        pass
    values = {"since": 0.0, "today": 0.0, "without": "", "owner": "alice"}
    with closing(sqlite3.connect(tmp_path / "tasks.sqlite3")) as database:
        for statement, index in ((statements.SPENT, "task_counted"), (statements.SPENT_BY_ALL, "task_spent")):
            rows = database.execute(f"explain query plan {statement}", values).fetchall()
            told = "\n".join(row[-1] for row in rows)
            assert told.count(f"SEARCH task USING COVERING INDEX {index}") == 3, told


async def test_the_tasks_that_a_gateway_has_are_counted_by_an_index_whatever_has_ended(tmp_path: Path):
    async with SqliteStore(tmp_path / "tasks.sqlite3"):
        pass
    with closing(sqlite3.connect(tmp_path / "tasks.sqlite3")) as database:
        rows = database.execute(f"explain query plan {statements.COUNT_IN_FLIGHT}", {"key_print": ""}).fetchall()
    looks = [row[-1] for row in rows if "task" in row[-1]]
    assert looks == ["SEARCH task USING INDEX task_place (key_print=? AND state=?)"] * 2
