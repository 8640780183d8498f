"""An upgrade: an older and a newer program on one database, one more migration, column and field of a job between them.

The newer one is this source with that added, run as a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from anyio.to_thread import run_sync
from support.amounts import in_time
from support.program import environment, values_for
from support.proxies import free_port
from support.task_steps import ask
from support.wells import becomes_ready

import apixo_mcp
from apixo_mcp.app import App, open_app
from apixo_mcp.errors import SchemaTooNew
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import Settings, read_settings
from apixo_mcp.stores.postgres.schema import newest_schema
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import State, Task

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.process]

PATIENCE = 60.0
NEXT = newest_schema() + 1
ADDS = "alter table task add column flavour text not null default 'plain';\n"
GOES_ON = f"-- Programs from schema {NEXT - 1} on go on with this.\n"
CHANGES = {
    "tasks/task.py": (
        ("    failed_at: float | None = None\n", '    failed_at: float | None = None\n    flavour: str = "sour"\n'),
        ("    deleted_at: float = 0.0\n", '    deleted_at: float = 0.0\n    flavour: str = "sweet"\n'),
    ),
    "engines/procrastinate_queue.py": (("'key_print', key)", "'key_print', key, 'flavour', 'salty')"),),
}
"""What the newer program has besides: a field of an attempt, a column, and a field of a job."""


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=20) as box:
        yield box


@pytest.fixture
def settings(box: Sandbox, tmp_path: Path, postgres_url: str) -> Settings:
    return read_settings(**values_for(box, tmp_path) | {"database_url": postgres_url})


class Newer:
    """The program of the next version.

    Args:
        folder: for its source.
        migration: the text of its further step.
    """

    def __init__(self, folder: Path, box: Sandbox, database: str, migration: str) -> None:
        package = folder / "newer" / "apixo_mcp"
        shutil.copytree(Path(apixo_mcp.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
        (package / "stores/postgres/migrations" / f"{NEXT:04}_flavour.sql").write_text(migration, encoding="utf-8")
        for name, replacements in CHANGES.items():
            text = (package / name).read_text(encoding="utf-8")
            for before, after in replacements:
                assert text.count(before) == 1, f"{name} has changed: correct this test"
                text = text.replace(before, after)
            (package / name).write_text(text, encoding="utf-8")
        values = values_for(box, folder) | {"database_url": database}
        self._environment = {**os.environ, **environment(values)}
        self._folder = package.parent  # where it is started: what is there goes before what is installed

    def run(self, *arguments: str) -> str:
        """Runs a command of it to its end, and returns what it printed."""
        command = [sys.executable, "-m", "apixo_mcp", *arguments]
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def worker(self) -> Iterator[int]:
        """Runs its worker; yields the port of its probes."""
        port = free_port()
        command = [sys.executable, "-m", "apixo_mcp", "worker", "--health-port", str(port)]
        with subprocess.Popen(command, cwd=self._folder, env=self._environment, stderr=subprocess.DEVNULL) as process:
            try:
                yield port
            finally:
                process.kill()


async def finished(app: App, task: Task) -> Task:
    with in_time(PATIENCE):
        while not (task := await app.service.wait(task, PATIENCE)).is_settled:
            pass
    return task


def flavours(database: str) -> dict[str, tuple[str, str]]:
    """The column and the attempts of each task, as the database has them."""
    with psycopg.connect(database) as connection:
        return {row[0]: (row[1], row[2]) for row in connection.execute("select task_id, flavour, attempts from task")}


async def test_the_newer_one_finishes_what_the_older_one_sent_and_the_older_one_goes_on(
    settings: Settings, box: Sandbox, tmp_path: Path, postgres_url: str
) -> None:
    newer = Newer(tmp_path, box, postgres_url, GOES_ON + ADDS)
    async with open_app(settings) as older:
        before = [(await ask(older, f"fox {number}")).tasks[0] for number in range(12)]  # its statements are prepared
        with newer.worker() as port:
            await becomes_ready(port, PATIENCE)
            ended = [await finished(older, task) for task in before]
            later = await finished(older, (await ask(older, "asked after the upgrade")).tasks[0])
    assert [task.state for task in (*ended, later)] == [State.SUCCESS] * 13
    assert len(box.submits()) == 13
    assert {flavour for flavour, _ in flavours(postgres_url).values()} <= {"plain", "sweet"}


async def test_the_older_one_finishes_what_the_newer_one_sent(
    settings: Settings, box: Sandbox, tmp_path: Path, postgres_url: str
) -> None:
    """It starts on the newer schema, and is given a job and a row with more in them than it knows."""
    newer = Newer(tmp_path, box, postgres_url, GOES_ON + ADDS)
    told = await run_sync(newer.run, "generate", "nano-banana", "a fox", "--no-wait", "--yes", "--json")
    task_id = json.loads(told)["task_id"]
    assert "sour" in flavours(postgres_url)[task_id][1]
    with psycopg.connect(postgres_url) as connection:
        jobs = connection.execute("select args ->> 'flavour' from procrastinate_jobs").fetchall()
    assert jobs == [("salty",)]
    async with open_app(settings, worker=True) as older:
        ended = await finished(older, await older.service.find(LOCAL, task_id))
        assert older.store_told.endswith(f"schema {NEXT}")
    assert ended.state is State.SUCCESS
    assert len(box.submits()) == 1
    assert flavours(postgres_url)[task_id][0] == "sweet", "what it does not know it leaves alone"
    shown = json.loads(await run_sync(newer.run, "tasks", "show", task_id, "--json"))
    assert shown["state"] == "success"


async def test_one_that_would_not_understand_the_newer_schema_is_refused_and_what_runs_goes_on(
    settings: Settings, box: Sandbox, tmp_path: Path, postgres_url: str
) -> None:
    newer = Newer(tmp_path, box, postgres_url, ADDS)
    async with open_app(settings, worker=True) as older:
        await run_sync(newer.run, "usage")
        with pytest.raises(SchemaTooNew, match=f"schema {NEXT}; this one knows {NEXT - 1}"):
            async with open_app(settings):
                pass
        task = await finished(older, (await ask(older)).tasks[0])
    assert task.state is State.SUCCESS
