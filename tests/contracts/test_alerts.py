"""What every store must do about alerts: each is raised once, in the transaction that comes upon it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.store_tasks import CLOCK, KEYS, NOW, REFUSED, make
from support.stores import Open, sqlite_store

from apixo_mcp.tasks.alerts import Alert, AlertKind
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import LOCAL, Owner, Scope
from apixo_mcp.tasks.ports.outbox import ALERT_RAISED
from apixo_mcp.tasks.ports.terms import Sending, Terms
from apixo_mcp.tasks.task import Attempt, State

pytestmark = pytest.mark.anyio

DAY = 86400.0
MIDNIGHT = NOW - NOW % DAY + DAY
ALICE = Owner("alice", Scope.GENERATE, budget=Budget(daily_usd=1.0))
ALL = Budget(daily_usd=10.0)


@pytest.fixture
async def both(open_store: Open) -> AsyncIterator[tuple[Any, Any]]:
    """Two processes on the same data, with an owner; what is told goes to an address."""
    CLOCK.now = NOW
    async with open_store() as one, open_store() as two:
        await one.outbox.begin()
        assert await two.owners.add(ALICE, "")
        yield one, two


async def told(store: Any) -> list[tuple[Any, ...]]:
    """What is on its way to the operator's address, in the order in which it was raised."""
    taken = await store.outbox.take(0.0, 100)
    assert {webhook.kind for webhook in taken} <= {ALERT_RAISED}
    data = [webhook.data for webhook in taken]
    return [(one["alert"], one.get("owner", ""), one.get("period", ""), one.get("percent", 0)) for one in data]


async def test_a_level_is_told_once_by_whichever_process_passes_it(both: tuple[Any, Any]):
    raised: list[Alert] = []

    async def ask(number: int) -> None:
        admitted = await both[number % 2].admit([make(owner="alice", estimate_usd=0.05)], Terms(budget=ALL))
        raised.extend(admitted.alerts)

    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(ask, number)
    kinds = sorted((str(one.kind), one.data.get("percent", 0)) for one in raised)
    assert kinds == [("budget_used", 50), ("budget_used", 80), ("budget_used", 100), ("purchase_refused", 0)]
    assert sorted(await told(both[0])) == sorted((kind, "alice", "day", percent) for kind, percent in kinds)


async def test_a_new_day_is_told_of_anew(both: tuple[Any, Any]):
    for _ in range(2):
        for _ in range(2):
            await both[0].admit([make(owner="alice", estimate_usd=0.45, created_at=CLOCK.now)], Terms(budget=Budget()))
        CLOCK.now += DAY
    assert await told(both[1]) == [("budget_used", "alice", "day", 80)] * 2


async def test_what_is_sent_on_another_day_counts_on_that(both: tuple[Any, Any]):
    """It was admitted before midnight, and leaves after it: the new day passes its level then."""
    task = make(owner="alice", estimate_usd=0.85, created_at=MIDNIGHT - 5, wanted_until=MIDNIGHT + 600)
    CLOCK.now = MIDNIGHT - 5
    assert len((await both[0].admit([task], Terms(budget=ALL, wanted_for=600.0))).alerts) == 1
    CLOCK.now = MIDNIGHT + 5
    claimed = await both[1].claim(task.task_id, "here", 8.0, KEYS)
    cleared = await both[1].mark_sent(claimed, Sending(budget=ALL))
    assert cleared.how == "within"
    assert [one.data["percent"] for one in cleared.alerts] == [80]
    assert await told(both[0]) == [("budget_used", "alice", "day", 80)] * 2


async def test_a_further_attempt_is_paid_and_told_of_too(both: tuple[Any, Any]):
    first = Attempt(sent_at=NOW, remote_id="r")
    before = make(owner="alice", estimate_usd=0.45, state=State.PENDING, remote_id="r", attempts=(first,), sent_at=NOW)
    await both[0].add([before])
    claimed = await both[0].claim(before.task_id, "here", 8.0, KEYS)
    again = make(owner="alice", task_id=before.task_id, estimate_usd=0.45, attempts=(first,), fence=claimed.fence)
    cleared = await both[0].try_again(claimed, again, Sending(budget=ALL))
    assert cleared.how == "within"
    assert [one.data["percent"] for one in cleared.alerts] == [80]


async def test_what_all_spend_is_told_of_nobody_in_particular(both: tuple[Any, Any]):
    for name in ("bob", "carol"):
        assert await both[0].owners.add(Owner(name), "")
        await both[0].admit([make(owner=name, estimate_usd=4.5)], Terms(budget=ALL))
    assert await told(both[0]) == [("budget_used", "", "day", 80)]


async def test_without_an_address_it_is_known_all_the_same(tmp_path: Path):
    CLOCK.now = NOW
    async with sqlite_store(tmp_path / "tasks.sqlite3") as store:
        terms = Terms(budget=Budget(daily_usd=1.0))
        first = await store.admit([make(estimate_usd=0.9)], terms)
        second = await store.admit([make(estimate_usd=0.01)], terms)
        assert (len(first.alerts), len(second.alerts)) == (1, 0)
        await store.outbox.begin()
        assert await told(store) == []


async def test_an_alert_by_itself_is_raised_once(both: tuple[Any, Any]):
    alert = Alert(kind=AlertKind.KEY_REFUSED, once="key_refused/apixo/print/day", message="x", gateway="apixo")
    assert [await store.raise_alert(alert) for store in (*both, both[0])] == [True, False, False]
    assert await told(both[0]) == [("key_refused", "", "", 0)]
    CLOCK.now += 50 * DAY
    assert await both[0].raise_alert(Alert(kind=AlertKind.KEY_REFUSED, once="another", message="x"))
    assert await both[0].raise_alert(alert), "nothing is kept for ever"


def raised(kind: AlertKind, once: str, owner: str = "", **given: Any) -> Alert:
    return Alert(kind=kind, once=once, message=once, owner=owner, **given)


def names(alerts: Any) -> list[str]:
    return [alert.name for alert in alerts]


BOB = Owner("bob", Scope.GENERATE)


async def test_who_it_is_about_hears_of_it_in_one_answer_of_any_process(both: tuple[Any, Any]):
    await both[0].raise_alert(raised(AlertKind.BUDGET_USED, "a", "alice"))
    taken: list[str] = []

    async def answer(number: int) -> None:
        taken.extend(names(await both[number % 2].alerts.take(ALICE, f"call {number}", 30.0)))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(answer, number)
    assert taken == ["a"]


async def test_nobody_hears_of_another_or_of_the_server(both: tuple[Any, Any]):
    await both[0].raise_alert(raised(AlertKind.BUDGET_USED, "a", "alice"))
    await both[0].raise_alert(raised(AlertKind.BUDGET_USED, "all"))
    assert names(await both[1].alerts.take(BOB, "call", 30.0)) == names(await both[1].alerts.current(BOB)) == []
    assert names(await both[1].alerts.current(ALICE)) == ["a"]
    assert names(await both[1].alerts.take(ALICE, "call", 30.0)) == ["a"]
    assert names(await both[1].alerts.take(Owner("root", Scope.ADMIN), "call", 30.0)) == ["all"]
    assert names(await both[1].alerts.take(LOCAL, "call", 30.0)) == ["all"], "each who may is told"


async def test_an_answer_that_was_lost_told_nothing(both: tuple[Any, Any]):
    await both[0].raise_alert(raised(AlertKind.BUDGET_USED, "a", "alice"))
    assert names(await both[0].alerts.take(ALICE, "one", 30.0)) == ["a"]
    await both[0].alerts.give_back(ALICE, "one")
    assert names(await both[1].alerts.take(ALICE, "two", 30.0)) == ["a"]
    CLOCK.now += 31.0  # its process has died over it
    assert names(await both[0].alerts.take(ALICE, "three", 30.0)) == ["a"]
    await both[1].alerts.heard(ALICE, "two", ["a"])  # too late: it is not that one's any more
    await both[1].alerts.heard(ALICE, "three", ["a"])
    await both[1].alerts.give_back(ALICE, "three")
    CLOCK.now += 31.0
    assert not await both[0].alerts.take(ALICE, "four", 30.0)
    assert names(await both[0].alerts.current(ALICE)) == ["a"], "it is true for the rest of its period"


async def test_a_higher_level_stands_for_the_lower_in_answers_too(both: tuple[Any, Any]):
    await both[0].raise_alert(raised(AlertKind.BUDGET_USED, "50", "alice"))
    await both[0].raise_alert(raised(AlertKind.BUDGET_USED, "80", "alice", includes=("50",)))
    assert names(await both[1].alerts.take(ALICE, "one", 30.0)) == names(await both[1].alerts.current(ALICE)) == ["80"]


async def test_what_an_answer_tells_anyway_is_not_told_beside_it(both: tuple[Any, Any]):
    await both[0].raise_alert(raised(AlertKind.PURCHASE_REFUSED, "a", "alice"))
    assert not await both[0].alerts.take(ALICE, "one", 30.0)
    assert names(await both[0].alerts.current(ALICE)) == ["a"]


async def test_what_is_over_is_told_no_more(both: tuple[Any, Any]):
    await both[0].raise_alert(raised(AlertKind.BUDGET_USED, "day", "alice", until=MIDNIGHT))
    await both[0].raise_alert(raised(AlertKind.BUDGET_USED, "month", "alice", until=NOW + 20 * DAY))
    CLOCK.now += 2 * DAY
    assert names(await both[0].alerts.take(ALICE, "one", 30.0)) == ["month"]
    CLOCK.now += 20 * DAY
    assert await both[0].alerts.current(ALICE) == []


async def test_the_newest_ends_of_a_model_are_known(both: tuple[Any, Any]):
    for number in range(4):
        at = NOW - number * 60
        ended = {"sent_at": at - 7, "completed_at": at, "attempts": (Attempt(sent_at=at - 7),)}
        await both[0].add([make(state=State.SUCCESS, due=None, **ended)])
        await both[0].add([make(state=State.FAILED, failure=REFUSED, due=None, **ended)])
    await both[0].add([make(state=State.SUCCESS, model="another", sent_at=NOW, completed_at=NOW, due=None)])
    await both[0].add([make(state=State.CANCELLED, completed_at=NOW, due=None)])
    ends = await both[1].alerts.ended("nano-banana", 100.0, 10)
    assert sorted((NOW - one.at, one.seconds, one.failure or "", one.code) for one in ends) == [
        *((0.0, 7.0, "", ""), (0.0, 7.0, "unknown", "X")),
        *((60.0, 7.0, "", ""), (60.0, 7.0, "unknown", "X")),
    ]
    assert [NOW - one.at for one in await both[1].alerts.ended("nano-banana", 100.0, 3)] == [0.0, 0.0, 60.0]


async def test_days_are_added_up_for_whom_they_are(both: tuple[Any, Any]):
    for ago, usd in ((0, 0.25), (1, 0.5), (1, 0.25), (3, 1.0), (20, 8.0)):
        at = NOW - ago * DAY
        for owner in ("alice", "bob"):
            sent = {"sent_at": at, "attempts": (Attempt(sent_at=at),), "created_at": at, "completed_at": at}
            await both[0].add([make(owner=owner, estimate_usd=usd, state=State.SUCCESS, due=None, **sent)])
    sums = await both[0].alerts.day_sums(ALICE, 14)
    assert (sums.today, sorted(sums.before)) == (0.25, [0.75, 1.0])
    sums = await both[0].alerts.day_sums(None, 14)
    assert (sums.today, sorted(sums.before)) == (0.5, [1.5, 2.0])
    await both[1].admit([make(owner="alice", estimate_usd=0.5)], Terms(budget=Budget()))
    assert (await both[1].alerts.day_sums(ALICE, 14)).today == 0.75
    CLOCK.now += DAY
    assert sorted((await both[1].alerts.day_sums(ALICE, 14)).before) == [0.75, 0.75, 1.0]
