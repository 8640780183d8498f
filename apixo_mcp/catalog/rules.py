"""The rules that tie the fields of a model's input together."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from apixo_mcp.errors import Problem
from apixo_mcp.foreign import shorten

When = Mapping[str, Iterable[Any]]
"""Field values under which a rule holds, for example `{"mode": ["image-to-image"]}`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A documented condition between fields.

    Attributes:
        text: the rule as a sentence, shown by `describe_model`.
        fields: those it reads; it is skipped while one of them is itself wrong.
        check: the values by field (absent: None) to a problem, or None.
    """

    text: str
    fields: tuple[str, ...]
    check: Callable[[Mapping[str, Any]], Problem | None]


def _holds(when: When, values: Mapping[str, Any]) -> bool:
    return all(values.get(name) in tuple(allowed) for name, allowed in when.items())


def _words(when: When) -> str:
    return " and ".join(f"{name} is {' or '.join(map(str, allowed))}" for name, allowed in when.items())


def _is_given(value: Any) -> bool:
    return value is not None and value != [] and value != ""


def required(name: str, *, when: When | None = None, why: str = "") -> Rule:
    """Requires `name` under `when`."""
    condition = f" when {_words(when)}" if when else ""
    text = f"{name} is required{condition}{'; ' + why if why else ''}"

    def check(values: Mapping[str, Any]) -> Problem | None:
        if _holds(when or {}, values) and not _is_given(values.get(name)):
            return Problem(name, "", f"required{condition}{'; ' + why if why else ''}")
        return None

    return Rule(text, (name, *(when or {})), check)


def refused(name: str, *, when: When, why: str = "") -> Rule:
    """Refuses `name` under `when`."""
    text = f"{name} is not accepted when {_words(when)}{'; ' + why if why else ''}"

    def check(values: Mapping[str, Any]) -> Problem | None:
        if _holds(when, values) and _is_given(values.get(name)):
            reason = f"; {why}" if why else ""
            return Problem(name, shorten(values[name]), f"not accepted when {_words(when)}{reason}")
        return None

    return Rule(text, (name, *when), check)


def count(name: str, least: int, most: int | None, *, when: When) -> Rule:
    """Limits `name`, a list, to `least` to `most` items under `when` (if it is given at all)."""
    span = f"exactly {least}" if least == most else f"{least} to {most}" if most is not None else f"at least {least}"
    text = f"{name} takes {span} when {_words(when)}"

    def check(values: Mapping[str, Any]) -> Problem | None:
        items = values.get(name)
        if not _holds(when, values) or not _is_given(items) or not isinstance(items, list | tuple):
            return None
        size = len(items)  # pyright: ignore[reportUnknownArgumentType]
        if size < least or (most is not None and size > most):
            return Problem(name, f"{size} {'item' if size == 1 else 'items'}", f"takes {span} when {_words(when)}")
        return None

    return Rule(text, (name, *when), check)


def only(name: str, allowed: Iterable[Any], *, when: When) -> Rule:
    """Limits `name` to one of `allowed` under `when` (if it is given at all)."""
    choices = tuple(allowed)
    text = f"{name} is {' or '.join(map(str, choices))} when {_words(when)}"

    def check(values: Mapping[str, Any]) -> Problem | None:
        value = values.get(name)
        if _holds(when, values) and value is not None and value not in choices:
            return Problem(name, shorten(value), f"must be one of {', '.join(map(str, choices))} when {_words(when)}")
        return None

    return Rule(text, (name, *when), check)


def one_of(*names: str, when: When | None = None, at_most: int = 1) -> Rule:
    """Requires at least one and at most `at_most` of `names` under `when`."""
    condition = f" when {_words(when)}" if when else ""
    some = "one" if at_most == 1 else "at least one"
    text = f"{some} of {', '.join(names)} is required{condition}"

    def check(values: Mapping[str, Any]) -> Problem | None:
        given = [name for name in names if _is_given(values.get(name))]
        if not _holds(when or {}, values) or 1 <= len(given) <= at_most:
            return None
        allowed = f"{some} of {', '.join(names)} is required{condition}"
        return Problem(given[-1] if given else names[0], ", ".join(given), allowed)

    return Rule(text, (*names, *(when or {})), check)


def some_media(name: str, known: Iterable[str], *, when: When | None = None) -> Rule:
    """Requires a picture under `when`, in `name` or in a field whose name no document shows."""
    condition = f" when {_words(when)}" if when else ""
    fields = frozenset(known)
    text = f"an input picture is required{condition}: {name}, or a field that is not documented"

    def check(values: Mapping[str, Any]) -> Problem | None:
        others = [other for other in values if other not in fields]
        if not _holds(when or {}, values) or others or _is_given(values.get(name)):
            return None
        return Problem(name, "", text)

    return Rule(text, (name, *(when or {})), check)


def rule(text: str, *fields: str, broken: Callable[[Mapping[str, Any]], bool]) -> Rule:
    """Holds any other documented condition; the first of `fields` is the one to blame."""
    blamed = fields[0]

    def check(values: Mapping[str, Any]) -> Problem | None:
        if not broken(values):
            return None
        value = values.get(blamed)
        given = f"{len(value)} characters" if isinstance(value, str) and len(value) > 60 else shorten(value)
        return Problem(blamed, given, text.removeprefix(f"{blamed} "))

    return Rule(text, fields, check)
