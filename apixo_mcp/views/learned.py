"""What the tasks of a model have taught here, as it is described."""

from collections.abc import Mapping
from typing import Any

from apixo_mcp.catalog.model import Model
from apixo_mcp.tasks.learning.lesson import Lesson
from apixo_mcp.views.words import counted

_MOST = 8
"""Variants that are told, those with the most tasks first."""


def learned_entries(model: Model, lessons: Mapping[str, Lesson]) -> list[dict[str, Any]]:
    """Returns an entry for each kind of a model's tasks from which something was learned, in figures and in words.

    Args:
        model: whose tasks.
        lessons: by variant, as `variant_of` names it.
    """
    told = [(variant, lesson) for variant, lesson in lessons.items() if _is_documented(model, variant)]
    told.sort(key=lambda one: (-one[1].tasks, one[0]))
    return [_entry(variant, lesson) for variant, lesson in told[:_MOST]]


def _entry(variant: str, lesson: Lesson) -> dict[str, Any]:
    low, middle, high = (_rounded(seconds) for seconds in lesson.usual)
    first = _rounded(lesson.first_poll)
    return ({"inputs": variant} if variant else {}) | {
        "tasks": lesson.tasks,
        "usual_s": middle,
        "from_s": low,
        "to_s": high,
        "first_poll_s": first,
        "told": f"usually {middle:g} s here ({counted(lesson.tasks, 'task')}; from {low:g} to {high:g} s), "
        f"first poll after {first:g} s",
    }


def _rounded(seconds: float) -> float:
    return round(seconds) if seconds >= 10 else round(seconds, 1)


def _is_documented(model: Model, variant: str) -> bool:
    """Tells whether all values of a variant are numbers or documented choices.

    Durations are of all owners together: what one of them has written into an input that takes any text is not told to
    the others.
    """
    for part in filter(None, variant.split(" ")):
        name, _, value = part.partition("=")
        choices = model.input.limits(name).get("enum", ())
        if not _is_number(value) and value not in {str(choice).casefold() for choice in choices}:
            return False
    return True


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
