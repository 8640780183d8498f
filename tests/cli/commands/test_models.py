"""`models`, as a person types it."""

import json
from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner, Result

from apixo_mcp.cli.program import program
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.durations import Duration


@pytest.fixture(autouse=True)
def _folders(folders: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in folders.items():
        monkeypatch.setenv(name, value)


def typed(*words: str, **variables: str) -> Result:
    return CliRunner().invoke(program, ["models", *words], env=variables)


def test_all_models_are_listed_a_line_each():
    done = typed("list")
    assert done.exit_code == 0
    heading, *lines = done.stdout.splitlines()
    assert heading.startswith("60 of 60 models")
    assert {line for line in lines if line.isupper() or line.startswith(("IMAGE", "VIDEO", "AUDIO"))}
    assert any(line.startswith("nano-banana-pro: ") for line in lines)


def test_those_that_fit_are_listed():
    lines = typed("list", "banana", "--modality", "image").stdout.splitlines()[2:]
    assert lines
    assert all("banana" in line for line in lines)
    assert typed("list", "--modality", "smell").exit_code == 2


def test_only_offered_models_are_listed():
    done = typed("list", APIXO_MCP_MODELS="nano-*, nothing-like-it")
    assert "sora" not in done.stdout
    assert "no model matches 'nothing-like-it'" in done.stdout


def test_one_model_is_shown_as_json():
    done = typed("show", "Nano Banana")
    assert done.exit_code == 0
    described = json.loads(done.stdout)
    assert (described["id"], described["modality"]) == ("nano-banana", "image")
    assert "prompt" in described["input_schema"]["properties"]


def test_an_unknown_model_is_told_with_the_nearest():
    done = typed("show", "nano-banan")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("apixo-mcp: model: ")
    assert "Did you mean nano-banana" in done.stderr


def test_models_are_found_by_a_purpose_and_sorted_by_price():
    assert typed("list", "对口型").stdout.splitlines()[2].startswith("infinitetalk: ")
    assert typed("list", "--modality", "video", "--sort", "price").stdout.splitlines()[2].startswith("sora-2: ")
    assert "these are general image models" in typed("list", "xyzzy").stdout


def test_a_model_is_shown_with_what_documents_it():
    told = json.loads(typed("show", "veo3.1 fast").stdout)
    assert told["id"] == "veo-3-1"
    assert told["sound"] == "with sound, says Google"
    assert told["speed"] == "quick and cheap in mode fast"
    assert len(told["remarks_from"]) == 3
    assert told["schedule"]["first_poll_s"] == 60


def test_a_model_is_shown_with_what_was_learned_of_it_here(tmp_path: Path):
    before = json.loads(typed("show", "nano-banana-pro").stdout)
    assert not (tmp_path / "home").exists(), "looking at a model makes no data folder"

    async def note() -> None:
        async with SqliteStore(tmp_path / "home" / "tasks.sqlite3") as store:
            for number in range(50):
                seconds = 24.0 + number / 5
                await store.durations.note("nano-banana-pro", "resolution=2k", Duration(seconds, seconds))

    anyio.run(note)
    after = json.loads(typed("show", "nano-banana-pro").stdout)
    (entry,) = after.pop("learned")
    assert after == before
    assert entry == {
        "inputs": "resolution=2k",
        "tasks": 50,
        "usual_s": 29,
        "from_s": 25,
        "to_s": 33,
        "first_poll_s": entry["first_poll_s"],
        "told": f"usually 29 s here (50 tasks; from 25 to 33 s), first poll after {entry['first_poll_s']} s",
    }
    assert 24 <= entry["first_poll_s"] <= 29


def test_a_task_store_that_cannot_be_read_hides_no_model(tmp_path: Path):
    (tmp_path / "home" / "tasks.sqlite3").mkdir(parents=True)
    done = typed("show", "nano-banana-pro")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["id"] == "nano-banana-pro"
    assert "what was learned of nano-banana-pro is not shown: the task store" in done.stderr
