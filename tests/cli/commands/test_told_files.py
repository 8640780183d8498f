"""`tasks show FILE`: what a file tells, without a database and wherever it lies."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.described import FILMS, FOX, PICTURES, described
from support.shell import Typed, made, newest, run, shown

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "mp4"])
async def test_a_file_from_anywhere_tells_its_story(typed: Typed, tmp_path: Path, name: str):
    path = tmp_path / "from a friend"
    path.write_bytes(described({**PICTURES, **FILMS}[name]()))
    told = await run(typed, "tasks", "show", path, home="another", key="")
    assert (told.exit_code, told.stderr) == (0, "")
    lines = told.stdout.splitlines()
    assert lines[0] == 'prompt    A red <fox> & "its" den, 狐狸 🦊'
    assert "model     nano-banana-pro (apixo)" in lines
    assert "  seed    7" in lines
    assert lines[-1] == "told by   the file itself, into which anybody may write"
    as_json = json.loads((await run(typed, "tasks", "show", path, "--json")).stdout)
    assert as_json == {**FOX.structure, "told_by": "file"}
    assert not (tmp_path / "another").exists(), "no database was asked"


async def test_what_was_saved_tells_with_the_setting_and_by_its_record_without(typed: Typed, tmp_path: Path):
    for embed, by in (("1", "file"), ("0", "record")):
        await made(typed, f"a fox {by}", APIXO_MCP_EMBED=embed)
        task = await newest(typed)
        path = task["results"][0]["path"]
        told = json.loads((await run(typed, "tasks", "show", path, "--json")).stdout)
        assert (told["prompt"], told["task_id"], told["told_by"]) == (f"a fox {by}", task["task_id"], by)
        assert ("file_sha256" in (await shown(typed, task["task_id"]))["results"][0]) == (by == "file")
        copy = shutil.copy(path, tmp_path / "copy.png")
        assert (await run(typed, "tasks", "show", copy)).exit_code == (0 if by == "file" else 1)


async def test_a_file_that_tells_nothing_says_so(typed: Typed, tmp_path: Path):
    path = tmp_path / "holiday.png"
    path.write_bytes(PICTURES["png"]())
    told = await run(typed, "tasks", "show", path)
    assert (told.exit_code, told.stdout) == (1, "")
    assert "holiday.png does not tell where it came from: another program made it" in told.stderr


async def test_what_is_no_file_says_so(typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    gone = await run(typed, "tasks", "show", tmp_path / "gone.png")
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert "gone.png is not there. Give the id of a task, `last`, or the path of a file." in gone.stderr
    assert "fox.png is not there" in (await run(typed, "tasks", "show", "fox.png")).stderr
    assert "There is no task 'fox'" in (await run(typed, "tasks", "show", "fox")).stderr
    assert "is no file" in (await run(typed, "tasks", "show", tmp_path)).stderr
    monkeypatch.chdir(tmp_path)
    (tmp_path / "last").write_bytes(described(PICTURES["png"]()))
    assert "There is no task yet" in (await run(typed, "tasks", "show", "last")).stderr, "`last` is a task"
    assert (await run(typed, "tasks", "show", "./last")).exit_code == 0


async def test_what_a_file_claims_does_nothing_to_a_terminal(typed: Typed, tmp_path: Path):
    path = tmp_path / "x.png"
    evil = replace(
        FOX, prompt="a\x1b]0;owned\x07b\nmodel     forged", model="m\x1b[2J\nforged", inputs={"a\x1b[1m\nb": "\x9b31m"}
    )
    path.write_bytes(described(PICTURES["png"](), evil))
    for given in ((), ("--json",)):
        told = (await run(typed, "tasks", "show", path, *given)).stdout
        assert not any(char in told for char in "\x1b\x07\x9b")
    assert len((await run(typed, "tasks", "show", path)).stdout.splitlines()) == 7
