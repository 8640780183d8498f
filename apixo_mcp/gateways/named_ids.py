"""The task id in a submit's answer that is broken: it is the only trace of what was paid for, so it is not thrown away.

Only a field that is made for it counts (`taskId`, `task_id`), whatever is around it and however that is cut or garbled;
an id that may itself be cut does not, nor one that the request held (an earlier task that it was to change).
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from apixo_mcp.gateways.addresses import texts_in
from apixo_mcp.gateways.envelope import decode_envelope
from apixo_mcp.gateways.outputs import LONGEST_ID, clean_id

_NAME = re.compile(r"(?<![A-Za-z0-9_])task[_-]?id(?![A-Za-z0-9_])", re.IGNORECASE)
_MARKS = "\"'\\ \t\r\n"
_WINDOW = 4 * LONGEST_ID
_MOST_NAMES = 200
_MOST_ECHOES = 50
_LONGEST_BODY = 256 * 1024
_BARE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._:-]{0,199})(?=[\s,;}\]&#<>\"')])")  # what follows shows that it is whole
_ECHO = re.compile(
    r"[\"'](?:input|inputs|param|params|request)\\{0,8}[\"']\s{0,9}:\s{0,9}\\{0,8}[\"']?\{", re.IGNORECASE
)


def named_id(body: bytes, location: str = "", inputs: Mapping[str, Any] | None = None) -> str:
    """Returns the one task id that an answer names, empty where it names none, or several.

    Args:
        location: where the answer redirects to; its query may name the task.
        inputs: what was sent.
    """
    sent = set(texts_in(inputs or {}))
    body = body[:_LONGEST_BODY]
    texts = (
        decode_envelope(body),
        body.decode("latin-1"),
        f"{location}\n",
    )  # what begins garbled may be taken for UTF-16
    distinct = list(dict.fromkeys(one for text in texts for one in _ids(text) if one not in sent))
    return distinct[0] if len(distinct) == 1 else ""


def _ids(text: str) -> Iterator[str]:
    echoes = [_span(text, found.end()) for found in islice(_ECHO.finditer(text), _MOST_ECHOES)]
    for count, found in enumerate(_NAME.finditer(text)):
        if count >= _MOST_NAMES:
            return
        if any(start <= found.start() < end for start, end in echoes):
            continue
        if one := clean_id(_value(text[found.end() : found.end() + _WINDOW])):
            yield one


def _span(text: str, start: int) -> tuple[int, int]:
    """Spans from a brace to the one that closes it, as far as that can be told without reading texts."""
    depth, at = 1, start
    for found in re.finditer(r"[{}]", text[start : start + 20_000]):
        depth += 1 if found[0] == "{" else -1
        at = start + found.end()
        if depth == 0:
            break
    return start, at


def _value(rest: str) -> str:
    """Returns the value behind a name, empty where it is not whole."""
    rest = rest.lstrip(_MARKS)
    if rest.startswith(">"):  # XML
        value, end, _ = rest[1:].partition("</")
        return value.strip() if end else ""
    if rest[:1] not in (":", "="):
        return ""
    rest = rest[1:].lstrip(" \t\r\n")
    opening = rest[: len(rest) - len(rest.lstrip("\\"))]
    rest = rest[len(opening) :]
    if rest[:1] in ('"', "'"):
        value, end, _ = rest[1:].partition(f"{opening}{rest[0]}")
        return value if end and "\\" not in value else ""
    bare = _BARE.match(rest)
    return bare[1] if bare and any(char.isdigit() for char in bare[1]) else ""
