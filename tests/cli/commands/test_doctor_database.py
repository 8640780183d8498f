"""`doctor` on a database that several processes share: the server, its workers and the shared folder."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from support.amounts import in_time
from support.pgbouncer import pooled
from support.postgres import PASSWORD, Cluster
from support.s3 import S3, needs_s3
from support.shell import Typed, run

from apixo_mcp.app import open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.engines.queue import QueueLimits
from apixo_mcp.settings import Settings, read_settings

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

QUICK = Limits(queue=QueueLimits(workers_every=0.2))
OF_DATABASE = ("database", "notifications", "the database's clock", "connections", "workers", "shared folder")


@pytest.fixture
def settings(
    postgres_store_url: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    given = {"APIXO_MCP_HOME": str(tmp_path / "home"), "APIXO_API_KEY": "sk-mine"}
    for name, value in {**environment, **given, "APIXO_MCP_DATABASE_URL": postgres_store_url}.items():
        monkeypatch.setenv(name, value)
    return read_settings()


async def found(typed: Typed) -> dict[str, dict[str, str]]:
    """What doctor found, by what it looked at."""
    examined = await run(typed, "doctor", "--json")
    assert PASSWORD not in examined.stdout + examined.stderr
    return {one["what"]: one for one in json.loads(examined.stdout)["findings"]}


async def test_all_is_well_with_a_worker_and_files_that_are_missing_here_are_told(settings: Settings, typed: Typed):
    async with open_app(settings, worker=True):
        made = await run(typed, "generate", "nano-banana", "a fox", "--json")
        (result,) = json.loads(made.stdout)["results"]
        well = await found(typed)
        assert [well[what]["status"] for what in OF_DATABASE] == ["ok"] * len(OF_DATABASE), well
        assert well["workers"]["said"] == "1 follows tasks"
        assert well["database"]["check"] == "database"
        shutil.rmtree(Path(result["path"]).parent)
        elsewhere = (await found(typed))["shared folder"]
    assert (elsewhere["status"], elsewhere["said"]) == ("mend", "1 of 1 results of the last day are not here")
    assert "APIXO_MCP_RESULTS to a bucket" in elsewhere["mend"]


@needs_s3
async def test_no_shared_folder_is_asked_for_where_results_are_in_a_bucket(
    settings: Settings, typed: Typed, s3: S3, monkeypatch: pytest.MonkeyPatch
):
    results = f"s3://{s3.bucket('of-all')}/team"
    for name, value in {**s3.environment, "APIXO_MCP_RESULTS": results}.items():
        monkeypatch.setenv(name, value)
    async with open_app(settings.model_copy(update={"results": results}), worker=True):
        await run(typed, "generate", "nano-banana", "a fox", "--json")
        well = await found(typed)
    assert well["bucket (APIXO_MCP_RESULTS)"]["status"] == well["workers"]["status"] == "ok"
    assert "shared folder" not in well


async def test_that_no_worker_is_there_is_told_and_how_one_is_started(settings: Settings, typed: Typed):
    workers = (await found(typed))["workers"]
    assert (workers["status"], workers["said"]) == ("mend", "none follows tasks")
    assert "start `apixo-mcp worker` with the same APIXO_MCP_DATABASE_URL" in workers["mend"]


async def test_nothing_of_a_desk_is_looked_at_where_a_database_is_set(settings: Settings, typed: Typed):
    (Path.home() / ".cursor").mkdir(parents=True)
    assert not [what for what in await found(typed) if what.startswith("host ")]


@pytest.mark.parametrize("address", ["mysql://user:word@db.example/apixo", "apixo on db.example"])
async def test_an_address_that_cannot_be_one_is_told_and_no_file_looked_at_in_its_place(
    settings: Settings, typed: Typed, monkeypatch: pytest.MonkeyPatch, address: str
):
    (Path.home() / ".cursor").mkdir(parents=True)
    monkeypatch.setenv("APIXO_MCP_DATABASE_URL", address)
    there = await found(typed)
    assert there["settings"]["variable"] == "APIXO_MCP_DATABASE_URL"
    assert "must be an address such as postgresql://user:password@host:5432/database" in there["settings"]["said"]
    assert not [what for what in there if what == "task store" or what.startswith("host ")]
    assert not [*settings.home.glob("*.sqlite3")]


async def test_a_task_that_nobody_polls_is_told(settings: Settings, typed: Typed, postgres: Cluster):
    """A worker is there, and does not hold the key of the task."""
    other = settings.model_copy(update={"keys": read_settings(apixo_api_key="sk-other").keys})
    async with open_app(other, worker=True, limits=QUICK) as worker:
        made = await run(typed, "generate", "nano-banana", "a fox [never]", "--no-wait", "--json")
        task_id = json.loads(made.stdout)["task_id"]
        name = settings.database_url.get_secret_value().rpartition("/")[2]
        postgres.run(f"update task set due = due - 500 where task_id = '{task_id}'", name)
        with in_time(60):
            while worker.engine.workers() != 1:
                await anyio.sleep(0.1)
        waiting = (await found(typed))["waiting tasks"]
    assert waiting["status"] == "mend"
    assert waiting["said"].startswith("one is overdue for ")


async def test_a_pooler_behind_which_nothing_is_heard_is_told(
    settings: Settings, typed: Typed, monkeypatch: pytest.MonkeyPatch
):
    with pooled(settings.database_url.get_secret_value()) as through:
        monkeypatch.setenv("APIXO_MCP_DATABASE_URL", through)
        there = await found(typed)
    assert "behind a transaction pooler" in there["database"]["said"]
    assert there["notifications"]["status"] == "mend"
    assert "pool_mode = session" in there["notifications"]["mend"]
    assert "connections" not in there


@contextmanager
def limited(cluster: Cluster, database: str, connections: int) -> Iterator[str]:
    """A user who may have no more connections than that."""
    cluster.run(f"create role few login connection limit {connections}")
    cluster.run("grant all on schema public to few; grant all on all tables in schema public to few", database)
    try:
        yield "few"
    finally:
        cluster.run("drop owned by few", database)
        cluster.run("drop role few")


async def test_too_few_connections_for_one_more_process_are_told(
    settings: Settings, typed: Typed, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
):
    url = settings.database_url.get_secret_value()
    with limited(postgres, url.rpartition("/")[2], 12) as user:
        monkeypatch.setenv("APIXO_MCP_DATABASE_URL", url.replace("//tester:", f"//{user}:"))
        there = (await found(typed))["connections"]
    assert there["status"] == "mend"
    assert there["said"].endswith(" of 12 are left")
    assert "A process takes up to 13" in there["mend"]


@pytest.mark.process
@pytest.mark.parametrize("missing", ["psycopg", "psycopg_pool", "procrastinate"])
async def test_an_extra_that_is_not_installed_is_told_with_how_it_is(settings: Settings, missing: str):
    script = f"import sys; sys.modules['{missing}'] = None; from apixo_mcp.cli.main import main; main()"
    for words in (["worker"], ["doctor"]):
        with in_time(90):
            done = await anyio.run_process([sys.executable, "-c", script, *words], check=False)
        assert done.returncode != 0
        told = (done.stdout + done.stderr).decode()
        assert "takes the extra `postgres`, which is not installed" in told
        assert "Install it: `" in told
        assert "[postgres]'`." in told
        assert b"Traceback" not in done.stderr
