"""Money is counted by paid requests: limits, further attempts, consent, intents that nobody wants any more."""

import json
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync
from support.door import Enter, door, one_file, sample, words
from support.driver import Process, server_env
from support.imitation import Fail, Imitation
from support.program import told_once
from support.scripted_gateway import Gateway, failed, polled, succeeded, whole
from support.shell import alone
from support.tcp import refused
from support.wire import envelope

pytestmark = pytest.mark.anyio
PNG = sample("ok.png")
TRANSIENT = ("PROCESSING_TIMEOUT", "MODEL_UNAVAILABLE")
EACH = 0.03  # nano-banana, dollars


# Further attempts are paid requests.


@pytest.mark.parametrize("code", TRANSIENT)
@pytest.mark.parametrize("limit", [{"daily_task_limit": 1}, {"daily_budget_usd": 0.05}, {"daily_budget_usd": EACH}])
async def test_a_further_attempt_asks_the_limits(gateway: Gateway, enter: Enter, code: str, limit: dict[str, Any]):
    gateway.outcome = lambda task: failed(task, code)
    async with enter(auto_retry=2, **limit) as door:
        task = await door.made(wait_seconds=20)
        told = await door.told("get_usage")
    assert len(gateway.posts) == 1
    assert task["state"] == "failed"
    assert task["error"]["code"] == code
    assert told


@pytest.mark.parametrize(
    ("limit", "posts"),
    [({"daily_task_limit": 2}, 2), ({"daily_budget_usd": 0.07}, 2), ({"daily_task_limit": 3}, 3), ({}, 3)],
)
async def test_as_many_attempts_as_the_limits_allow(gateway: Gateway, enter: Enter, limit: dict[str, Any], posts: int):
    gateway.outcome = lambda task: failed(task, "PROCESSING_TIMEOUT")
    async with enter(auto_retry=2, **limit) as door:
        task = await door.made(wait_seconds=40)
    assert task["state"] == "failed"
    assert len(gateway.posts) == posts


@pytest.mark.parametrize(
    ("limit", "most"),
    [({"daily_task_limit": 10}, 10), ({"daily_task_limit": 12}, 12), ({"daily_budget_usd": 10 * EACH + 0.01}, 10)],
)
async def test_ten_calls_at_once_stay_within_the_limits(
    gateway: Gateway, enter: Enter, limit: dict[str, Any], most: int
):
    # None fails before all are admitted: a further attempt would take what the last of them needs.
    gateway.outcome = lambda task: (
        failed(task, "PROCESSING_TIMEOUT") if len(gateway.posts) >= 10 else polled(task, state="processing")
    )
    tasks: list[dict[str, Any]] = []
    async with enter(auto_retry=2, **limit) as door, anyio.create_task_group() as group:

        async def one(number: int) -> None:
            tasks.append(await door.made(prompt=f"fox {number}", wait_seconds=45))

        for number in range(10):
            group.start_soon(one, number)
    assert len(tasks) == 10
    assert len(gateway.posts) == most


async def test_more_calls_than_the_limit_at_once(gateway: Gateway, enter: Enter):
    one_file(gateway, "/out/a.png", whole(PNG))
    refused = 0
    async with enter(daily_task_limit=5) as door, anyio.create_task_group() as group:

        async def one(number: int) -> None:
            nonlocal refused
            called = await door.call("generate_image", model="nano-banana", prompt=f"fox {number}", wait_seconds=0)
            refused += bool(called.is_error)

        for number in range(10):
            group.start_soon(one, number)
    assert (len(gateway.posts), refused) == (5, 5)


async def test_two_programs_on_one_folder_stay_within_the_limits(gateway: Gateway, tmp_path: Path):
    gateway.outcome = lambda task: failed(task, "PROCESSING_TIMEOUT")
    limit: dict[str, Any] = {"auto_retry": 2, "daily_task_limit": 6}
    async with door(gateway.url, tmp_path, **limit) as one, door(gateway.url, tmp_path, **limit) as two:
        async with anyio.create_task_group() as group:
            for number in range(3):
                for which, entered in (("one", one), ("two", two)):
                    arguments = {"model": "nano-banana", "prompt": f"fox {which} {number}", "wait_seconds": 40}
                    group.start_soon(
                        lambda entered=entered, arguments=arguments: entered.call("generate_image", **arguments)
                    )
    assert len(gateway.posts) == 6


def test_two_processes_on_one_folder_stay_within_the_limits(tmp_path: Path):
    with Imitation() as gateway:
        gateway.outcomes.extend([Fail("PROCESSING_TIMEOUT")] * 60)
        env = server_env(
            gateway, tmp_path, APIXO_MCP_DAILY_TASK_LIMIT="6", APIXO_MCP_AUTO_RETRY="2", APIXO_MCP_POLL_SCALE="0.002"
        )
        with Process(env) as one, Process(env) as two:
            one.start()
            two.start()
            sent = [
                (
                    server,
                    server.send(
                        "tools/call",
                        {
                            "name": "generate_image",
                            "arguments": {"model": "nano-banana", "prompt": f"fox {which} {number}", "wait_seconds": 0},
                        },
                    ),
                )
                for number in range(3)
                for which, server in (("one", one), ("two", two))
            ]
            # A further attempt of the first may take what the last would have needed: that one is refused.
            answers = [server.answer(number)["result"].get("structuredContent", {}) for server, number in sent]
            for task_id in [answer["task_id"] for answer in answers if "task_id" in answer]:
                assert one.finished(task_id)["state"] == "failed"
        assert len(gateway.posts()) == 6


async def test_attempts_count_in_usage_and_are_told(gateway: Gateway, enter: Enter):
    one_file(gateway, "/out/a.png", whole(PNG))
    ids = iter(("task_1", "task_2", "task_3"))
    gateway.submits.extend(envelope({"taskId": one}) for one in ids)
    gateway.outcome = lambda task: (
        succeeded(task, urls=gateway.urls) if task == "task_3" else failed(task, "PROCESSING_TIMEOUT")
    )
    async with enter(auto_retry=2) as door:
        called = await door.call("generate_image", model="nano-banana", prompt="a fox", wait_seconds=45)
        usage = await door.told("get_usage")
    task = called.structured_content or {}
    assert task["state"] == "success"
    assert "third try" in words(called)
    (day,) = usage["days"]
    assert day["spent_usd"] == pytest.approx(3 * EACH)
    assert len(gateway.posts) == 3


async def test_a_task_that_needed_a_yes_is_sent_again_only_if_its_quote_said_so(gateway: Gateway, enter: Enter):
    gateway.outcome = lambda task: failed(task, "PROCESSING_TIMEOUT")
    arguments = {"model": "nano-banana", "prompt": "a fox"}
    async with enter(auto_retry=2, confirm_above_usd=0.01) as door:
        quoted = await door.call("generate_image", **arguments, wait_seconds=0)
        await door.made(**arguments, confirm=True, wait_seconds=30)
    named = any(word in words(quoted).lower() for word in ("attempt", "tries", " try ", "retr", "again"))
    assert len(gateway.posts) == (3 if named else 1)


# Consent.

FOX = {"model": "nano-banana", "prompt": "a fox", "wait_seconds": 50}


def is_quote(called: Any) -> bool:
    return "task_id" not in (called.structured_content or {}) and "confirm" in words(called)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch):
    """Lets minutes pass."""
    real = time.time

    def pass_minutes(minutes: float) -> None:
        monkeypatch.setattr(time, "time", lambda: real() + minutes * 60)

    return pass_minutes


async def test_a_yes_without_a_quote_gets_the_quote(gateway: Gateway, enter: Enter):
    async with enter(confirm_above_usd=0.01) as door:
        assert is_quote(await door.call("generate_image", **FOX, confirm=True))
        assert not gateway.posts


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "a hare"},
        {"model": "nano-banana-pro"},
        {"aspect_ratio": "16:9"},
        {"output_format": "jpeg"},
        {"image_urls": ["https://example.com/a.png"]},
        {"provider": "official"},
        {"prompt": "a fox "},
    ],
)
async def test_a_yes_to_a_quote_of_other_inputs_gets_the_quote(gateway: Gateway, enter: Enter, other: dict[str, Any]):
    one_file(gateway, "/out/a.png", whole(PNG))
    async with enter(confirm_above_usd=0.01) as door:
        assert is_quote(await door.call("generate_image", **FOX))
        called = await door.call("generate_image", **(FOX | other), confirm=True)
        if other == {"prompt": "a fox "}:  # prompts are trimmed
            return
        assert is_quote(called)
        assert not gateway.posts
        again = await door.told("generate_image", **(FOX | other), confirm=True)
    assert again["state"] == "success"


async def test_a_yes_to_its_own_quote_counts(gateway: Gateway, enter: Enter):
    one_file(gateway, "/out/a.png", whole(PNG))
    async with enter(confirm_above_usd=0.01) as door:
        assert is_quote(await door.call("generate_image", **FOX))
        task = await door.told("generate_image", **FOX, confirm=True)
    assert task["state"] == "success"
    assert len(gateway.posts) == 1


@pytest.mark.parametrize(("minutes", "counts"), [(29, True), (31, False), (600, False), (-60, False)])
async def test_a_quote_holds_for_half_an_hour(gateway: Gateway, enter: Enter, later: Any, minutes: float, counts: bool):
    one_file(gateway, "/out/a.png", whole(PNG))
    async with enter(confirm_above_usd=0.01) as door:
        assert is_quote(await door.call("generate_image", **FOX))
        later(minutes)
        called = await door.call("generate_image", **FOX, confirm=True)
    if minutes > 0:
        assert is_quote(called) == (not counts)
    assert len(gateway.posts) == (1 if not is_quote(called) else 0)


async def test_a_quote_by_another_process_counts(gateway: Gateway, tmp_path: Path):
    one_file(gateway, "/out/a.png", whole(PNG))
    async with door(gateway.url, tmp_path, confirm_above_usd=0.01) as first:
        assert is_quote(await first.call("generate_image", **FOX))
    async with door(gateway.url, tmp_path, confirm_above_usd=0.01) as second:
        task = await second.told("generate_image", **FOX, confirm=True)
    assert task["state"] == "success"
    assert len(gateway.posts) == 1


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("programs", [1, 2])
async def test_yeses_said_at_once_buy_no_more_than_was_quoted(
    gateway: Gateway, tmp_path: Path, quoted: bool, programs: int
):
    one_file(gateway, "/out/a.png", whole(PNG))
    call = FOX | {"wait_seconds": 0}
    limit: dict[str, Any] = {"confirm_above_usd": 0.01}
    async with door(gateway.url, tmp_path, **limit) as one, door(gateway.url, tmp_path, **limit) as two:
        if quoted:
            assert is_quote(await one.call("generate_image", **call))
        async with anyio.create_task_group() as group:
            for number in range(10):
                entered = (one, two)[number % programs]
                group.start_soon(lambda entered=entered: entered.call("generate_image", **call, confirm=True))
        assert len((await one.told("list_tasks"))["tasks"]) == quoted
    assert len(gateway.posts) == quoted


async def test_a_quote_by_a_process_on_another_folder_does_not(gateway: Gateway, tmp_path: Path):
    async with door(gateway.url, tmp_path / "one", confirm_above_usd=0.01) as first:
        assert is_quote(await first.call("generate_image", **FOX))
    async with door(gateway.url, tmp_path / "two", confirm_above_usd=0.01) as second:
        assert is_quote(await second.call("generate_image", **FOX, confirm=True))
    assert not gateway.posts


async def test_where_no_question_is_due_a_yes_is_ignored(gateway: Gateway, enter: Enter):
    one_file(gateway, "/out/a.png", whole(PNG))
    async with enter(confirm_above_usd=5.0) as door:
        assert (await door.told("generate_image", **FOX, confirm=True))["state"] == "success"
    async with enter() as door:
        assert (await door.told("generate_image", **(FOX | {"prompt": "a hare"}), confirm=True))["state"] == "success"


async def test_a_model_without_a_price_is_asked_about(gateway: Gateway, enter: Enter):
    one_file(gateway, "/out/a.png", whole(PNG))
    call = FOX | {"model": "nano-banana-pro"}
    async with enter(confirm_above_usd=0.5) as door:
        assert is_quote(await door.call("generate_image", **call, confirm=True))
        assert not gateway.posts


# An intent that nobody wants any more.


def aged(home: Path, seconds: float) -> None:
    """Moves every time of every task: the newest was made so many seconds ago, however long a test has taken since."""
    with closing(sqlite3.connect(home / "tasks.sqlite3")) as database, database:
        names = [row[1] for row in database.execute("pragma table_info(task)")]
        times = [name for name in names if name.endswith("_at") or name in ("due", "lease_until", "wanted_until")]
        (made_at,) = database.execute("select max(created_at) from task").fetchone()
        back = made_at - (time.time() - seconds)
        for name in times:
            database.execute(f"update task set {name} = {name} - ? where {name} > 1000000000", (back,))
        database.execute("update task set due = created_at where due is not null")


def states(home: Path) -> dict[str, str]:
    with closing(sqlite3.connect(f"{(home / 'tasks.sqlite3').as_uri()}?mode=ro", uri=True)) as database:
        return dict(database.execute("select prompt, state from task").fetchall())


def task_ids(home: Path) -> list[str]:
    with closing(sqlite3.connect(f"{(home / 'tasks.sqlite3').as_uri()}?mode=ro", uri=True)) as database:
        return [row[0] for row in database.execute("select task_id from task")]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a server that was killed before it could send."""
    folder = tmp_path_factory.mktemp("left")
    with refused() as address, Imitation() as gateway:
        env = server_env(gateway, folder, APIXO_BASE_URL=address)
        with Process(env) as server:
            server.start()
            task = server.call("generate_image", {"model": "nano-banana", "prompt": "an old fox", "wait_seconds": 0})
            assert task["structuredContent"]["state"] == "submitting"
            kill_between_attempts(server.process, folder / "home")
    return folder


def kill_between_attempts(process: subprocess.Popen[bytes], home: Path) -> None:
    """Kills a server while its only task is refused and not being sent again."""
    with closing(sqlite3.connect(f"{(home / 'tasks.sqlite3').as_uri()}?mode=ro", uri=True)) as database:

        def between() -> bool:
            return database.execute("select tries > 0 and sent_at is null from task").fetchone() == (1,)

        until = time.monotonic() + 90
        while time.monotonic() < until:
            if between():
                process.send_signal(signal.SIGSTOP)  # nothing changes between the last look and the end
                if between():
                    process.kill()
                    process.wait()
                    return
                process.send_signal(signal.SIGCONT)
            time.sleep(0.01)
    raise AssertionError("the task was never refused")


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("tasks", "list"),
    ("tasks", "show", "ID"),
    ("tasks", "wait", "ID"),
    ("tasks", "download", "ID"),
    ("tasks", "export"),
    ("tasks", "resolve", "ID", "--never-ran"),
    ("tasks", "resolve", "ID", "--remote-id", "task_1", "--no-wait"),
    ("tasks", "rekey", "--all"),
    ("tasks", "reread", "ID"),
    ("tasks", "cancel", "ID"),
    ("models", "list"),
    ("usage",),
    ("doctor",),
    ("worker", "--until-idle"),
    ("generate", "nano-banana", "another fox"),
    ("generate", "nano-banana", "another fox", "--no-wait"),
    ("generate", "nano-banana", "an old hare", "--yes"),
)


@pytest.mark.parametrize("minutes", [11, 70])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_old_intent_is_bought_by_no_command(left: Path, tmp_path: Path, command: tuple[str, ...], minutes: int):
    folder = tmp_path / "copy"
    shutil.copytree(left, folder)
    with Imitation() as gateway:
        keyed_to(folder, gateway)
        aged(folder / "home", minutes * 60)
        (task_id,) = task_ids(folder / "home")
        env = server_env(gateway, folder)
        done = alone(*(task_id if word == "ID" else word for word in command), **env)
        assert "Traceback" not in done.stderr, done.stderr
        assert "an old fox" not in [entry.body["input"]["prompt"] for entry in gateway.posts()]
        alone("worker", "--until-idle", **env)
        assert "an old fox" not in [entry.body["input"]["prompt"] for entry in gateway.posts()]
        state = states(folder / "home")["an old fox"]
    assert state == "cancelled" or "resolve" in command, done


def keyed_to(folder: Path, gateway: Imitation) -> None:
    """Makes the left task one of this gateway and of the key that is set, as if its server had been set up so."""
    env = server_env(gateway, folder)
    with closing(sqlite3.connect(folder / "home" / "tasks.sqlite3")) as database, database:
        database.execute("update task set due = due + 1e6")  # the probe's server leaves it alone
    with Process(env) as server:
        server.start()
        gateway.held = True
        server.call("generate_image", {"model": "nano-banana", "prompt": "a probe", "wait_seconds": 0})
        server.kill()
    with closing(sqlite3.connect(folder / "home" / "tasks.sqlite3")) as database, database:
        ((base_url, key_print),) = database.execute(
            "select base_url, key_print from task where prompt = 'a probe'"
        ).fetchall()
        database.execute("delete from task where prompt = 'a probe'")
        database.execute(
            "update task set base_url = ?, key_print = ?, due = created_at, lease_until = 0", (base_url, key_print)
        )
    gateway.reset()


@pytest.mark.parametrize("minutes", [11, 70])
def test_an_old_intent_is_not_bought_by_a_server(left: Path, tmp_path: Path, minutes: int):
    folder = tmp_path / "copy"
    shutil.copytree(left, folder)
    with Imitation() as gateway:
        keyed_to(folder, gateway)
        aged(folder / "home", minutes * 60)
        (task_id,) = task_ids(folder / "home")
        with Process(server_env(gateway, folder)) as server:
            server.start()
            other = server.call("generate_image", {"model": "nano-banana", "prompt": "another fox", "wait_seconds": 0})
            assert server.finished(other["structuredContent"]["task_id"])["state"] == "success"
            told = server.finished(task_id)
        assert [entry.body["input"]["prompt"] for entry in gateway.posts()] == ["another fox"]
    assert told["state"] == "cancelled"
    assert "never sent" in json.dumps(told).lower()


def test_a_young_intent_is_sent_by_the_next_server(left: Path, tmp_path: Path):
    folder = tmp_path / "copy"
    shutil.copytree(left, folder)
    with Imitation() as gateway:
        keyed_to(folder, gateway)
        aged(folder / "home", 120)
        (task_id,) = task_ids(folder / "home")
        with Process(server_env(gateway, folder)) as server:
            server.start()
            told = server.finished(task_id)
        assert [entry.body["input"]["prompt"] for entry in gateway.posts()] == ["an old fox"]
    assert told["state"] == "success"


async def test_what_is_not_reached_yet_is_not_asked_for_again(tmp_path: Path):
    async with door("http://127.0.0.1:9", tmp_path) as entered:
        asked = await entered.told("generate_image", model="nano-banana", prompt="a fox", wait_seconds=0)
        task = await told_once(entered.client, asked, lambda task: "waiting_for" in task)
    assert task["state"] == "submitting"
    assert "Do not generate it again" in task["next_step"]
    assert "try again" not in task["next_step"]


async def test_an_intent_of_a_living_process_waits_for_an_hour(gateway: Gateway, enter: Enter, later: Any):
    one_file(gateway, "/out/a.png", whole(PNG))
    busy = envelope(None, 429, "Too many requests", 429)
    for minutes, state in ((20, "success"), (61, "cancelled")):
        gateway.submits.extend([busy] * 500)
        async with enter() as door:
            asked = await door.told("generate_image", model="nano-banana", prompt=f"fox {minutes}", wait_seconds=0)
            task = await told_once(door.client, asked, lambda task: "waiting_for" in task)
            assert task["state"] == "submitting"
            later(minutes)
            if state == "success":  # else a try that is under way now, and left in time, would be taken
                gateway.submits.clear()
            for _ in range(20):
                task = await door.check(task, 10)
                if task["state"] in ("success", "cancelled"):
                    break
        later(0)
        assert task["state"] == state


# One name, one value.


async def test_a_repeated_setting_is_a_list_or_an_error(tmp_path: Path):
    with Imitation() as gateway:
        env = server_env(gateway, tmp_path)
        done = await run_sync(
            lambda: alone(
                "generate",
                "nano-banana",
                "a fox",
                "--set",
                "image_urls=https://example.com/a.png",
                "--set",
                "image_urls=https://example.com/b.png",
                **env,
            )
        )
        if done.returncode == 0:
            (post,) = gateway.posts()
            assert post.body["input"]["image_urls"] == ["https://example.com/a.png", "https://example.com/b.png"]
        twice = await run_sync(
            lambda: alone(
                "generate", "nano-banana", "a fox", "--set", "aspect_ratio=1:1", "--set", "aspect_ratio=16:9", **env
            )
        )
        assert twice.returncode != 0
        assert "aspect_ratio" in twice.stderr
