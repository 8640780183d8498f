"""Tasks that leave a store as a file and come back into the same or another one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.amounts import examples
from support.store_tasks import NOW, make, make_followed, tasks

from apixo_mcp.errors import InvalidInput
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks import archive
from apixo_mcp.tasks.archive import Here
from apixo_mcp.tasks.task import TERMINAL, Attempt, FileState, Result, State, Task

pytestmark = pytest.mark.anyio

ELSEWHERE = Here("elsewhere", {("local", "apixo", "https://api.apixo.ai"): "their-print"})
HEAD = b'{"apixo_mcp_tasks": 1, "home": "h"}'


def ready(task: Task) -> Task:
    """A task as it can be in a store: results counted from 0, no lease, an answered call."""
    results = tuple(replace(result, index=index) for index, result in enumerate(task.results))
    return replace(task, results=results, lease_holder="", lease_until=0.0, answer="given", asked_by="")


async def exported(path: Path, made: list[Task]) -> list[bytes]:
    async with SqliteStore(path) as store:
        await store.add(made)
        return [line.encode() async for line in archive.lines(store, "1.0", NOW + 100)]


@given(made=st.lists(tasks.map(ready), max_size=4))
@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_what_was_exported_is_imported_equal(tmp_path: Path, made: list[Task]):
    for old in tmp_path.iterdir():
        old.unlink()
    lines = await exported(tmp_path / "one.sqlite3", made)
    assert len(lines) == len(made) + 1
    found = archive.read_archive(lines)
    assert {task.task_id: task for task in found.tasks} == {task.task_id: task for task in made}
    async with SqliteStore(tmp_path / "two.sqlite3") as store:
        here = Here(found.home, {})
        imported = await archive.bring_in(store, found, here, NOW + 100)
        assert len(imported.added) == len(made)
        assert (await archive.bring_in(store, found, here, NOW + 100)).there_already == len(made)
        for task in made:
            if task.state is not State.SUBMITTING:
                is_copy = task.is_copy or task.state not in TERMINAL
                assert await store.get(task.task_id) == replace(task, is_copy=is_copy)


async def test_the_file_holds_no_secret_and_tells_its_form(tmp_path: Path):
    lines = await exported(tmp_path / "tasks.sqlite3", [make()])
    head = json.loads(lines[0])
    assert (head["apixo_mcp_tasks"], head["apixo_mcp"], head["exported_at"]) == (1, "1.0", NOW + 100)
    async with SqliteStore(tmp_path / "tasks.sqlite3") as store:
        secret = await store.secret("key_print_salt")
        assert head["home"] == await archive.home_of(store)
    assert secret.hex().encode() not in b"".join(lines)


class TestNothingIsSent:
    def test_an_unsent_task_comes_in_cancelled(self):
        came = archive.adapt(make(idempotency_key="k"), "h", Here("h", {}), NOW + 100)
        assert (came.state, came.due, came.completed_at) == (State.CANCELLED, None, NOW + 100)
        assert "imported before it was ever sent" in came.notes[-1]

    def test_an_unsent_further_attempt_comes_in_failed(self):
        task = make(attempts=(Attempt(sent_at=NOW, remote_id="r", failure_code="PROCESSING_TIMEOUT"),))
        came = archive.adapt(task, "h", Here("h", {}), NOW + 100)
        assert (came.state, came.due) == (State.FAILED, None)

    def test_a_sent_one_becomes_unknown(self):
        came = archive.adapt(make(sent_at=NOW, lease_holder="x", lease_until=NOW + 8), "h", Here("h", {}), NOW + 100)
        assert (came.state, came.due, came.lease_holder) == (State.UNKNOWN, None, "")
        assert came.failure is not None
        assert came.failure.charged == "unknown"

    def test_nobody_adopts_it(self):
        assert archive.adapt(make_followed(answer="awaited"), "h", Here("h", {}), NOW + 100).answer == "given"
        assert archive.adapt(make_followed(answer="lost"), "h", Here("h", {}), NOW + 100).answer == "lost"


class TestElsewhere:
    def test_an_open_task_goes_on_with_the_key_set_there(self):
        assert archive.adapt(make_followed(), "h", ELSEWHERE, NOW + 100).key_print == "their-print"
        hers = make_followed(owner="alice")
        assert archive.adapt(hers, "h", ELSEWHERE, NOW + 100).key_print == hers.key_print, "another owner's key"
        other = make_followed(base_url="https://other.example")
        assert archive.adapt(other, "h", ELSEWHERE, NOW + 100).key_print == other.key_print

    def test_in_the_same_data_folder_it_keeps_its_key(self):
        task = make_followed()
        assert archive.adapt(task, "elsewhere", ELSEWHERE, NOW + 100).key_print == task.key_print

    async def test_what_cannot_be_followed_is_told(self, tmp_path: Path):
        followed, not_followed = make_followed(), make_followed(base_url="https://other.example")
        lines = await exported(tmp_path / "one.sqlite3", [followed, not_followed])
        async with SqliteStore(tmp_path / "two.sqlite3") as store:
            found = await archive.bring_in(store, archive.read_archive(lines), ELSEWHERE, NOW + 100)
            assert [task.task_id for task in found.unfollowed] == [not_followed.task_id]
            due = await store.due(["their-print"])
            assert [task_id for task_id, _ in due] == [followed.task_id]

    def test_no_file_outside_the_allowed_folders_becomes_a_result(self, tmp_path: Path):
        inside, outside = tmp_path / "pictures" / "fox.png", tmp_path / "passwords.txt"
        up = tmp_path / "pictures" / ".." / "passwords.txt"
        results = tuple(
            Result(index=index, url="https://x.example/fox.png", path=str(path), file=FileState.SAVED)
            for index, path in enumerate((inside, outside, up))
        )
        here = replace(ELSEWHERE, roots=(tmp_path / "pictures",))
        came = archive.adapt(make_followed(state=State.SUCCESS, results=results), "h", here, NOW + 100)
        assert [result.path for result in came.results] == [str(inside), "", ""]
        assert [result.file for result in came.results] == [FileState.SAVED, FileState.FAILED, FileState.FAILED]
        assert str(outside) in came.results[1].problem

    def test_of_a_bucket_a_task_keeps_what_lies_under_its_own_id(self):
        task = make_followed(state=State.SUCCESS)
        paths = [
            f"s3://pictures/team/2026-01-01/{task.task_id}/image-0.png",
            "s3://pictures/team/2026-01-01/tsk_anothers/image-0.png",
            f"s3://elsewhere/team/2026-01-01/{task.task_id}/image-0.png",
        ]
        results = tuple(
            Result(index=index, url="https://x.example/fox.png", path=path, file=FileState.SAVED)
            for index, path in enumerate(paths)
        )
        here = Here("elsewhere", {}, results="s3://pictures/team")
        came = archive.adapt(replace(task, results=results), "h", here, NOW + 100)
        assert [result.path for result in came.results] == [paths[0], "", ""]
        without = archive.adapt(replace(task, results=results), "h", Here("elsewhere", {}), NOW + 100)
        assert [result.path for result in without.results] == ["", "", ""]


def line_of(**given: object) -> bytes:
    from apixo_mcp.tasks.record import to_record

    record = {name: value for name, value in (to_record(make()) | given).items() if value != "left out"}
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "is no JSON"),
        (b"[]", "must be an object"),
        (b"\xff\xfe", "decode"),
        (b"[" * 100_000, ""),
        (line_of(task_id="tsk_../../etc"), "task_id"),
        (line_of(task_id="left out"), "task_id is missing"),
        (line_of(state="done"), "state cannot be"),
        (line_of(state=["success"]), "state cannot be"),
        (line_of(created_at="yesterday"), "created_at cannot be"),
        (line_of(created_at=True), "created_at cannot be"),
        (line_of(polls=2**70), "polls cannot be"),
        (line_of(polls=1.5), "polls cannot be"),
        (line_of(prompt=None), "prompt cannot be"),
        (line_of(prompt="\ud83e"), "half a character"),
        (line_of(colour="red"), "no field colour"),
        (line_of(attempts=[{}]), "attempts[0].sent_at is missing"),
        (line_of(results=[{"index": 1}]), "not numbered from 0"),
        (line_of(results=[{"index": 0, "file": "gone"}]), "results[0].file cannot be"),
        (line_of(failure={"code": "x"}), "failure."),
        (line_of(inputs=[]), "inputs cannot be"),
        (line_of().replace(b'"due": 1790000000.0', b'"due": NaN'), "NaN is no number"),
    ],
)
def test_a_broken_line_is_told_by_its_number(line: bytes, said: str):
    with pytest.raises(InvalidInput) as error:
        archive.read_archive([HEAD, line_of(), b"", line])
    assert str(error.value).startswith("line 4: ")
    assert said in str(error.value)
    assert "Nothing was imported" in str(error.value)


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b"x", b'{"apixo_mcp_tasks": 2}', line_of()])
def test_another_file_is_refused(line: bytes):
    with pytest.raises(InvalidInput, match="line 1: "):
        archive.read_archive([line])


def test_a_field_is_read_under_its_former_name():
    (task,) = archive.read_archive([HEAD, line_of(polls="left out", looks=7)]).tasks
    assert task.polls == 7


def test_columns_of_a_later_version_may_be_missing():
    (task,) = archive.read_archive([b"\xef\xbb\xbf" + HEAD, line_of(asked_by="left out", asked_until="left out")]).tasks
    assert (task.asked_by, task.asked_until) == ("", 0.0)
