"""Every pattern of the package, and texts of its own alphabet on which a bad one takes for ever."""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from types import ModuleType
from typing import Any

import apixo_mcp

CALLS = ("compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer")
CANDIDATES = [chr(code) for code in range(128)] + ["\xa0", "é", "×", "١", "狐", "\ud800"]
WAYS = ("search", "fullmatch")
LENGTHS = (20, 64, 512, 4096)
"""Of the texts, the shorter ones first: on them the worst patterns are found without waiting for them."""

FAST = 0.001
"""Seconds that a linear pattern needs for the longest text, many times over."""


@dataclass(frozen=True)
class Found:
    """A pattern, where it stands, and how it is used: one that is only used at the beginning of a text has no start."""

    pattern: "re.Pattern[Any]"
    where: str
    ways: tuple[str, ...]


def modules() -> Iterator[ModuleType]:
    for entry in pkgutil.walk_packages(apixo_mcp.__path__, "apixo_mcp."):
        if not entry.name.endswith("__main__"):
            yield importlib.import_module(entry.name)


def every_pattern() -> tuple[list[Found], list[str]]:
    """The patterns of the package, each once, and the places that use one which cannot be read from the source."""
    found: dict[tuple[Any, int], Found] = {}
    unread: list[str] = []
    for module in modules():
        assert module.__file__
        source = Path(module.__file__).read_text(encoding="utf-8")
        compiled = {id(one): one for one in _compiled(vars(module).values())}
        tree = ast.parse(source)
        used = _used(tree)
        names = {id(value): name for name, value in vars(module).items() if isinstance(value, re.Pattern)}
        texts: list[tuple[Any, int, str, tuple[str, ...]]] = [
            (one.pattern, one.flags, "", used.get(names.get(number, ""), WAYS)) for number, one in compiled.items()
        ]
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re" and node.func.attr in CALLS):
                continue
            try:
                text = ast.literal_eval(node.args[0])
                if node.func.attr != "compile":
                    texts.append((text, _flags(node), f":{node.lineno}", (_way(node.func.attr),)))
                elif not compiled:
                    texts.append((text, _flags(node), f":{node.lineno}", WAYS))
            except ValueError:
                where = f"{module.__name__}: {ast.unparse(node.args[0])}"
                if not (node.func.attr == "compile" and compiled):  # what is compiled at import has been seen
                    unread.append(where)
        for text, flags, line, ways in texts:
            pattern = re.compile(text, flags)
            key = (pattern.pattern, pattern.flags)
            before = found[key].ways if key in found else ()
            found[key] = Found(pattern, module.__name__ + line, tuple({*before, *ways}))
    return list(found.values()), unread


def _way(method: str) -> str:
    return method if method in ("match", "fullmatch") else "search"


def _used(tree: ast.AST) -> dict[str, tuple[str, ...]]:
    """How each name of a module is used as a pattern; one that is used elsewhere too may be used in any way."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in CALLS:
            found.setdefault(node.value.id, set()).add(_way(node.attr))
    return {name: tuple(ways) for name, ways in found.items()}


def _flags(node: ast.Call) -> int:
    given = [*node.args[1:], *(word.value for word in node.keywords if word.arg == "flags")]
    names = [part.attr for arg in given for part in ast.walk(arg) if isinstance(part, ast.Attribute)]
    return sum({int(getattr(re, name)) for name in names if isinstance(getattr(re, name, None), re.RegexFlag)})


def _compiled(values: Iterable[Any], depth: int = 0) -> Iterator["re.Pattern[Any]"]:
    for value in list(values):
        if isinstance(value, re.Pattern):
            yield value
        elif depth < 4 and isinstance(value, Mapping):
            yield from _compiled([*value.keys(), *value.values()], depth + 1)
        elif depth < 4 and isinstance(value, list | tuple | set | frozenset):
            yield from _compiled(value, depth + 1)
        elif depth < 4 and isinstance(value, type) and value.__module__.startswith("apixo_mcp"):
            yield from _compiled(vars(value).values(), depth + 1)


# Texts of a pattern's own alphabet.


def _nodes(tree: Any) -> Iterator[tuple[str, Any]]:
    """Every part of a parsed pattern, with those that it is made of."""
    for kind, value in tree:
        name = str(kind)
        yield name, value
        if name == "BRANCH":
            for inner in value[1]:
                yield from _nodes(inner)
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            yield from _nodes(value[2])
        elif name == "SUBPATTERN":
            yield from _nodes(value[3])
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield from _nodes(value[1])
        elif name == "ATOMIC_GROUP":
            yield from _nodes(value)


def _accepts(name: str, value: Any, char: str) -> bool:
    if name == "LITERAL":
        return ord(char) == value
    if name == "NOT_LITERAL":
        return ord(char) != value
    if name == "ANY":
        return char != "\n"
    if name == "RANGE":
        return value[0] <= ord(char) <= value[1]
    if name == "CATEGORY":
        kind = str(value).removeprefix("CATEGORY_")
        inside = {"DIGIT": char.isdigit(), "SPACE": char.isspace(), "WORD": char.isalnum() or char == "_"}
        return not inside[kind.removeprefix("NOT_")] if kind.startswith("NOT_") else inside[kind]
    if name == "IN":
        parts = [(str(kind), inner) for kind, inner in value]
        is_negated = parts[0][0] == "NEGATE"
        return is_negated != any(_accepts(*part, char) for part in parts if part[0] != "NEGATE")
    return False


def _alphabet(tree: Any, is_text: bool) -> list[str]:
    """One character for each way in which characters differ to the pattern."""
    classes = [node for node in _nodes(tree) if node[0] in ("LITERAL", "NOT_LITERAL", "ANY", "IN")]
    written = [chr(value) for name, value in classes if name == "LITERAL"]
    kinds: dict[tuple[bool, ...], str] = {}
    for char in [*"a1 .", *written, *CANDIDATES]:
        if is_text or ord(char) < 256:
            kinds.setdefault(tuple(_accepts(*one, char) for one in classes), char)
    return list(kinds.values())


def _sample(tree: Any, alphabet: list[str], turn: int = 0) -> str:
    """A text that the pattern, or a part of it, takes."""
    text = ""
    for kind, value in tree:
        name = str(kind)
        if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            text += next((char for char in alphabet if _accepts(name, value, char)), "")
        elif name == "BRANCH":
            text += _sample(value[1][turn % len(value[1])], alphabet, turn)
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            text += _sample(value[2], alphabet, turn) * max(1, min(value[0], 9))
        elif name == "SUBPATTERN":
            text += _sample(value[3], alphabet, turn)
        elif name == "ATOMIC_GROUP":
            text += _sample(value, alphabet, turn)
    return text


def attacks(pattern: "re.Pattern[Any]") -> Iterator[tuple[str, str, str]]:
    """A beginning, what is repeated, and an end that does not fit, for texts on which to try a pattern."""
    is_text = isinstance(pattern.pattern, str)
    tree = importlib.import_module("re._parser").parse(pattern.pattern, pattern.flags)
    alphabet = _alphabet(tree, is_text)
    samples = list(dict.fromkeys(_sample(tree, alphabet, turn) for turn in range(4)))
    bodies: list[str] = []
    for name, value in _nodes(tree):
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            bodies += [_sample(value[2], alphabet, turn) for turn in range(3)]
        elif name == "BRANCH":
            bodies += [_sample(inner, alphabet) for inner in value[1]]
    cut = [sample[:at] for sample in samples for at in {len(sample) // 2, max(0, len(sample) - 1)}]
    beginnings = ["", *cut]
    pumps = list(dict.fromkeys(filter(None, [*alphabet[:16], *samples, *cut, *bodies[:24]])))
    yield from product(dict.fromkeys(beginnings[:5]), pumps, ("", "\0"))
    for one, two in islice(product(alphabet, alphabet), 80):
        yield "", one + two, "\0"
    for sample, char in product(samples[:2], alphabet[:8]):
        yield "", sample + char * 8, "\0"
        yield "", char * 8 + sample, "\0"


def _seconds(pattern: "re.Pattern[Any]", attack: tuple[str, str, str], length: int, way: str) -> float:
    beginning, pump, end = attack
    text: Any = beginning + pump * max(1, length // len(pump)) + end
    text = text if isinstance(pattern.pattern, str) else text.encode("latin-1")
    run = getattr(pattern, way)
    began = time.thread_time()
    run(text)
    return time.thread_time() - began


def slow_on(pattern: "re.Pattern[Any]", ways: tuple[str, ...] = WAYS) -> str:
    """A text on which a pattern takes more than in proportion to its length, empty where none was found."""
    for attack in attacks(pattern):
        for way in ways:
            for length in LENGTHS:
                if _seconds(pattern, attack, length, way) < FAST:
                    continue
                if all(_grows(pattern, attack, length, way) for _ in range(3)):  # once may be the machine's doing
                    return f"{way} of {attack!r}, {length} characters"
    return ""


def _grows(pattern: "re.Pattern[Any]", attack: tuple[str, str, str], length: int, way: str) -> bool:
    """Tells whether four times the text took more than eight times as long, just now."""
    least, most = (min(_seconds(pattern, attack, size, way) for _ in range(3)) for size in (length // 4, length))
    return most >= FAST and most > 8 * least
