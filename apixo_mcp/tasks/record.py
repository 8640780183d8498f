"""A task as plain JSON values under the names of its fields, and back with every value's type checked."""

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from apixo_mcp.tasks.task import Task, is_task_id

_FORMER = {"looks": "polls"}  # names in files of earlier versions
_NESTED = ("inputs", "attempts", "results", "failure", "notes")

hints_of = cache(get_type_hints)


def to_record(task: Task) -> dict[str, Any]:
    """Returns every field of a task; times are Unix seconds, UTC."""
    record: dict[str, Any] = {entry.name: getattr(task, entry.name) for entry in fields(Task)}
    record["state"] = str(task.state)
    record["inputs"] = dict(task.inputs)
    record["attempts"] = [asdict(attempt) for attempt in task.attempts]
    record["results"] = [asdict(result) for result in task.results]
    record["failure"] = asdict(task.failure) if task.failure else None
    record["notes"] = list(task.notes)
    return record


def row_record(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record that a row of the store holds.

    Raises:
        ValueError: what is nested in it is no JSON.
    """
    record = dict(row)
    for name in ("counted_at", "told"):  # the one is worked out anew where it is stored, the other was told from here
        record.pop(name, None)
    for name in _NESTED:
        if record.get(name) is not None:
            record[name] = json.loads(record[name])
    record["cancel_requested"] = bool(record["cancel_requested"])
    record["is_copy"] = bool(record.get("is_copy"))
    return record


def from_record(record: object) -> Task:
    """Returns the task of a record. Fields that have a default may be missing.

    Raises:
        ValueError: says what is wrong with it.
    """
    if isinstance(record, dict):
        given = cast(dict[str, Any], record)
        record = {_FORMER.get(name, name): value for name, value in given.items()}
    task = _made(Task, record, "")
    if not is_task_id(task.task_id):
        raise ValueError(f"task_id is no task's id: {task.task_id[:40]!r}")
    if [result.index for result in task.results] != list(range(len(task.results))):
        raise ValueError("results are not numbered from 0")
    for entry in fields(task):
        value = getattr(task, entry.name)
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError(f"{entry.name} holds half a character") from None
    return task


def _made(kind: type[Any], value: object, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where or 'the line'} must be an object")
    given: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    known = {entry.name: entry for entry in fields(kind)}
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(f"there is no field {where}{unknown[0]}")
    required = {name for name, entry in known.items() if entry.default is MISSING and entry.default_factory is MISSING}
    if missing := sorted(required - set(given)):
        raise ValueError(f"{where}{missing[0]} is missing")
    hints = hints_of(kind)
    return kind(**{name: _checked(hints[name], entry, f"{where}{name}") for name, entry in given.items()})


def _checked(hint: Any, value: Any, where: str) -> Any:
    if hint is str and isinstance(value, str):  # most are
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return None if value is None else _checked(next(entry for entry in arguments if entry), value, where)
    if origin is Literal:
        fits = isinstance(value, str) and value in arguments
    elif origin is tuple:
        if isinstance(value, list):
            entries: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
            return tuple(_checked(arguments[0], entry, f"{where}[{n}]") for n, entry in enumerate(entries))
        fits = False
    elif is_dataclass(hint):
        return _made(hint, value, f"{where}.")  # pyright: ignore[reportArgumentType]
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        if isinstance(value, str) and value in set(hint):
            return hint(value)
        fits = False
    elif hint is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
        fits = fits and math.isfinite(value)
        value = float(value) if fits else value
    elif hint is int:
        fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    else:
        fits = isinstance(value, dict if origin is Mapping else hint)
    if not fits:
        raise ValueError(f"{where} cannot be {json.dumps(value)[:60]}")
    return value
