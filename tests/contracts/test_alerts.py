"""What every store must do about alerts: each is raised once, in the transaction that comes upon it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.store_tasks import CLOCK, KEYS, NOW, make

from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.alerts import Alert, AlertKind
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Owner, Scope
from apixo_mcp.tasks.ports.outbox import ALERT_RAISED
from apixo_mcp.tasks.ports.terms import Sending, Terms
from apixo_mcp.tasks.task import Attempt, State

pytestmark = pytest.mark.anyio

STORES: dict[str, Callable[[Path], AbstractAsyncContextManager[Any]]] = {
    "sqlite": lambda folder: SqliteStore(folder / "tasks.sqlite3", clock=CLOCK, elapsed=CLOCK),
}
DAY = 86400.0
MIDNIGHT = NOW - NOW % DAY + DAY
ALICE = Owner("alice", Scope.GENERATE, budget=Budget(daily_usd=1.0))
ALL = Budget(daily_usd=10.0)


@pytest.fixture(params=sorted(STORES))
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Any, Any]]:
    """Two processes on the same data, with an owner; what is told goes to an address."""
    CLOCK.now = NOW
    async with STORES[request.param](tmp_path) as one, STORES[request.param](tmp_path) as two:
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
    async with STORES["sqlite"](tmp_path) as store:
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
