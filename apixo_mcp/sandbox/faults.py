"""The faults that strike a request: the scenario of a test first, then the marks of the prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from apixo_mcp.sandbox.marks import Mark, Route, parse

ROUTES: tuple[Route, ...] = ("submit", "look", "file", "balance", "callback")


class BadScenario(ValueError):
    """A scenario that the sandbox does not understand; the text says why."""


@dataclass
class Fault:
    """One entry of a scenario; ``left`` counts down, None lasts."""

    route: Route
    mark: Mark
    left: int | None
    match: Mapping[str, Any]

    def fits(self, route: Route, about: Mapping[str, Any]) -> bool:
        """Tells whether this entry is for such a request; a prompt matches by a part of it."""
        if route != self.route or self.left == 0:
            return False
        return all(
            str(wanted) in str(about.get(name, "")) if name == "prompt" else about.get(name) == wanted
            for name, wanted in self.match.items()
        )


def read_fault(raw: Mapping[str, Any]) -> Fault:
    """Reads one entry: ``{"route", "do", "times"?, "match"?}``; ``times`` is 1 when left out, -1 for always."""
    route, word = raw.get("route"), raw.get("do")
    if route not in ROUTES:
        raise BadScenario(f"route must be one of {', '.join(ROUTES)}, not {route!r}")
    mark = None
    if isinstance(word, str):
        place = "submit" if route in ("submit", "balance") else route
        mark = parse(word.strip("[]"), place=place)
    if mark is None:
        raise BadScenario(f"do must be a word of the marks table, not {word!r}")
    times = raw.get("times", 1)
    if not isinstance(times, int):
        raise BadScenario(f"times must be a whole number, not {times!r}")
    match: Any = raw.get("match") or {}
    if not isinstance(match, dict):
        raise BadScenario("match must be an object of model, gateway, key, prompt or remote_id")
    return Fault(route, mark, None if times < 0 else times, cast("dict[str, Any]", match))


@dataclass
class Faults:
    """The scenario in force, and how often each counted mark has struck."""

    scenario: list[Fault] = field(default_factory=list[Fault])
    struck: Counter[tuple[str, ...]] = field(default_factory=Counter[tuple[str, ...]])

    def add(self, raw: Sequence[Mapping[str, Any]]) -> None:
        """Puts faults in force; all of them or, when one is not understood, none."""
        self.scenario.extend([read_fault(one) for one in raw])

    def clear(self) -> None:
        """Forgets everything."""
        self.scenario.clear()
        self.struck.clear()

    def strikes(self, route: Route, about: Mapping[str, Any], marks: Sequence[Mark], who: str) -> tuple[Mark, ...]:
        """Returns the faults that strike this request, and counts them.

        Args:
            route: The kind of request.
            about: What a scenario can match on.
            marks: The marks of the prompt that belong to this route, tried after the scenario.
            who: What counted marks are counted by: a prompt for submits, a task for looks, a file for files.
        """
        striking: list[Mark] = []
        for fault in self.scenario:
            if fault.fits(route, about):
                striking.append(fault.mark)
                if fault.left is not None:
                    fault.left -= 1
                break
        for mark in marks:
            if mark.times is not None:
                place = (route, who, mark.text)
                if self.struck[place] >= mark.times:
                    continue
                self.struck[place] += 1
            striking.append(mark)
            if not mark.name.startswith("slow"):
                break  # one answer a request: a later counted mark keeps its count for the next one
        return tuple(striking)
