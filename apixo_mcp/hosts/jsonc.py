"""Reads JSON with comments and trailing commas, and where each value of it stands. Pure.

The grammar is RFC 8259's, with `//` and `/* */` as white space and a comma allowed before `}` and `]`. What hosts read
in different ways is refused: a carriage return alone ends a comment for some of them.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from apixo_mcp.hosts.refusal import NotEditable

DEEPEST_JSON = 150
"""Levels of nesting that are read; no host's file has a tenth of them."""

_TRIVIA = re.compile(r"(?:[ \t\r\n]++|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_OTHER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null")


@dataclass(frozen=True, slots=True)
class Member:
    """A key and its value, by where the key begins in the text."""

    key: str
    start: int
    value: "Node"


@dataclass(frozen=True, slots=True)
class Node:
    """A value: what it is, and from where to where it stands in the text.

    Attributes:
        members: of an object, in order and with those that come twice; None for anything else.
        comma: where the comma stands after its last member, -1 where there is none.
    """

    start: int
    end: int
    value: Any
    members: tuple[Member, ...] | None = None
    comma: int = -1

    def member(self, key: str) -> Member | None:
        """Returns the member that counts: of several with one key the last, as every host reads them."""
        return next((one for one in reversed(self.members or ()) if one.key == key), None)


@dataclass(frozen=True, slots=True)
class Document:
    """A text and what it says.

    Attributes:
        root: None where there is nothing but white space and comments.
        is_plain: whether it has neither comments nor trailing commas.
    """

    text: str
    root: Node | None
    is_plain: bool

    @property
    def value(self) -> Any:
        """What it says, None where it says nothing."""
        return None if self.root is None else self.root.value

    def node(self, keys: tuple[str, ...]) -> Node | None:
        """Returns the value that keys lead to, through objects; None where there is none."""
        node = self.root
        for key in keys:
            member = node.member(key) if node else None
            node = member.value if member else None
        return node


def read_jsonc(text: str) -> Document:
    """Reads a text.

    Raises:
        NotEditable: it is not JSON, with the line at fault; or it is nested too deeply.
    """
    reader = _Reader(text)
    start = reader.skip(0)
    root = reader.value(start, 0) if start < len(text) else None
    if root is not None and (rest := reader.skip(root.end)) < len(text):
        reader.fail(rest)
    return Document(text, root, reader.is_plain)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self.is_plain = True

    def fail(self, at: int, reason: str = "is not valid JSON") -> NoReturn:
        """Refuses the text for what stands at a place."""
        line = self._text.count("\n", 0, at) + 1
        column = at - self._text.rfind("\n", 0, at)
        raise NotEditable(f"{reason} (line {line}, column {column})")

    def skip(self, at: int) -> int:
        """Returns where the next token begins."""
        match = _TRIVIA.match(self._text, at)
        end = match.end() if match else at
        if end > at and "/" in (between := self._text[at:end]):
            self.is_plain = False
            lines = between.split("\n") if "\r" in between else ()
            if any("\r" in line[line.find("//") :].removesuffix("\r") for line in lines if "//" in line):
                self.fail(at, "has a carriage return alone in a comment, which hosts read in different ways")
        return end

    def value(self, at: int, depth: int) -> Node:
        """Reads the value that begins at a place."""
        if depth > DEEPEST_JSON:
            self.fail(at, "is nested too deeply")
        sign = self._text[at : at + 1]
        if sign == "{":
            return self._object(at, depth)
        if sign == "[":
            return self._array(at, depth)
        match = (_STRING if sign == '"' else _OTHER).match(self._text, at)
        if match is None:
            self.fail(at)
        try:
            return Node(at, match.end(), json.loads(match[0]))
        except ValueError:  # a whole number of thousands of digits
            self.fail(at)

    def _object(self, start: int, depth: int) -> Node:
        members: list[Member] = []
        comma = -1
        at = self.skip(start + 1)
        while self._text[at : at + 1] != "}":
            key = _STRING.match(self._text, at)
            if key is None or (members and comma < 0):
                self.fail(at)
            colon = self.skip(key.end())
            if self._text[colon : colon + 1] != ":":
                self.fail(colon)
            value = self.value(self.skip(colon + 1), depth + 1)
            members.append(Member(json.loads(key[0]), at, value))
            at = self.skip(value.end)
            comma = at if self._text[at : at + 1] == "," else -1
            at = self.skip(at + 1) if comma >= 0 else at
        self.is_plain = self.is_plain and comma < 0
        says: dict[str, Any] = {one.key: one.value.value for one in members}
        return Node(start, at + 1, says, tuple(members), comma)

    def _array(self, start: int, depth: int) -> Node:
        items: list[Any] = []
        comma = -1
        at = self.skip(start + 1)
        while self._text[at : at + 1] != "]":
            if items and comma < 0:
                self.fail(at)
            item = self.value(at, depth + 1)
            items.append(item.value)
            at = self.skip(item.end)
            comma = at if self._text[at : at + 1] == "," else -1
            at = self.skip(at + 1) if comma >= 0 else at
        self.is_plain = self.is_plain and comma < 0
        return Node(start, at + 1, items)
