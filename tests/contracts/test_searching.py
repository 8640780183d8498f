"""What every store must do about what its tasks tell: found by words, listed by what narrows them, and deleted."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.amounts import examples
from support.store_tasks import NO_LIMITS, NOW, REFUSED, make, make_followed
from support.stores import sqlite_store

from apixo_mcp.stores.sqlite import schema
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import LOCAL, Owner
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.ports.store import IdTaken, Store
from apixo_mcp.tasks.ports.terms import ADOPTED_FOR
from apixo_mcp.tasks.task import Attempt, FileState, Result, State, Task

pytestmark = pytest.mark.anyio

GONE = "it was deleted"
SAVED = Result(index=0, url="https://cdn.example/a.png", path="/a/fox.png", file=FileState.SAVED)


def ended(**told: Any) -> Task:
    """A task that ended well."""
    told_of: dict[str, Any] = {"answer": "given", "completed_at": NOW}
    values: dict[str, Any] = {"state": State.SUCCESS, "due": None, "results": (SAVED,), **told_of}
    return make_followed(**{**values, **told})


async def put(store: Store, *tasks: Task) -> None:
    assert len(await store.add(tasks)) == len(tasks)


async def prompts(store: Store, *words: str, **given: Any) -> list[str]:
    return [task.prompt for task in await store.page(LOCAL, TaskQuery(words=words, **given))]


async def moments(store: Store, **given: Any) -> list[float]:
    return [task.created_at - NOW for task in await store.page(LOCAL, TaskQuery(**given))]


async def indexed(store: Store) -> None:
    while await store.index_some(7):
        pass


async def row_of(store: Store, prompt: str) -> Task:
    [task] = await store.page(LOCAL, TaskQuery(like=prompt))
    return task


class TestWords:
    @pytest.mark.parametrize("read", ["none", "some", "all"])
    @pytest.mark.parametrize(
        ("words", "there"),
        [
            (("fox",), {"A red Fox", "fox", "foxglove"}),
            (("fo",), {"A red Fox", "fox", "foxglove", "half of a hare"} - {"half of a hare"}),
            (("x",), {"A red Fox", "fox", "foxglove"}),
            (("RED", "fo"), {"A red Fox"}),
            (("狐",), {"雪地里的一只狐狸", "狐"}),
            (("狐狸",), {"雪地里的一只狐狸"}),
            (("雪", "狸"), {"雪地里的一只狐狸"}),
            (("一只狐狸",), {"雪地里的一只狐狸"}),
            (("öl",), {"ÖLBILD eines Hauses"}),
            (('say "',), {'say "hi"'}),
            (("%_",), {"100%_off"}),
            (("zebra",), set[str]()),
            (("zz",), set[str]()),
        ],
    )
    async def test_a_word_of_any_length_and_script_is_found_whatever_was_read_of_the_prompts_before(
        self, both: tuple[Store, Store], words: tuple[str, ...], there: set[str], read: str
    ):
        store, other = both
        some = ["A red Fox", "雪地里的一只狐狸", "half of a hare", 'say "hi"']
        rest = ["fox", "foxglove", "狐", "ÖLBILD eines Hauses", "100%_off"]
        await put(store, *(ended(prompt=prompt) for prompt in some))
        if read != "none":
            await indexed(store)
        await put(other, *(ended(prompt=prompt) for prompt in rest), ended(prompt="fox", owner="bob"))
        if read == "all":
            await indexed(other)
        assert set(await prompts(store, *words)) == there

    @settings(
        max_examples=examples(100),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        texts=st.lists(st.text("aAbß狐雪 \0\U0010ffff\U0001f98aIı'\"*", max_size=8), max_size=6),
        words=st.lists(st.text("aAbß狐雪\U0001f98aIı'\"*", min_size=1, max_size=4), min_size=1, max_size=2),
    )
    async def test_what_is_found_is_what_holds_every_word(self, store: Store, texts: list[str], words: list[str]):
        owner = Owner(f"owner {len(texts)} {texts} {words}")
        await put(store, *(ended(prompt=text, owner=owner.name) for text in texts[::2]))
        await indexed(store)
        await put(store, *(ended(prompt=text, owner=owner.name) for text in texts[1::2]))
        found = sorted(task.prompt for task in await store.page(owner, TaskQuery(words=tuple(words), limit=99)))
        assert found[: len(texts)] == sorted(
            text for text in texts if all(word.lower() in text.lower() for word in words)
        ) or len(found) > len(texts), "an example that is tried again finds its tasks twice"

    async def test_an_index_that_is_damaged_is_missed_by_nobody(self, tmp_path: Path):
        async with sqlite_store(tmp_path / "tasks.sqlite3") as store:
            await put(store, ended(prompt="a red fox"))
            await indexed(store)
        with closing(sqlite3.connect(tmp_path / "tasks.sqlite3")) as database:
            database.execute("delete from grams_data")
            database.commit()
        async with sqlite_store(tmp_path / "tasks.sqlite3") as store:
            assert await prompts(store, "fox") == ["a red fox"]
            await put(store, ended(prompt="a grey fox"))
            await indexed(store)
            assert await store.delete_entry(await row_of(store, "a grey fox"), GONE)
            await put(store, ended(prompt="a grey fox"))
            assert sorted(await prompts(store, "fox")) == ["a grey fox", "a red fox"]

    async def test_a_store_of_an_earlier_version_is_searched_as_a_new_one_is(self, tmp_path: Path):
        path = tmp_path / "tasks.sqlite3"
        earlier = [script for script in schema.migrations() if script[0] < 16]
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            for number, script in earlier:
                database.executescript(script)
                database.execute(f"pragma user_version = {number}")
            names = [
                row[1] for row in database.execute("pragma table_info(task)") if row[1] not in ("told", "heard_by")
            ]
            async with sqlite_store(tmp_path / "new" / "tasks.sqlite3") as new:
                await put(new, ended(prompt="ÖLBILD"), ended(prompt="a red fox", created_at=NOW - 1))
            database.execute("attach ? as new", (str(tmp_path / "new" / "tasks.sqlite3"),))
            columns = ", ".join(names)
            database.execute(f"insert into task ({columns}) select {columns} from new.task")
        async with sqlite_store(tmp_path / "tasks.sqlite3") as store:
            assert await prompts(store) == ["ÖLBILD", "a red fox"]
            assert await prompts(store, "ölb") == ["ÖLBILD"]
            await indexed(store)
            assert await prompts(store, "öl") == ["ÖLBILD"]
            await put(store, ended(prompt="ölkanne", created_at=NOW + 1))
            assert await prompts(store, "öl") == ["ölkanne", "ÖLBILD"]


class TestPages:
    async def test_a_page_is_narrowed_by_model_day_and_prompt(self, store: Store):
        await put(
            store,
            *(ended(model=f"m{number % 2}", prompt="a FOX", created_at=NOW + number) for number in range(4)),
            ended(model="m0", prompt="a fox runs", created_at=NOW + 9),
        )
        assert await moments(store, model="m0") == [9, 2, 0]
        assert await moments(store, since=NOW + 1, until=NOW + 3) == [2, 1]
        assert await prompts(store, like="A fox") == ["a FOX"] * 4
        assert await prompts(store, like="") == []
        assert await moments(store, words=("fox",), before=(NOW + 2, "")) == [1, 0]


class TestChanges:
    async def test_what_was_written_since_a_moment_is_told_of_all_owners_the_earliest_first(
        self, both: tuple[Store, Store]
    ):
        store, other = both
        await put(store, ended(updated_at=NOW - 5), ended(updated_at=NOW + 2, owner="bob"))
        pending = make_followed(updated_at=NOW + 1)
        await put(other, pending)
        assert [task.updated_at - NOW for task in await store.changed_since(NOW)] == [1, 2]
        assert [task.updated_at - NOW for task in await store.changed_since(NOW, limit=1)] == [1]
        assert await other.commit(pending, replace(pending, state=State.PROCESSING, updated_at=NOW + 3))
        assert [task.state for task in await store.changed_since(NOW + 3)] == [State.PROCESSING]


class TestDeleting:
    async def test_what_an_entry_told_is_gone_and_what_counts_stays(self, both: tuple[Store, Store]):
        store, other = both
        task = ended(
            prompt="a secret fox",
            inputs={"prompt": "a secret fox"},
            estimate_usd=0.5,
            idempotency_key="k",
            notes=("n",),
        )
        await put(store, task)
        await indexed(store)
        spent, usage = await store.spent(LOCAL), await store.usage(LOCAL, 7)
        assert (spent.usd, usage[0].tasks) == (0.5, 1)
        assert await other.delete_entry(task, GONE)
        assert (await store.spent(LOCAL), await store.usage(LOCAL, 7)) == (spent, usage)
        assert await store.get(task.task_id) is None
        for any_id in (task.task_id, task.remote_id):
            assert await store.find(LOCAL, any_id) is None
        assert await store.saved_at(LOCAL, SAVED.path) is None
        assert await store.page(LOCAL) == await store.page(LOCAL, TaskQuery(words=("fox",))) == []
        [row] = await store.dump()
        assert "secret" not in repr(row)
        assert not await other.delete_entry(task, GONE)

    async def test_what_is_brought_in_beside_it_comes_in(self, store: Store):
        task, other = ended(answer="given"), ended(answer="given")
        await put(store, task)
        assert await store.delete_entry(task, GONE)
        assert await store.add([task, other]) == [other.task_id]

    async def test_a_caller_without_an_answer_holds_it_no_longer_than_its_call_may_be_made_again(self, store: Store):
        task = ended(answer="lost", created_at=NOW - ADOPTED_FOR - 1)
        await put(store, task)
        assert await store.delete_entry(task, GONE)

    async def test_neither_its_key_nor_its_place_at_the_gateway_is_free_again(self, store: Store):
        task = ended(idempotency_key="k", fingerprint="f", remote_id="r1", answer="given")
        await put(store, task)
        assert await store.delete_entry(task, GONE)
        again = await store.admit([make(idempotency_key="k", fingerprint="f")], NO_LIMITS)
        assert (again.how, again.task.task_id, again.task.notes) == ("same_key", task.task_id, (GONE,))
        assert (await store.admit([make(fingerprint="f")], NO_LIMITS)).how == "new"
        other = make_followed(remote_id="", state=State.UNKNOWN, sent_at=NOW)
        await put(store, other)
        with pytest.raises(IdTaken):
            await store.commit(other, replace(other, state=State.PENDING, remote_id="r1"))

    @pytest.mark.parametrize(
        "told",
        [
            {"state": State.SUBMITTING, "due": NOW, "results": ()},
            {"state": State.PENDING, "due": NOW, "results": ()},
            {"state": State.PROCESSING, "due": None, "results": ()},
            {"state": State.UNKNOWN, "due": None, "results": ()},
            {"due": NOW},
            {"answer": "lost"},
            {"answer": "awaited"},
            {"results": (replace(SAVED, file=FileState.SAVING, path=""),)},
            {"lease_until": NOW + 5, "lease_holder": "somebody"},
        ],
        ids=str,
    )
    async def test_what_goes_on_or_may_cost_or_bring_something_yet_stays(self, store: Store, told: dict[str, Any]):
        task = ended(**told)
        await put(store, task)
        assert not await store.delete_entry(task, GONE)
        assert await store.page(LOCAL) == [task]

    async def test_an_answer_that_was_paid_for_and_is_to_be_read_keeps_its_task(self, store: Store):
        task = ended(state=State.FAILED, failure=REFUSED, results=())
        await put(store, task)
        await store.keep(task.task_id, "answer", "{}")
        assert not await store.delete_entry(task, GONE)
        await store.let_go_of(task.task_id, "answer")
        assert await store.delete_entry(task, GONE)
        [row] = await store.dump()
        assert row.failure is not None
        assert (row.failure.code, row.failure.message) == (REFUSED.code, ""), "failures are counted by their code"

    async def test_whoever_has_read_it_before_writes_nothing_over_it(self, store: Store):
        task = ended()
        await put(store, task)
        assert await store.delete_entry(task, GONE)
        assert not await store.commit(task, replace(task, results=(replace(SAVED, path="/b.png"),)))

    async def test_a_limit_goes_on_counting_it(self, store: Store):
        task = ended(estimate_usd=0.9, attempts=(Attempt(sent_at=NOW, remote_id="r"),))
        await put(store, task)
        assert await store.delete_entry(task, GONE)
        terms = replace(NO_LIMITS, budget=Budget(daily_usd=1.0))
        assert (await store.admit([make(estimate_usd=0.2)], terms)).how not in ("new", "adopted")
