"""A task as a row and back: plain columns, and JSON text for what is nested."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from operator import attrgetter
from typing import Any, TypeVar, cast

from apixo_mcp.generation import Failure, NextAction
from apixo_mcp.stores.database import Row
from apixo_mcp.stores.listing import lowered
from apixo_mcp.tasks.task import Attempt, FileState, Result, State, Task

FIELDS = tuple(entry.name for entry in fields(Task))
COLUMNS = (*FIELDS, "counted_at")
"""The fields of a task, and what is worked out from them to be looked up by."""


_OF_POLL = ("state", "polls", "tries", "failure", "updated_at", "due", "lease_holder", "lease_until")
_BESIDE_POLL = attrgetter(*(name for name in FIELDS if name not in _OF_POLL))


_Part = TypeVar("_Part")


class NotATask(ValueError):
    """A row of a task that is damaged."""


def to_row(task: Task) -> dict[str, Any]:
    """Returns the row of a task, by column."""
    # JSON in ASCII: a gateway's or a caller's text may hold half a surrogate pair, which no database takes as it is.
    row: dict[str, Any] = {name: getattr(task, name) for name in COLUMNS}
    row["state"] = str(task.state)
    row["inputs"] = json.dumps(dict(task.inputs))
    row["attempts"] = json.dumps([_lean(attempt) for attempt in task.attempts])
    row["results"] = json.dumps([_lean(result) for result in task.results])
    row["failure"] = json.dumps(asdict(task.failure)) if task.failure else None
    row["notes"] = json.dumps(task.notes)
    row["cancel_requested"] = int(task.cancel_requested)
    row["is_copy"] = int(task.is_copy)
    row["searched"] = lowered(task.prompt)  # no column: for a database that stores it beside the task
    return row


def is_mere_poll(before: Task, after: Task) -> bool:
    """Tells whether a change is no more than that of a poll that brought nothing, and ends the lease."""
    return not after.lease_until and _BESIDE_POLL(before) == _BESIDE_POLL(after)


def poll_row(before: Task, after: Task) -> dict[str, Any]:
    """Returns what such a change writes, by column, and what it is compared with."""
    row: dict[str, Any] = {name: getattr(after, name) for name in (*_OF_POLL, "task_id", "called_at")}
    row["state"], row["state_before"], row["fence"] = str(after.state), str(before.state), before.fence
    row["failure"] = json.dumps(asdict(after.failure)) if after.failure else None
    return row


def from_row(row: Row) -> Task:
    """Returns the task of a row.

    Raises:
        NotATask: the row is damaged.
    """
    try:
        return _task(row)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotATask(f"a row holds no task: {error}") from error


def _task(row: Row) -> Task:
    values = {name: row[name] for name in FIELDS}
    values["state"] = State(values["state"])
    values["inputs"] = json.loads(values["inputs"])
    values["attempts"] = tuple(_read(Attempt, entry) for entry in json.loads(values["attempts"]))
    values["results"] = tuple(_result(entry) for entry in json.loads(values["results"]))
    values["failure"] = to_failure(json.loads(values["failure"])) if values["failure"] else None
    values["notes"] = tuple(json.loads(values["notes"]))
    values["cancel_requested"] = bool(values["cancel_requested"])
    values["is_copy"] = bool(values["is_copy"])
    return Task(**values)


def to_failure(entry: Mapping[str, Any]) -> Failure:
    """Returns the failure of a row; what a later version may name as its next action is none here."""
    values = dict(entry)
    values["next_action"] = next((action for action in NextAction if action == values.get("next_action")), None)
    return _read(Failure, values)


def _lean(value: Attempt | Result) -> dict[str, Any]:
    return {name: entry for name, entry in asdict(value).items() if entry not in (None, "")} | (
        {"file": None} if isinstance(value, Result) and value.file is None else {}
    )


def _result(entry: Mapping[str, Any]) -> Result:
    values = dict(entry)
    state = values.get("file")
    values["file"] = FileState(state) if state else None
    return _read(Result, values)


def _read(kind: Callable[..., _Part], entry: Mapping[str, Any]) -> _Part:
    """Returns a part of a row, without what a later version noted besides: that is lost once it is written."""
    try:
        return kind(**entry)
    except TypeError:
        known = {field.name for field in fields(cast(Any, kind))}
        return kind(**{name: value for name, value in entry.items() if name in known})
