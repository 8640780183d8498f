"""The task id in a submit's answer that is broken: it is the only trace of what was paid for, so it is not thrown away.

Only a field that is made for it counts (`taskId`, `task_id`), whatever is around it and however that is cut or garbled;
an id that may itself be cut does not, nor one that the request held (an earlier task that it was to change).
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any
from urllib.parse import unquote

from apixo_mcp.gateways.addresses import texts_in
from apixo_mcp.gateways.envelope import decode_envelope
from apixo_mcp.gateways.outputs import LONGEST_ID, clean_id

_NAME = re.compile(r"(?<![A-Za-z0-9_])task[_ -]?id(?![A-Za-z0-9_])", re.IGNORECASE)
_MARKS = "\"'\\ \t\r\n"
_WINDOW = 4 * LONGEST_ID
_MOST_NAMES = 200
_MOST_ECHOES = 50
_PIECE = 64 * 1024  # characters that are searched before other threads may have their turn
_LONGEST_MARK = 64  # of what is searched for
_LONGEST_UNPACKED = 5 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_BARE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._:-]{0,199})(?=[\s,;}\]&#<>\"')])")  # what follows shows that it is whole
_ECHO = re.compile(
    r"[\"'](?:input|inputs|param|params|request)\\{0,8}[\"']\s{0,9}:\s{0,9}\\{0,8}[\"']?\{", re.IGNORECASE
)


def named_id(
    body: bytes, location: str = "", inputs: Mapping[str, Any] | None = None, *, is_whole: bool = False
) -> str:
    """Returns the one task id that an answer names, empty where it names none, or several.

    Args:
        body: as it came.
        location: where the answer redirects to; its query may name the task.
        inputs: what was sent.
        is_whole: whether the body came to its end, so that an id at its end is whole too.
    """
    sent = set(texts_in(inputs or {}))
    if body.startswith(_GZIP):
        body = _unpacked(body)
    end = b"\n" if is_whole else b""
    # What begins garbled may be taken for UTF-16.
    texts = [decode_envelope(body + end), (body + end).decode("latin-1"), f"{location}\n{unquote(unquote(location))}\n"]
    if "&quot;" in texts[0]:
        texts.append(unescape(texts[0]))
    distinct = list(dict.fromkeys(one for text in texts for one in _ids(text) if one not in sent))
    return distinct[0] if len(distinct) == 1 else ""


def _unpacked(body: bytes) -> bytes:
    """Unpacks what was packed without saying so, as far as it can be."""
    try:
        return zlib.decompressobj(wbits=31).decompress(body, _LONGEST_UNPACKED)
    except zlib.error:
        return body


def _ids(text: str) -> Iterator[str]:
    echoes = [_span(text, echo.end()) for echo in _found(_ECHO, text, _MOST_ECHOES)]
    for name in _found(_NAME, text, _MOST_NAMES):
        if any(start <= name.start() < end for start, end in echoes):
            continue
        if one := clean_id(_value(text[name.end() : name.end() + _WINDOW])):
            yield one


def _found(pattern: re.Pattern[str], text: str, most: int) -> Iterator[re.Match[str]]:
    """Yields the first matches in a text of any length, which is searched a piece at a time."""
    at = count = 0
    while at < len(text) and count < most:
        match = pattern.search(text, at, at + _PIECE + _LONGEST_MARK)
        if match is None or match.start() >= at + _PIECE:
            at += _PIECE
            continue
        count += 1
        yield match
        at = match.end()


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
        return value.strip().removeprefix("<![CDATA[").removesuffix("]]>").strip() if end else ""
    if rest[:1] not in (":", "="):
        return ""
    rest = rest[1:].lstrip(" \t\r\n")
    opening = rest[: len(rest) - len(rest.lstrip("\\"))]
    rest = rest[len(opening) :]
    if rest[:1] in ('"', "'"):
        value, end, _ = rest[1:].partition(f"{opening}{rest[0]}")
        return _unescaped(value) if end else ""
    bare = _BARE.match(rest)
    return bare[1] if bare and any(char.isdigit() for char in bare[1]) else ""


def _unescaped(value: str) -> str:
    """Reads the escapes of a value, empty where they are broken or hide more than letters."""
    if "\\" not in value:
        return value
    try:
        plain = json.loads(f'"{value}"')
    except ValueError:
        return ""
    return plain if isinstance(plain, str) and "\\" not in plain else ""
