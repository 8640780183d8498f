"""Killing processes, and counting afterwards: the task store against the sandbox's own log."""

import hashlib
import json
import re
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from support.amounts import here, in_time

from apixo_mcp.app import App
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.sandbox.files.results import files_of
from apixo_mcp.tasks.task import FileState, State, Task

VICTIM = Path(__file__).with_name("victim.py")
KEY = "sk-kills"
PATIENCE = 60.0
END = 150.0  # until the last task of all has ended


def settings(box: Sandbox, folder: Path, **more: Any) -> dict[str, Any]:
    """What every process on this folder is told."""
    return {
        "home": str(folder / "home"),
        "download_dir": str(folder / "pictures"),
        "apixo_api_key": KEY,
        "apixo_base_url": box.url,
        "allow_private_hosts": True,
        "poll_scale": 0.02,
        **more,
    }


@dataclass
class Victim:
    """A running light process and what it told."""

    process: Process
    errors: Path
    lines: list[list[str]] = field(default_factory=list)
    ready: anyio.Event = field(default_factory=anyio.Event)
    gone: anyio.Event = field(default_factory=anyio.Event)

    async def begin(self) -> None:
        assert self.process.stdin
        await self.process.stdin.send(b"go\n")
        with anyio.move_on_after(here(PATIENCE)):
            await self.ready.wait()
        assert self.lines, f"it did not start:\n{self.errors.read_text()[-3000:]}"

    async def read(self) -> None:
        assert self.process.stdout
        rest = ""
        async for text in TextReceiveStream(self.process.stdout):
            *whole, rest = (rest + text).split("\n")
            self.lines += [json.loads(line) for line in whole]
            if whole:
                self.ready.set()
        self.ready.set()
        self.gone.set()

    def told(self, word: str) -> list[list[str]]:
        return [line[1:] for line in self.lines if line[0] == word]


async def until(fits: Callable[[], Any] | Callable[[], Awaitable[Any]], seconds: float, every: float = 0.1) -> None:
    """Returns once it is so; the seconds are those of a machine that does nothing else."""
    with in_time(seconds):
        while True:
            found = fits()
            if await found if isinstance(found, Awaitable) else found:
                return
            await anyio.sleep(every)


async def all_ended(app: App) -> None:
    """Returns once no task has a next step."""

    async def ended() -> bool:
        return not await app.store.open_count(app.key_prints)

    await until(ended, END)


class Victims:
    """Light processes; none outlives the context."""

    def __init__(self, errors: Path) -> None:
        self._errors = errors
        self._group = anyio.create_task_group()
        self._all: list[Victim] = []

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> bool | None:
        for one in self._all:
            if one.process.returncode is None:
                one.process.kill()
        self._group.cancel_scope.cancel()
        try:
            return await self._group.__aexit__(*error)
        finally:
            with anyio.CancelScope(shield=True):
                for one in self._all:
                    await one.process.aclose()

    async def start(self, spec: dict[str, Any]) -> Victim:
        """A process that imports everything and then waits for `begin`."""
        with self._errors.open("ab") as stderr:
            command = [sys.executable, str(VICTIM), json.dumps(spec)]
            process = await anyio.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)
        one = Victim(process, self._errors)
        self._all.append(one)
        self._group.start_soon(one.read)
        return one

    async def kill(self, one: Victim) -> float:
        """Kills it, and returns when."""
        assert one.process.returncode is None, "it ended by itself"
        one.process.kill()
        at = time.time()
        await one.gone.wait()
        self._all.remove(one)
        await one.process.aclose()
        return at


class Stages:
    """In which stages the kills fell, by what the dead left in the store."""

    def __init__(self, home: Path) -> None:
        self._path = home / "tasks.sqlite3"
        self._seen: set[tuple[str, int]] = set()
        self._since = 0.0
        self.struck: Counter[str] = Counter()
        self.idle = 0

    def count(self, at: float) -> None:
        """Notes what was under way in the process that was just killed."""
        # Read only: a last writer that closes would tidy the log that the kill left behind.
        with closing(sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)) as database:
            statement = "select task_id, fence, state, sent_at, lease_until, updated_at from task where due is not null"
            found: set[str] = set()
            for task_id, fence, state, sent_at, lease_until, updated_at in database.execute(statement).fetchall():
                if (task_id, fence) in self._seen or max(lease_until, updated_at) < self._since:
                    continue
                self._seen.add((task_id, fence))
                found.add(_stage(state, sent_at, lease_until > at))
        self._since = at
        self.struck.update(found)
        self.idle += not found


def _stage(state: str, sent_at: float | None, is_held: bool) -> str:
    if state == "submitting":
        return "before sending" if sent_at is None else "during the submit"
    if state == "success":
        return "while saving" if is_held else "before saving"
    return "during a look" if is_held else "between two looks"


@dataclass
class Told:
    """What the dead processes said before they died."""

    admitted: dict[str, str] = field(default_factory=dict)
    remote_ids: dict[str, set[str]] = field(default_factory=dict)
    kills: list[float] = field(default_factory=list)

    def hear(self, one: Victim) -> None:
        self.admitted |= dict(one.told("admitted"))
        for task_id, _, remote_id in one.told("moved"):
            if remote_id:
                self.remote_ids.setdefault(task_id, set()).add(remote_id)


def _slow(prompt: str) -> float:
    found = re.search(r"slow-submit:([0-9.]+)", prompt)
    return float(found[1]) if found else 0.0


def _cut_between(kills: Sequence[float], start: float, end: float) -> bool:
    return any(start <= at <= end for at in kills)


AFTER_THE_ANSWER = 1.0  # seconds that an answer may be on its way into the store


async def reconcile(
    box: Sandbox, tasks: Sequence[Task], told: Told, pictures: Path, *, were_frozen: bool = False
) -> Counter[str]:
    """Holds every task against the sandbox's log; what does not fit is an assertion error.

    Args:
        box: has the log.
        tasks: as the store has them in the end.
        told: what the dead have said.
        pictures: the folder of the files.
        were_frozen: one that wakes up while it saves a file may write a copy of what another has saved by then.

    Returns:
        The counts.
    """
    counts: Counter[str] = Counter()
    on_its_way = here(AFTER_THE_ANSWER)
    posts: dict[str, list[dict[str, Any]]] = {}
    for entry in box.log():
        if entry["route"] == "submit":
            posts.setdefault(entry["input"]["prompt"], []).append(entry)
    rows = {task.task_id: task for task in tasks}
    by_prompt = {task.prompt: task for task in tasks}
    assert len(by_prompt) == len(tasks), "two tasks of one wish"
    counts["tasks"], counts["POSTs"] = len(tasks), sum(map(len, posts.values()))

    lost = [task_id for task_id in told.admitted if task_id not in rows]
    assert not lost, f"told as admitted, and not in the store: {lost}"
    assert not posts.keys() - by_prompt.keys(), "sent, and not in the store"
    for task_id, remote_ids in told.remote_ids.items():
        kept = {attempt.remote_id for attempt in rows[task_id].attempts}
        assert remote_ids <= kept, f"{task_id}: told as accepted, and not kept: {remote_ids - kept}"

    for task in tasks:
        sent = posts.get(task.prompt, [])
        paid = {entry["remote_id"]: entry for entry in sent if entry["paid"]}
        kept = {attempt.remote_id for attempt in task.attempts if attempt.remote_id}
        counts[str(task.state)] += 1
        counts["paid"] += len(paid)

        refusals = ("http:503" in task.prompt) + ("http:400" in task.prompt and task.state is State.FAILED)
        assert len(sent) <= len(task.attempts) + refusals, f"an attempt was sent twice: {task}"
        assert len(sent) <= 1 or re.search("http:503x1|fail-once", task.prompt), f"sent twice: {task}"
        assert kept <= paid.keys(), f"an id that the gateway never gave: {task}"
        missing = paid.keys() - kept
        assert len(missing) <= 1, f"two accepted tasks are missing: {task}"
        for remote_id in missing:
            at = paid[remote_id]["at"]
            answered = at + _slow(task.prompt)
            assert task.state is State.UNKNOWN, f"accepted, not kept, and not unknown: {task}"
            if "[cut]" not in task.prompt:
                cut = _cut_between(told.kills, at - 0.5, answered + on_its_way)
                assert cut, f"acknowledged long before any kill, and unknown: {task}"
                late = not _cut_between(told.kills, at - 0.5, answered)
                counts["killed with the answer on its way" if late else "killed during the submit"] += 1
        if task.state is State.UNKNOWN and not missing:
            at = task.attempts[-1].sent_at
            cut = _cut_between(told.kills, at, at + on_its_way)
            assert cut, f"unknown, and no kill near its submit: {task}"
            counts["killed just before the POST or with a refusal on its way"] += 1
        assert task.state in (State.SUCCESS, State.FAILED, State.UNKNOWN), f"not ended: {task}"
        if task.state is State.FAILED:
            assert "http:400" in task.prompt, f"failed without a reason: {task}"
        if task.state is State.SUCCESS:
            await _check_file(box, task)
            counts["whole files"] += 1
    files = [path for path in pictures.rglob("*") if path.is_file()]
    media = [path for path in files if path.suffix != ".json"]
    saved = {Path(result.path): result.sha256 for task in tasks for result in task.results if result.path}
    unknown = [path for path in media if path not in saved]
    if were_frozen:
        copies = [path for path in unknown if hashlib.sha256(path.read_bytes()).hexdigest() in saved.values()]
        counts["files saved twice"] = len(copies)
        unknown = [path for path in unknown if path not in copies]
    assert not unknown, "files that no task knows: " + ", ".join(map(str, unknown[:5]))
    assert len(saved) == counts["whole files"]
    assert {path.with_suffix("") for path in files if path.suffix == ".json"} == set(media), "side files without a file"
    return counts


async def _check_file(box: Sandbox, task: Task) -> None:
    assert [result.file for result in task.results] == [FileState.SAVED], f"not saved: {task}"
    result = task.results[0]
    content = Path(result.path).read_bytes()
    remote = box.app.backend.store.get(task.remote_id)
    assert remote is not None
    served = await box.app.shelf.get(remote, files_of(remote)[0])
    assert content == served, f"not the file that the gateway has: {result}"
    assert (len(content), hashlib.sha256(content).hexdigest()) == (result.bytes, result.sha256)
