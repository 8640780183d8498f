"""Tasks as a file that outlives their store: JSON Lines, one task a line.

The first line says what the file is: `apixo_mcp_tasks` (the version of this form), `apixo_mcp` (who wrote it),
`exported_at` (Unix seconds) and `home`, which tells one data folder from another and nothing else. Every further line
holds one task under the names of the fields of `Task`, with times in Unix seconds, UTC. There is no API key in it, nor
the secret with which keys are told apart.
"""

import hashlib
import hmac
import json
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.tasks.ports.store import KEY_SALT, Store
from apixo_mcp.tasks.record import from_record, to_record
from apixo_mcp.tasks.task import TERMINAL, FileState, Result, State, Task
from apixo_mcp.tasks.transitions import submits, unsent

FORM = 1

_NOT_SENT = "It was imported before it was ever sent, so it was cancelled."
_UNDER_WAY = "It was exported while its submit was under way."


@dataclass(frozen=True, slots=True)
class Archive:
    """What a file holds.

    Attributes:
        home: of the data folder that it comes from.
    """

    home: str
    tasks: tuple[Task, ...]


async def home_of(store: Store) -> str:
    """Tells the data folder: only in the same one do the prints of keys mean the same."""
    return hmac.new(await store.secret(KEY_SALT), b"home", hashlib.sha256).hexdigest()[:16]


async def lines(store: Store, version: str, now: float) -> AsyncGenerator[str]:
    """Returns the lines of the file that holds every task of the store."""
    yield json.dumps({"apixo_mcp_tasks": FORM, "apixo_mcp": version, "exported_at": now, "home": await home_of(store)})
    after = ""
    while page := await store.dump(after):
        for task in page:
            yield _line(task)
        after = page[-1].task_id


def _line(task: Task) -> str:
    text = json.dumps(to_record(task), ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, from a gateway or a caller
        return json.dumps(to_record(task))
    return text


def read_archive(lines: Iterable[bytes]) -> Archive:
    """Tells what a file holds.

    Raises:
        InvalidInput: a line cannot be read; names it.
    """
    home: str | None = None
    tasks: list[Task] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values: Any = json.loads(line.decode("utf-8-sig"), parse_constant=_no_number)
            if home is None:
                home = _head(values)
            else:
                tasks.append(from_record(values))
        except (ValueError, RecursionError) as error:
            said = "is no JSON" if isinstance(error, json.JSONDecodeError) else str(error) or "is nested too deeply"
            raise InvalidInput([Problem(f"line {number}", "", f"{said}. Nothing was imported")]) from None
    if home is None:
        raise InvalidInput([Problem("line 1", "", "the file is empty. Nothing was imported")])
    return Archive(home, tuple(tasks))


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _head(values: Any) -> str:
    values = cast(dict[str, Any], values) if isinstance(values, dict) else {}
    form = values.get("apixo_mcp_tasks")
    if not isinstance(form, int):
        raise ValueError("this is not a file of exported tasks")
    if form > FORM:
        raise ValueError(f"a newer apixo-mcp wrote this file (form {form}; this one knows {FORM}); update apixo-mcp")
    return str(values.get("home", ""))


@dataclass(frozen=True, slots=True)
class Here:
    """The place that tasks are imported into.

    Attributes:
        home: of its data folder.
        key_prints: by a task's owner, its gateway's name and its base URL, for the keys with which they would pay here.
        roots: the folders that files are read from here.
        results: the address of the bucket that files are read from here, empty where there is none.
    """

    home: str
    key_prints: Mapping[tuple[str, str, str], str]
    roots: tuple[Path, ...] = ()
    results: str = ""


@dataclass(slots=True)
class Imported:
    """What came of an import."""

    added: list[Task] = field(default_factory=list[Task])
    there_already: int = 0
    cancelled: int = 0
    unknown: int = 0
    unfollowed: list[Task] = field(default_factory=list[Task])


async def bring_in(store: Store, archive: Archive, here: Here, now: float) -> Imported:
    """Adds the tasks that are not there yet, all or none, and changes no other.

    Raises:
        StoreError: nothing was added.
    """
    before = {task.task_id: task for task in archive.tasks}
    adapted = {task_id: adapt(task, archive.home, here, now) for task_id, task in before.items()}
    added = await store.add(adapted.values())
    found = Imported([adapted[task_id] for task_id in added], len(archive.tasks) - len(added))
    held = set(here.key_prints.values())
    for task in found.added:
        if before[task.task_id].state is State.SUBMITTING:
            found.unknown += task.state is State.UNKNOWN
            found.cancelled += task.state is not State.UNKNOWN
        elif task.key_print not in held and (task.due is not None or task.state not in TERMINAL):
            found.unfollowed.append(task)
    return found


def adapt(task: Task, home: str, here: Here, now: float) -> Task:
    """Returns the task as it goes on in another place. Nothing that was not sent is sent by being imported."""
    task = replace(task, lease_holder="", lease_until=0.0, asked_by="", asked_until=0.0)
    if task.state not in TERMINAL:
        task = replace(task, is_copy=True)
    if task.answer == "awaited":
        task = replace(task, answer="given")  # the call that waited was another program's: nobody here adopts it
    if task.state is State.SUBMITTING and task.sent_at is None:
        task = replace(unsent.cancelled(task, now), notes=(*task.notes, _NOT_SENT))
    elif task.state is State.SUBMITTING:
        task = submits.unclear(task, now, _UNDER_WAY)
    if home == here.home:
        return task
    key_print = here.key_prints.get((task.owner, task.gateway, task.base_url), task.key_print)
    return replace(task, key_print=key_print, results=tuple(_placed(task, result, here) for result in task.results))


def _placed(task: Task, result: Result, here: Here) -> Result:
    """Returns the result without a path that leads outside: a file of tasks makes no file of this machine a result.

    Nor one of the bucket, where each lies under the id of its task.
    """
    if not result.path or any(_is_in(result.path, root) for root in here.roots):
        return result
    if here.results and result.path.startswith(f"{here.results}/") and result.path.split("/")[-2] == task.task_id:
        return result
    problem = f"It was saved in another place, as {result.path}."
    return replace(result, path="", file=FileState.FAILED if result.url else None, problem=problem)


def _is_in(path: str, root: Path) -> bool:
    try:
        return Path(path).resolve().is_relative_to(root.resolve())
    except (OSError, ValueError, RuntimeError):
        return False
