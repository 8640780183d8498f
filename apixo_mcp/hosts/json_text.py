"""Changes one member of a JSON text, and no other byte of it. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

from apixo_mcp.hosts.jsonc import Document, Member, Node, read_jsonc
from apixo_mcp.hosts.refusal import NotEditable

_REST_OF_LINE = re.compile(r"(?:[ \t]++|/\*(?:[^*\r\n]|\*(?!/))*+\*/)*+(?://[^\r\n]*+)?(?=\r?\n)")
_COMMENT = re.compile(r"//[^\r\n]*+|/\*(?:[^*]|\*(?!/))*+\*/")

Edit = tuple[int, int, str]
"""What stands between two places, and what takes its place."""


def json_with(text: str, keys: tuple[str, ...], value: Any) -> str:
    """Returns a text in which keys lead to a value; objects on the way that are missing are made.

    Raises:
        NotEditable: it is no JSON, or something on the way is no object.
    """
    document = read_jsonc(text)
    node = document.root
    if node is None:
        body = _lines(_nested(keys, value), "  ", "", newline := _newline(text))
        return f"{text}{newline if text and not text.endswith(newline) else ''}{body}{newline}"
    for number, key in enumerate(keys):
        if node.members is None:
            raise NotEditable(f"holds something other than an object{_at(keys[:number])}")
        member = node.member(key)
        if member is None:
            return _applied(text, _insertion(document, node, key, _nested(keys[number + 1 :], value)))
        node = member.value
    replaced = _lines(value, _unit(document), _indentation(text, node.start), _newline(text))
    return _applied(text, [(node.start, node.end, replaced)])


def json_without(text: str, keys: tuple[str, ...]) -> str:
    """Returns a text in which keys lead nowhere: without each member of that name; an object left empty is `{}`.

    Raises:
        NotEditable: it is no JSON.
    """
    while True:
        parent = read_jsonc(text).node(keys[:-1])
        members = (parent.members if parent else None) or ()
        number = next((number for number, one in enumerate(members) if one.key == keys[-1]), None)
        if parent is None or number is None:
            return text
        text = _without_member(text, parent, number)


def _without_member(text: str, node: Node, number: int) -> str:
    whole = _applied(text, _removal(text, node, number, whole_line=True))
    try:
        left = read_jsonc(whole).root
    except NotEditable:
        left = None
    if left is None:  # the line before is a comment, which would go on
        return _applied(text, _removal(text, node, number, whole_line=False))
    if len(node.members or ()) == 1:
        end = node.start + 1
        while whole[end] in " \t\r\n":
            end += 1
        if whole[end] == "}":
            return whole[: node.start + 1] + whole[end:]
    return whole


def _insertion(document: Document, node: Node, key: str, value: Any) -> list[Edit]:
    text, newline, unit = document.text, _newline(document.text), _unit(document)
    base = _indentation(text, node.start)
    members = node.members or ()
    if not members:
        # Behind the last comment, so that this stays where it is.
        comments = [match.end() for match in _COMMENT.finditer(text, node.start + 1, node.end - 1)]
        at = comments[-1] if comments else node.start + 1
        end = "" if "\n" in text[at : node.end] else newline + base
        return [(at, at, f"{newline}{base}{unit}{_member(key, value, unit, base + unit, newline)}{end}")]
    last = members[-1]
    at = node.comma + 1 if node.comma >= 0 else last.value.end
    if "\n" not in text[node.start : node.end]:
        is_dense = text[last.value.start - 1] == ":"
        dumped = json.dumps({key: value}, ensure_ascii=False, separators=(",", ":") if is_dense else None)[1:-1]
        gap = "" if is_dense else " "
        return [(at, at, f"{gap}{dumped},")] if node.comma >= 0 else [(at, at, f",{gap}{dumped}")]
    indentation = _indentation(text, last.start) if _begins_line(text, last.start) else base + unit
    rest = _REST_OF_LINE.match(text, at)
    behind = rest.end() if rest and rest[0].strip() else at
    line = f"{newline}{indentation}{_member(key, value, unit, indentation, newline)}"
    if node.comma >= 0:
        return [(behind, behind, f"{line},")]
    return [(at, at, f",{line}")] if behind == at else [(at, at, ","), (behind, behind, line)]


def _removal(text: str, node: Node, number: int, *, whole_line: bool) -> list[Edit]:
    members = node.members or ()
    member = members[number]
    start = len(text[: member.start].rstrip(" \t"))
    is_alone = text[:start].endswith("\n")
    if is_alone and whole_line:
        start -= 2 if text[:start].endswith("\r\n") else 1
    elif not is_alone and number == 0:
        start = member.start
    after = _comma_after(text, node, members, number)
    if after >= 0:
        end = after + 1
        while not is_alone and number == 0 and text[end] in " \t":
            end += 1
        return [(start, member.value.end, ""), (after, end, "")]
    before = _comma_after(text, node, members, number - 1) if number else -1
    edits: list[Edit] = [(start, member.value.end, "")]
    return [(before, before + 1, ""), *edits] if before >= 0 else edits


def _comma_after(text: str, node: Node, members: tuple[Member, ...], number: int) -> int:
    if number == len(members) - 1:
        return node.comma
    end = members[number].value.end
    while text[end] != ",":  # white space and comments alone stand before it
        comment = _COMMENT.match(text, end)
        end = comment.end() if comment else end + 1
    return end


def _applied(text: str, edits: list[Edit]) -> str:
    for start, end, put in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        text = text[:start] + put + text[end:]
    return text


def _nested(keys: tuple[str, ...], value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return value


def _member(key: str, value: Any, unit: str, indentation: str, newline: str) -> str:
    return f"{json.dumps(key, ensure_ascii=False)}: {_lines(value, unit, indentation, newline)}"


def _lines(value: Any, unit: str, indentation: str, newline: str) -> str:
    is_long = isinstance(value, Mapping)
    dumped = json.dumps(value, ensure_ascii=False, indent=unit if is_long else None)
    return dumped.replace("\n", newline + indentation)


def _newline(text: str) -> str:
    return "\r\n" if re.match(r"[^\n]*\r\n", text) else "\n"


def _unit(document: Document) -> str:
    root = document.root
    first = root.members[0] if root and root.members else None
    if root is None or first is None or not _begins_line(document.text, first.start):
        return "  "
    outer, inner = _indentation(document.text, root.start), _indentation(document.text, first.start)
    return inner.removeprefix(outer) or "  "


def _indentation(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _begins_line(text: str, at: int) -> bool:
    return not text[text.rfind("\n", 0, at) + 1 : at].strip(" \t")


def _at(keys: tuple[str, ...]) -> str:
    return f" under {'.'.join(keys)}" if keys else ""
