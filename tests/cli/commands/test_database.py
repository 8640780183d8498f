"""The program on a database that several machines share: served over HTTP, and looked after by the commands."""

import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anyio.to_thread import run_sync
from mcp import Client
from support.amounts import in_time
from support.postgres import PASSWORD, Cluster
from support.program import program, structure, values_for
from support.shell import Typed, alone, run, started

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


@pytest.fixture
def on_database(postgres_store_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("APIXO_MCP_DATABASE_URL", postgres_store_url)
    return postgres_store_url


@pytest.fixture
async def worker(
    on_database: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """One that follows what commands ask for."""
    for name, value in {**environment, "APIXO_MCP_HOME": str(tmp_path / "home"), "APIXO_API_KEY": "sk-mine"}.items():
        monkeypatch.setenv(name, value)
    async with open_app(read_settings(), worker=True):
        yield


async def test_the_commands_work_on_it_and_nothing_is_kept_beside_it(worker: None, typed: Typed, tmp_path: Path):
    made = await run(typed, "generate", "nano-banana", "a fox", "--json")
    assert made.exit_code == 0, made.stderr
    task_id = json.loads(made.stdout)["task_id"]
    assert task_id in (await run(typed, "tasks", "list")).stdout
    assert json.loads((await run(typed, "tasks", "show", task_id)).stdout)["state"] == "success"
    assert "nano-banana" in (await run(typed, "usage")).stdout
    added = await run(typed, "owners", "add", "alice", "--daily-usd", "5")
    assert added.exit_code == 0, added.stderr
    assert "alice" in (await run(typed, "owners", "list")).stdout
    assert "nano-banana" in (await run(typed, "models", "show", "nano-banana")).stdout
    examined = await run(typed, "doctor", "--json")
    findings = {one["what"]: one for one in json.loads(examined.stdout)["findings"]}
    assert findings["task store"]["status"] == "ok"
    assert "opens, of schema" in findings["task store"]["said"]
    assert PASSWORD not in examined.stdout + examined.stderr
    assert not [*(tmp_path / "home").glob("*.sqlite3*")]


@pytest.mark.process
@pytest.mark.parametrize("words", [("generate", "nano-banana", "a fox"), ("tasks", "wait", "last")])
async def test_whoever_waits_without_a_worker_is_told_how_to_start_one(
    on_database: str, environment: dict[str, str], typed: Typed, tmp_path: Path, words: tuple[str, ...]
):
    if words[0] == "tasks":
        await run(typed, "generate", "nano-banana", "a fox", "--no-wait")
    told: list[str] = []
    with started(*words, variables=environment) as process:
        assert process.stderr is not None
        with in_time(90):
            while not any("apixo-mcp worker" in line for line in told):
                told.append(await run_sync(process.stderr.readline))
                assert told[-1], told
        (line,) = [line for line in told if "No worker" in line]
        assert "No worker runs on this database, so nobody asks how a task is" in line
        assert not any("No answer from" in line for line in told), "the gateway was never asked"
        folders = {"home": tmp_path / "worker", "download_dir": tmp_path / "pictures"}
        gateway = {"apixo_api_key": "sk-mine", "apixo_base_url": environment["APIXO_BASE_URL"]}
        settings = read_settings(**folders, **gateway, allow_private_hosts=True, poll_scale=0.01)
        async with open_app(settings, worker=True):
            _, errors = await run_sync(lambda: process.communicate(timeout=90))
    assert process.returncode == 0, errors


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to another process")
async def test_whoever_leaves_a_task_without_a_worker_is_told_that_none_goes_on_with_it(
    on_database: str, environment: dict[str, str], typed: Typed
):
    made = await run(typed, "generate", "nano-banana", "a fox", "--no-wait")
    assert "No worker runs on this database" in made.stderr
    with started("tasks", "wait", "last", variables=environment) as process:
        assert process.stderr is not None
        with in_time(90):
            while "No worker" not in await run_sync(process.stderr.readline):
                pass
        process.send_signal(signal.SIGINT)
        _, errors = await run_sync(lambda: process.communicate(timeout=90))
    assert process.returncode == 130, errors
    assert "it waits for a worker. No worker runs on this database" in errors
    assert "and the same keys: apixo-mcp worker\n" in errors


async def test_a_database_that_is_not_there_is_told_with_what_to_do(
    on_database: str, typed: Typed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("APIXO_MCP_DATABASE_URL", f"{on_database}_gone")
    listed = await run(typed, "tasks", "list")
    assert listed.exit_code == 1
    assert "Create the database, or name another one in APIXO_MCP_DATABASE_URL" in listed.stderr
    examined = await run(typed, "doctor", "--json")
    findings = {one["what"]: one for one in json.loads(examined.stdout)["findings"]}
    assert (findings["task store"]["status"], findings["task store"]["variable"]) == ("mend", "APIXO_MCP_DATABASE_URL")
    assert findings["task store"]["said"].endswith("does not exist")
    assert findings["task store"]["mend"] == "Create the database, or name another one in APIXO_MCP_DATABASE_URL."
    assert PASSWORD not in listed.stderr + examined.stdout
    assert "does not exist" not in caplog.text, "whoever reads the answer reads the log too, and has it twice"


async def test_doctor_tells_of_a_database_in_another_encoding_what_to_do(
    postgres: Cluster, typed: Typed, monkeypatch: pytest.MonkeyPatch
):
    with postgres.database("template0 encoding 'LATIN1'") as name:
        monkeypatch.setenv("APIXO_MCP_DATABASE_URL", postgres.url(name))
        examined = await run(typed, "doctor", "--json")
    (finding,) = [one for one in json.loads(examined.stdout)["findings"] if one["what"] == "task store"]
    assert finding["status"] == "mend"
    assert "its encoding is LATIN1" in finding["said"]
    assert finding["mend"].startswith("Create one with `createdb --encoding UTF8 --template template0`")


async def test_two_servers_over_http_share_it(on_database: str, tmp_path: Path):
    async with Sandbox(speed=100, port=0) as box:
        values = values_for(box, tmp_path)
        async with (
            open_app(read_settings(**values), worker=True),
            program("http", values) as one,
            program("http", {**values, "home": tmp_path / "other"}) as two,
        ):
            async with Client(one()) as here, Client(two()) as there:
                wanted = {"model": "nano-banana", "prompt": "a fox"}
                task = structure(await here.call_tool("generate_image", wanted))
                with in_time(60):
                    while task["state"] != "success":
                        asked = {"task_id": task["task_id"], "wait_seconds": 2}
                        task = structure(await there.call_tool("check_task", asked))
    assert not [*tmp_path.glob("*/*.sqlite3*")]


@pytest.mark.process
def test_standard_input_and_output_refuses_it_and_says_what_to_do(on_database: str, tmp_path: Path):
    told = alone("serve", APIXO_MCP_HOME=str(tmp_path / "home"))
    assert told.returncode == 1
    assert "apixo-mcp serve --transport http" in told.stderr
    assert PASSWORD not in told.stderr
    assert not (tmp_path / "home").exists()
