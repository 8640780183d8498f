"""`tasks`, as a person types it."""

import json
import os
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync
from support.amounts import here, in_time
from support.shell import UNHURRIED, Typed, made, newest, run, shown, started
from support.store_tasks import KEYS, make_followed

from apixo_mcp.sandbox import Sandbox
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import new_task_id

pytestmark = pytest.mark.anyio


async def test_tasks_are_listed_by_state_and_number(typed: Typed):
    good, bad = await made(typed), await made(typed, "a fox [fail:CONTENT_VIOLATION]")
    lines = (await run(typed, "tasks", "list")).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [bad, good]
    assert re.fullmatch(rf"{good}  \d{{4}}-\d\d-\d\d \d\d:\d\d  success     nano-banana  a fox  .+", lines[1])
    path = (await shown(typed, good))["results"][0]["path"]
    assert lines[1].endswith(f"  {path}")
    assert lines[0].endswith("a fox [fail:CONTENT_VIOLATION]")
    assert (await run(typed, "tasks", "list", "--limit", 1)).stdout.splitlines() == lines[:1]
    assert (await run(typed, "tasks", "list", "--state", "failed")).stdout.splitlines() == lines[:1]
    wrong = await run(typed, "tasks", "list", "--state", "done")
    assert wrong.exit_code == 2
    assert "Invalid value for --state: 'done' is not one of submitting, " in wrong.stderr


@pytest.mark.process
async def test_a_reader_may_leave_in_the_middle_of_a_list(typed: Typed, environment: dict[str, str]):
    await made(typed)
    process = started("tasks", "list", variables=environment)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert await run_sync(process.stderr.read) == ""
    await run_sync(process.wait)


async def test_a_task_is_shown_as_a_tool_would(typed: Typed, box: Sandbox):
    task_id = await made(typed)
    structure = await shown(typed, task_id)
    assert (structure["task_id"], structure["state"], structure["model"]) == (task_id, "success", "nano-banana")
    assert (await shown(typed, box.submits()[0]["remote_id"]))["task_id"] == task_id


@pytest.mark.parametrize("command", ["show", "wait", "download", "cancel"])
async def test_no_such_task(typed: Typed, command: str):
    done = await run(typed, "tasks", command, "tsk_nothing")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "apixo-mcp: There is no task 'tsk_nothing'. `apixo-mcp tasks list` shows all of yours.\n"


async def test_files_are_copied_into_any_folder(typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    task_id = await made(typed)
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "pictures" / "for-print", tmp_path / "else" / "where", Path("from-here")):
        done = await run(typed, "tasks", "download", task_id, folder)
        assert done.exit_code == 0, done.output
        assert Path(done.stdout.strip()).parent == tmp_path / folder
        assert Path(done.stdout.strip()).is_file()


async def test_tasks_are_found_by_words_and_time(typed: Typed):
    fox, owl = await made(typed, "A red Fox"), await made(typed, "一只猫头鹰")
    listed = [
        [line.split()[0] for line in (await run(typed, "tasks", "list", *given)).stdout.splitlines()]
        for given in (["--query", "fox red"], ["--query", "猫"], ["--since", "today"], ["--modality", "video"])
    ]
    assert listed == [[fox], [owl], [owl, fox], []]
    nothing = await run(typed, "tasks", "list", "--since", "2999-01-01")
    assert nothing.stderr.startswith("There are no such tasks made since 2999-01-01T00:00")
    wrong = await run(typed, "tasks", "list", "--since", "soon")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "since: must be today, yesterday, 2h" in wrong.stderr


async def test_several_tasks_are_waited_for_and_brought_at_once(typed: Typed, tmp_path: Path):
    fox, owl = await made(typed), await made(typed, "an owl")
    waited = await run(typed, "tasks", "wait", fox, owl)
    assert waited.exit_code == 0, waited.output
    assert len(waited.stdout.splitlines()) == 2
    for given in ([fox, owl], ["--since", "today"], ["--since", "1h", "--modality", "image"]):
        done = await run(typed, "tasks", "download", *given, tmp_path / "wanted")
        assert done.exit_code == 0, done.output
        assert [Path(line).parent for line in done.stdout.splitlines()] == [tmp_path / "wanted"] * 2
    saved = await run(typed, "tasks", "download", "--since", "today")
    assert len(saved.stdout.splitlines()) == 2
    assert "2 tasks that ended well and were made since " in saved.stderr


async def test_one_that_is_not_there_fails_none_of_the_others(typed: Typed):
    fox = await made(typed)
    done = await run(typed, "tasks", "wait", "tsk_nothing", fox)
    assert done.exit_code == 1
    assert Path(done.stdout.strip()).is_file()
    assert "There is no task 'tsk_nothing'" in done.stderr


async def test_the_last_task_is_named(typed: Typed, box: Sandbox):
    await made(typed)
    owl = await made(typed, "an owl")
    done = await run(typed, "tasks", "wait", "last")
    assert f"last is {owl} (an owl)." in done.stderr
    assert (await shown(typed, "last"))["task_id"] == owl
    edited = await run(typed, "generate", "nano-banana", "at night", "--set", "image_urls=task:last/0")
    assert edited.exit_code == 0, edited.output
    assert box.submits()[-1]["body"]["input"]["image_urls"] == [(await shown(typed, owl))["results"][0]["url"]]


async def test_what_is_waited_for_is_said_in_one_way(typed: Typed):
    for command in ("wait", "download"):
        for given in ([], ["tsk_a", "--since", "today"]):
            done = await run(typed, "tasks", command, *given)
            assert done.exit_code == 2
            assert "--since" in done.stderr


async def test_a_folder_that_cannot_be_had_is_told_before_anything_is_fetched(typed: Typed, tmp_path: Path):
    task_id = await made(typed)
    (tmp_path / "file").touch()
    refused = await run(typed, "tasks", "download", task_id, tmp_path / "file")
    assert (refused.exit_code, refused.stdout) == (1, "")
    told = f"The folder {tmp_path / 'file'} cannot be written to: a file stands in its place. Name another one."
    assert refused.stderr == f"apixo-mcp: {told}\n"


async def test_a_file_that_went_missing_is_fetched_again(typed: Typed):
    task_id = await made(typed)
    [saved] = (await shown(typed, task_id))["results"]
    Path(saved["path"]).unlink()
    done = await run(typed, "tasks", "download", task_id)
    assert done.exit_code == 0, done.output
    assert Path(done.stdout.strip()).is_file()


async def test_a_sent_task_is_paid_for_and_runs_on(typed: Typed):
    await run(typed, "generate", "nano-banana", "a fox", "--no-wait", **UNHURRIED)
    task_id = (await run(typed, "tasks", "list")).stdout.split()[0]
    done = await run(typed, "tasks", "cancel", task_id)
    assert done.exit_code == 0
    assert "already sent and is paid for" in done.stdout
    waited = await run(typed, "tasks", "wait", task_id)
    assert waited.exit_code == 0
    assert Path(waited.stdout.strip()).is_file()


async def test_one_that_ended_is_not_cancelled(typed: Typed):
    task_id = await made(typed)
    done = await run(typed, "tasks", "cancel", task_id)
    assert done.exit_code == 0
    assert "It had ended already, in state success; nothing was changed." in done.stderr
    assert Path(done.stdout.strip()).is_file()


@pytest.mark.process
async def test_one_that_was_not_sent_is_cancelled(typed: Typed, environment: dict[str, str], box: Sandbox):
    process = started("generate", "nano-banana", "a fox [http:429:after=60]", "--no-wait", variables=environment)
    try:
        with in_time(30):
            # Refused for now, and to be sent again in a minute.
            while not (box.log() and "Waiting to be sent" in (await newest(typed))["next_step"]):
                await anyio.sleep(0.05)
        task_id = (await newest(typed))["task_id"]
        done = await run(typed, "tasks", "cancel", task_id)
        assert (done.exit_code, done.stdout) == (0, "Cancelled; nothing was sent or charged.\n")
        _, told = await run_sync(lambda: process.communicate(timeout=90))
    finally:
        process.kill()
    assert process.returncode == 1
    assert "Cancelled before it was sent" in told
    assert (await shown(typed, task_id))["state"] == "cancelled"
    assert not box.submits()


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no way to press Ctrl-C in another console")
async def test_an_interrupted_wait_says_how_to_go_on(typed: Typed, environment: dict[str, str]):
    process = started("generate", "nano-banana", f"a fox [took:{here(3):.1f}]", variables=environment)
    try:
        with in_time(30):
            while (await newest(typed)).get("state") not in ("pending", "processing"):
                await anyio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said, told = await run_sync(lambda: process.communicate(timeout=90))
    finally:
        process.kill()
    assert process.returncode == 130
    assert "The task is kept." in told
    assert "Traceback" not in told
    assert said == f"apixo-mcp tasks wait {(await newest(typed))['task_id']}\n"
    waited = await run(typed, *said.split()[1:])
    assert Path(waited.stdout.strip()).is_file()


async def test_an_export_is_imported_into_another_folder(typed: Typed, tmp_path: Path):
    task_id = await made(typed)
    file = tmp_path / "tasks.jsonl"
    done = await run(typed, "tasks", "export", file)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "1 task exported\n")
    assert len(file.read_bytes().splitlines()) == 2
    assert (await run(typed, "tasks", "export")).stdout.encode().splitlines()[1:] == file.read_bytes().splitlines()[1:]
    came = await run(typed, "tasks", "import", file, home="other")
    assert (came.exit_code, came.stdout) == (0, "1 task imported, 0 there already\n")
    assert await shown(typed, task_id, home="other") == await shown(typed, task_id)
    again = await run(typed, "tasks", "import", file, home="other")
    assert again.stdout == "0 tasks imported, 1 there already\n"


async def test_what_is_imported_of_an_owner_is_followed_with_their_key(typed: Typed, box: Sandbox, tmp_path: Path):
    async with SqliteStore(tmp_path / "home" / "tasks.sqlite3") as store:
        for owner in ("alice", "bob", "carol"):
            await store.add([make_followed(owner=owner, base_url=box.url, remote_id=owner, prompt=owner)])
    file = tmp_path / "tasks.jsonl"
    await run(typed, "tasks", "export", file)
    keys = {"KEY_OF_ALICE": "sk-of-alice"}
    for name, variable in (("alice", "KEY_OF_ALICE"), ("bob", "KEY_OF_BOB")):
        await run(typed, "owners", "add", name, "--apixo-key-env", variable, home="other", **keys)
    came = await run(typed, "tasks", "import", file, home="other", **keys)
    assert "1 still open, not followed for want of a key" in came.stdout
    async with SqliteStore(tmp_path / "other" / "tasks.sqlite3") as store:
        prints = {task.owner: task.key_print for task in await store.dump()}
    assert prints["bob"] == KEYS[0], "his key cannot be read here, and nobody else's is taken"
    assert len(set(prints.values())) == 3
    assert not box.looks()


async def test_an_export_overwrites_nothing(typed: Typed, tmp_path: Path):
    file = tmp_path / "precious.txt"
    file.write_text("precious", encoding="utf-8")
    done = await run(typed, "tasks", "export", file)
    assert done.exit_code == 1
    assert "exists already" in done.stderr
    assert file.read_text(encoding="utf-8") == "precious"


async def test_a_broken_line_imports_nothing(typed: Typed, tmp_path: Path):
    await made(typed)
    file = tmp_path / "tasks.jsonl"
    await run(typed, "tasks", "export", file)
    with file.open("a", encoding="utf-8") as out:
        out.write('{"task_id": "half')
    done = await run(typed, "tasks", "import", file, home="other")
    assert done.exit_code == 1
    assert "line 3: is no JSON" in done.stderr
    assert (await run(typed, "tasks", "list", home="other")).stdout == ""


async def test_an_open_task_without_its_key_is_listed(typed: Typed, tmp_path: Path):
    await run(typed, "generate", "nano-banana", "a fox [never]", "--no-wait")
    file = tmp_path / "tasks.jsonl"
    await run(typed, "tasks", "export", file)
    done = await run(typed, "tasks", "import", file, home="other", key="")
    assert done.exit_code == 0
    assert "1 still open, not followed for want of a key:" in done.stdout
    assert re.search(r"tsk_\w+  (pending|processing)  apixo at http://127", done.stdout)


async def test_an_unknown_task_says_how_to_settle_it(typed: Typed):
    done = await run(typed, "generate", "nano-banana", "a fox [cut]")
    task_id = (await newest(typed))["task_id"]
    assert done.exit_code == 1
    assert "It may have been charged" in done.stderr
    resolve = f"apixo-mcp tasks resolve {task_id}"
    assert (
        done.stdout == f"{resolve} --remote-id ID  # if the dashboard has it\n{resolve} --never-ran  # if it does not\n"
    )
    assert (await shown(typed, task_id))["error"]["message"].rstrip(".") in done.stderr
    cancelled = await run(typed, "tasks", "cancel", task_id)
    assert (cancelled.exit_code, cancelled.stdout) == (1, done.stdout)


async def test_an_unknown_task_is_resolved_and_followed(typed: Typed, box: Sandbox):
    task_id = await made(typed, "a fox [cut]")
    unknown = await shown(typed, task_id)
    assert unknown["state"] == "unknown"
    assert f"apixo-mcp tasks resolve {task_id}" in str(unknown["next_step"])
    done = await run(typed, "tasks", "resolve", task_id, "--remote-id", box.submits()[0]["remote_id"])
    assert done.exit_code == 0, done.output
    assert Path(done.stdout.strip()).is_file()
    again = await run(typed, "tasks", "resolve", task_id, "--never-ran")
    assert again.exit_code == 1
    assert "only a task in state unknown can be resolved, and this one's is success" in again.stderr


async def test_an_unknown_task_is_resolved_and_left_to_the_next_server(typed: Typed, box: Sandbox):
    task_id = await made(typed, "a fox [cut]")
    remote_id = box.submits()[0]["remote_id"]
    done = await run(typed, "tasks", "resolve", task_id, "--remote-id", remote_id, "--no-wait")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"apixo-mcp tasks wait {task_id}\n"
    assert (await run(typed, "tasks", "wait", task_id)).exit_code == 0


async def test_one_that_never_ran_is_settled(typed: Typed):
    task_id = await made(typed, "a fox [cut-early]")
    done = await run(typed, "tasks", "resolve", task_id, "--never-ran")
    assert (done.exit_code, "never ran" in done.stdout) == (0, True)
    settled = await shown(typed, task_id)
    assert settled["state"] == "failed"
    assert "cost" not in settled


@pytest.mark.parametrize("words", [[], ["--never-ran", "--remote-id", "x"]])
async def test_resolve_wants_one_of_two(typed: Typed, words: list[str]):
    done = await run(typed, "tasks", "resolve", "tsk_x", *words)
    assert done.exit_code == 2
    assert "either --remote-id ID or --never-ran" in done.stderr


async def test_a_task_of_an_earlier_key_is_followed_with_the_one_that_is_set(typed: Typed):
    await run(typed, "generate", "nano-banana", "a fox", "--no-wait", **UNHURRIED)
    task_id = (await newest(typed))["task_id"]
    refused = await run(typed, "tasks", "rekey", task_id, "tsk_nothing")
    assert refused.exit_code == 1
    assert refused.stdout.splitlines() == [
        f"{task_id}  not moved: its key is the one that is set here",
        "tsk_nothing  not moved: There is no task 'tsk_nothing'. `apixo-mcp tasks list` shows all of yours.",
    ]
    moved = await run(typed, "tasks", "rekey", "--all", key="sk-mine-anew")
    assert moved.exit_code == 0, moved.output
    assert re.fullmatch(rf"{task_id}  (pending|processing) +moved to the key that is set now\n", moved.stdout)
    waited = await run(typed, "tasks", "wait", task_id, key="sk-mine-anew")
    assert Path(waited.stdout.strip()).is_file()
    nothing = await run(typed, "tasks", "rekey", "--all")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "Every open task belongs to a key that is set here." in nothing.stderr


async def test_a_task_that_the_new_key_does_not_see_stays(typed: Typed):
    await run(typed, "generate", "nano-banana", "a fox [look:404]", "--no-wait", **UNHURRIED)
    moved = await run(typed, "tasks", "rekey", "--all", key="sk-anothers")
    assert moved.exit_code == 1
    assert "not moved: the gateway does not confirm it, so nothing was changed" in moved.stdout


@pytest.mark.parametrize("words", [[], ["tsk_x", "--all"]])
async def test_rekey_wants_one_of_two(typed: Typed, words: list[str]):
    done = await run(typed, "tasks", "rekey", *words)
    assert done.exit_code == 2
    assert "either TASK_ID or --all" in done.stderr


async def test_a_damaged_store_is_told_by_every_command(typed: Typed, tmp_path: Path):
    task_id = await made(typed)
    path = tmp_path / "home" / "tasks.sqlite3"
    path.write_bytes(os.urandom(100) + path.read_bytes()[100:])
    for _ in range(2):
        listed = await run(typed, "tasks", "list")
        assert task_id in listed.stdout
        assert "The task store was damaged; 1 task was recovered" in listed.stderr
    assert "The task store was damaged" in (await run(typed, "doctor")).stdout


async def test_an_answer_without_results_is_read_anew(typed: Typed, box: Sandbox):
    task_id = await made(typed, "a fox [empty-result]")
    failed = await shown(typed, task_id)
    assert f"apixo-mcp tasks reread {task_id}" in str(failed["next_step"])
    nothing = await run(typed, "tasks", "reread", task_id)
    assert nothing.exit_code == 1
    assert '"resultUrls' in nothing.stdout.replace("\\", "")
    assert "Nothing was changed" in nothing.stderr
    other = await run(typed, "tasks", "reread", await made(typed))
    assert other.exit_code == 1
    assert "only a task that failed with EMPTY_RESULT" in other.stderr


@pytest.mark.parametrize("words", [["list"], ["show", "ID"], ["show", "last"], ["download", "ID"], ["cancel", "ID"]])
async def test_what_a_command_names_its_user_has_heard_of_and_no_other_owner(
    typed: Typed, tmp_path: Path, words: list[str]
):
    await made(typed)
    await run(typed, "owners", "add", "alice")
    async with SqliteStore(tmp_path / "home" / "tasks.sqlite3") as store:
        (task,) = await store.page(LOCAL)
        mine = replace(task, task_id=new_task_id(), remote_id="mine", heard_by="", created_at=task.created_at + 60)
        hers = replace(mine, task_id=new_task_id(), remote_id="hers", owner="alice")
        await store.add([mine, hers])
    for whose, named in (([], mine), (["--owner", "alice"], hers)):
        given = [named.task_id if word == "ID" else word for word in words]
        done = await run(typed, "tasks", *given, *whose)
        assert named.task_id in done.output or words[0] in ("download", "cancel"), done.output
    async with SqliteStore(tmp_path / "home" / "tasks.sqlite3") as store:
        assert [bool(one.heard_by) for one in await store.dump() if one.remote_id in ("mine", "hers")].count(True) == 1
        told = await store.get(mine.task_id)
    assert told is not None
    assert told.heard_by


async def test_tasks_of_owners_are_looked_after_from_the_shell(typed: Typed, tmp_path: Path):
    mine = await made(typed)
    await run(typed, "owners", "add", "alice")
    async with SqliteStore(tmp_path / "home" / "tasks.sqlite3") as store:
        (task,) = await store.page(LOCAL)
        hers = replace(task, task_id=new_task_id(), owner="alice", remote_id="hers", created_at=task.created_at + 60)
        assert await store.add([hers])
    listed = (await run(typed, "tasks", "list", "--all")).stdout.splitlines()
    assert [(line.split()[0], line.split()[3]) for line in listed] == [(hers.task_id, "alice"), (mine, "local")]
    assert (await run(typed, "tasks", "list", "--owner", "alice")).stdout.split()[0] == hers.task_id
    assert (await run(typed, "tasks", "list")).stdout.split()[0] == mine
    for command in ("show", "wait", "download", "cancel"):
        assert "There is no task" in (await run(typed, "tasks", command, hers.task_id)).stderr
        for whose in (["--owner", "alice"], ["--all"]):
            done = await run(typed, "tasks", command, hers.task_id, *whose)
            assert "There is no task" not in done.stderr
            assert done.exit_code == 0, done.stderr
    assert (await shown(typed, "last"))["task_id"] == mine
    done = await run(typed, "tasks", "show", "last", "--all")
    assert json.loads(done.stdout)["task_id"] == hers.task_id
    nobody = await run(typed, "tasks", "list", "--owner", "bob")
    assert "There is no owner 'bob'. `apixo-mcp owners list` shows all of them." in nobody.stderr
    assert (await run(typed, "tasks", "list", "--owner", "alice", "--all")).exit_code == 2
    failed = await run(typed, "tasks", "list", "--state", "failed")
    assert "That is this machine's own; --all lists those of the owners too." in failed.stderr
