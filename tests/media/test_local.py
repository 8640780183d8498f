import errno
import os
import sys
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from support.media_wire import (
    a_png,
    a_result,
    a_saver,
    a_task,
    content,
    files,
    remove,
    rewrite,
    whole,
)

from apixo_mcp.errors import MediaError
from apixo_mcp.tasks.task import FileState

pytestmark = pytest.mark.anyio

PNG = a_png(padding=400_000)
DAY = "2023-11-14"


async def test_another_file_of_the_same_name_stays(wire, http, tmp_path):
    taken = tmp_path / DAY / "a-red-fox-at-dawn-uvwxyz.png"
    taken.parent.mkdir()
    taken.write_bytes(b"somebody's own")
    url = wire.answers(whole(PNG))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert Path(saved.path).name == "a-red-fox-at-dawn-uvwxyz (2).png"
    assert taken.read_bytes() == b"somebody's own"
    other = a_task(task_id="tsk_zzzzzzzzzzzzzzzzzzzzuvwxyz")
    third = await a_saver(http, tmp_path).save(other, a_result(url))
    assert Path(third.path).name == "a-red-fox-at-dawn-uvwxyz (3).png"


async def test_several_results_are_numbered_from_one(wire, http, tmp_path):
    url = wire.answers(whole(PNG))
    results = (a_result(url), a_result(url, index=1))
    task = a_task(results=results)
    names = [Path((await a_saver(http, tmp_path).save(task, result)).path).name for result in results]
    assert names == ["a-red-fox-at-dawn-uvwxyz-1.png", "a-red-fox-at-dawn-uvwxyz-2.png"]


async def test_a_finished_file_is_recognised_and_not_fetched_again(wire, http, tmp_path):
    url = wire.answers(whole(PNG))
    first = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    again = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert again == first
    assert len(wire.asked) == 1


async def test_a_finished_file_that_was_changed_stays_and_is_fetched_beside_it(wire, http, tmp_path):
    url = wire.answers(whole(PNG))
    first = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    rewrite(first, b"edited")
    again = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert content(first) == b"edited"
    assert content(again) == PNG


async def test_a_claim_without_its_file_is_taken_up(wire, http, tmp_path):
    """A crash between the side file and the rename, or a file that was deleted."""
    url = wire.answers(whole(PNG))
    first = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    remove(first)
    again = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert again.path == first.path
    assert len(files(tmp_path)) == 2


async def test_two_callers_fetch_once(wire, http, tmp_path):
    url = wire.answers(whole(PNG))
    keeper, saved = a_saver(http, tmp_path), []

    async def save():
        saved.append(await keeper.save(a_task(), a_result(url)))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(save)
    assert saved[0] == saved[1] == saved[2]
    assert len(wire.asked) == 1


async def test_a_file_where_the_folder_should_be(wire, http, tmp_path):
    (tmp_path / "taken").write_text("a file")
    url = wire.answers(whole(PNG))
    failed = await a_saver(http, tmp_path / "taken").save(a_task(), a_result(url))
    assert failed.file is FileState.FAILED
    assert "APIXO_MCP_DOWNLOAD_DIR" in failed.problem


@pytest.mark.skipif(sys.platform != "linux", reason="needs a device that is always full")
async def test_a_full_disk_is_told_in_words(wire, http, tmp_path, monkeypatch):
    def refuses(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuses)
    url = wire.answers(whole(PNG))
    failed = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert failed.file is FileState.FAILED
    assert "the disk is full" in failed.problem
    assert files(tmp_path) == []


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
async def test_a_folder_that_may_not_be_written_to(wire, http, tmp_path):
    tmp_path.chmod(0o500)
    try:
        failed = await a_saver(http, tmp_path / "sub").save(a_task(), a_result(wire.answers(whole(PNG))))
    finally:
        tmp_path.chmod(0o700)
    assert "may not be written to" in failed.problem


async def test_a_folder_without_hard_links_still_overwrites_nothing(wire, http, tmp_path, monkeypatch):
    def refuses(*_):
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuses)
    taken = tmp_path / DAY / "a-red-fox-at-dawn-uvwxyz.png"
    taken.parent.mkdir()
    taken.write_bytes(b"somebody's own")
    url = wire.answers(whole(PNG))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert content(saved) == PNG
    assert taken.read_bytes() == b"somebody's own"
    assert len(files(tmp_path)) == 3


async def test_a_prompt_never_decides_the_folder_and_may_hold_anything(wire, http, tmp_path):
    url = wire.answers(whole(PNG))
    for number, prompt in enumerate(["../../etc/passwd", "\ud800\0\n", "", "CON", "狐狸 " * 40]):
        task = a_task(task_id=f"tsk_{number:026}", prompt=prompt)
        saved = await a_saver(http, tmp_path).save(task, a_result(url))
        assert Path(saved.path).parent == tmp_path / DAY


async def test_copies(wire, http, tmp_path):
    url = wire.answers(whole(PNG))
    keeper = a_saver(http, tmp_path / "home")
    saved = await keeper.save(a_task(), a_result(url))
    other = tmp_path / "other" / "folder"
    copied = await keeper.copy(a_task(), saved, other)
    assert copied == other / "a-red-fox-at-dawn-uvwxyz.png"
    assert copied.read_bytes() == PNG
    assert await keeper.copy(a_task(), saved, other) == copied
    copied.write_bytes(b"edited")
    assert (await keeper.copy(a_task(), saved, other)).name == "a-red-fox-at-dawn-uvwxyz (2).png"
    assert copied.read_bytes() == b"edited"
    assert await keeper.copy(a_task(), saved, Path(saved.path).parent) == Path(saved.path)
    assert len(files(other)) == 2
    remove(saved)
    with pytest.raises(MediaError, match="no longer there"):
        await keeper.copy(a_task(), saved, other)
    with pytest.raises(MediaError, match="no saved file"):
        await keeper.copy(a_task(), replace(saved, path=""), other)
    (tmp_path / "file").write_text("")
    saved = await keeper.save(a_task(), a_result(url))
    with pytest.raises(MediaError, match="a file stands where"):
        await keeper.copy(a_task(), saved, tmp_path / "file")
