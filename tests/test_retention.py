"""Results are kept as long as the settings say, and nothing else is ever deleted."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.amounts import in_time
from support.asking import submit
from support.program import values_for

from apixo_mcp.app import App, open_app
from apixo_mcp.assembly.lasting import removal_of
from apixo_mcp.media import kinds
from apixo_mcp.media.inputs.input_links import InputLinks
from apixo_mcp.media.local import LocalFiles
from apixo_mcp.media.preview.previews import Preview
from apixo_mcp.media.preview.thumbnails import Thumbnails, folder_of_thumbnails
from apixo_mcp.outside.set_up import INPUT_SECRET, SERVED
from apixo_mcp.retention import Retention
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import FileState, State, Task
from apixo_mcp.telemetry.facts import Fact, FileDeleted

pytestmark = pytest.mark.anyio

DAYS = 3.0


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000.0) as running:
        yield running


@dataclass
class Kept:
    """The program with a saved picture, and what deletes it after three days."""

    app: App
    links: InputLinks
    retention: Retention
    task: Task
    facts: list[Fact]

    @property
    def file(self) -> Path:
        return Path(self.task.results[0].path)

    @property
    def side(self) -> Path:
        return self.file.with_name(f"{self.file.name}.json")

    async def round(self) -> int:
        return await self.retention.round()

    async def now(self) -> Task:
        task = await self.app.store.get(self.task.task_id)
        assert task is not None
        return task

    async def stays(self) -> None:
        assert await self.round() == 0
        assert (await self.now()).results == self.task.results
        assert not [fact for fact in self.facts if isinstance(fact, FileDeleted)]


Keep = Callable[..., Any]


@pytest.fixture
def keep(box: Sandbox, tmp_path: Path) -> Keep:
    @asynccontextmanager
    async def kept(days_ago: float = DAYS + 0.1, **settings: Any) -> AsyncIterator[Kept]:
        async with open_app(read_settings(**values_for(box, tmp_path) | settings)) as app:
            facts: list[Fact] = []
            app.telemetry.subscribe(facts.append)
            request = GenerationRequest(owner=LOCAL, model="nano-banana", arguments={"prompt": "a fox"})
            submission = await submit(app, request)
            assert isinstance(submission, Submission)
            task = submission.task
            with in_time(20):
                while not (task.state is State.SUCCESS and task.is_settled and not task.lease_until):
                    await app.changes.wait(task.task_id, 0.05)
                    task = await app.service.find(LOCAL, task.task_id)
            assert task.results[0].file is FileState.SAVED
            old = replace(task, updated_at=task.updated_at - days_ago * 86_400)
            assert await app.store.commit(task, old)
            folder = app.settings.home / SERVED
            links = InputLinks("https://a.example", await app.store.secret(INPUT_SECRET), folder, app.roots)
            retention = Retention(app.store, await removal_of(app), DAYS)
            yield Kept(app, links, retention, old, facts)

    return kept


def thumbnails_of(app: App) -> Thumbnails:
    return Thumbnails(app.previews, folder_of_thumbnails(app.settings.home))


async def test_what_is_old_enough_goes_and_is_never_asked_for_again(keep: Keep, box: Sandbox):
    async with keep() as kept:
        day = kept.file.parent
        assert await kept.round() == 1
        assert not kept.file.exists()
        assert not kept.side.exists()
        assert not day.exists()
        [result] = (await kept.now()).results
        assert (result.file, result.path, result.url) == (FileState.EXPIRED, "", "")
        assert "after 3 days" in result.problem
        [fact] = [fact for fact in kept.facts if isinstance(fact, FileDeleted)]
        assert (fact.task.task_id, fact.bytes) == (kept.task.task_id, kept.task.results[0].bytes)
        asked = len(box.log())
        checked = await kept.app.service.check(LOCAL, kept.task.task_id)
        assert checked.results == (result,)
        assert await kept.round() == 0
        assert len(box.log()) == asked


async def test_its_small_picture_goes_with_it(keep: Keep):
    async with keep() as kept:
        thumbnails = thumbnails_of(kept.app)
        assert await thumbnails.of(kept.task, kept.task.results[0])
        folder = folder_of_thumbnails(kept.app.settings.home)
        assert len([*folder.glob("*/*")]) == 1
        assert await kept.round() == 1
        assert not [*folder.glob("*/*")]


async def test_no_small_picture_is_left_of_what_is_deleted_while_it_is_made(keep: Keep):
    async with keep() as kept:
        thumbnails, made = thumbnails_of(kept.app), kept.app.previews.thumbnail

        async def made_late(*given: Any, **named: Any) -> Preview | None:
            small = await made(*given, **named)
            assert await kept.round() == 1
            return small

        object.__setattr__(kept.app.previews, "thumbnail", made_late)
        assert await thumbnails.of(kept.task, kept.task.results[0]) is None
        assert not [*folder_of_thumbnails(kept.app.settings.home).glob("*/*")]


async def test_what_is_not_old_enough_stays(keep: Keep):
    async with keep(days_ago=DAYS - 0.1) as kept:
        await kept.stays()


async def test_a_file_that_somebody_wrote_to_stays(keep: Keep):
    async with keep() as kept:
        data = bytearray(kept.file.read_bytes())
        data[-1] ^= 1  # of the same size
        kept.file.write_bytes(data)
        await kept.stays()
        assert kept.file.read_bytes() == data


async def test_a_file_whose_record_is_not_ours_stays(keep: Keep):
    async with keep() as kept:
        kept.side.write_text(json.dumps(json.loads(kept.side.read_text()) | {"task_id": "tsk_other"}))
        await kept.stays()
        assert kept.file.exists()


async def test_a_file_that_was_taken_away_is_left_to_whoever_took_it(keep: Keep, tmp_path: Path):
    """Its folder may be on a disk that is not there just now."""
    async with keep() as kept:
        kept.file.parent.rename(tmp_path / "elsewhere")
        await kept.stays()


@pytest.mark.skipif(os.name == "nt", reason="links take a right of their own")
@pytest.mark.parametrize("what", ["file", "folder"])
async def test_nothing_is_deleted_through_a_link(keep: Keep, tmp_path: Path, what: str):
    async with keep() as kept:
        place = kept.file if what == "file" else kept.file.parent
        moved = tmp_path / "precious"
        place.rename(moved)
        place.symlink_to(moved)
        await kept.stays()
        assert (moved if what == "file" else moved / kept.file.name).exists()


async def test_what_stands_outside_the_results_stays(keep: Keep, tmp_path: Path):
    """A row may be imported, or the folder have been changed since."""
    async with keep() as kept:
        outside = tmp_path / "documents" / "2026-01-01"
        outside.mkdir(parents=True)
        for path in (kept.file, kept.side):
            path.rename(outside / path.name)
        [result] = kept.task.results
        moved = replace(kept.task, results=(replace(result, path=str(outside / kept.file.name)),))
        assert await kept.app.store.commit(kept.task, moved)
        kept.task = moved
        await kept.stays()
        assert kept.file.exists()


async def test_an_input_of_a_task_that_goes_on_stays_until_that_has_ended(keep: Keep):
    async with keep() as kept:
        url = kept.links.url_of(kept.file, kinds.for_extension(kept.file.suffix) or kinds.JPEG)
        now = await kept.now()
        other = replace(
            now,
            task_id="tsk_" + "b" * 26,
            state=State.PENDING,
            remote_id="other",
            results=(),
            inputs={"image_urls": [url]},
            due=now.updated_at + 1e9,
            completed_at=None,
        )
        await kept.app.store.add([other])
        await kept.stays()
        assert await kept.app.store.commit(other, replace(other, state=State.FAILED, due=None, completed_at=1.0))
        assert await kept.round() == 1


async def test_a_crash_between_file_and_row_is_made_good(keep: Keep):
    async with keep() as kept:
        assert kept.app.files.delete(kept.task, kept.task.results[0])
        assert (kept.file.exists(), kept.side.exists()) == (False, True)
        assert await kept.round() == 1
        assert (await kept.now()).results[0].file is FileState.EXPIRED
        assert not kept.side.exists()


async def test_a_crash_between_row_and_record_is_made_good(keep: Keep, monkeypatch: pytest.MonkeyPatch):
    async with keep() as kept:
        with monkeypatch.context() as crash:
            crash.setattr(LocalFiles, "forget", _crash)
            with pytest.raises(KeyboardInterrupt):
                await kept.round()
        told = (await kept.now()).results[0]
        assert (told.file, kept.file.exists(), kept.side.exists()) == (FileState.EXPIRED, False, True)
        assert await kept.round() == 0, "it was counted"
        assert not kept.side.exists()
        assert (await kept.now()).results[0].path == ""
        assert [fact.result for fact in kept.facts if isinstance(fact, FileDeleted)] == [0]


def _crash(*_: object) -> None:
    raise KeyboardInterrupt


async def test_a_server_that_stays_does_it_by_itself_and_one_without_the_setting_never(
    keep: Keep, box: Sandbox, tmp_path: Path
):
    async with keep() as kept:
        file = kept.file
    values = values_for(box, tmp_path)
    for settings, lasting in (({}, True), ({"keep_days": 3}, False), ({"keep_days": 4}, True)):
        async with open_app(read_settings(**values | settings), lasting=lasting) as app:
            await app.store.totals()
            assert file.exists()
    async with open_app(read_settings(**values, keep_days=3), lasting=True):
        with in_time(10):
            while file.exists():
                await anyio.sleep(0.01)


def test_a_place_that_is_not_there_deletes_nothing(tmp_path: Path):
    files = LocalFiles(tmp_path / "nowhere")
    assert files.size(str(tmp_path / "x")) is None
