"""Reads a tool's arguments as they were meant, and says everything that is wrong with them at once."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from apixo_mcp.catalog.near_names import nearest_name
from apixo_mcp.errors import Problem
from apixo_mcp.foreign import MOST_GIVEN, clipped, cut, excess, read_json, shorten

# n8n adds these to every call.
_ADDED_BY_HOSTS = frozenset({"toolCallId", "sessionId", "action", "chatInput"})

# A key of our own begins with one (INTERNAL_KEY) and stands for a yes: a caller must not make such a key up.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_SECONDS = re.compile(r"([0-9]{1,9})\s{0,9}s(?:ec(?:ond)?s?)?\.?", re.IGNORECASE)
_LONGEST_NAME = 100
_MOST_UNKNOWN = 20  # arguments that are told one by one
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
    unknown = 0
    for name, value in raw.items():
        entry = properties.get(name)
        if entry is None:
            if name not in _ADDED_BY_HOSTS:
                unknown += 1
                if unknown <= _MOST_UNKNOWN:
                    problems.append(_unknown(name, value, properties))
            continue
        if value is None:
            continue
        if too_much := excess(value):
            problems.append(Problem(name, shorten(value), f"takes less: what was given {too_much}"))
            continue
        meant = _meant(value, entry)
        if "default" in entry and meant == entry["default"] and type(meant) is type(entry["default"]):
            continue
        if problem := _wrong(name, meant, entry):
            problems.append(problem)
        else:
            given[name] = meant
    if unknown > _MOST_UNKNOWN:
        problems.append(Problem("arguments", f"{unknown} unknown ones", f"known are {', '.join(properties)}"))
    missing = [name for name in schema.get("required", ()) if name not in given]
    named = {problem.field for problem in problems}
    problems += [Problem(name, "", "required") for name in missing if name not in named]
    return Reading(given, tuple(problems))


def read_inputs(schema: Mapping[str, Any], controls: Mapping[str, Any], raw: Mapping[str, Any]) -> Reading:
    """Reads the arguments of a typed tool: `controls` are checked here, a model's inputs come as `options` unchecked.

    The model's own class checks those, and tells its problems together with what is wrong with the controls.
    """
    asked = {name: value for name, value in raw.items() if name in controls or name in _ADDED_BY_HOSTS}
    reading = read_arguments({"properties": controls}, asked)
    properties: Mapping[str, Any] = schema["properties"]
    own = {name: value for name, value in raw.items() if name not in asked and value is not None}
    if too_much := excess(own):
        large = [name for name, value in own.items() if excess(value)] or ["arguments"]
        refused = [
            Problem(_named(name), "", f"takes less: what was given {too_much}") for name in large[:_MOST_UNKNOWN]
        ]
        return Reading(reading.given | {"options": {}}, (*reading.problems, *refused))
    inputs = {
        name: _meant(value, properties[name]) if "type" in properties.get(name, ()) else value
        for name, value in own.items()
    }
    return Reading(reading.given | {"options": inputs}, reading.problems)


def _unknown(name: str, value: Any, properties: Mapping[str, Any]) -> Problem:
    near = nearest_name(name, properties) or "".join(difflib.get_close_matches(name[:_LONGEST_NAME], properties, n=1))
    allowed = f"unknown argument; known are {', '.join(properties)}"
    return Problem(_named(name), shorten(value), allowed, near)


def _named(name: str) -> str:
    return clipped(name.encode(errors="replace").decode(), _LONGEST_NAME + 1)


def _meant(value: Any, entry: Mapping[str, Any]) -> Any:
    kind = entry["type"]
    if isinstance(value, str) and kind != "string":
        value = _parsed(value, kind)
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind == "integer" and isinstance(value, str) and (seconds := _SECONDS.fullmatch(cut(value).strip())):
        return int(seconds[1])
    if kind == "array" and isinstance(value, str | int | float):
        return [] if value == "" else [value]
    if kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if kind == "string" and "on" in entry.get("enum", ()) and (switch := _SWITCH.get(_folded(value))):
        return switch
    if kind == "string" and isinstance(value, str) and value not in (choices := entry.get("enum", ())):
        folded = {str(choice).casefold(): choice for choice in choices}
        return folded.get(_folded(value), value)
    return value


def _folded(value: Any) -> str:
    return cut(str(value)).strip().casefold()


def _parsed(text: str, kind: str) -> Any:
    stripped = text.strip()
    if stripped == "" and kind != "array":
        return {} if kind == "object" else text
    if sum(map(stripped.count, ",[{")) > MOST_GIVEN:
        return text
    value = read_json(stripped)
    return value if isinstance(value, _TYPES[kind]) and not excess(value) else text


def _wrong(name: str, value: Any, entry: Mapping[str, Any]) -> Problem | None:
    kind = entry["type"]
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return Problem(name, shorten(value), f"must be {_WORDS[kind]}")
    if kind == "array":
        item_kind = entry["items"]["type"]
        items = cast(list[Any], value)
        if not all(isinstance(item, _TYPES[item_kind]) for item in items):
            return Problem(name, shorten(items), f"must be a list of {_WORDS[item_kind]}")
    if name == "idempotency_key" and _CONTROL.search(cut(str(value))):
        return Problem(name, shorten(value), "must hold no control characters")
    choices = entry.get("enum")
    if choices is not None and value not in choices:
        near = difflib.get_close_matches(str(value)[:_LONGEST_NAME], [str(choice) for choice in choices if choice], n=1)
        listing = ", ".join(str(choice) for choice in choices if choice not in ("", -1))
        return Problem(name, shorten(value), f"must be one of {listing}", near[0] if near else "")
    most = entry.get("maximum")
    if kind == "integer" and (value < -1 or (most is not None and value > most)):
        # The description begins with the range.
        span = entry["description"].partition(".")[0] if most is not None else ""
        return Problem(name, shorten(value), f"must be from {span}" if span else "must not be negative")
    return None
