"""`tasks export --move` and `tasks import --move`: a whole store goes on at one place, wherever a move is cut."""

import json
import random
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest
from anyio.to_thread import run_sync
from click.testing import Result
from support.amounts import in_time
from support.shell import COMMAND, UNHURRIED, Typed, made, run, shown, started
from support.store_tasks import make, make_followed

from apixo_mcp.app import open_app
from apixo_mcp.assembly.stores import reached, store_of
from apixo_mcp.errors import InvalidInput
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.stores.kept.owners import terms_of, with_nothing
from apixo_mcp.stores.moving.move_file import FILLED, LEFT, MOVED, Head, StoreLines, lines_of
from apixo_mcp.stores.moving.moves import MoveEnd
from apixo_mcp.stores.postgres.move_end import postgres_end
from apixo_mcp.stores.sqlite.move_end import sqlite_end
from apixo_mcp.stores.sqlite.owner_rows import insert_owners
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import State

pytestmark = pytest.mark.anyio

MINE = {"APIXO_MCP_DATABASE_URL": ""}
"""Keeps a command to the data folder, whatever store the tests are run on."""
IS_LOCKED = b"select 1 from pg_locks where mode = 'AccessExclusiveLock' and relation = 'task'::regclass and granted"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def there(request: pytest.FixtureRequest) -> dict[str, str]:
    """What leads a command to another store, which is empty."""
    if request.param == "sqlite":
        return MINE | {"home": "there"}
    return {"APIXO_MCP_DATABASE_URL": request.getfixturevalue("postgres_store_url")}


def opened(there: Mapping[str, str], tmp_path: Path) -> AbstractContextManager[MoveEnd]:
    if url := there["APIXO_MCP_DATABASE_URL"]:
        return postgres_end(url)
    return sqlite_end(tmp_path / there["home"] / "tasks.sqlite3")


def rows_of(end: MoveEnd) -> dict[str, list[dict[str, Any]]]:
    """All that goes with a store, but for what it is told apart by, and who works on it."""
    return {
        table: sorted(
            (
                {name: value for name, value in row.items() if (table, name) not in FILLED and "lease" not in name}
                for row in end.rows(table)
                if row.get("name") != "store_id"
            ),
            key=repr,
        )
        for table in MOVED
    }


async def filled(tmp_path: Path, count: int = 3) -> None:
    """Makes a store in the folder `home` that has something in each of its tables."""
    async with SqliteStore(tmp_path / "home" / "tasks.sqlite3") as store:
        for name in ("key_print_salt", "request_state"):  # those that each program makes
            await store.secret(name)
        tasks = [
            make_followed(state=State.SUCCESS, due=None, prompt=f"a fox {number} 日本\0") for number in range(count)
        ]
        await store.add([make(due=None, state=State.FAILED), make_followed(), *tasks])
        await store.keep(tasks[0].task_id, "answer", "\ud83e half a fox")
    alice = {"name": "alice", "terms": terms_of(with_nothing("alice")), "made_at": 1, "changed_at": 1, "revoked_at": 1}
    with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3", isolation_level=None)) as database:
        insert_owners(database, [alice])
        for table in MOVED:
            columns = [row for row in database.execute(f"pragma table_info({table})") if (table, row[1]) not in FILLED]
            if not database.execute(f"select 1 from {table}").fetchone():
                kinds = {"integer": 7, "double precision": 1.1}
                texts = {"data": "{}", "sums": "{}"}
                values = [kinds.get(row[2].lower(), texts.get(row[1], f"some {row[1]}")) for row in columns]
                names, marks = ", ".join(row[1] for row in columns), ", ".join("?" * len(columns))
                database.execute(f"insert into {table} ({names}) values ({marks})", values)


@asynccontextmanager
async def followed(there: Mapping[str, str], box: Sandbox, tmp_path: Path) -> AsyncGenerator[None]:
    """Has a worker beside the commands, which a database needs."""
    if not (url := there["APIXO_MCP_DATABASE_URL"]):
        yield
        return
    folders = {"home": tmp_path / "worker", "download_dir": tmp_path / "pictures"}
    gateway = {"apixo_api_key": "sk-mine", "apixo_base_url": box.url, "allow_private_hosts": True, "poll_scale": 0.01}
    async with open_app(read_settings(**folders, **gateway, database_url=url), worker=True):
        yield


@pytest.fixture
async def home(tmp_path: Path) -> None:
    await filled(tmp_path)


@pytest.mark.usefixtures("home")
async def test_all_of_it_goes_there_and_back(typed: Typed, tmp_path: Path, there: dict[str, str]):
    with opened(MINE | {"home": "home"}, tmp_path) as end:
        before = rows_of(end)
    assert all(before.values()), "a table is not tried"
    gone = await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
    assert (gone.exit_code, gone.stdout) == (0, "")
    assert "is closed" in gone.stderr
    came = await run(typed, "tasks", "import", "--move", tmp_path / "store", **there)
    assert came.exit_code == 0, came.output
    assert came.stdout.startswith("5 tasks and 1 owner moved here from ")
    assert "1 still open, not followed for want of a key" in came.stderr
    with opened(there, tmp_path) as end:
        assert rows_of(end) == before
    listed = (await run(typed, "tasks", "list", "--query", "fox", **there)).stdout
    assert len(listed.splitlines()) == 5

    await run(typed, "tasks", "export", "--move", tmp_path / "back", **there)
    back = await run(typed, "tasks", "import", "--move", tmp_path / "back", "--nowhere-else", **MINE)
    assert back.exit_code == 0, back.output
    with opened(MINE | {"home": "home"}, tmp_path) as end:
        assert rows_of(end) == before
    assert (await run(typed, "tasks", "list", "--query", "fox", **MINE)).stdout == listed
    assert "was moved" in (await run(typed, "tasks", "list", **there)).stderr


async def test_what_runs_goes_on_there_alone(typed: Typed, box: Sandbox, tmp_path: Path, there: dict[str, str]):
    ended = await made(typed, **MINE)
    await run(typed, "generate", "nano-banana", "a hare", "--no-wait", **MINE, **UNHURRIED)
    gone = await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
    assert gone.exit_code == 0, gone.output
    looks = len(box.looks())
    refused = await run(typed, "tasks", "wait", "last", **MINE)
    assert refused.exit_code == 1
    assert "was moved on" in refused.stderr
    assert "tasks export --take-back" in refused.stderr
    assert len(box.looks()) == looks
    came = await run(typed, "tasks", "import", "--move", tmp_path / "store", **there)
    assert (came.exit_code, came.stderr) == (0, "")
    async with followed(there, box, tmp_path):
        waited = await run(typed, "tasks", "wait", "last", **there)
    assert Path(waited.stdout.strip()).is_file()
    assert (await shown(typed, ended, **there))["state"] == "success"
    assert len(box.submits()) == 2
    told = await run(typed, "tasks", "list", **MINE)
    assert "was moved to" in told.stderr


@pytest.mark.usefixtures("home")
class TestOnePlace:
    async def test_it_is_taken_in_once(self, typed: Typed, tmp_path: Path, there: dict[str, str]):
        file = tmp_path / "store"
        await run(typed, "tasks", "export", "--move", file, **MINE)
        await run(typed, "tasks", "import", "--move", file, **there)
        again = await run(typed, "tasks", "import", "--move", file, **there)
        assert again.exit_code == 0
        assert "came in already" in again.stdout
        third = await run(typed, "tasks", "import", "--move", file, home="third", **MINE)
        assert third.exit_code == 1
        assert "Two would go on with its tasks" in third.stderr
        back = await run(typed, "tasks", "export", "--take-back", **MINE)
        assert back.exit_code == 1
        assert "not taken back" in back.stderr
        anew = await run(typed, "tasks", "export", "--move", tmp_path / "again", **MINE)
        assert anew.exit_code == 0
        assert "came in already" in (await run(typed, "tasks", "import", "--move", tmp_path / "again", **there)).stdout

    async def test_where_the_old_store_cannot_be_asked_somebody_vouches(
        self, typed: Typed, tmp_path: Path, there: dict[str, str]
    ):
        await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
        (tmp_path / "home").rename(tmp_path / "on another machine")
        refused = await run(typed, "tasks", "import", "--move", tmp_path / "store", **there)
        assert refused.exit_code == 1
        assert "--nowhere-else" in refused.stderr
        came = await run(typed, "tasks", "import", "--move", "--nowhere-else", tmp_path / "store", **there)
        assert came.exit_code == 0

    async def test_on_another_machine_it_may_go_to_the_same_path(self, typed: Typed, tmp_path: Path):
        await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
        (tmp_path / "home").rename(tmp_path / "on another machine")
        refused = await run(typed, "tasks", "import", "--move", tmp_path / "store", **MINE)
        assert "--nowhere-else" in refused.stderr
        came = await run(typed, "tasks", "import", "--move", "--nowhere-else", tmp_path / "store", **MINE)
        assert came.exit_code == 0, came.output
        assert len((await run(typed, "tasks", "list", **MINE)).stdout.splitlines()) == 5

    async def test_it_is_taken_back_where_nobody_took_it(self, typed: Typed, tmp_path: Path):
        await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
        into_itself = await run(typed, "tasks", "import", "--move", tmp_path / "store", **MINE)
        assert "is where this comes from" in into_itself.stderr
        back = await run(typed, "tasks", "export", "--take-back", **MINE)
        assert "goes on" in back.stdout
        assert len((await run(typed, "tasks", "list", **MINE)).stdout.splitlines()) == 5
        late = await run(typed, "tasks", "import", "--move", tmp_path / "store", home="there", **MINE)
        assert late.exit_code == 1
        assert "was taken back" in late.stderr
        assert "nothing to take back" in (await run(typed, "tasks", "export", "--take-back", **MINE)).stderr

    async def test_a_store_that_has_tasks_takes_none_in(self, typed: Typed, tmp_path: Path, there: dict[str, str]):
        await run(typed, "generate", "nano-banana", "a hare", "--no-wait", **there, **UNHURRIED)
        await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
        refused = await run(typed, "tasks", "import", "--move", tmp_path / "store", **there)
        assert refused.exit_code == 1
        assert "has tasks or owners of its own" in refused.stderr
        assert len((await run(typed, "tasks", "list", **there)).stdout.splitlines()) == 1

    async def test_a_store_that_waits_to_be_taken_in_is_not_overwritten(self, typed: Typed, tmp_path: Path):
        await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
        await made(typed, home="there", **MINE)
        await run(typed, "tasks", "export", "--move", tmp_path / "other", home="there", **MINE)
        refused = await run(typed, "tasks", "import", "--move", tmp_path / "other", **MINE)
        assert "was moved itself" in refused.stderr
        assert (await run(typed, "tasks", "export", "--take-back", **MINE)).exit_code == 0

    async def test_a_file_that_is_cut_or_changed_brings_nothing_in(
        self, typed: Typed, tmp_path: Path, there: dict[str, str]
    ):
        await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
        whole = (tmp_path / "store").read_bytes()
        lines = whole.splitlines(keepends=True)
        wrong = [b"".join(lines[:count]) for count in range(len(lines))]
        wrong += [whole[:-40], whole.replace(b"a fox 0", b"a fix 0"), b"".join((*lines[:-3], *lines[-2:]))]
        wrong += [b"[" * 100_000, b'{"apixo_mcp_store":2}\n', b'{"apixo_mcp_store":1}\n']
        for content in wrong:
            (tmp_path / "wrong").write_bytes(content)
            refused = await run(typed, "tasks", "import", "--move", tmp_path / "wrong", **there)
            assert refused.exit_code == 1
            assert "Nothing was imported" in refused.stderr
        assert (await run(typed, "tasks", "list", "--all", **there)).stdout == ""
        came = await run(typed, "tasks", "import", "--move", tmp_path / "store", **there)
        assert came.exit_code == 0, came.output

    @pytest.mark.parametrize("is_hashed", [False, True], ids=["line", "line and end"])
    async def test_a_line_that_stands_twice_brings_nothing_in(
        self, typed: Typed, tmp_path: Path, there: dict[str, str], is_hashed: bool
    ):
        """Also where whoever doubled it wrote an end that fits: else a task would be two, and paid twice."""
        await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
        lines = (tmp_path / "store").read_bytes().splitlines(keepends=True)
        rows = [next(iter(json.loads(line).items())) for line in lines[1:-1]]
        head = Head(**{name: value for name, value in json.loads(lines[0]).items() if name != "apixo_mcp_store"})
        for table in set(MOVED) - {"duration", "webhooks_began"}:  # which have rows without a name, and buy nothing
            number = next(number for number, (its_table, _) in enumerate(rows) if its_table == table)
            for at in {number + 1, len(rows)}:
                doubled = [*rows[:at], rows[number], *rows[at:]]
                whole = (
                    lines_of(head, doubled) if is_hashed else [*lines[: at + 1], lines[number + 1], *lines[at + 1 :]]
                )
                (tmp_path / "doubled").write_bytes(b"".join(whole))
                refused = await run(typed, "tasks", "import", "--move", tmp_path / "doubled", **there)
                assert refused.exit_code == 1, table
                assert re.search("was given a row twice.* Export it anew|the file is damaged", refused.stderr)
                assert re.search("Nothing was (changed|imported)", refused.stderr)
        assert (await run(typed, "tasks", "list", "--all", **there)).stdout == ""
        came = await run(typed, "tasks", "import", "--move", tmp_path / "store", **there)
        assert came.exit_code == 0, came.output
        assert came.stdout.startswith("5 tasks ")

    async def test_of_a_line_of_mere_copies_that_stands_twice_one_task_comes(self, typed: Typed, tmp_path: Path):
        await run(typed, "tasks", "export", tmp_path / "tasks", **MINE)
        head, *lines = (tmp_path / "tasks").read_bytes().splitlines(keepends=True)
        (tmp_path / "doubled").write_bytes(b"".join([head, *lines, *lines]))
        came = await run(typed, "tasks", "import", tmp_path / "doubled", home="there", **MINE)
        assert came.exit_code == 0, came.output
        assert len((await run(typed, "tasks", "list", "--all", home="there", **MINE)).stdout.splitlines()) == 5

    async def test_each_form_is_told_from_the_other(self, typed: Typed, tmp_path: Path):
        await run(typed, "tasks", "export", tmp_path / "tasks", **MINE)
        assert (
            "exported with --move"
            in (await run(typed, "tasks", "import", "--move", tmp_path / "tasks", home="there", **MINE)).stderr
        )
        await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
        as_tasks = await run(typed, "tasks", "import", tmp_path / "store", home="there", **MINE)
        assert "Import it with --move" in as_tasks.stderr

    async def test_the_file_is_for_its_user_alone_and_holds_no_key(self, typed: Typed, tmp_path: Path):
        await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
        content = (tmp_path / "store").read_text(encoding="utf-8")
        assert "sk-mine" not in content
        assert (tmp_path / "store").stat().st_mode & 0o777 == 0o600 or sys.platform == "win32"


@pytest.mark.parametrize("value", [float("nan"), 10**30, "\ud800", ["a list"], True], ids=str)
def test_what_no_database_keeps_is_refused(value: Any):
    head = Head("a move", "a store", "here", "", 1.0, "1")
    for is_text in (True, False):
        lines = StoreLines(lines_of(head, [("quote", {"usd": value})]))
        with pytest.raises(InvalidInput):
            list(lines.rows({table: {"usd": is_text} for table in MOVED}))
    for name in ("move_id", "store_id", "shown", "place"):
        with pytest.raises(InvalidInput):
            StoreLines(lines_of(replace(head, **{name: value}), []))


@pytest.mark.usefixtures("home")
async def test_a_row_with_a_value_of_another_kind_is_refused_everywhere(tmp_path: Path, there: dict[str, str]):
    with sqlite_end(tmp_path / "home" / "tasks.sqlite3") as end:
        first = {table: next(iter(end.rows(table))) for table in MOVED}
        known = {table: end.columns(table) for table in MOVED}
    if not there["APIXO_MCP_DATABASE_URL"]:
        async with SqliteStore(tmp_path / there["home"] / "tasks.sqlite3"):
            pass
    head = Head("a move", "a store", "here", "", 1.0, "1")
    with opened(there, tmp_path) as end:
        columns = {table: end.columns(table) for table in MOVED}
    whole = {
        table: {name: value for name, value in first[table].items() if (table, name) not in FILLED} for table in MOVED
    }
    assert len(list(StoreLines(lines_of(head, whole.items())).rows(columns))) == len(MOVED)
    for table, row in whole.items():
        assert {name: known[table][name] for name in row} == {name: columns[table][name] for name in row}
        for name in row:
            changed = row | {name: 7 if columns[table][name] else "seven"}
            with pytest.raises(InvalidInput, match=rf"{table}\.{name} holds no"):
                list(StoreLines(lines_of(head, [(table, changed)])).rows(columns))
    odd = whole["owner"] | {"terms": "{}"}
    with pytest.raises(InvalidInput, match="holds no owner"):
        list(StoreLines(lines_of(head, [("owner", odd)])).rows(columns))


@pytest.mark.postgres
async def test_tables_of_the_same_names_in_other_schemas_are_none_of_its_own(postgres_store_url: str):
    with psycopg.connect(postgres_store_url, autocommit=True) as line:
        line.execute(b"create schema other; create table other.task (theirs integer)")
    with postgres_end(f"{postgres_store_url}?options=-csearch_path%3Dpublic,other") as end:
        assert "theirs" not in end.columns("task")


async def test_an_empty_store_is_not_moved(typed: Typed, tmp_path: Path, there: dict[str, str]):
    refused = await run(typed, "tasks", "export", "--move", tmp_path / "store", **there)
    assert refused.exit_code == 1
    assert "nothing to move" in refused.stderr
    assert not (tmp_path / "store").exists()


async def test_a_program_that_has_the_store_open_is_noticed(typed: Typed, tmp_path: Path, there: dict[str, str]):
    await run(typed, "generate", "nano-banana", "a hare", "--no-wait", **there, **UNHURRIED)
    await filled(tmp_path)
    url = there["APIXO_MCP_DATABASE_URL"]
    named = f"{url}?application_name=mine" if url else ""
    settings = read_settings(home=tmp_path / there.get("home", "home"), database_url=named)
    async with store_of(settings) as store:
        refused = await run(typed, "tasks", "export", "--move", tmp_path / "store", **there)
        assert refused.exit_code == 1
        assert "has " in refused.stderr
        assert "and nothing was changed" in refused.stderr
        assert len(await store.page(LOCAL)) == 1
        await run(typed, "tasks", "export", "--move", tmp_path / "other", **MINE)
        not_in = await run(typed, "tasks", "import", "--move", tmp_path / "other", **there)
        assert "and nothing was changed" in not_in.stderr
    gone = await run(typed, "tasks", "export", "--move", tmp_path / "store", **there)
    assert gone.exit_code == 0, gone.output


@pytest.mark.postgres
async def test_a_program_that_has_just_ended_holds_up_no_move(typed: Typed, tmp_path: Path, postgres_store_url: str):
    """The server takes a moment to end what it did for it."""
    database = {"APIXO_MCP_DATABASE_URL": postgres_store_url}
    await run(typed, "generate", "nano-banana", "a hare", "--no-wait", **database, **UNHURRIED)
    leaving = psycopg.connect(postgres_store_url, autocommit=True, application_name="apixo-mcp")
    with psycopg.connect(postgres_store_url, autocommit=True) as observer:

        async def end_once_it_is_looked_for() -> None:
            while not observer.execute(IS_LOCKED).fetchall():
                await anyio.sleep(0.01)
            leaving.close()

        async with anyio.create_task_group() as group:
            group.start_soon(end_once_it_is_looked_for)
            gone = await run(typed, "tasks", "export", "--move", tmp_path / "store", **database)
            assert gone.exit_code == 0, gone.output


@pytest.mark.postgres
async def test_who_has_the_database_open_in_spite_of_all_changes_nothing(
    typed: Typed, tmp_path: Path, postgres_store_url: str
):
    database = {"APIXO_MCP_DATABASE_URL": postgres_store_url}
    await run(typed, "generate", "nano-banana", "a hare", "--no-wait", **database, **UNHURRIED)
    with psycopg.connect(postgres_store_url, autocommit=True, application_name="a name of its own") as unseen:
        gone = await run(typed, "tasks", "export", "--move", tmp_path / "store", **database)
        assert gone.exit_code == 0, gone.output
        for statement in (
            "update task set fence = fence + 1",
            "delete from owner",
            "insert into kept values ('', '', '')",
        ):
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="moved to another store"):
                unseen.execute(statement.encode())
        back = await run(typed, "tasks", "export", "--take-back", **database)
        assert back.exit_code == 0, back.output
        unseen.execute(b"update task set fence = fence + 1")
    assert (await shown(typed, "last", **database))["state"] == "pending"


@pytest.mark.usefixtures("home")
async def test_a_damaged_file_that_was_moved_is_not_recovered_and_gone_on_with(typed: Typed, tmp_path: Path):
    await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
    path = tmp_path / "home" / "tasks.sqlite3"
    content = bytearray(path.read_bytes())
    content[4096:12288] = b"\xff" * 8192
    path.write_bytes(content)
    refused = await run(typed, "tasks", "list", **MINE)
    assert refused.exit_code == 1
    assert "was moved away" in refused.stderr


@pytest.mark.postgres
@pytest.mark.usefixtures("home")
async def test_each_table_goes_or_has_a_reason_to_stay(tmp_path: Path, postgres_store_url: str):
    with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3")) as database:
        tables = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
    with psycopg.connect(postgres_store_url) as connection:
        rows = connection.execute(b"select tablename from pg_tables where schemaname = 'public'").fetchall()
    tables = {name for name in tables if not name.startswith(("sqlite_", "grams"))} | {row[0] for row in rows}
    assert tables == {*MOVED, *LEFT}


def test_no_file_is_no_place():
    with reached("") as one, reached("/no/such/tasks.sqlite3") as other:
        assert (one, other) == (None, None)


# As processes

Variables = Callable[[Mapping[str, str]], dict[str, str]]


@pytest.fixture
def variables(environment: dict[str, str], tmp_path: Path) -> Variables:
    def of(where: Mapping[str, str]) -> dict[str, str]:
        given = {"APIXO_MCP_HOME": str(tmp_path / where.get("home", "home"))}
        return environment | given | {"APIXO_MCP_DATABASE_URL": where["APIXO_MCP_DATABASE_URL"]}

    return of


@pytest.mark.process
async def test_a_background_follower_is_told_to_leave(typed: Typed, variables: Variables, box: Sandbox, tmp_path: Path):
    await run(typed, "generate", "nano-banana", "a fox [never]", "--no-wait", **MINE)
    follower = started("worker", "--until-idle", variables=variables(MINE) | {"APIXO_MCP_POLL_SCALE": "0.2"})
    try:
        with in_time(60):
            while not box.looks():
                await anyio.sleep(0.1)
        gone = await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)
        assert gone.exit_code == 0, gone.output
        await run_sync(lambda: follower.communicate(timeout=60))
        looks = len(box.looks())
        await anyio.sleep(1.5)
        assert len(box.looks()) == looks
    finally:
        follower.kill()


@pytest.mark.process
@pytest.mark.usefixtures("home")
async def test_through_a_pipe(variables: Variables, typed: Typed, there: dict[str, str]):
    def piped() -> tuple[int, int, str, str]:
        export = subprocess.Popen(
            [*COMMAND, "tasks", "export", "--move"],
            env=variables(MINE),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        came = subprocess.run(
            [*COMMAND, "tasks", "import", "--move", "-"],
            env=variables(there),
            stdin=export.stdout,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert export.stdout
        assert export.stderr
        export.stdout.close()
        told = export.stderr.read()
        return export.wait(60), came.returncode, came.stdout, told

    ended, came, said, told = await run_sync(piped)
    assert (ended, came) == (0, 0), told
    assert said.startswith("5 tasks and 1 owner moved here")
    assert len((await run(typed, "tasks", "list", **there)).stdout.splitlines()) == 5


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="it has a disk that is always full")
@pytest.mark.usefixtures("home")
async def test_an_export_that_finds_the_disk_full_moves_nothing(variables: Variables, typed: Typed):
    def full() -> subprocess.CompletedProcess[str]:
        with Path("/dev/full").open("wb") as to:
            return subprocess.run(
                [*COMMAND, "tasks", "export", "--move"],
                env=variables(MINE),
                stdout=to,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )

    done = await run_sync(full)
    assert done.returncode == 1
    assert "nothing was moved" in done.stderr
    assert len((await run(typed, "tasks", "list", **MINE)).stdout.splitlines()) == 5


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
async def test_an_import_that_finds_the_disk_full_brings_nothing_in(variables: Variables, typed: Typed, tmp_path: Path):
    await filled(tmp_path, 2000)
    await run(typed, "tasks", "export", "--move", tmp_path / "store", **MINE)

    import resource  # which Windows has not

    def limited() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, "tasks", "import", "--move", str(tmp_path / "store")],
            env=variables(MINE | {"home": "there"}),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    done = await run_sync(limited)
    assert done.returncode == 1
    assert "Nothing was changed" in done.stderr, done.stderr
    assert (await run(typed, "tasks", "list", home="there", **MINE)).stdout == ""
    came = await run(typed, "tasks", "import", "--move", tmp_path / "store", home="there", **MINE)
    assert came.stdout.startswith("2002 tasks")


@pytest.mark.process
async def test_a_move_that_is_killed_anywhere_loses_nothing_and_goes_on_at_one_place(
    variables: Variables, typed: Typed, tmp_path: Path, there: dict[str, str]
):
    """Each command is killed at random, and done again until it ends; meanwhile at most one store opens."""
    await filled(tmp_path, 1500)
    chance = random.Random(f"{there['APIXO_MCP_DATABASE_URL'][:10]}")
    file = tmp_path / "store"

    async def killed(*words: str, where: Mapping[str, str]) -> int:
        for kills, within in enumerate((0.6, 0.8, 0.9, 1.0, 1.1, 1.3, 120.0)):
            process = started(*words, variables=variables(where))
            try:
                await run_sync(partial(process.communicate, timeout=within * chance.uniform(0.8, 1.2)))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                await run_sync(process.communicate)
            assert len([one for one in (MINE, there) if (await listed(one)).stdout]) <= 1
            if process.returncode == 0 or (words[1] == "export" and file.exists()):
                return kills
        raise AssertionError("it did not end")

    async def listed(where: Mapping[str, str]) -> Result:
        return await run(typed, "tasks", "list", "--all", **where)

    kills = [
        await killed("tasks", "export", "--move", str(file), where=MINE),
        await killed("tasks", "import", "--move", str(file), where=there),
    ]
    print(f"\nkilled {kills}")
    assert (await listed(MINE)).exit_code == 1
    with opened(there, tmp_path) as end:
        assert len(list(end.rows("task"))) == 1502
        assert len([line for line in file.read_text().splitlines() if line.startswith('{"task"')]) == 1502
    assert json.loads(file.read_text().splitlines()[0])["shown"].endswith("tasks.sqlite3")
