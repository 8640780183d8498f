"""What every store of owners and of their sign-in must do, whatever it is built on."""

from dataclasses import replace
from typing import Any

import anyio
import pytest
from support.store_tasks import CLOCK, NOW

from apixo_mcp.owners.store import Bound, EntryKind, OwnerStore, SignInEntry, SignInStore
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Owner, Raise, Scope

pytestmark = pytest.mark.anyio

ALICE = Owner(
    "alice",
    Scope.GENERATE,
    ("nano-*",),
    Budget(daily_usd=5.0),
    Raise(usd=2.0, day=0.0, month_usd=2.0),
    {"apixo": "env:A"},
)
CODE = SignInEntry(EntryKind.CODE, "c" * 64, "{}", "alice", "family")


@pytest.fixture
def owners(both: tuple[Any, Any]) -> OwnerStore:
    return both[0].owners


@pytest.fixture
def elsewhere(both: tuple[Any, Any]) -> OwnerStore:
    return both[1].owners


@pytest.fixture
def entries(both: tuple[Any, Any]) -> SignInStore:
    return both[0].sign_ins


async def test_an_owner_is_kept_whole_and_known_in_every_process(owners: OwnerStore, elsewhere: OwnerStore):
    assert not await owners.any()
    assert await owners.add(ALICE, "h" * 64)
    assert await elsewhere.any()
    assert await elsewhere.find("alice") == await elsewhere.of_token("h" * 64) == ALICE
    assert dict((await elsewhere.all())[0].owner.keys) == {"apixo": "env:A"}


async def test_a_name_is_given_once_for_ever(owners: OwnerStore):
    assert await owners.add(ALICE, "h" * 64)
    assert not await owners.add(Owner("alice"), "i" * 64)
    assert await owners.revoke("alice")
    assert not await owners.add(Owner("alice"), "i" * 64)
    assert await owners.of_token("i" * 64) is None


async def test_nothing_lets_in_whoever_has_no_token(owners: OwnerStore):
    assert await owners.add(ALICE, "")
    assert await owners.add(Owner("bob"), "")
    assert await owners.of_token("") is None


async def test_a_change_counts_at_once_in_every_process(owners: OwnerStore, elsewhere: OwnerStore):
    await owners.add(ALICE, "h" * 64)
    less = replace(ALICE, scope=Scope.READ, budget=Budget(daily_usd=1.0))
    assert await owners.change("alice", lambda _: less)
    assert await elsewhere.find("alice") == less
    assert not await owners.change("nobody", lambda owner: owner)


async def test_of_changes_at_once_each_is_made_upon_the_one_before(both: tuple[Any, Any]):
    await both[0].owners.add(replace(ALICE, raised=None), "h" * 64)

    async def change(number: int) -> None:
        owners: OwnerStore = both[number % 2].owners
        await owners.change("alice", lambda owner: owner.raised_by(1.0, NOW))
        await owners.change("alice", lambda owner: replace(owner, models=(*owner.models, f"model-{number}")))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(change, number)
    alice = await both[0].owners.find("alice")
    assert alice is not None
    assert alice.raised is not None
    assert (alice.raised.usd, len(alice.models)) == (20.0, 21)


async def test_a_name_is_taken_in_any_case_by_one_alone(both: tuple[Any, Any]):
    names = ["alice", "Alice", "ALICE", "aLICE"] * 3
    added: list[str] = []

    async def add(number: int, name: str) -> None:
        if await both[number % 2].owners.add(Owner(name), f"{number:064}"):
            added.append(name)

    async with anyio.create_task_group() as group:
        for number, name in enumerate(names):
            group.start_soon(add, number, name)
    assert added == [known.owner.name for known in await both[0].owners.all()]
    assert len(added) == 1


async def test_a_new_token_ends_the_one_before(owners: OwnerStore, elsewhere: OwnerStore):
    await owners.add(ALICE, "h" * 64)
    assert await owners.set_token("alice", "i" * 64)
    assert await elsewhere.of_token("h" * 64) is None
    assert await elsewhere.of_token("i" * 64) == ALICE


async def test_a_revocation_ends_every_way_in(owners: OwnerStore, elsewhere: OwnerStore, entries: SignInStore):
    await owners.add(ALICE, "h" * 64)
    await entries.put(CODE, 60)
    await entries.put(SignInEntry(EntryKind.CLIENT, "program", "{}"), 60)
    assert await owners.revoke("alice")
    assert await elsewhere.find("alice") is None
    assert await elsewhere.of_token("h" * 64) is None
    assert await entries.get(EntryKind.CODE, CODE.key) is None
    assert await entries.get(EntryKind.CLIENT, "program") is not None
    (known,) = await elsewhere.all()
    assert (known.owner, known.has_token, known.revoked_at) == (ALICE, False, NOW)
    assert await owners.set_token("alice", "i" * 64)
    assert await elsewhere.of_token("i" * 64) == ALICE


async def test_an_entry_runs_out(entries: SignInStore):
    await entries.put(CODE, 60)
    CLOCK.now = NOW + 59
    assert await entries.get(EntryKind.CODE, CODE.key) == CODE
    assert await entries.get(EntryKind.ACCESS, CODE.key) is None
    assert await entries.renew(EntryKind.CODE, CODE.key, 10)
    CLOCK.now = NOW + 69
    assert await entries.get(EntryKind.CODE, CODE.key) is None
    assert await entries.take(EntryKind.CODE, CODE.key) is None
    assert not await entries.renew(EntryKind.CODE, CODE.key, 10)


async def test_of_many_who_take_an_entry_one_gets_it(both: tuple[Any, Any]):
    await both[0].sign_ins.put(CODE, 60)
    taken: list[SignInEntry | None] = []

    async def take(store: SignInStore) -> None:
        taken.append(await store.take(EntryKind.CODE, CODE.key))

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(take, both[number % 2].sign_ins)
    assert [entry for entry in taken if entry] == [CODE]


async def test_an_exchange_is_made_once_and_whole(both: tuple[Any, Any]):
    new = SignInEntry(EntryKind.ACCESS, "a" * 64, '{"scope":"read"}', "alice", "family")
    await both[0].sign_ins.put(CODE, 60)
    assert await both[0].sign_ins.exchange(EntryKind.CODE, CODE.key, [(new, 3600)]) == CODE
    other = replace(new, key="b" * 64)
    assert await both[1].sign_ins.exchange(EntryKind.CODE, CODE.key, [(other, 3600)]) is None
    assert await both[1].sign_ins.get(EntryKind.ACCESS, new.key) == new
    assert await both[1].sign_ins.get(EntryKind.ACCESS, other.key) is None


async def test_there_are_no_more_of_a_kind_than_may_be(entries: SignInStore):
    clients = [SignInEntry(EntryKind.CLIENT, f"program{number}", "{}") for number in range(3)]
    assert [await entries.put(client, 60, Bound(most=2)) for client in clients] == [True, True, False]
    assert await entries.put(clients[0], 90, Bound(most=2))
    assert await entries.put(CODE, 60, Bound(most=1))
    CLOCK.now = NOW + 61
    assert await entries.put(clients[2], 60, Bound(most=2))


async def test_each_owner_may_have_as_many(entries: SignInStore):
    bound = Bound(most=1, of_owner=True)
    links = [
        SignInEntry(EntryKind.UPLOAD, key, "", owner) for key, owner in (("a", "alice"), ("b", "alice"), ("c", "bob"))
    ]
    assert [await entries.put(link, 60, bound) for link in links] == [True, False, True]


async def test_the_oldest_that_nobody_uses_makes_room_once_it_was_spared(entries: SignInStore):
    bound = Bound(most=3, spared=15)
    used, *clients = [SignInEntry(EntryKind.CLIENT, f"program{number}", "{}") for number in range(6)]
    assert await entries.put(used, 100, bound)
    assert await entries.put(used, 9000)
    for client, made_at in zip(clients[:2], (1, 2), strict=True):
        CLOCK.now = NOW + made_at
        assert await entries.put(client, 100, bound)
    CLOCK.now = NOW + 15.5
    assert not await entries.put(clients[2], 100, bound), "each may be asked for just now"
    CLOCK.now = NOW + 17.5
    assert [await entries.put(client, 100, bound) for client in clients[2:]] == [True, True, False]
    left = [await entries.get(EntryKind.CLIENT, client.key) is not None for client in (used, *clients)]
    assert left == [True, False, False, True, True, False]


async def test_a_family_ends_together(entries: SignInStore):
    await entries.put(CODE, 60)
    await entries.put(replace(CODE, key="d", family="other"), 60)
    await entries.put(SignInEntry(EntryKind.CLIENT, "program", "{}"), 60)
    await entries.end("family")
    await entries.end("")
    left = [(EntryKind.CODE, CODE.key), (EntryKind.CODE, "d"), (EntryKind.CLIENT, "program")]
    assert [await entries.get(*one) is not None for one in left] == [False, True, True]
