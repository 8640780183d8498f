"""Checks an input against the documented limits of its model: pure, all problems at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, cast

from apixo_mcp.sandbox.facts import Field, Model, Rule


def problems(model: Model, given: Mapping[str, Any]) -> list[str]:
    """Returns what is wrong with an input, each entry naming its field as ``input.<name>``; empty when all is well."""
    if model.open:
        return []
    return list(dict.fromkeys(_problems(model, given)))


def _problems(model: Model, given: Mapping[str, Any]) -> Iterator[str]:
    limited = _limited(model, given)
    for name, known in limited.items():
        if _absent(given.get(name)):
            if known.required:
                yield f"input.{name} is required"
        else:
            yield from _value_problems(known, given[name], model.value(given, "mode"))
    for name in given:
        if model.closed and name not in model.fields:
            yield f"input.{name} is not accepted by {model.id}"
    for rule in model.rules:
        if _applies(rule, model, given):
            yield from _rule_problems(rule, model, given)
    if "character_timestamps" in model.fields and not _absent(given.get("character_timestamps")):
        yield from _timestamp_problems(given["character_timestamps"])


def _limited(model: Model, given: Mapping[str, Any]) -> dict[str, Field]:
    """Returns the model's fields with the narrower limits of the rules that apply to this input."""
    fields = dict(model.fields)
    for rule in model.rules:
        if not _applies(rule, model, given):
            continue
        for name, limits in rule.limit.items():
            known = fields.get(name)
            if known is not None:
                fields[name] = _narrowed(known, limits)
    return fields


def _narrowed(known: Field, limits: Mapping[str, Any]) -> Field:
    """Returns a field within further limits; none of them widens what another has narrowed."""
    changes = dict(limits)
    for name, value in limits.items():
        before = getattr(known, name)
        if name == "enum":
            changes[name] = tuple(one for one in value if not before or one in before) or value
        elif before is not None and name.startswith("max"):
            changes[name] = min(before, value)
        elif before is not None and name.startswith("min"):
            changes[name] = max(before, value)
    return replace(known, **changes)


def _absent(value: Any) -> bool:
    return value is None or value == ""


def _applies(rule: Rule, model: Model, given: Mapping[str, Any]) -> bool:
    return all(_matches(wanted, model.value(given, name)) for name, wanted in rule.when.items())


def _matches(wanted: Any, value: Any) -> bool:
    if wanted == "+":
        return not _absent(value) and value != []
    if isinstance(wanted, tuple):
        return any(_matches(one, value) for one in cast("tuple[Any, ...]", wanted))
    if not isinstance(wanted, str):
        return wanted == value and isinstance(value, bool) == isinstance(wanted, bool)
    if not isinstance(value, str):
        return False
    return not fnmatchcase(value, wanted[1:]) if wanted.startswith("!") else fnmatchcase(value, wanted)


def _rule_problems(rule: Rule, model: Model, given: Mapping[str, Any]) -> Iterator[str]:
    def has(name: str) -> bool:
        return not _absent(given.get(name)) and given.get(name) != []

    def length(name: str) -> int:
        value = given.get(name)
        return len(cast("list[Any]", value)) if isinstance(value, list) else 0

    because = " and ".join(f"{name} is {model.value(given, name)}" for name in rule.when)
    suffix = f" when {because}" if because else ""
    for name in rule.require:
        if not has(name):
            yield f"input.{name} is required{suffix}"
    for name in rule.forbid:
        if has(name):
            yield f"input.{name} is not accepted{suffix}"
    if rule.any_of and not any(map(has, rule.any_of)):
        yield f"input.{rule.any_of[0]} or input.{rule.any_of[1]} is required{suffix}"
    if rule.one_of and sum(map(has, rule.one_of)) != 1:
        yield f"exactly one of {' and '.join(f'input.{name}' for name in rule.one_of)} is required{suffix}"
    if rule.total:
        names = cast("Sequence[str]", rule.total["fields"])
        if sum(map(length, names)) > rule.total["max"]:
            yield f"input.{' and input.'.join(names)} take at most {rule.total['max']} entries together{suffix}"
    if rule.same_length and len({length(name) for name in rule.same_length}) > 1:
        first, second = rule.same_length
        yield f"input.{first} must have one entry for each of input.{second}"


def _value_problems(known: Field, value: Any, mode: Any) -> Iterator[str]:
    where = f"input.{known.name}"
    if known.modes and mode not in known.modes:
        yield f"{where} is not accepted in mode {mode}"
        return
    if not _is(known.type, value):
        yield f"{where} must be of type {known.type}"
        return
    if known.enum and not _in_enum(known, value):
        yield f"{where} must be one of: {', '.join(str(one) for one in known.enum)}"
    if isinstance(value, str):
        yield from _text_problems(known, value, where)
    elif isinstance(value, list):
        yield from _list_problems(known, cast("list[Any]", value), where)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number_problems(known, value, where)


def _is(kind: str, value: Any) -> bool:
    if kind.startswith("array"):
        return isinstance(value, list)
    match kind:
        case "string":
            return isinstance(value, str)
        case "url":
            return isinstance(value, str) and _is_url(value)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "object":
            return isinstance(value, dict)
        case _:
            return True


def _is_url(value: str) -> bool:
    return re.match(r"https?://[^\s/]+", value) is not None


def _in_enum(known: Field, value: Any) -> bool:
    if known.any_case and isinstance(value, str):
        return value.lower() in {str(one).lower() for one in known.enum}
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in known.enum)


def _text_problems(known: Field, value: str, where: str) -> Iterator[str]:
    if known.required and not value.strip():
        yield f"{where} must not be empty"
    elif len(value) < known.min_length:
        yield f"{where} must have at least {known.min_length} characters"
    if known.max_length is not None and len(value) > known.max_length:
        yield f"{where} must have at most {known.max_length} characters"
    if known.pattern and re.fullmatch(known.pattern, value) is None:
        yield f"{where} must match {known.pattern}"


def _list_problems(known: Field, value: list[Any], where: str) -> Iterator[str]:
    if len(value) < known.min_items:
        # A required list that is empty is told as missing by its rule too; both name the same field.
        yield f"{where} must have at least {known.min_items} entries"
    if known.max_items is not None and len(value) > known.max_items:
        yield f"{where} must have at most {known.max_items} entries"
    if known.type == "array[url]" and not all(isinstance(one, str) and _is_url(one) for one in value):
        yield f"{where} must hold public http(s) URLs"
    if known.type == "array[string]" and not all(isinstance(one, str) for one in value):
        yield f"{where} must hold strings"
    if known.type == "array[object]" and not all(isinstance(one, dict) for one in value):
        yield f"{where} must hold objects"


def _number_problems(known: Field, value: float, where: str) -> Iterator[str]:
    if known.min is not None and value < known.min:
        yield f"{where} must be at least {known.min}"
    if known.max is not None and value > known.max:
        yield f"{where} must be at most {known.max}"
    within = (known.min is None or value >= known.min) and (known.max is None or value <= known.max)
    if known.step and within and abs(value / known.step - round(value / known.step)) > 1e-6:
        yield f"{where} must be a multiple of {known.step}"


def _timestamp_problems(value: Any) -> Iterator[str]:
    parts = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?),(\d{1,9}(?:\.\d{1,9})?)", value) if isinstance(value, str) else None
    if parts is None or not 1 <= float(parts[2]) - float(parts[1]) <= 3:
        yield "input.character_timestamps must be start,end in seconds, 1 to 3 seconds apart"
