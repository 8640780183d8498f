"""The task id in a submit's answer that is broken: it is the only trace of what was paid for, so it is not thrown away.

Only what is made for it counts, whatever is around it and however that is cut or garbled: a field `taskId` or
`task_id`; without one a list `taskIds`, the `id` of a `task`, a header `X-Task-Id`, or where `Location` leads to. An id
that may itself be cut does not count, nor one that the request held (an earlier task that it was to change).
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any
from urllib.parse import unquote, urlsplit

from apixo_mcp.gateways.addresses import texts_in
from apixo_mcp.gateways.envelope import decode_envelope
from apixo_mcp.gateways.outputs import LONGEST_ID, clean_id

TELLING = re.compile(
    rb"(?<![A-Za-z0-9_])tasks?(?:[_ \[-]?[\"']?ids?)?(?=[\"'\\>\]]{0,9}\s{0,9}[:=<\[]|\s{1,9}id)", re.IGNORECASE
)
"""What stands before an id, in the bytes of an answer that is too large to be kept."""

_NAME = re.compile(r"(?<![A-Za-z0-9_])task[_ -]?id(?![A-Za-z0-9_])", re.IGNORECASE)
_OTHER_NAME = re.compile(
    r"(?<![A-Za-z0-9_])(?:task[_ -]?ids(?![A-Za-z0-9_])|tasks?\[[\"']?id[\"']?\]"
    r"|tasks?(?:[_-]?(?:info|data|details?|list|objects?))?(?![A-Za-z0-9_]))",
    re.IGNORECASE,
)
_INSIDE = re.compile(r"[{}\[\]]|(?<![A-Za-z0-9_])id(?![A-Za-z0-9_])", re.IGNORECASE)
_OPENING = re.compile(r"[\"'\\]{0,9}\s{0,9}[:=]\s{0,9}[\"'\\]{0,9}\s{0,9}(?=[{\[])")
_TAG = re.compile(r"[^<>]{0,100}>\s{0,99}<id(?=>)|\s[^<>]{0,100}?(?<![\w-])id(?==)", re.IGNORECASE)
_ITEM = re.compile(r"\\{0,9}([\"'])([^\"'\\\s]{1,200})\\{0,9}\1|(?<![\w.-])([0-9]{1,20})(?=\s{0,9}[,\]])")
_HEADER = re.compile(
    r"(?:x-)?(?:(?!parent|prev|orig|source|root|last|related)[a-z0-9]{1,30}[-_])?task[-_]?ids?", re.IGNORECASE
)
_LOCATIONS = ("location", "content-location", "operation-location")
_ITSELF = re.compile(r"task[_-](?=\D*\d)\S+", re.IGNORECASE)
_CHUNK_LINE = re.compile(r"\r\n[0-9A-Fa-f]{1,8}\r\n")  # between the pieces of a body that was not told apart
_SPACE = "\xa0" + "".join(map(chr, range(0x21)))  # whatever white space a broken answer has
_MARKS = "\"'\\" + _SPACE
_WINDOW = 4 * LONGEST_ID
_MOST_NAMES = 200
_MOST_INSIDE = 20_000  # characters of a structure that are gone through
_MOST_ECHOES = 50
_PIECE = 64 * 1024  # characters that are searched before other threads may have their turn
_LONGEST_MARK = 64  # of what is searched for
_LONGEST_UNPACKED = 5 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_BARE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._:-]{0,199})(?=[\s,;}\]&#<>\"')])")  # what follows shows that it is whole
_ECHO = re.compile(
    r"[\"'](?:input|inputs|param|params|request)\\{0,8}[\"']\s{0,9}:\s{0,9}\\{0,8}[\"']?\{", re.IGNORECASE
)


def named_ids(
    body: bytes,
    headers: Mapping[str, str] | None = None,
    inputs: Mapping[str, Any] | None = None,
    *,
    is_whole: bool = False,
) -> tuple[str, ...]:
    """Returns the task ids that an answer names: one, none, or several of which none is certain.

    Args:
        body: as it came.
        headers: with lower-case names.
        inputs: what was sent.
        is_whole: whether the body came to its end, so that an id at its end is whole too.
    """
    sent = set(texts_in(inputs or {}))
    if body.startswith(_GZIP):
        body = _unpacked(body)
    end = b"\n" if is_whole else b""
    places = [value for name, value in (headers or {}).items() if name in _LOCATIONS]
    # What begins garbled may be taken for UTF-16.
    texts = [decode_envelope(body + end), (body + end).decode("latin-1")]
    texts += [f"{place}\n{unquote(unquote(place))}\n" for place in places]
    if "&quot;" in texts[0]:
        texts.append(unescape(texts[0]))
    if _CHUNK_LINE.search(texts[0], 0, _PIECE):
        texts.append(_CHUNK_LINE.sub("", texts[0][:_PIECE]))
    distinct = dict.fromkeys(one for text in texts for one in _ids(text, _NAME) if one not in sent)
    if not distinct:
        others = [one for text in texts for one in _ids(text, _OTHER_NAME)]
        others += [one for one in _in_headers(headers or {}, places) if one]
        distinct = dict.fromkeys(one for one in others if one not in sent)
    return tuple(distinct)


def _in_headers(headers: Mapping[str, str], places: list[str]) -> Iterator[str]:
    for name, value in headers.items():
        if _HEADER.fullmatch(name):
            yield from (clean_id(one.strip(" \"'")) for one in value.split(","))
    for place in places:
        try:
            *before, last = ["", "", *unquote(urlsplit(place).path).rstrip("/").split("/")]
        except ValueError:
            continue
        is_of_task = any(one.lower() in ("task", "tasks") for one in before[-2:])
        if (is_of_task and sum(map(str.isdigit, last)) > 1) or _ITSELF.fullmatch(last):
            yield clean_id(last)


def _unpacked(body: bytes) -> bytes:
    """Unpacks what was packed without saying so, as far as it can be."""
    try:
        return zlib.decompressobj(wbits=31).decompress(body, _LONGEST_UNPACKED)
    except zlib.error:
        return body


def _ids(text: str, names: re.Pattern[str]) -> Iterator[str]:
    echoes = [_span(text, echo.end()) for echo in _found(_ECHO, text, _MOST_ECHOES)]
    for name in _found(names, text, _MOST_NAMES):
        if any(start <= name.start() < end for start, end in echoes):
            continue
        yield from filter(None, map(clean_id, _values(name[0].lower(), text, name.end())))


def _values(name: str, text: str, at: int) -> Iterator[str]:
    """Yields what stands behind a name: a value, those of a list, or the ids of what is inside."""
    rest = text[at : at + _WINDOW]
    opening = _OPENING.match(rest)
    if "id" in name:
        if opening and rest[opening.end()] == "[":
            yield from _items(rest[opening.end() :])
        else:
            yield _value(rest)
        return
    if opening:
        at += opening.end()
        if text[at] == "[":
            yield from (one for one in _items(rest[opening.end() :]) if any(char.isdigit() for char in one))
        yield from (_value(text[end : end + _WINDOW]) for end in _inside(text, at))
    elif tag := _TAG.match(rest):
        yield _value(rest[tag.end() :])
    elif _ITSELF.fullmatch(value := _value(rest)):
        yield value


def _items(rest: str) -> Iterator[str]:
    """Yields the texts and whole numbers of a list that holds nothing else, as far as they are whole."""
    listed, _, _ = rest.partition("]")
    if "{" not in listed:
        yield from (item[2] or item[3] for item in _ITEM.finditer(f"{listed}]" if "]" in rest else listed))


def _inside(text: str, at: int) -> Iterator[int]:
    """Yields where the name `id` ends in an object that begins there, or in each of a list of them."""
    depth, innermost = 0, 2 if text[at] == "[" else 1
    for mark in _INSIDE.finditer(text, at, at + _MOST_INSIDE):
        if mark[0] in "{[":
            depth += 1
        elif mark[0] in "}]":
            depth -= 1
            if depth == 0:
                return
        elif depth == innermost:
            yield mark.end()


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
    """Returns where a brace stands and its counterpart ends, as far as that can be told without reading texts."""
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
    rest = rest[1:].lstrip(_SPACE)
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
