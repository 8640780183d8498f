"""Each row of the table of faults, through the tools of the running program."""

import logging
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from support.amounts import here
from support.fault_table import README, ROWS, Row, whole
from support.program import come_to_rest, told_once
from support.table_client import connected, told
from support.wire import Wire

from apixo_mcp.assembly.limits import Limits
from apixo_mcp.media import names
from apixo_mcp.media.places import TransferLimits
from apixo_mcp.net.timeouts import Timeouts
from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Where results go, as the row's disk has it."""
    row: Row = request.getfixturevalue("row")
    pictures = tmp_path / "pictures"
    match row.disk:
        case "file in the way" | "moved later":
            pictures.write_text("in the way")
        case "too long":
            return tmp_path / ("x" * 300)
        case "read-only":
            pictures.mkdir()
            pictures.chmod(0o500)
            try:
                (pictures / "probe").touch()
            except OSError:
                pass
            else:
                pytest.skip("this user may write to any folder")
    return pictures


def limits_of(row: Row) -> Limits:
    """A time limit or a cap that the row would otherwise take a minute to reach."""
    match row.brief:
        case "submit":
            return Limits(timeouts=Timeouts(submit=here(0.5)))
        case "look":
            return Limits(timeouts=Timeouts(poll=here(0.5)))
        case "file":
            return Limits(timeouts=Timeouts(until_body=here(0.5), idle=here(0.5)))
        case "cap":
            return Limits(transfers=TransferLimits(caps={"image": 1_000_000}))
        case _:
            return Limits()


def seen(structure: dict[str, Any]) -> tuple[str, str, str, str]:
    error = structure.get("error", {})
    results = structure.get("results", [{}])
    about = f"{error['category']} `{error['code']}`" if error else ""
    return structure["state"], about, error.get("charged", ""), results[0].get("file", "")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
async def test_a_row_of_the_table(
    row: Row, box: Sandbox, wire: Wire, tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.ERROR)
    wire.submits.extend(row.submits)
    wire.looks.extend(row.looks)
    wire.files.extend(row.files)
    url = wire.url if row.on_wire else box.url
    prompt = f"{row.what} {row.marks}".replace("[]", "")
    more: dict[str, Any] = {"download_dir": folder, "auto_retry": row.retry, "daily_task_limit": row.limit}
    if row.nobody:
        url = "http://127.0.0.1:9"
    at_first, _, later = row.file.partition(" → ")
    async with connected(url, tmp_path, limits_of(row), **more) as client:
        first, last = await play(client, row, prompt, folder)
    assert seen(first) == (row.state, row.error, row.charged, at_first)
    assert first["next_step"]
    assert first.get("error", {"advice": "none needed"})["advice"]
    assert (first["state"] == "unknown") == ("dashboard" in first["next_step"])
    assert seen(last)[3] == (later or at_first)
    if row.file.endswith("saved"):
        result = last["results"][0]
        assert Path(result["path"]).stat().st_size == result["bytes"]
    assert len(wire.posts if row.on_wire else [one for one in box.log() if one["route"] == "submit"]) == row.posts
    assert not [record for record in caplog.records if record.exc_info], caplog.text


async def play(client: Client, row: Row, prompt: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the caller is told at first, and in the end."""
    given = {"model": row.model, "prompt": prompt, "wait_seconds": 0 if row.goes_on or row.disk == "taken name" else 20}
    first = await told(client, "generate_image", given)
    if row.goes_on:
        # A submit that was refused is told with what it waits for; before that it is not made yet.
        first = await told_once(
            client,
            first,
            lambda task: task["state"] == row.state and (row.state != "submitting" or "waiting_for" in task),
        )
    if row.disk == "taken name":
        await take_name(first, prompt, folder)
        first = await told(client, "check_task", {"task_id": first["task_id"], "wait_seconds": 20})
    if not row.goes_on:
        first = await come_to_rest(client, first)
    if row.disk == "taken name":
        assert "(2)" in first["results"][0]["path"]
    if "→" not in row.file:
        return first, first
    await spoil(row, first, folder)
    last = await told(client, "check_task", {"task_id": first["task_id"], "wait_seconds": 20})
    return first, await come_to_rest(client, last)


async def take_name(structure: dict[str, Any], prompt: str, folder: Path) -> None:
    """Puts other files where the result is about to be saved."""
    day = folder / time.strftime("%Y-%m-%d", time.gmtime())
    day.mkdir(parents=True)
    for extension in ("png", "jpg", "jpeg"):
        (day / f"{names.slug(prompt)}-{structure['task_id'][-6:]}.{extension}").write_text("mine")


async def spoil(row: Row, structure: dict[str, Any], folder: Path) -> None:
    match row.disk:
        case "moved later":
            folder.unlink()
        case "deleted":
            await anyio.Path(structure["results"][0]["path"]).unlink()
        case "shortened":
            Path(structure["results"][0]["path"]).write_bytes(b"short")


def test_the_table_is_in_the_readme():
    assert len(ROWS) >= 40
    assert len({row.what for row in ROWS}) == len(ROWS)
    text = README.read_text(encoding="utf-8")
    assert text == whole(text), "run `python -m support.fault_table` in tests/"
