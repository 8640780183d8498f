"""Changes one entry of a mapping in a YAML text, and keeps every other byte of it. Pure.

The lines are found by a parser and edited as text. What is written in a rarer way (flow style, several documents) is
refused.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from apixo_mcp.hosts.refusal import NotEditable
from apixo_mcp.hosts.values import object_of


def read_yaml(text: str) -> Any:
    """Returns what a text says.

    Raises:
        NotEditable: it is not YAML, with the place at fault.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    reader: Any = YAML(typ="safe", pure=True)
    try:
        return reader.load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise NotEditable(f"is not valid YAML{place}") from None


def yaml_with(text: str, key: str, name: str, value: Mapping[str, Any]) -> str:
    """Returns a text with an entry in the mapping under a top-level key, in place of the entry that is there.

    Raises:
        NotEditable: that mapping is not written a line an entry.
    """
    newline = "\r\n" if re.match(r"[^\n]*\r\n", text) else "\n"
    mapping = _mapping(text, key)
    if mapping is None:
        begun = f"{text}{newline if text and not text.endswith(newline) else ''}{key}:{newline}"
        return begun + _entry(name, value, 2, newline)
    line, column, names = mapping
    lines = text.splitlines(keepends=True)
    if name in names:
        first, last = _region(lines, names[name], column)
        return "".join([*lines[:first], _entry(name, value, column, newline), *lines[last:]])
    before = "".join(lines[: line + 1])
    before = re.sub(r":[ \t]*\{[ \t]*\}", ":", before) if not names and _is_empty_flow(lines[line]) else before
    before += "" if before.endswith("\n") else newline
    return before + _entry(name, value, column, newline) + "".join(lines[line + 1 :])


def yaml_without(text: str, key: str, name: str) -> str:
    """Returns a text without an entry of the mapping under a top-level key; a mapping left empty is `{}`."""
    mapping = _mapping(text, key)
    if mapping is None or name not in mapping[2]:
        return text
    line, column, names = mapping
    lines = text.splitlines(keepends=True)
    first, last = _region(lines, names[name], column)
    if len(names) == 1:
        lines[line] = re.sub(r":(?=[ \t]*(?:#|\r?\n))", ": {}", lines[line], count=1)
    return "".join([*lines[:first], *lines[last:]])


def yaml_span(text: str, key: str, name: str) -> tuple[int, int]:
    """Returns from where to where an entry of the mapping under a top-level key stands; an empty one: there is none.

    Raises:
        NotEditable: that mapping is not written a line an entry.
    """
    mapping = _mapping(text, key)
    if mapping is None or name not in mapping[2]:
        return (0, 0)
    lines = text.splitlines(keepends=True)
    first, last = _region(lines, mapping[2][name], mapping[1])
    return len("".join(lines[:first])), len("".join(lines[:last]))


def _mapping(text: str, key: str) -> tuple[int, int, dict[str, int]] | None:
    """Returns the line of a top-level key, the column of the entries under it, and the line of each; None: no such key.

    Raises:
        NotEditable: it is written in another way.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    reader: Any = YAML(pure=True)
    if re.search(r"\r(?!\n)|[\x85\u2028\u2029\x0b\x0c\x1c-\x1e]", text):
        raise NotEditable("has line ends that cannot be kept")
    try:
        root: Any = reader.compose(text)
    except (YAMLError, ValueError, RecursionError):
        raise NotEditable("is written in a way that cannot be edited here") from None
    if root is None:
        return None
    if root.id != "mapping" or root.flow_style or root.start_mark.column:
        raise NotEditable("is not a list of settings, one a line")
    for name, node in root.value:
        if name.value != key:
            continue
        line: int = name.start_mark.line
        if node.id == "scalar" and not node.value and node.start_mark.index == node.end_mark.index:
            return line, 2, {}
        if node.id != "mapping" or (node.flow_style and node.value):
            raise NotEditable(f"has {key} written in a way that cannot be edited here")
        if not node.value:
            if not _is_empty_flow(text.splitlines()[line]):
                raise NotEditable(f"has {key} written in a way that cannot be edited here")
            return line, 2, {}
        names = {str(child.value): child.start_mark.line for child, _ in node.value}
        return line, node.value[0][0].start_mark.column, names
    return None


def _is_empty_flow(line: str) -> bool:
    return re.fullmatch(r"[\w-]+:[ \t]*\{[ \t]*\}[ \t]*(?:#[^\r\n]*)?\r?\n?", line) is not None


def _region(lines: list[str], first: int, column: int) -> tuple[int, int]:
    """Returns from which line an entry stands to which, the latter not included."""
    last = first + 1
    for number in range(first + 1, len(lines)):
        bare = lines[number].strip()
        indentation = len(lines[number]) - len(lines[number].lstrip(" "))
        if bare and indentation <= column and not bare.startswith("#"):
            break
        if bare and indentation > column:
            last = number + 1
    return first, last


def _entry(name: str, value: Mapping[str, Any], column: int, newline: str) -> str:
    return "".join(f"{line}{newline}" for line in [" " * column + f"{_scalar(name)}:", *_block(value, column + 2)])


def _block(value: Mapping[str, Any], column: int) -> list[str]:
    lines: list[str] = []
    for key, one in value.items():
        start = f"{' ' * column}{_scalar(key)}:"
        if inner := object_of(one):
            lines += [start, *_block(inner, column + 2)]
        else:
            lines.append(f"{start} {_scalar(one)}")
    return lines


def _scalar(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[a-z_]+|[A-Z]+(?:_[A-Z]+)+", value) and value not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
