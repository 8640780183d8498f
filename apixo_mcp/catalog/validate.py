"""A model's input checked against every documented limit, before money is spent."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from apixo_mcp.catalog.inputs import ModelInput
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.near_names import nearest_name
from apixo_mcp.catalog.translate import inputs
from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.foreign import shorten

_SIDES = re.compile(r"\s{0,9}([\d.]{1,20})\s{0,9}[:x×/]\s{0,9}([\d.]{1,20})\s{0,9}")


def validate(model: Model, values: Mapping[str, Any], problems: tuple[Problem, ...] = ()) -> ModelInput:
    """Returns the model's input as its frozen class.

    Args:
        model: whose input it is.
        values: by the wire's field names.
        problems: found earlier; reported together with what is found here.

    Raises:
        InvalidInput: with all problems at once, under the names that the caller knows.
    """
    try:
        checked = model.input.model_validate(dict(values))
    except ValidationError as error:
        broken = [problem for details in error.errors() for problem in _problems(model, details)]
        wrong = frozenset(str(details["loc"][0]) for details in error.errors() if details["loc"])
        if wrong:
            broken += model.input.broken_rules(dict(values), skip=wrong)
        called = [as_called(model, problem) for problem in broken]
        known = {problem.field for problem in problems}
        raise InvalidInput((*problems, *(problem for problem in called if problem.field not in known))) from None
    if problems:
        raise InvalidInput(problems)
    return checked


def as_called(model: Model, problem: Problem) -> Problem:
    """Returns the problem under the common name of its field, if it has one."""
    head = re.split(r"[.\[]", problem.field, maxsplit=1)[0]
    rest = problem.field.removeprefix(head)
    for name, spelling in model.spelling.items():
        if spelling.field == head:
            return replace(problem, field=f"{name}{rest}")
    if model.sizes is not None and head == model.sizes.field and not problem.given:
        return Problem(f"aspect_ratio or {head}", "", problem.allowed)
    return problem


def _problems(model: Model, details: ErrorDetails) -> tuple[Problem, ...]:
    context: dict[str, Any] = details.get("ctx", {})
    if details["type"] == "rules":
        return cast(tuple[Problem, ...], context["problems"])
    name = ".".join(str(part) for part in details["loc"])
    value: Any = details["input"]
    given = shorten(value)
    match details["type"]:
        case "missing":
            choices = _shown(model, name)
            return (Problem(name, "", f"required; one of {', '.join(choices)}" if choices else "required"),)
        case "extra_forbidden":
            names = inputs(model)
            known = tuple(dict.fromkeys((*names, *model.input.names())))
            near = nearest_name(name, known) or "".join(difflib.get_close_matches(name[:100], known, n=1))
            return (Problem(name, given, f"not an input of {model.id}; it takes {', '.join(names)}", near),)
        case "literal_error":
            field = str(details["loc"][0])
            allowed = f"must be one of {', '.join(_shown(model, field))}"
            return (Problem(name, given, allowed, nearest(value, model.input.choices(field))),)
        case "string_too_long":
            length = f"{len(value)} characters"
            return (Problem(name, length, f"at most {context['max_length']:,} characters"),)
        case "string_too_short":
            least = context["min_length"]
            return (Problem(name, given, "must not be empty" if least == 1 else f"at least {least} characters"),)
        case "too_long":
            return (Problem(name, _items(context), f"at most {_items({'actual_length': context['max_length']})}"),)
        case "too_short":
            return (Problem(name, _items(context), f"at least {_items({'actual_length': context['min_length']})}"),)
        case "greater_than_equal" | "less_than_equal":
            return (Problem(name, given, _span(model.input, str(details["loc"][0]), context)),)
        case "string_type" if isinstance(value, list):
            return (Problem(name, given, "takes one value, not a list"),)
        case _:
            return (Problem(name, given, details["msg"][:1].lower() + details["msg"][1:]),)


def _items(context: Mapping[str, Any]) -> str:
    size = context["actual_length"]
    return f"{size} {'item' if size == 1 else 'items'}"


def _shown(model: Model, field: str) -> list[str]:
    """Returns the choices of a field as the caller knows them: `16:9 (landscape)`, `2k`."""
    common = {
        str(wire): str(plain)
        for spelling in model.spelling.values()
        if spelling.field == field
        for plain, wire in spelling.values.items()
    }
    choices = [str(choice) for choice in model.input.choices(field)]
    return [f"{common[choice]} ({choice})" if choice in common else choice for choice in choices]


def _span(cls: type[ModelInput], name: str, context: Mapping[str, Any]) -> str:
    """Returns the whole documented range of a number, since half of it invites a second error."""
    bounds = {
        key: bound
        for meta in _metadata(cls, name)
        for key in ("ge", "le")
        if (bound := getattr(meta, key, None)) is not None
    }
    if len(bounds) == 2:
        return f"must be from {bounds['ge']} to {bounds['le']}"
    return f"must be at least {context['ge']}" if "ge" in context else f"must be at most {context['le']}"


def _metadata(cls: type[ModelInput], name: str) -> list[Any]:
    return list(cls.model_fields[name].metadata) if name in cls.model_fields else []


def nearest(value: Any, choices: tuple[Any, ...]) -> str:
    """Returns the choice closest to `value`, by distance or by spelling; empty where none is near."""
    numbers = [(choice, _number(choice)) for choice in choices]
    target = _number(value)
    known = [(choice, number) for choice, number in numbers if number is not None]
    if target is not None and known:
        return str(min(known, key=lambda pair: abs(pair[1] - target))[0])
    near = difflib.get_close_matches(str(value)[:100].casefold(), [str(choice) for choice in choices], n=1, cutoff=0.4)
    return near[0] if near else ""


def _number(value: Any) -> float | None:
    """Reads `5`, `"10"`, `"16:9"`, `"16x9"`, `"720p"` and `"2K"` (which is 1080p) as a number."""
    text = str(value)[:100].casefold()
    try:
        if sides := _SIDES.fullmatch(text):
            return float(sides[1]) / float(sides[2])
        return float(text[:-1]) * 540 if text.endswith("k") else float(text.rstrip("ps"))
    except (ValueError, ZeroDivisionError):
        return None
