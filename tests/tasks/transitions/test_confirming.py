"""What the answers of a gateway make of a task: ids that are confirmed, one id for one task, answers read anew."""

import base64
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.store_tasks import NOW, make, make_followed
from support.task_steps import Start, ask, happens, settled, until
from support.wire import Wire, answer, envelope, picture

from apixo_mcp.app import App
from apixo_mcp.errors import InvalidInput
from apixo_mcp.gateways.gateway import Accepted, NoAnswer, Running, Unclear
from apixo_mcp.generation import NextAction
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks import schedule
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.store import IdTaken
from apixo_mcp.tasks.purchase import bought_together
from apixo_mcp.tasks.schedule import PollSchedule
from apixo_mcp.tasks.task import IN_ANSWER, FileState, Result, State, Task, fingerprint, new_task_id
from apixo_mcp.tasks.transitions import polls, submits
from apixo_mcp.tasks.transitions.context import DecisionContext

pytestmark = pytest.mark.anyio

EMPTY = {"taskId": "remote1", "state": "success", "resultJson": json.dumps({"pieces": 1})}
MOMENT = DecisionContext(NOW + 10, 0.5, PollSchedule(5.0, 3.0, 120.0))


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with Wire() as running:
        yield running


def error_of(task: Task) -> tuple[str, str, str]:
    assert task.failure is not None
    return task.failure.code, task.failure.message, task.failure.advice


async def failed_empty(app: App, wire: Wire, **data: Any) -> Task:
    wire.looks.extend([envelope({**EMPTY, **data})] * (polls.EMPTY_POLLS + 1))
    task = await settled(app, (await ask(app)).task)
    assert task.state is State.FAILED
    return task


def test_what_is_answered_apart_belongs_to_no_purchase():
    """An equal purchase must find all of one; what was bought apart is found by a request for it alone."""
    single = make()
    single = replace(single, fingerprint=fingerprint(single))
    sent = bought_together([single, replace(single, task_id=new_task_id())])[1]
    apart = submits.answered_apart(sent, Accepted("remote-7"), new_task_id(), MOMENT)
    assert (apart.purchase, apart.place, apart.remote_id) == ("", 0, "remote-7")
    assert apart.fingerprint == single.fingerprint != sent.fingerprint


class TestNamedId:
    async def test_a_confirmed_id_settles_the_task_by_itself_and_is_sent_once(self, start: Start, wire: Wire):
        wire.submits.append(envelope({"taskId": "t-9"}, 500, "oops", 500))
        async with start(apixo_base_url=wire.url) as app:
            done = await settled(app, (await ask(app)).task)
        assert (done.state, done.remote_id, done.named_id) == (State.SUCCESS, "t-9", "")
        assert [attempt.remote_id for attempt in done.attempts] == ["t-9"]
        assert len(wire.posts) == 1

    async def test_the_next_server_goes_on_with_it(self, start: Start, wire: Wire):
        wire.submits.append(answer('{"code":200,"data":{"taskId":"t-9"', content_length="900"))
        async with start(apixo_base_url=wire.url, poll_scale=5.0) as app:
            task = await until(app, (await ask(app)).task, lambda now: now.state is State.UNKNOWN)
            assert (task.named_id, task.is_confirming, task.is_settled) == ("t-9", True, False)
        async with start(apixo_base_url=wire.url) as app:
            await app.store.wake(task.task_id)
            assert (await settled(app, task)).state is State.SUCCESS

    async def test_what_is_not_confirmed_stays_unknown_and_is_given_up(self, start: Start, wire: Wire):
        wire.submits.append(envelope({"taskId": "t-9"}, 500, "oops", 500))
        wire.looks.extend([envelope(None, 404, "Task not found", 404)] * (schedule.CONFIRMING_POLLS + 1))
        async with start(apixo_base_url=wire.url, poll_scale=0.0001) as app:
            task = await settled(app, (await ask(app)).task)
            assert task.state is State.UNKNOWN
            over = await until(app, task, lambda now: now.due is None)
            assert (over.state, over.named_id, over.tries) == (State.UNKNOWN, "t-9", schedule.CONFIRMING_POLLS)
            wire.looks.clear()  # it turns up after all
            checked = await app.service.check(LOCAL, task.task_id)
            done = await until(app, checked, lambda now: now.state is State.SUCCESS)
        assert done.remote_id == "t-9"
        assert len(wire.posts) == 1

    async def test_a_failure_that_may_be_repeated_is_decided_once_it_is_followed(self, start: Start, wire: Wire):
        wire.submits.append(envelope({"taskId": "t-9"}, 500, "oops", 500))
        wire.looks.extend([envelope({"taskId": "t-9", "state": "failed", "failCode": "PROCESSING_TIMEOUT"})] * 2)
        async with start(apixo_base_url=wire.url, auto_retry=0) as app:
            task = await settled(app, (await ask(app)).task)
        assert task.state is State.FAILED
        assert error_of(task)[0] == "PROCESSING_TIMEOUT"

    async def test_a_person_may_settle_it_first(self, start: Start, wire: Wire):
        wire.submits.append(envelope({"taskId": "t-9"}, 500, "oops", 500))
        wire.looks.extend([None] * 20)
        async with start(apixo_base_url=wire.url, poll_scale=1.0) as app:
            task = await until(app, (await ask(app)).task, lambda now: now.state is State.UNKNOWN)
            ended = await app.settlement.resolve(task, None)
        assert (ended.state, ended.named_id, ended.due) == (State.FAILED, "", None)

    def test_the_waits_grow_and_end(self):
        sent = make(state=State.SUBMITTING, sent_at=NOW)
        task = submits.after_submit(sent, Unclear("cut", "t-9"), MOMENT)
        waits: list[float] = []
        while task.due is not None:
            waits.append(task.due - MOMENT.now)
            task = polls.after_confirming(task, NoAnswer("no"), MOMENT)
        assert len(waits) == schedule.CONFIRMING_POLLS
        assert waits[1:] == sorted(waits[1:])
        assert (task.state, task.named_id) == (State.UNKNOWN, "t-9")
        followed = polls.after_confirming(replace(task, due=NOW), Running("pending"), MOMENT)
        assert (followed.state, followed.remote_id, followed.named_id) == (State.PENDING, "t-9", "")


class TestOneIdOneTask:
    async def test_the_second_task_with_an_id_is_unknown_and_says_why(self, start: Start, wire: Wire):
        wire.submits.extend([envelope({"taskId": "same"})] * 2)
        async with start(apixo_base_url=wire.url) as app:
            first = await settled(app, (await ask(app)).task)
            second = await settled(app, (await ask(app, "a wolf")).task)
        assert (first.state, second.state, second.remote_id, second.named_id) == (State.SUCCESS, State.UNKNOWN, "", "")
        assert f"same, which task {first.task_id} has already" in error_of(second)[1]

    async def test_a_broken_answer_with_the_id_of_another_task_keeps_none(self, start: Start, wire: Wire):
        wire.submits.extend([envelope({"taskId": "same"}), envelope({"taskId": "same"}, 500, "oops", 500)])
        async with start(apixo_base_url=wire.url) as app:
            await settled(app, (await ask(app)).task)
            second = await settled(app, (await ask(app, "a wolf")).task)
        assert (second.state, second.named_id, second.due) == (State.UNKNOWN, "", None)
        assert "oops" in error_of(second)[1]

    async def test_it_is_asked_in_the_commit_and_across_owners(self, tmp_path: Path):
        async with SqliteStore(tmp_path / "tasks.sqlite3") as store:
            other = make_followed(owner="bob", remote_id="same")
            named = make_followed(state=State.UNKNOWN, remote_id="", named_id="named")
            task = make(sent_at=NOW)
            await store.add([other, named, task])
            for remote_id, holder in (("same", other), ("named", named)):
                after = replace(task, state=State.PENDING, remote_id=remote_id)
                with pytest.raises(IdTaken) as taken:
                    await store.commit(task, after)
                assert (taken.value.task_id, taken.value.owner) == (holder.task_id, holder.owner)
                assert await store.get(task.task_id) == task
            elsewhere = replace(task, state=State.PENDING, remote_id="free")
            assert await store.commit(task, elsewhere)

    async def test_the_same_id_at_another_gateway_is_another_task(self, tmp_path: Path):
        async with SqliteStore(tmp_path / "tasks.sqlite3") as store:
            task = make(sent_at=NOW)
            await store.add([make_followed(remote_id="same", gateway="ruxa"), task])
            assert await store.commit(task, replace(task, state=State.PENDING, remote_id="same"))

    async def test_an_earlier_attempts_id_is_not_the_next_ones(self, tmp_path: Path):
        async with SqliteStore(tmp_path / "tasks.sqlite3") as store:
            task = make(sent_at=NOW, attempts=make_followed().attempts)
            await store.add([task])
            with pytest.raises(IdTaken):
                await store.commit(task, replace(task, state=State.PENDING, remote_id="r"))


class TestReread:
    async def test_the_answer_is_kept_without_the_key_and_outside_the_row(self, start: Start, wire: Wire):
        async with start(apixo_base_url=wire.url) as app:
            task = await failed_empty(app, wire, note="Bearer sk-mine", more="x" * 100_000)
            kept = await app.store.kept(task.task_id, "answer")
            assert kept is not None
            assert kept.startswith('{"code": 200')
            assert len(kept) == 64 * 1024
            assert "sk-mine" not in kept
            assert "pieces" not in str(task)
        assert error_of(task)[0] == "EMPTY_RESULT"
        assert task.failure is not None
        assert (task.failure.charged, task.failure.next_action) == ("unknown", NextAction.REREAD)

    async def test_what_the_gateway_now_tells_makes_it_a_success(self, start: Start, wire: Wire):
        async with start(apixo_base_url=wire.url) as app:
            task = await failed_empty(app, wire)
            read = await app.settlement.reread(task, LOCAL)
            assert read.told == ""
            done = await settled(app, read.task)
        assert (done.state, done.failure, done.results[0].file) == (State.SUCCESS, None, FileState.SAVED)
        assert len(wire.posts) == 1

    async def test_the_kept_answer_is_read_before_the_gateway_is_asked(self, start: Start, wire: Wire):
        async with start(apixo_base_url=wire.url) as app:
            task = await failed_empty(app, wire)
            raw = json.dumps({"code": 200, "data": {"state": "success", "output": f"{wire.url}/file.png"}})
            await app.store.keep(task.task_id, "answer", raw)
            looks = len(wire.seen)
            read = await app.settlement.reread(task, LOCAL)
            assert len(wire.seen) == looks
            assert (await settled(app, read.task)).results[0].file is FileState.SAVED

    async def test_where_nothing_is_found_nothing_is_changed(self, start: Start, wire: Wire):
        async with start(apixo_base_url=wire.url) as app:
            task = await failed_empty(app, wire)
            wire.looks.append(envelope(EMPTY))
            read = await app.settlement.reread(task, LOCAL)
            assert "names none either" in read.told
            assert "pieces" in read.raw
            assert read.task == task == await app.store.get(task.task_id)

    async def test_only_a_task_that_ended_so_is_read_anew(self, start: Start, wire: Wire):
        async with start(apixo_base_url=wire.url) as app:
            done = await settled(app, (await ask(app)).task)
            with pytest.raises(InvalidInput, match="EMPTY_RESULT"):
                await app.settlement.reread(done, LOCAL)

    async def test_the_store_lets_no_other_end_be_left(self, tmp_path: Path):
        async with SqliteStore(tmp_path / "tasks.sqlite3") as store:
            for state in (State.SUCCESS, State.CANCELLED, State.FAILED):
                task = make_followed(state=state)
                await store.add([task])
                assert not await store.reread(task, replace(task, state=State.SUCCESS, polls=7))
            with pytest.raises(ValueError, match="read anew"):
                await store.reread(task, replace(task, state=State.PENDING))


class TestFileInTheAnswer:
    async def test_it_is_saved_and_stands_in_no_row(self, start: Start, wire: Wire, tmp_path: Path):
        url = "data:image/png;base64," + base64.b64encode(picture()).decode()
        wire.looks.append(envelope({"taskId": "remote1", "state": "success", "images": [url]}))
        async with start(apixo_base_url=wire.url) as app:
            done = await settled(app, (await ask(app)).task)
            (result,) = done.results
            assert (result.file, result.url, result.shown_url) == (FileState.SAVED, IN_ANSWER, "")
            assert Path(result.path).read_bytes()[:4] == b"\x89PNG"
            await happens(lambda: _is_let_go(app, done))
        with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3")) as database:
            assert url[30:60] not in str(database.execute("select * from task").fetchall())


async def _is_let_go(app: App, task: Task) -> bool:
    return await app.store.kept(task.task_id, "file 0") is None


def test_more_than_the_url_is_shown_of_no_result():
    assert Result(index=0, url="https://r/1.png").shown_url == "https://r/1.png"
    assert Result(index=0, url="data:image/png;base64,AAAA").shown_url == ""
