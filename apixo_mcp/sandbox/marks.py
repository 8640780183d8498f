"""The vocabulary of faults: marks in a prompt, such as ``[http:503x2]``, and the same words in a scenario."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

Route = Literal["submit", "look", "file", "balance", "callback"]
Place = Literal["submit", "task", "look", "file", "callback"]

MARKS: Mapping[str, str] = {
    "[http:STATUS]": "the submit is refused with that HTTP status and an envelope; short form [429]",
    "[http:STATUS:html]": "the same with a page of HTML instead of an envelope",
    "[http:429:after=S]": "the same with a Retry-After header of S seconds",
    "[code:CODE]": "the submit is answered HTTP 200 with that code in the body, and refused",
    "[...xN]": "any mark with xN happens N times, then no more: [429x2], [look:500x3], [file:404x1]",
    "[cut]": "the connection is cut after the submit was ACCEPTED: a paid task, and no answer",
    "[cut-early]": "the connection is cut before the submit is accepted: nothing is paid",
    "[hang]": "the submit is accepted and never answered",
    "[slow-submit:S]": "the submit is accepted at once and answered after S seconds",
    "[after-callback]": "the submit is accepted at once and answered once a callback about it was sent",
    "[null-data]": "the submit is accepted and its answer has data null",
    "[fail:CODE]": "the task ends failed with that fail code",
    "[fail-once:CODE]": "the first task with this input ends failed, later ones succeed; xN: the first N",
    "[took:S]": "the task takes exactly S seconds, whatever the sandbox's speed",
    "[never]": "the task never ends",
    "[state:NAME]": "while running, the task reports that state",
    "[completed]": "Ruxa: the task ends as completed instead of success",
    "[empty-result]": "the task succeeds without any result URL",
    "[no-result]": "the task succeeds and resultJson is missing",
    "[object-result]": "resultJson is an object instead of a string",
    "[broken-result]": "resultJson is not JSON",
    "[expired]": "the result URLs have expired when the task succeeds",
    "[look:STATUS]": "looks at the task fail with that HTTP status; also look:code:CODE",
    "[look:html]": "looks are answered with a page of HTML",
    "[look:cut]": "looks are cut; [look:hang]: never answered; [look:slow:S]: after S seconds",
    "[look:null]": "looks are answered with data null",
    "[file:STATUS]": "the file fetch fails with that HTTP status",
    "[file:html]": "a page of HTML comes instead of the file; [file:html-as-file]: under the file's own type",
    "[file:cut]": "the file is cut half way through its declared length",
    "[file:slow:S]": "the file takes S seconds (5 when left out)",
    "[file:hang]": "the file fetch is never answered",
    "[file:endless]": "the file has no declared length and never ends",
    "[file:huge]": "the file declares 100 GB, and sends for as long as it is read",
    "[file:empty]": "the file has no bytes",
    "[file:wrong-type]": "the file comes as text/plain",
    "[file:wrong-bytes]": "the file is not what its type says",
    "[file:redirect]": "the file is redirected to a working address of the sandbox",
    "[file:redirect-private]": "the file is redirected to a private address",
    "[callback:twice]": "the callback is delivered twice",
    "[callback:never]": "no callback is delivered",
    "[callback:early]": "a callback about the running task comes before the final one",
}
"""What can be asked for, for people: put a mark anywhere in a prompt."""

_MARK = re.compile(r"\[([A-Za-z0-9][A-Za-z0-9._:=-]*?)(?:x(\d+))?\]")
_TASK = frozenset(
    {"fail", "fail-once", "took", "never", "state", "completed"}
    | {"empty-result", "no-result", "object-result", "broken-result", "expired"}
)
_SUBMIT = frozenset({"http", "code", "cut", "cut-early", "hang", "slow-submit", "after-callback", "null-data"})


@dataclass(frozen=True)
class Mark:
    """One thing that goes wrong: ``name`` and its arguments, at a ``place``, ``times`` times (None: always)."""

    place: Place
    name: str
    args: tuple[str, ...] = ()
    times: int | None = None

    @property
    def text(self) -> str:
        """The mark as one would write it, without its count."""
        prefix = f"{self.place}:" if self.place in ("look", "file", "callback") else ""
        return prefix + ":".join((self.name, *self.args))

    def number(self, default: float) -> float:
        """Returns the first argument as a number."""
        try:
            return float(self.args[0])
        except (IndexError, ValueError):
            return default


def parse(word: str, times: int | None = None, place: Place | None = None) -> Mark | None:
    """Reads one word of the vocabulary, or returns None for anything else.

    Args:
        word: Such as ``http:503``, ``look:cut`` or ``fail:NSFW_DETECTED``, without brackets.
        times: How often it happens; None for always.
        place: The place a scenario names, so that ``{"route": "look", "do": "500"}`` is understood too.
    """
    parts = word.split(":")
    if place in ("look", "file", "callback") and parts[0] != place:
        parts = [place, *parts]
    if parts[0] in ("look", "file", "callback"):
        if len(parts) < 2 or not parts[1]:
            return None
        rest = parts[2:] if parts[1] == "http" else parts[1:]
        where = cast("Place", parts[0])
        if rest and rest[0].isdigit():
            return Mark(where, "http", tuple(rest), times)
        return Mark(where, rest[0], tuple(rest[1:]), times) if rest else None
    if re.fullmatch(r"[1-5]\d\d", parts[0]):
        return Mark("submit", "http", tuple(parts), times)
    if parts[0] in _SUBMIT and not (parts[0] in ("http", "code") and not parts[1:]):
        return Mark("submit", parts[0], tuple(parts[1:]), times)
    if parts[0] in _TASK:
        return Mark("task", parts[0], tuple(parts[1:]), times)
    return None


def marks_in(value: Any) -> tuple[Mark, ...]:
    """Returns the marks written in any text of an input, in order."""
    marks: list[Mark] = []
    for text in _texts(value):
        for match in _MARK.finditer(text):
            mark = parse(match[1], int(match[2]) if match[2] else None)
            if mark is not None:
                marks.append(mark)
    return tuple(marks)


def without_marks(text: str) -> str:
    """Returns a prompt as it reads without its marks."""
    return " ".join(_MARK.sub(lambda match: "" if parse(match[1]) else match[0], text).split())


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in cast("dict[str, Any]", value).values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _texts(one)


def named(marks: tuple[Mark, ...], place: Place, name: str) -> Mark | None:
    """Returns the first mark of that place and name."""
    return next((mark for mark in marks if mark.place == place and mark.name == name), None)
