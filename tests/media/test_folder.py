"""Links that somebody planted where files are written: never followed, and nothing is lost for them."""

import os
from pathlib import Path

import pytest
from support.media_wire import a_png, a_result, a_saver, a_task, content, cut, ranged, whole

from apixo_mcp.media.folder import Folder, made_beneath
from apixo_mcp.tasks.task import FileState

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")]

PNG = a_png(padding=40_000)
DAY = "2023-11-14"
PART = f".{a_task().task_id}-0.part"
NAMES = (PART, f"{PART}.json", f"{PART}.side", f"{PART}.old")
FINAL = ("a-red-fox-at-dawn-uvwxyz.png", "a-red-fox-at-dawn-uvwxyz.png.json")
HOW = ("symlink", "dangling symlink", "hard link", "symlink to a folder", "folder", "pipe")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    kept = tmp_path / "outside" / "kept"
    kept.write_bytes(b"somebody's own, of some length" * 9)
    return kept


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def plant(at: Path, how: str, outside: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    match how:
        case "symlink":
            at.symlink_to(outside)
        case "dangling symlink":
            at.symlink_to(outside.with_name("new"))
        case "hard link":
            at.hardlink_to(outside)
        case "symlink to a folder":
            at.symlink_to(outside.parent)
        case "folder":
            (at / "inside").mkdir(parents=True)
        case _:
            os.mkfifo(at)


def untouched(outside: Path) -> bool:
    names = [path.name for path in outside.parent.iterdir()]
    return outside.read_bytes() == b"somebody's own, of some length" * 9 and names == ["kept"]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", [*NAMES, *FINAL])
async def test_a_planted_name_leads_nowhere(wire, http, root, outside, name, how):
    plant(root / DAY / name, how, outside)
    url = wire.answers(cut(PNG, 9000), ranged(PNG))
    saved = await a_saver(http, root).save(a_task(), a_result(url))
    assert saved.file is FileState.SAVED
    assert content(saved) == PNG
    assert Path(saved.path).parent == root / DAY
    assert untouched(outside)


@pytest.mark.parametrize("how", ["symlink", "hard link"])
async def test_a_link_in_place_of_a_part_is_not_gone_on_with(wire, http, root, outside, how):
    plant(root / DAY / PART, how, outside)
    (root / DAY / f"{PART}.json").write_text('{"etag": "\\"one\\"", "total": 40500}')
    saved = await a_saver(http, root).save(a_task(), a_result(wire.answers(ranged(PNG))))
    assert content(saved) == PNG
    assert untouched(outside)


@pytest.mark.parametrize("inside", [True, False])
async def test_a_day_that_is_a_link_is_passed_over(wire, http, root, outside, inside):
    target = root / "elsewhere" if inside else outside.parent
    target.mkdir(exist_ok=True)
    (root / DAY).symlink_to(target)
    url = wire.answers(whole(PNG))
    saved = await a_saver(http, root).save(a_task(), a_result(url))
    assert Path(saved.path).parent == root / f"{DAY} (2)"
    assert untouched(outside)
    assert await a_saver(http, root).save(a_task(), a_result(url)) == saved
    assert len(wire.asked) == 1


async def test_a_root_that_is_a_link_is_its_owners_choice(wire, http, root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    saved = await a_saver(http, tmp_path / "link").save(a_task(), a_result(wire.answers(whole(PNG))))
    assert Path(saved.path).parent == root / DAY


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", [PART, FINAL[0]])
async def test_a_copy_goes_through_no_link(wire, http, root, outside, name, how):
    keeper = a_saver(http, root)
    saved = await keeper.save(a_task(), a_result(wire.answers(whole(PNG))))
    plant(root / "copies" / name, how, outside)
    copied = await keeper.copy(a_task(), saved, root / "copies")
    assert copied.parent == root / "copies"
    assert copied.read_bytes() == PNG
    assert not copied.is_symlink()
    assert untouched(outside)


async def test_a_link_in_place_of_an_equal_copy_is_no_copy(wire, http, root, outside):
    keeper = a_saver(http, root)
    saved = await keeper.save(a_task(), a_result(wire.answers(whole(PNG))))
    (root / "copies").mkdir()
    (root / "copies" / FINAL[0]).symlink_to(saved.path)
    copied = await keeper.copy(a_task(), saved, root / "copies")
    assert copied.name == "a-red-fox-at-dawn-uvwxyz (2).png"


async def test_a_folder_that_became_a_link_since_it_was_allowed_is_refused(wire, http, root, outside):
    from apixo_mcp.errors import MediaError

    keeper = a_saver(http, root)
    saved = await keeper.save(a_task(), a_result(wire.answers(whole(PNG))))
    (root / "copies").symlink_to(outside.parent)
    with pytest.raises(MediaError):
        await keeper.copy(a_task(), saved, root / "copies")
    assert untouched(outside)


async def test_a_link_in_place_of_a_saved_file_is_neither_there_nor_copied(wire, http, root, outside):
    from apixo_mcp.errors import MediaError

    keeper = a_saver(http, root)
    saved = await keeper.save(a_task(), a_result(wire.answers(whole(PNG))))
    path = Path(saved.path)
    outside.write_bytes(PNG)
    path.unlink()
    path.symlink_to(outside)
    assert not await keeper.is_there(saved)
    with pytest.raises(MediaError):
        await keeper.copy(a_task(), saved, root / "copies")
    again = await keeper.save(a_task(), a_result(saved.url))
    assert again.path != saved.path
    assert content(again) == PNG


def test_a_folder_that_is_swapped_for_a_link_while_it_is_held_leads_nowhere(root, outside):
    with made_beneath(root, DAY) as folder:
        (root / DAY).rename(root / "moved")
        (root / DAY).symlink_to(outside.parent)
        try:
            file, name = folder.create("new")
        except OSError:
            return
        with file:
            file.write(b"x")
        assert (root / "moved" / name).exists()
        assert [path.name for path in outside.parent.iterdir()] == ["kept"]


def test_a_folder_behind_a_link_is_no_folder(root, outside):
    (root / "link").symlink_to(outside.parent)
    (outside.parent / "inner").mkdir()
    for path in (root / "link", root / "link" / "inner", outside, root / "missing"):
        with pytest.raises(OSError):
            Folder(path)
