"""A store whose file is damaged: what can be read is recovered, the damaged file is kept, and the user is told."""

import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.amounts import examples
from support.store_tasks import KEYS, NO_LIMITS, NOW, make, make_followed, tasks

from apixo_mcp.errors import StoreError
from apixo_mcp.stores.sqlite import repair
from apixo_mcp.stores.sqlite.damage import beside
from apixo_mcp.stores.sqlite.lock import Lock
from apixo_mcp.stores.sqlite.page_reader import frames, hides_commits, salvage
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Owner, Scope
from apixo_mcp.tasks.task import HEARD_BY_ALL, TERMINAL, Result, State, Task

pytestmark = pytest.mark.anyio

PAGE = 4096
COUNT = 120
ALICE, BOB = Owner("alice", Scope.GENERATE, budget=Budget(daily_usd=5.0)), Owner("bob", Scope.READ)
LONG = {"prompt": "a fox in the snow " * 400}  # longer than a page: the row goes on in others


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tasks.sqlite3"


def many() -> list[Task]:
    found = [make_followed(state=State.SUCCESS, due=None, created_at=NOW - number) for number in range(COUNT)]
    return [replace(task, inputs=LONG) if number % 10 == 0 else task for number, task in enumerate(found)]


async def fill(path: Path, made: list[Task]) -> bytes:
    """Makes a store with these tasks and tells its secret."""
    async with SqliteStore(path) as store:
        await store.add(made)
        return await store.secret("key_print_salt")


async def opened(path: Path) -> tuple[dict[str, Task], tuple[str, ...], bytes]:
    async with SqliteStore(path) as store:
        found = {task.task_id: task for task in await store.dump(limit=10_000)}
        return found, store.warnings, await store.secret("key_print_salt")


def aside(path: Path) -> list[Path]:
    return sorted(one for one in path.parent.glob(f"{path.name}.damaged-*") if one.name.endswith("Z"))


def header_overwritten(content: bytearray) -> None:
    content[:100] = b"\xaa" * 100


def first_page_lost(content: bytearray) -> None:
    content[:PAGE] = random.Random(1).randbytes(PAGE)


def zeroed_in_the_middle(content: bytearray) -> None:
    middle = len(content) // PAGE // 2 * PAGE
    content[middle : middle + 3 * PAGE] = bytes(3 * PAGE)


def random_bytes_in_the_middle(content: bytearray) -> None:
    middle = len(content) // PAGE // 2 * PAGE
    content[middle : middle + 2 * PAGE] = random.Random(2).randbytes(2 * PAGE)


def truncated(content: bytearray) -> None:
    del content[len(content) * 3 // 4 + 100 :]


DAMAGES: dict[Callable[[bytearray], None], int] = {
    header_overwritten: COUNT,
    first_page_lost: COUNT,
    zeroed_in_the_middle: COUNT // 2,
    random_bytes_in_the_middle: COUNT // 2,
    truncated: COUNT // 2,
}
"""Each with the fewest tasks that must come back."""


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
async def test_a_damaged_file_is_kept_and_what_is_readable_recovered(path: Path, damage: Callable[[bytearray], None]):
    made = many()
    salt = await fill(path, made)
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    found, (warning,), salt_then = await opened(path)
    assert len(found) >= DAMAGES[damage]
    known = {task.task_id: salvaged(task) for task in made}
    assert found.items() <= known.items(), "a task came back otherwise than it was"
    assert f"{len(found)} tasks were recovered" in warning
    if len(found) < COUNT:
        # With the end of the file, some of the indexes that would tell how many are cut off too.
        is_told = "not be read" in warning or "are lost" in warning
        assert f"{COUNT - len(found)} are lost" in warning or (damage is truncated and is_told)
    (kept,) = aside(path)
    assert kept.read_bytes() == bytes(content)
    assert str(kept) in warning
    assert salt_then == salt
    # The next start finds nothing to mend, and tells of it once more.
    assert await opened(path) == (found, (warning,), salt)
    assert aside(path) == [kept]


@pytest.mark.parametrize("content", [b"this is no database " * 100, b"SQLite format 3\0" + b"\xff" * 500, b"\0" * PAGE])
async def test_a_file_that_is_no_database_makes_room_for_an_empty_store(path: Path, content: bytes):
    path.write_bytes(content)
    found, (warning,), _ = await opened(path)
    assert found == {}
    assert "0 tasks were recovered" in warning
    assert [kept.read_bytes() for kept in aside(path)] == [content]


async def test_a_second_damaged_file_does_not_take_the_place_of_the_first(path: Path):
    contents = [b"one" * 1000, b"two" * 1000]
    for content in contents:
        path.write_bytes(content)
        await opened(path)
    kept = [one.read_bytes() for one in path.parent.glob("*.damaged-*") if not one.name.endswith(".txt")]
    assert sorted(kept) == contents


async def test_a_healthy_store_is_left_alone(path: Path):
    made = many()
    await fill(path, made)
    found, warnings, _ = await opened(path)
    assert (len(found), warnings, aside(path)) == (COUNT, (), [])


async def test_without_the_secret_the_user_is_told_what_it_means(path: Path):
    await fill(path, [make_followed() for _ in range(60)])
    content = path.read_bytes()
    with closing(sqlite3.connect(path)) as database:
        (root,) = database.execute("select rootpage from sqlite_master where name = 'secret'").fetchone()
    path.write_bytes(content[: (root - 1) * PAGE] + bytes(PAGE) + content[root * PAGE :])
    found, (warning,), _ = await opened(path)
    assert len(found) == 60
    assert "secret that tells API keys apart is lost" in warning
    assert "60 that are still open" in warning


class TestOwners:
    """An owner who comes back may be an older version of themselves: nobody gets in by it, and the warning says so."""

    async def broken(self, path: Path, *lost: str) -> None:
        """Makes a store with two owners and tasks of theirs, and loses the head of its file, and some tables."""
        async with SqliteStore(path) as store:
            await store.owners.add(replace(ALICE, budget=Budget(daily_usd=9.0)), "a" * 64)
            await store.owners.change("alice", lambda _: ALICE)
            await store.owners.add(BOB, "b" * 64)
            await store.add([make_followed(owner=name, state=State.SUCCESS, due=None) for name in ("alice", "bob")])
        content = bytearray(path.read_bytes())
        with closing(sqlite3.connect(path)) as database:
            for name in lost:
                (root,) = database.execute("select rootpage from sqlite_master where name = ?", [name]).fetchone()
                content[(root - 1) * PAGE : root * PAGE] = bytes(PAGE)
        content[:100] = b"\xaa" * 100
        path.write_bytes(content)

    async def test_they_come_back_with_their_terms_and_nobody_gets_in_by_their_tokens(self, path: Path):
        await self.broken(path)
        async with SqliteStore(path) as store:
            assert [known.owner for known in await store.owners.all()] == [ALICE, BOB]
            assert [await store.owners.of_token(one * 64) for one in "ab"] == [None, None]
            assert not any(known.has_token for known in await store.owners.all())
            (warning,) = store.warnings
            assert "The owners alice, bob were recovered" in warning
            assert "look at their scopes and limits, and give each another token" in warning
            assert await store.owners.set_token("alice", "c" * 64)
            assert await store.owners.of_token("c" * 64) == ALICE

    async def test_of_those_who_are_lost_the_names_are_kept_and_no_money_is_spent(self, path: Path):
        await self.broken(path, "owner")
        async with SqliteStore(path) as store:
            assert await store.owners.any(), "else everybody on this machine would get in"
            assert await store.owners.find("alice") is None
            assert not await store.owners.add(Owner("alice"), "x" * 64), "her tasks are not to be had"
            (warning,) = store.warnings
            assert "Of the owners alice, bob nothing but tasks is left" in warning
            assert await store.owners.set_token("alice", "c" * 64)
            back = await store.owners.of_token("c" * 64)
            assert back is not None
            assert (back.scope, back.budget.daily_usd, back.budget.monthly_usd) == (Scope.READ, 0.0, 0.0)
            admitted = await store.admit([make(owner="alice", estimate_usd=0.01)], NO_LIMITS)
            assert admitted.how == "not_allowed"

    async def test_a_garbled_row_is_told_and_its_owner_does_not_get_in(self, path: Path):
        async with SqliteStore(path) as store:
            await store.owners.add(ALICE, "a" * 64)
            await store.owners.add(BOB, "b" * 64)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("update owner set terms = '{\"scope\": \"king\"}' where name = 'alice'")
        async with SqliteStore(path) as store:
            with pytest.raises(StoreError, match="damaged"):
                await store.owners.of_token("a" * 64)
            assert await store.owners.of_token("b" * 64) == BOB
        async with SqliteStore(path) as store:
            assert "The owners bob were recovered" in store.warnings[0]
            assert await store.owners.of_token("a" * 64) is None


class TestMoney:
    """A row that comes back may be an old one: what it does not know of must not be paid for twice."""

    @pytest.mark.parametrize("sent_at", [None, NOW])
    async def test_a_recovered_task_is_never_sent(self, path: Path, sent_at: float | None):
        task = make(sent_at=sent_at, idempotency_key="k")
        await fill(path, [task])
        content = bytearray(path.read_bytes())
        header_overwritten(content)
        path.write_bytes(content)
        async with SqliteStore(path) as store:
            found = await store.get(task.task_id)
            assert found is not None
            assert (found.state, found.due, found.idempotency_key) == (State.UNKNOWN, None, "k")
            assert found.failure is not None
            assert found.failure.charged == "unknown"
            assert await store.due(KEYS) == []

    async def test_of_several_versions_the_newest_comes_back(self, path: Path, tmp_path: Path):
        task = make_followed()
        async with SqliteStore(path) as store:
            await store.add([task])
            claimed = await store.claim(task.task_id, "me", 8, KEYS)
            assert claimed is not None
            done = replace(claimed, state=State.SUCCESS, due=None, lease_holder="", lease_until=0.0, updated_at=NOW + 1)
            assert await store.commit(claimed, done)
            killed = copied(path, tmp_path / "killed")
        overwritten = bytearray(killed.read_bytes())
        header_overwritten(overwritten)
        killed.write_bytes(overwritten)
        found, _, _ = await opened(killed)
        assert found == {task.task_id: done}


def copied(path: Path, folder: Path) -> Path:
    """The files of an open store, as a killed process leaves them."""
    folder.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(beside(path, suffix), folder)
    return folder / path.name


class TestLog:
    """Commits that were not yet moved from the write-ahead log to the file."""

    async def killed(self, path: Path, made: list[Task], tmp_path: Path) -> Path:
        async with SqliteStore(path) as store:
            await store.secret("key_print_salt")
            for task in made:
                await store.admit([task], NO_LIMITS)
            return copied(path, tmp_path / "killed")

    async def test_a_process_that_was_killed_leaves_no_damage(self, path: Path, tmp_path: Path):
        made = [make_followed() for _ in range(20)]
        killed = await self.killed(path, made, tmp_path)
        found, warnings, _ = await opened(killed)
        assert (len(found), warnings, aside(killed)) == (20, (), [])

    async def test_a_torn_end_is_no_damage(self, path: Path, tmp_path: Path):
        killed = await self.killed(path, [make_followed() for _ in range(20)], tmp_path)
        wal = beside(killed, "-wal")
        wal.write_bytes(wal.read_bytes()[:-2000])
        found, warnings, _ = await opened(killed)
        assert (len(found), warnings) == (19, ())

    @pytest.mark.parametrize("at", [10, 32 + (24 + PAGE) * 10 + 500], ids=["its head", "its middle"])
    async def test_commits_behind_a_broken_place_are_not_lost(self, path: Path, tmp_path: Path, at: int):
        made = [make_followed() for _ in range(20)]
        killed = await self.killed(path, made, tmp_path)
        wal = beside(killed, "-wal")
        content = bytearray(wal.read_bytes())
        content[at : at + 8] = b"\xff" * 8
        wal.write_bytes(content)
        main = killed.read_bytes()
        found, (warning,), _ = await opened(killed)
        assert len(found) == 20
        assert "20 tasks were recovered" in warning
        (kept,) = aside(killed)
        assert kept.read_bytes() == main
        assert beside(kept, "-wal").read_bytes() == bytes(content)

    @pytest.mark.parametrize("left", [None, b""], ids=["missing", "empty"])
    async def test_a_log_without_its_file_is_read(self, path: Path, tmp_path: Path, left: bytes | None):
        killed = await self.killed(path, [make_followed() for _ in range(20)], tmp_path)
        killed.unlink()
        if left is not None:
            killed.write_bytes(left)
        found, warnings, _ = await opened(killed)
        assert len(found) == 20
        assert len(warnings) == 1

    async def test_checksums_are_those_of_sqlite(self, path: Path, tmp_path: Path):
        killed = await self.killed(path, [make_followed() for _ in range(5)], tmp_path)
        wal = beside(killed, "-wal").read_bytes()
        found = frames(wal)
        assert found
        assert all(frame.is_whole for frame in found)
        assert not hides_commits(wal)
        assert not hides_commits(wal[:-1])
        salted = bytearray(wal)
        salted[16:20] = struct.pack(">I", 7)  # a log whose frames are of an earlier round
        assert not any(frame.is_whole for frame in frames(bytes(salted)[:32] + bytes(len(wal) - 32)))


class TestWhileItRuns:
    async def test_damage_is_told_and_mended_at_the_next_start(self, path: Path):
        made = many()
        await fill(path, made)
        async with SqliteStore(path) as store:
            await store.get(made[0].task_id)
            with path.open("r+b") as file:
                content = file.read()
                file.seek(PAGE)
                file.write(bytes(len(content) - PAGE))
            # A connection of its own sees the file as it is now.
            with pytest.raises(StoreError, match=r"damaged.*start again"):
                async with SqliteStore(path) as other:
                    await other.dump()
            assert await store.open_count(()) == 0, "the program goes on"
            with path.open("r+b") as file:
                file.seek(2 * PAGE)
                file.write(content[2 * PAGE :])
        found, warnings, _ = await opened(path)
        assert len(found) > COUNT / 2
        assert len(warnings) == 1

    async def test_a_garbled_row_is_told_and_left_out_at_the_next_start(self, path: Path):
        made = [make(state=State.CANCELLED, due=None) for _ in range(3)]
        await fill(path, made)
        with closing(sqlite3.connect(path)) as database:
            database.execute("update task set inputs = '{broken' where task_id = ?", [made[0].task_id])
            database.commit()
        async with SqliteStore(path) as store:
            with pytest.raises(StoreError, match="damaged"):
                await store.get(made[0].task_id)
            assert await store.get(made[1].task_id) == made[1]
        found, (warning,), _ = await opened(path)
        assert set(found) == {task.task_id for task in made[1:]}
        assert made[0].task_id in warning

    async def test_a_file_that_another_process_has_open_is_not_moved(self, path: Path):
        await fill(path, many())
        async with SqliteStore(path):
            content = path.read_bytes()
            path.write_bytes(b"\xaa" * 100 + content[100:])
            with pytest.raises(StoreError, match="another process has it open"):
                async with SqliteStore(path):
                    pass
            assert aside(path) == []
            path.write_bytes(content)
        assert (await opened(path))[1] == ()


OPEN = """
import sys, anyio, pathlib
from apixo_mcp.stores.sqlite.store import SqliteStore

async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    async with SqliteStore(pathlib.Path(sys.argv[1])) as store:
        print(len(await store.dump(limit=10_000)), (await store.secret("key_print_salt")).hex(), len(store.warnings))

anyio.run(main)
"""


@pytest.mark.process
async def test_of_processes_that_start_together_one_mends(path: Path):
    salt = await fill(path, many())
    path.write_bytes(b"\xaa" * 100 + path.read_bytes()[100:])
    command = [sys.executable, "-c", OPEN, str(path)]
    started = [subprocess.Popen(command, stdin=-1, stdout=-1, text=True) for _ in range(4)]  # noqa: ASYNC220
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    told = []
    for one in started:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    for one in started:
        told.append(one.communicate(timeout=60)[0].split())
    assert told == [[str(COUNT), salt.hex(), "1"]] * 4
    assert len(aside(path)) == 1


@pytest.mark.parametrize("moved", [0, 1, 2], ids=["nothing moved", "log moved", "all moved"])
async def test_mending_that_was_cut_short_is_finished(path: Path, moved: int):
    made = many()
    await fill(path, made)
    path.write_bytes(b"\xaa" * 100 + path.read_bytes()[100:])
    beside(path, "-wal").write_bytes(b"rubbish" * 10)
    repaired = copied(path, path.parent / "repaired")
    await opened(repaired)
    repaired.rename(beside(path, ".mended"))
    beside(path, ".mended.txt").write_text("120 tasks were recovered.", encoding="utf-8")
    for suffix in ("-wal", "")[:moved]:
        beside(path, suffix).rename(beside(path.with_name("elsewhere"), suffix))
    found, (warning,), _ = await opened(path)
    assert len(found) == COUNT
    assert "120 tasks were recovered" in warning
    assert not list(path.parent.glob("*.mend*"))


@given(made=st.lists(tasks, min_size=1, max_size=4))
@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_any_task_is_read_from_the_bytes_as_it_is(path: Path, made: list[Task]):
    made = [replace(task, results=tuple(numbered(task.results)), lease_holder="", lease_until=0.0) for task in made]
    for old in path.parent.iterdir():
        old.unlink()
    await fill(path, made)
    path.write_bytes(b"\xaa" * 100 + path.read_bytes()[100:])
    found, _, _ = await opened(path)
    for task in made:
        if task.state is not State.SUBMITTING:
            assert found[task.task_id] == salvaged(task)


def test_a_row_that_claims_to_be_larger_than_its_file_is_not_put_together():
    """A page that names itself as the next one has no end."""
    size = 4096
    page = bytearray(size)
    page[0:8] = bytes([0x0D, 0, 0, 0, 1, 0, 0, 0])
    page[8:10] = (16).to_bytes(2, "big")
    cell = bytes([0x80 | 28, 0x80 | 100, 0x80, 0, 1])  # a row of 60 MB, with the number 1
    page[16 : 16 + len(cell)] = cell
    for at in range(16 + len(cell), size - 4, 4):
        page[at : at + 4] = (2).to_bytes(4, "big")
    page[0:4] = page[0:4]
    first = bytearray(size)
    first[0:16], first[16:18] = b"SQLite format 3\0", size.to_bytes(2, "big")
    tracemalloc.start()
    try:
        read = salvage(bytes(first + page))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read.unreadable == 1
    assert most < 1_000_000


def salvaged(task: Task) -> Task:
    """What comes back of it: a newer version of an open task may be lost."""
    return replace(task, is_copy=task.is_copy or task.state not in TERMINAL)


def numbered(results: tuple[Result, ...]) -> list[Result]:
    return [replace(result, index=index) for index, result in enumerate(results)]


class TestMigration:
    def old(self, path: Path, version: int, rows: int = 3) -> list[str]:
        """A file as an earlier version left it."""
        folder = resources.files("apixo_mcp.stores.sqlite") / "migrations"
        steps = sorted((one for one in folder.iterdir() if one.name[:4] <= f"{version:04}"), key=lambda one: one.name)
        ids = [make().task_id for _ in range(rows)]
        with closing(sqlite3.connect(path)) as database:
            for step in steps:
                database.executescript(step.read_text(encoding="utf-8"))
            columns = [row[1:4] for row in database.execute("pragma table_info(task)")]
            for task_id in ids:
                values = {name: "[]" if name in ("attempts", "results", "notes") else "x" for name, _, _ in columns}
                values |= {name: "1" for name, kind, _ in columns if kind.lower() != "text"}
                values |= {"task_id": task_id, "state": "success", "inputs": "{}", "failure": None, "modality": "image"}
                values |= {"answer": "given", "idempotency_key": "", "fingerprint": task_id}
                marks = ", ".join(f":{name}" for name in values)
                database.execute(f"insert into task ({', '.join(values)}) values ({marks})", values)
            database.execute(f"pragma user_version = {version}")
            database.commit()
        return ids

    def copies(self, path: Path) -> list[Path]:
        return sorted(path.parent.glob(f"{path.name}.before-*"))

    def newest(self) -> int:
        folder = resources.files("apixo_mcp.stores.sqlite") / "migrations"
        return max(int(one.name[:4]) for one in folder.iterdir() if one.name.endswith(".sql"))

    async def test_a_copy_is_kept_of_what_was_there_before(self, path: Path):
        ids = self.old(path, 1)
        found, warnings, _ = await opened(path)
        assert (sorted(found), warnings) == (sorted(ids), ())
        (copy,) = self.copies(path)
        assert copy.name.startswith(f"tasks.sqlite3.before-{self.newest()}-")
        with closing(sqlite3.connect(copy)) as database:
            assert database.execute("pragma user_version").fetchone() == (1,)
            assert database.execute("select count(*) from task").fetchone() == (3,)

    async def test_of_earlier_tasks_it_counts_that_all_have_heard_of_them(self, path: Path):
        self.old(path, 14)
        beside(path, ".check").touch()
        found, warnings, _ = await opened(path)
        assert ([task.heard_by for task in found.values()], warnings) == ([HEARD_BY_ALL] * 3, ())

    async def test_a_column_that_has_another_name_now_keeps_its_values(self, path: Path):
        self.old(path, 6)
        beside(path, ".check").touch()  # every row is read before the upgrade too
        found, warnings, _ = await opened(path)
        assert ([task.polls for task in found.values()], warnings) == ([1, 1, 1], ())

    async def test_a_file_that_another_process_has_open_is_not_changed(self, path: Path):
        ids = self.old(path, 6)
        older = Lock(beside(path, ".lock"))
        assert older.share(1)
        with pytest.raises(StoreError, match=r"older schema.*another process has it open.*start again"):
            await opened(path)
        assert self.copies(path) == []
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("select looks from task").fetchall() == [(1,)] * 3
        older.close()
        found, warnings, _ = await opened(path)
        assert (sorted(found), warnings) == (sorted(ids), ())

    async def test_nothing_is_copied_where_nothing_changes(self, path: Path):
        path.touch()
        await opened(path)
        await opened(path)
        assert self.copies(path) == []

    async def test_a_file_of_any_earlier_version_is_brought_up_to_date(self, path: Path):
        for version in range(1, self.newest() + 1):
            ids = self.old(path, version)
            found, _, _ = await opened(path)
            assert sorted(found) == sorted(ids)
            path.unlink()

    async def test_a_damaged_file_of_an_earlier_version_is_recovered(self, path: Path):
        ids = self.old(path, 1)
        path.write_bytes(b"\xaa" * 100 + path.read_bytes()[100:])
        found, (warning,), _ = await opened(path)
        assert sorted(found) == sorted(ids)
        assert "3 tasks were recovered" in warning

    async def test_the_last_three_copies_are_kept(self, path: Path):
        for _ in range(5):
            self.old(path, 1)
            await opened(path)
            path.unlink()
        assert len(self.copies(path)) == 3

    @pytest.mark.skipif(os.name != "posix", reason="a limit on the size of files")
    async def test_without_a_copy_nothing_is_migrated(self, path: Path):
        self.old(path, 1, rows=3000)
        before = path.read_bytes()
        limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) // 2},) * 2)\n"
        command = [sys.executable, "-c", limit + OPEN, str(path)]
        done = subprocess.run(command, input="\n", capture_output=True, text=True, timeout=60)  # noqa: ASYNC221
        assert "StoreError" in done.stderr
        assert "Nothing was changed. Make room on the disk" in done.stderr
        assert self.copies(path) == []
        assert len((await opened(path))[0]) == 3000


async def test_every_index_that_tells_of_tasks_is_read_for_those_that_are_gone(path: Path):
    await fill(path, many())
    with closing(sqlite3.connect(path)) as database:
        for name in ("task_owner", "task_spent", "task_counted", "sqlite_autoindex_searched_1"):
            columns = [row[2] for row in database.execute(f"pragma index_xinfo('{name}')")]
            at = columns.index("task_id")
            assert repair.ID_AT[len(columns)] == at, name
