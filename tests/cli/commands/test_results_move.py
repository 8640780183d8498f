"""`results move`: earlier results go from the folder into the bucket, whole and once, whoever works beside it."""

import json
import signal
import uuid
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync
from support.door import door
from support.media_wire import a_png
from support.s3 import S3, fetched, relayed_s3
from support.shell import Typed, run, shown, started
from support.store_tasks import make_followed

from apixo_mcp.assembly.stores import store_of
from apixo_mcp.media import kinds
from apixo_mcp.media.bucket.bucket import SINGLE
from apixo_mcp.media.files import record_of
from apixo_mcp.media.inputs.input_links import InputLinks
from apixo_mcp.media.local import LocalFiles
from apixo_mcp.media.roots import Roots
from apixo_mcp.outside.set_up import INPUT_SECRET, SERVED
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.task import FileState, Result, State, Task

pytestmark = pytest.mark.anyio

BUCKET, SAVED_IN = "APIXO_MCP_RESULTS", "APIXO_MCP_DOWNLOAD_DIR"


@dataclass
class Earlier:
    """Tasks whose results were saved in a folder, in a store; and a bucket that they are to be moved to."""

    folder: Path
    given: dict[str, str]
    bucket: str
    settings: dict[str, Any]
    tasks: list[Task] = field(default_factory=list[Task])

    async def make(self, *bodies: bytes, **changes: Any) -> Task:
        """A task with a saved file of each body."""
        task = make_followed(
            **{"state": State.SUCCESS, "due": None, "updated_at": 1_790_000_000.5, "answer": "given"} | changes
        )
        task = replace(task, results=tuple(Result(index=number, url="u") for number in range(len(bodies))))
        task = replace(task, results=tuple(map(lambda one, body: self._saved(task, one, body), task.results, bodies)))
        async with store_of(read_settings(**self.settings)) as store:
            await store.add([task])
        self.tasks.append(task)
        return task

    def _saved(self, task: Task, result: Result, body: bytes) -> Result:
        with closing(LocalFiles(self.folder).arrival(task, result)) as arrival:
            arrival.part.begin("", None)
            arrival.part.write(body)
            sha256 = arrival.part.finish()
            record = record_of(task, result, sha256=sha256, size=len(body), mime_type="image/png")
            kept = arrival.put(".png", record)
        return replace(
            result, file=FileState.SAVED, path=kept.path, mime_type="image/png", bytes=kept.size, sha256=kept.sha256
        )

    async def now(self, task: Task) -> Task:
        async with store_of(read_settings(**self.settings)) as store:
            found = await store.get(task.task_id)
        assert found is not None
        return found

    async def change(self, task: Task, **changes: Any) -> None:
        async with store_of(read_settings(**self.settings)) as store:
            before = await store.get(task.task_id)
            assert before is not None
            assert await store.commit(before, replace(before, **changes))

    def key(self, task: Task, index: int = 0, more: str = "") -> str:
        return f"team/2026-09-21/{task.task_id}/image-{index}{more}.png"

    def address(self, task: Task, index: int = 0, more: str = "") -> str:
        return f"s3://{self.bucket}/{self.key(task, index, more)}"

    @property
    def left(self) -> list[str]:
        """What is left in the folder."""
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())

    @property
    def arriving(self) -> list[str]:
        folder = Path(self.settings["home"]) / "arriving"
        return [path.name for path in folder.iterdir()] if folder.exists() else []


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def earlier(request: pytest.FixtureRequest, s3: S3, tmp_path: Path) -> Earlier:
    bucket = s3.bucket(f"results-{uuid.uuid4().hex}")
    url = request.getfixturevalue("postgres_store_url") if request.param == "postgres" else ""
    given = {BUCKET: f"s3://{bucket}/team", "APIXO_MCP_DATABASE_URL": url}
    settings = {"home": str(tmp_path / "home"), "download_dir": str(tmp_path / "pictures")}
    return Earlier(tmp_path / "pictures", given, bucket, settings | ({"database_url": url} if url else {}))


def png(number: int) -> bytes:
    return a_png(8 + number % 20, padding=number)


async def test_a_result_is_moved_under_the_key_of_one_saved_there_and_answers_lead_there(
    typed: Typed, s3: S3, tmp_path: Path
) -> None:
    bucket, mine = s3.bucket(f"results-{uuid.uuid4().hex}"), {"APIXO_MCP_DATABASE_URL": ""}
    given = mine | {BUCKET: f"s3://{bucket}/team"}
    there = await run(typed, "generate", "nano-banana", "a red fox", **given)
    here = await run(typed, "generate", "nano-banana", "a blue fox", **mine)
    file = Path(here.stdout.strip())
    side, body = json.loads(file.with_name(f"{file.name}.json").read_bytes()), file.read_bytes()
    moved = await run(typed, "results", "move", **given)
    assert moved.exit_code == 0, moved.output
    assert moved.stdout.startswith("1 file (")
    assert f"moved to s3://{bucket}/team" in moved.stdout
    task_id = side["task_id"]
    [address] = [line.split()[-1] for line in (await run(typed, "tasks", "list", **given)).stdout.splitlines()[:1]]
    [other] = there.stdout.split()
    other_id = other.split("/")[-2]
    assert address == other.replace(other_id, task_id)
    key, other_key = (one.removeprefix(f"s3://{bucket}/") for one in (address, other))
    assert s3.body(bucket, key) == body
    assert json.loads(s3.body(bucket, f"{key}.json")) == side
    heads = [s3.client().head_object(Bucket=bucket, Key=one) for one in (key, other_key)]
    assert heads[0]["Metadata"].keys() == heads[1]["Metadata"].keys()
    assert heads[0]["ContentType"] == heads[1]["ContentType"] == side["mime_type"]
    assert "a-blue-fox" in heads[0]["ContentDisposition"]
    [result] = (await shown(typed, task_id, **given))["results"]
    assert fetched(result["link"])[1] == body
    assert file.read_bytes() == body
    again = await run(typed, "results", "move", **given)
    assert again.exit_code == 0
    assert again.stdout.startswith(f"Nothing to move to s3://{bucket}/team")
    assert "no task has a result in a folder, and 2 files (" in again.stdout
    assert again.stdout.rstrip().endswith(") are in the bucket already")
    assert (await run(typed, "results", "move", "--delete", **given)).exit_code == 0
    assert not file.exists()
    downloaded = await run(typed, "tasks", "download", task_id, tmp_path / "copies", **given)
    assert Path(downloaded.stdout.split("\n")[0]).read_bytes() == body
    assert len([one for one in s3.keys(bucket) if not one.endswith(".json")]) == 2


@pytest.mark.parametrize("words", [(), ("--dry-run",), ("--delete",)], ids=str)
async def test_where_there_is_nothing_to_move_it_says_so(
    typed: Typed, s3: S3, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "pictures").mkdir()
    bucket = s3.bucket(f"results-{uuid.uuid4().hex}")
    told = await run(typed, "results", "move", *words, **{BUCKET: f"s3://{bucket}", "APIXO_MCP_DATABASE_URL": ""})
    assert told.exit_code == 0, told.output
    assert told.stdout == f"Nothing to move to s3://{bucket}: no task has a result that is kept as a file\n"


async def test_nothing_but_the_path_and_the_fence_is_changed(earlier: Earlier, typed: Typed, s3: S3) -> None:
    several = await earlier.make(png(1), png(2), prompt="two")
    large = await earlier.make(b"\x89PNG" + bytes(SINGLE + 5), owner="alice")
    moved = await run(typed, "results", "move", **earlier.given)
    assert moved.exit_code == 0, moved.output
    assert moved.stdout.startswith("3 files (8 MB) moved")
    for task in (several, large):
        paths = [replace(result, path=earlier.address(task, result.index)) for result in task.results]
        assert await earlier.now(task) == replace(task, results=tuple(paths), fence=task.fence + 1)
    assert len(s3.body(earlier.bucket, earlier.key(large))) == SINGLE + 9
    assert len(earlier.left) == 6
    assert not earlier.arriving
    assert not [*(Path(earlier.settings["home"]) / "copies").glob("*/*")]


async def test_a_dry_run_tells_how_much_there_is_and_does_nothing(earlier: Earlier, typed: Typed, s3: S3) -> None:
    task = await earlier.make(png(1), png(2))
    gone = await earlier.make(png(3))
    Path(gone.results[0].path).unlink()
    told = await run(typed, "results", "move", "--dry-run", "--delete", **earlier.given)
    assert told.exit_code == 1
    assert told.stdout.startswith("2 files (")
    assert "nothing was done" in told.stdout
    assert f"{gone.results[0].path} is not here" in told.stderr
    assert not s3.keys(earlier.bucket)
    assert await earlier.now(task) == task


async def test_what_is_missing_or_was_changed_is_named_and_left(earlier: Earlier, typed: Typed, s3: S3) -> None:
    fine, gone, changed, cut, linked = [await earlier.make(png(number)) for number in range(5)]
    busy, unchecked = await earlier.make(png(6), due=9e9), await earlier.make(png(7))
    await earlier.change(unchecked, results=(replace(unchecked.results[0], sha256=""),))
    paths = [Path(task.results[0].path) for task in (gone, changed, cut, linked)]
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:-1] + b"x")
    paths[2].write_bytes(b"x")
    content = paths[3].rename(paths[3].with_suffix(".moved"))
    paths[3].symlink_to(content)
    moved = await run(typed, "results", "move", "--delete", **earlier.given)
    assert moved.exit_code == 1
    assert moved.stdout.startswith("1 file (")
    for task, words in ((gone, "is not here"), (changed, "was changed"), (cut, "was changed"), (linked, "cannot be")):
        assert f"{task.task_id} result 0: {task.results[0].path} {words}" in moved.stderr
        assert await earlier.now(task) == task
    assert "still worked on" in moved.stderr
    assert f"{unchecked.results[0].path} cannot be checked" in moved.stderr
    assert await earlier.now(busy) == busy
    assert "6 files left as they are" in moved.stderr
    assert sorted(s3.keys(earlier.bucket)) == [earlier.key(fine), f"{earlier.key(fine)}.json"]
    assert Path(busy.results[0].path).exists()
    assert paths[1].exists()
    assert not Path(fine.results[0].path).exists()


async def test_an_object_of_somebody_else_stays_and_one_of_another_file_does_too(
    earlier: Earlier, typed: Typed, s3: S3
) -> None:
    strange, other = await earlier.make(png(1)), await earlier.make(png(2))
    s3.client().put_object(Bucket=earlier.bucket, Key=earlier.key(strange), Body=b"theirs")
    note = {"task-id": other.task_id, "index": "0", "sha256": "00", "bytes": "7"}
    s3.client().put_object(Bucket=earlier.bucket, Key=earlier.key(other), Body=b"another", Metadata=note)
    moved = await run(typed, "results", "move", **earlier.given)
    assert moved.exit_code == 0, moved.output
    assert s3.body(earlier.bucket, earlier.key(strange)) == b"theirs"
    assert s3.body(earlier.bucket, earlier.key(other)) == b"another"
    for task, number in ((strange, 1), (other, 2)):
        assert (await earlier.now(task)).results[0].path == earlier.address(task, more="-2")
        assert s3.body(earlier.bucket, earlier.key(task, more="-2")) == png(number)


async def test_where_objects_of_others_have_all_names_the_file_is_named_and_left(
    earlier: Earlier, typed: Typed, s3: S3
) -> None:
    task = await earlier.make(png(1))
    for more in ("", *(f"-{number}" for number in range(2, 20))):
        s3.client().put_object(Bucket=earlier.bucket, Key=earlier.key(task, more=more), Body=b"theirs")
    moved = await run(typed, "results", "move", **earlier.given)
    assert moved.exit_code == 1
    assert "objects of others have all" in moved.stderr
    assert await earlier.now(task) == task


async def test_files_here_go_only_with_delete_and_those_of_earlier_runs_too(earlier: Earlier, typed: Typed) -> None:
    first, second = await earlier.make(png(1)), await earlier.make(png(2))
    await run(typed, "results", "move", **earlier.given)
    assert len(earlier.left) == 4
    third = await earlier.make(png(3))
    Path(second.results[0].path).write_bytes(b"mine by now")
    mine = Path(first.results[0].path).with_name("mine.json")
    mine.write_text('{"task_id": 5}')
    moved = await run(typed, "results", "move", "--delete", **earlier.given)
    assert moved.exit_code == 1
    assert "2 files" in moved.stdout
    assert "deleted here" in moved.stdout
    assert f"{second.results[0].path} is not what was saved" in moved.stderr
    assert earlier.left == sorted([mine.name, *(Path(second.results[0].path).name + end for end in ("", ".json"))])
    assert [(await earlier.now(task)).results[0].path for task in (first, third)] == [
        earlier.address(task) for task in (first, third)
    ]


async def test_a_file_stays_where_its_object_is_gone_again(earlier: Earlier, typed: Typed, s3: S3) -> None:
    task = await earlier.make(png(1))
    await run(typed, "results", "move", **earlier.given)
    s3.client().delete_object(Bucket=earlier.bucket, Key=earlier.key(task))
    moved = await run(typed, "results", "move", "--delete", **earlier.given)
    assert moved.exit_code == 1
    assert f"is not whole in the bucket ({earlier.address(task)})" in moved.stderr
    assert Path(task.results[0].path).read_bytes() == png(1)


async def test_a_file_that_a_running_task_has_as_an_input_stays(earlier: Earlier, typed: Typed) -> None:
    task = await earlier.make(png(1))
    path, settings = Path(task.results[0].path), read_settings(**earlier.settings)
    async with store_of(settings) as store:
        secret = await store.secret(INPUT_SECRET)
        links = InputLinks("https://a.example", secret, settings.home / SERVED, Roots(settings.roots))
        await store.add([make_followed(inputs={"image_urls": [links.url_of(path, kinds.PNG)]})])
    moved = await run(typed, "results", "move", "--delete", **earlier.given)
    assert "a running task has it" in moved.stderr
    assert path.exists()
    assert (await earlier.now(task)).results[0].path == earlier.address(task)


async def test_a_task_whose_file_is_deleted_meanwhile_stays_so_and_its_object_goes(
    earlier: Earlier, typed: Typed, s3: S3
) -> None:
    task, other = await earlier.make(png(1)), await earlier.make(png(2))
    deleted = tuple(replace(one, file=FileState.EXPIRED, url="", problem="deleted") for one in task.results)
    with relayed_s3(s3, 1, lambda: anyio.run(lambda: earlier.change(task, results=deleted))) as url:
        moved = await run(typed, "results", "move", **earlier.given, AWS_ENDPOINT_URL_S3=url)
    assert moved.exit_code == 0, moved.output
    assert (await earlier.now(task)).results == deleted
    assert sorted(s3.keys(earlier.bucket)) == [earlier.key(other), f"{earlier.key(other)}.json"]


async def test_a_task_whose_entry_is_deleted_meanwhile_leaves_nothing_in_the_bucket(
    earlier: Earlier, typed: Typed, s3: S3
) -> None:
    task = await earlier.make(png(1))

    async def delete() -> None:
        async with store_of(read_settings(**earlier.settings)) as store:
            assert await store.delete_entry(task, "gone")

    with relayed_s3(s3, 1, lambda: anyio.run(delete)) as url:
        moved = await run(typed, "results", "move", **earlier.given, AWS_ENDPOINT_URL_S3=url)
    assert moved.exit_code == 0, moved.output
    assert not s3.keys(earlier.bucket)


async def test_a_task_that_is_changed_meanwhile_is_tried_anew(earlier: Earlier, typed: Typed, s3: S3) -> None:
    task = await earlier.make(png(1))
    labelled = tuple(replace(one, label="a word more") for one in task.results)
    with relayed_s3(s3, 1, lambda: anyio.run(lambda: earlier.change(task, results=labelled))) as url:
        moved = await run(typed, "results", "move", **earlier.given, AWS_ENDPOINT_URL_S3=url)
    assert moved.exit_code == 0, moved.output
    assert moved.stdout.startswith("1 file (")
    assert (await earlier.now(task)).results == (replace(labelled[0], path=earlier.address(task)),)
    assert len(s3.keys(earlier.bucket)) == 2


@pytest.mark.process
@pytest.mark.parametrize("at", [3, 14, 27, 44])
async def test_a_run_that_is_killed_goes_on_and_puts_nothing_twice(
    earlier: Earlier, typed: Typed, s3: S3, at: int, environment: dict[str, str]
) -> None:
    for number in range(8):
        await earlier.make(png(number))
    killed: list[Any] = []
    number = signal.SIGTERM if at == 14 else signal.SIGKILL
    with relayed_s3(s3, at, lambda: killed[0].send_signal(number), methods="HEAD GET PUT") as url:
        variables = environment | earlier.given | s3.environment | {"AWS_ENDPOINT_URL_S3": url}
        process = started("results", "move", "--delete", variables=variables)
        killed.append(process)
        _, errors = await run_sync(lambda: process.communicate(timeout=90))
    assert process.returncode != 0
    if at == 14:
        assert "Run it again" in errors
    before = {key: s3.client().head_object(Bucket=earlier.bucket, Key=key) for key in s3.keys(earlier.bucket)}
    for task in earlier.tasks:
        [result] = (await earlier.now(task)).results
        is_moved = result.path == earlier.address(task)
        assert is_moved or result == task.results[0]
        assert earlier.key(task) in before if is_moved else Path(result.path).exists()
    again = await run(typed, "results", "move", "--delete", **earlier.given)
    assert again.exit_code == 0, again.output
    for task in earlier.tasks:
        assert (await earlier.now(task)).results[0].path == earlier.address(task)
    assert len(s3.keys(earlier.bucket)) == 16
    for number, task in enumerate(earlier.tasks):
        assert s3.body(earlier.bucket, earlier.key(task)) == png(number)
        if earlier.key(task) in before:
            then, now = before[earlier.key(task)], s3.client().head_object(Bucket=earlier.bucket, Key=earlier.key(task))
            assert now["LastModified"] == then["LastModified"]
    assert not earlier.left


@pytest.mark.process
async def test_two_that_run_at_once_move_each_file_once(
    earlier: Earlier, typed: Typed, s3: S3, environment: dict[str, str]
) -> None:
    for number in range(12):
        await earlier.make(png(number))
    beside = started("results", "move", variables=environment | earlier.given | s3.environment)
    here = await run(typed, "results", "move", **earlier.given)
    _, errors = await run_sync(lambda: beside.communicate(timeout=90))
    assert (here.exit_code, beside.returncode) == (0, 0), (here.output, errors)
    for number, task in enumerate(earlier.tasks):
        assert (await earlier.now(task)).results[0].path == earlier.address(task)
        assert s3.body(earlier.bucket, earlier.key(task)) == png(number)
    assert len(s3.keys(earlier.bucket)) == 24
    assert not earlier.arriving


async def test_a_bucket_must_be_set(typed: Typed) -> None:
    refused = await run(typed, "results", "move", APIXO_MCP_DATABASE_URL="")
    assert refused.exit_code == 1
    assert "APIXO_MCP_RESULTS names no bucket" in refused.output
    assert "Traceback" not in refused.output


@pytest.mark.parametrize("words", [("results", "move"), ("results", "move", "--delete")])
async def test_a_bucket_that_is_away_ends_it_with_what_to_do(
    earlier: Earlier, typed: Typed, words: tuple[str, ...]
) -> None:
    task = await earlier.make(png(1))
    away = await run(typed, *words, **earlier.given, AWS_ENDPOINT_URL_S3="http://127.0.0.1:9")
    assert away.exit_code == 1
    assert "the object store does not answer. Look at the network and at AWS_ENDPOINT_URL_S3" in away.stderr
    assert "run the same command again" in away.stderr
    assert "tried again by itself" not in away.stderr
    nowhere = await run(typed, *words, **earlier.given | {BUCKET: "s3://nowhere-at-all"})
    assert nowhere.exit_code == 1
    assert "there is no such bucket. Make it, or correct APIXO_MCP_RESULTS. Then run" in nowhere.stderr
    assert await earlier.now(task) == task
    assert Path(task.results[0].path).exists()
    assert not earlier.arriving


async def test_a_server_that_runs_meanwhile_leads_to_the_bucket_afterwards(
    typed: Typed, s3: S3, tmp_path: Path, box: Sandbox
) -> None:
    bucket = s3.bucket(f"results-{uuid.uuid4().hex}")
    async with door(box.url, tmp_path) as entered:
        task = await entered.made()
    async with door(box.url, tmp_path, results=f"s3://{bucket}") as entered:
        assert "link" not in (await entered.ended(task))["results"][0]
        folder = str(entered.app.settings.download_dir)
        given = {"home": entered.app.settings.home.name, SAVED_IN: folder, BUCKET: f"s3://{bucket}"}
        moved = await run(typed, "results", "move", "--delete", APIXO_MCP_DATABASE_URL="", **given)
        assert moved.exit_code == 0, moved.output
        assert "1 file" in moved.stdout
        [result] = (await entered.ended(task))["results"]
        assert len(fetched(result["link"])[1]) == result["bytes"]
