"""What `--set` means: NAME=VALUE read as the model's input of that name takes it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, cast

import click

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import input_schema
from apixo_mcp.catalog.sounds import is_without_switch
from apixo_mcp.catalog.translate import common, inputs
from apixo_mcp.catalog.validate import nearest
from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.foreign import shorten

_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def named(entries: Iterable[str]) -> list[tuple[str, str]]:
    """Splits each NAME=VALUE into its two parts."""
    pairs: list[tuple[str, str]] = []
    for entry in entries:
        name, equals, text = entry.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{entry!r} is not NAME=VALUE", param_hint="--set")
        pairs.append((name.strip(), text))
    return pairs


def values_of(model: Model, pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Returns the inputs that were given, and what is wrong with them.

    A name that comes several times is a list where that input takes one, and else a problem.
    """
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, given in texts.items():
        try:
            entry = _entry(model, name)
            values[name] = _list(name, entry, given) if _takes_list(entry, given) else _one(name, entry, given)
        except InvalidInput as error:
            problems += error.problems
    return values, tuple(problems)


def _entry(model: Model, name: str) -> Mapping[str, Any]:
    """Returns what is known of an input, by any name that it is called; empty where nothing is."""
    properties: dict[str, Any] = input_schema(model.input)["properties"]
    field = common(model).get(name, name)
    if model.sizes is not None and name == "resolution" and field == model.sizes.field:
        return {"type": "string"}
    if field in properties:
        return properties[field]
    known = (*inputs(model), *properties)
    if not model.input.is_open() and name not in known and not (name == "sound" and is_without_switch(model)):
        allowed = f"not an input of {model.id}; it takes {', '.join(inputs(model))}"
        raise InvalidInput([Problem(name, "", allowed, nearest(name, tuple(dict.fromkeys(known))))])
    return {}


def _takes_list(entry: Mapping[str, Any], given: list[str]) -> bool:
    return entry.get("type") == "array" or (not entry.get("type") and len(given) > 1)


def _list(name: str, entry: Mapping[str, Any], given: list[str]) -> list[Any]:
    items: list[Any] = []
    for text in given:
        read = _json(text)
        if not text.strip():
            raise InvalidInput([Problem(name, "", "is empty; give a value, or leave the input out")])
        if isinstance(read, list):
            items += cast(list[Any], read)
        elif text.lstrip().startswith("["):
            _refuse(name, text, "is not a JSON list")
        else:
            items.append(_one(name, entry.get("items", {}), [text]))
    return items


def _one(name: str, entry: Mapping[str, Any], given: list[str]) -> Any:
    if len(given) > 1:
        several = " and ".join(map(shorten, given))
        raise InvalidInput([Problem(name, several, "given several times, and it takes one value")])
    text = given[0]
    read = _json(text)
    match entry.get("type"):
        case "string":
            is_choice = isinstance(read, str) and read in entry.get("enum", ())
            return read if is_choice else text
        case "boolean":
            word = text.strip().casefold()
            return True if word in _YES else False if word in _NO else text
        case "integer" | "number":
            is_number = isinstance(read, int | float) and not isinstance(read, bool)
            return read if is_number else text
        case "object" | "array":
            return cast(Any, read) if isinstance(read, dict | list) else _refuse(name, text, "must be JSON")
        case _:
            if text.strip() == "null":
                _refuse(name, text, "is no value; leave the input out instead")
            return text if read is None else read


def _json(text: str) -> Any:
    """Returns the text as JSON, None where it is not."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _refuse(name: str, text: str, why: str) -> NoReturn:
    raise InvalidInput([Problem(name, shorten(text), why)])
