"""Reads a tool's arguments as they were meant, and says everything that is wrong with them at once."""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from apixo_mcp.catalog.inputs import shorten
from apixo_mcp.errors import Problem

# n8n adds these to every call.
_ADDED_BY_HOSTS = frozenset({"toolCallId", "sessionId", "action", "chatInput"})

# A key of our own begins with one (INTERNAL_KEY) and stands for a yes: a caller must not make such a key up.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_SECONDS = re.compile(r"\s*(\d+)\s*s(?:ec(?:ond)?s?)?\.?\s*", re.IGNORECASE)
_SWITCH = {"true": "on", "yes": "on", "false": "off", "no": "off"}

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
    "boolean": (bool,),
}
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "an object",
    "boolean": "true or false",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """The arguments that were really given and are right so far, and what is wrong with the others."""

    given: dict[str, Any]
    problems: tuple[Problem, ...]


def read_arguments(schema: Mapping[str, Any], raw: Mapping[str, Any]) -> Reading:
    """Reads arguments as they were meant, and finds unknown names, wrong types, and values outside an enum or a range.

    `null`, and a value equal to the schema's neutral default, count as not given; JSON in a string is read; a lone
    value stands for a list of one; what hosts are known to add is dropped.
    """
    properties: Mapping[str, Any] = schema["properties"]
    given: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in raw.items():
        entry = properties.get(name)
        if entry is None:
            if name not in _ADDED_BY_HOSTS:
                near = difflib.get_close_matches(name, properties, n=1)
                allowed = f"unknown argument; known are {', '.join(properties)}"
                problems.append(Problem(name, shorten(value), allowed, near[0] if near else ""))
            continue
        if value is None:
            continue
        meant = _meant(value, entry)
        if "default" in entry and meant == entry["default"] and type(meant) is type(entry["default"]):
            continue
        if problem := _wrong(name, meant, entry):
            problems.append(problem)
        else:
            given[name] = meant
    missing = [name for name in schema.get("required", ()) if name not in given]
    told = {problem.field for problem in problems}
    problems += [Problem(name, "", "required") for name in missing if name not in told]
    return Reading(given, tuple(problems))


def read_inputs(schema: Mapping[str, Any], controls: Mapping[str, Any], raw: Mapping[str, Any]) -> Reading:
    """Reads the arguments of a typed tool: `controls` are checked here, a model's inputs come as `options` unchecked.

    The model's own class checks those, and tells its problems together with what is wrong with the controls.
    """
    asked = {name: value for name, value in raw.items() if name in controls or name in _ADDED_BY_HOSTS}
    reading = read_arguments({"properties": controls}, asked)
    properties: Mapping[str, Any] = schema["properties"]
    inputs = {
        name: _meant(value, properties[name]) if "type" in properties.get(name, ()) else value
        for name, value in raw.items()
        if name not in asked and value is not None
    }
    return Reading(reading.given | {"options": inputs}, reading.problems)


def _meant(value: Any, entry: Mapping[str, Any]) -> Any:
    kind = entry["type"]
    if isinstance(value, str) and kind != "string":
        value = _parsed(value, kind)
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind == "integer" and isinstance(value, str) and (seconds := _SECONDS.fullmatch(value)):
        return int(seconds[1])
    if kind == "array" and isinstance(value, str | int | float):
        return [] if value == "" else [value]
    if kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if kind == "string" and str(value).strip().casefold() in _SWITCH and "on" in entry.get("enum", ()):
        return _SWITCH[str(value).strip().casefold()]
    if kind == "string" and isinstance(value, str) and value not in (choices := entry.get("enum", ())):
        folded = {str(choice).casefold(): choice for choice in choices}
        return folded.get(value.strip().casefold(), value)
    return value


def _parsed(text: str, kind: str) -> Any:
    stripped = text.strip()
    if stripped == "" and kind != "array":
        return {} if kind == "object" else text
    try:
        found: Any = json.loads(stripped)
    except ValueError:
        return text
    return found if isinstance(found, _TYPES[kind]) else text


def _wrong(name: str, value: Any, entry: Mapping[str, Any]) -> Problem | None:
    kind = entry["type"]
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return Problem(name, shorten(value), f"must be {_WORDS[kind]}")
    if kind == "array":
        item_kind = entry["items"]["type"]
        items = cast(list[Any], value)
        if not all(isinstance(item, _TYPES[item_kind]) for item in items):
            return Problem(name, shorten(items), f"must be a list of {_WORDS[item_kind]}")
    if name == "idempotency_key" and _CONTROL.search(str(value)):
        return Problem(name, shorten(value), "must hold no control characters")
    choices = entry.get("enum")
    if choices is not None and value not in choices:
        near = difflib.get_close_matches(str(value), [str(choice) for choice in choices if choice], n=1)
        listing = ", ".join(str(choice) for choice in choices if choice not in ("", -1))
        return Problem(name, shorten(value), f"must be one of {listing}", near[0] if near else "")
    most = entry.get("maximum")
    if kind == "integer" and (value < -1 or (most is not None and value > most)):
        # The description begins with the range.
        span = entry["description"].partition(".")[0] if most is not None else ""
        return Problem(name, shorten(value), f"must be from {span}" if span else "must not be negative")
    return None
