"""Text and JSON that others wrote, read in bounded time whatever it holds.

Patterns see at most `LONGEST` characters of such a text (`cut`). JSON is read as follows:

    few values            -> the library's reader, in one go
    many, or nested deep  -> piece by piece: what is beyond the limits is passed over, other threads get their turns
    a large body          -> in a thread (`read_aside`), with all that is made of it

The library's reader holds up the whole process while it reads, and five megabytes of `[],[],` take it most of a second.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from json import decoder
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from anyio.lowlevel import RunVar

T = TypeVar("T")

LONGEST_SEEN = 2048
"""Characters of a foreign text that any pattern sees."""

LARGE = 4 * 1024
"""Bytes of an answer that is read on the spot; a larger one is read in a thread."""

LONGEST_GIVEN = 100_000
"""Characters of a text that a caller gives, where it is no file in a `data:` URL."""

MOST_GIVEN = 5_000
"""Values of one argument, all that it is made of counted."""

DEEPEST = 60
"""Lists and objects inside each other, of an answer or of an argument."""

_MANY = 20_000  # values, about, that are read in one go: ten milliseconds
_MOST = 50_000  # values that are kept of those that are read piece by piece
_RESERVE = 10_000  # of these what stands near the top, behind whatever has used up the rest
_NEAR_TOP, _FIRST = 5, 200
_MOST_DIGITS = 400  # reading a whole number takes time that grows with the square of its digits

_SPACE = " \t\n\r"
_BLANK = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[-+.0-9A-Za-z]+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_MARK = re.compile(r'[\[\]{}"]')
_RUN = re.compile(r"\[+|\{+|\]+|\}+")
_WINDOW = 100_000  # characters that are looked through before other threads may have their turn
_scan = cast("Callable[[str, int, bool], tuple[str, int]]", vars(decoder)["scanstring"])  # in C where there is one
_CONSTANTS = {"true": True, "false": False, "null": None, "NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def cut(text: str, longest: int = LONGEST_SEEN) -> str:
    """Returns the beginning of a text, as much of it as a pattern may see."""
    return text if len(text) <= longest else text[:longest]


def clipped(text: str, longest: int, measure: Callable[[str], int] = len) -> str:
    """Returns a text, or as much of its beginning as fits with an ellipsis: of characters, unless measured otherwise.

    Args:
        measure: how long one character is, of whatever `longest` counts.
    """
    size = end = 0
    for place, char in enumerate(text, 1):
        size += measure(char)
        if size > longest:
            return f"{text[:end]}…" if longest > 0 else ""
        if size <= longest - measure("…"):
            end = place
    return text


async def read_aside(size: int, function: Callable[..., T], *args: Any) -> T:
    """Has a function read something of so many bytes: on the spot, or in a thread where it is large.

    One at a time: threads that have much to do would take turns with each other rather than with the event loop.
    """
    if size <= LARGE:
        return function(*args)
    import anyio.to_thread

    one_at_a_time = _one_at_a_time()
    try:
        limiter = one_at_a_time.get()
    except LookupError:
        one_at_a_time.set(limiter := anyio.CapacityLimiter(1))
    return await anyio.to_thread.run_sync(function, *args, limiter=limiter)


@cache
def _one_at_a_time() -> "RunVar[CapacityLimiter]":
    from anyio.lowlevel import RunVar  # not at the start, where every import counts

    return RunVar("apixo_mcp.foreign")


def whole_number(text: str) -> int | float:
    """Returns a whole number; one of hundreds of digits as JSON's other numbers are read, which are not exact."""
    return int(text) if len(text) <= _MOST_DIGITS else float(text)


_DECODER = json.JSONDecoder(strict=False, parse_int=whole_number)


def read_json(body: bytes | str, *, only_beginning: bool = False) -> Any:
    """Returns the JSON value in a body, None where it holds none.

    Nothing raises. Control characters in a string are let pass. Of a value with tens of thousands of parts only the
    first ones, and those near the top, are kept; what is nested too deeply is left out. A body of more than `LARGE`
    bytes is for `read_aside`.

    Args:
        body: bytes in UTF-8, UTF-16 or UTF-32, or text.
        only_beginning: whether something else may stand behind the value.
    """
    return read_beginning(body, only_beginning=only_beginning)[0]


def read_beginning(body: bytes | str, *, only_beginning: bool = False) -> tuple[Any, bool]:
    """Reads as `read_json` does, and tells whether anything of the value was left out."""
    try:
        text = body if isinstance(body, str) else body.decode(json.detect_encoding(body), "surrogatepass")
        text = text.lstrip().removeprefix("\ufeff").lstrip()  # without a list of characters: ten times as quick
        if len(text) <= LARGE or sum(map(text.count, ",[{")) <= _MANY:
            try:
                return _DECODER.raw_decode(text)[0] if only_beginning else _DECODER.decode(text), False
            except RecursionError:
                pass  # it is deeper than the library reads
        pieces = _Pieces(text)
        return pieces.read(only_beginning=only_beginning), pieces.left_out
    except (ValueError, RecursionError):
        return None, False


class _LeftOut:
    """Stands for a value that is not kept."""


_LEFT_OUT = _LeftOut()


class _Pieces:
    """Reads one JSON text piece by piece.

    Attributes:
        left_out: whether a part of it was passed over.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._place: int = 0
        self._left = _MOST
        self._reserve = _RESERVE
        self.left_out = False

    def read(self, *, only_beginning: bool) -> Any:
        """Returns the value that is the whole text, or its beginning.

        Raises:
            ValueError: it is not JSON.
        """
        self._skip_blanks()
        value = self._value(0, 0)
        self._skip_blanks()
        if self._place != len(self._text) and not only_beginning:
            raise ValueError("something stands behind the value")
        return None if value is _LEFT_OUT else value

    def _value(self, depth: int, siblings: int) -> Any:
        char = self._next()
        if char == '"':
            value: Any = self._string()
        elif char in "[{":
            if not self._has_room(depth, siblings) or depth >= DEEPEST:
                self._pass_over()
                return self._leave_out()
            self._place += 1
            return self._object(depth + 1) if char == "{" else self._array(depth + 1)
        else:
            value = self._scalar()
        return value if self._has_room(depth, siblings) else self._leave_out()

    def _leave_out(self) -> _LeftOut:
        self.left_out = True
        return _LEFT_OUT

    def _array(self, depth: int) -> list[Any]:
        items: list[Any] = []
        for _ in self._members("]"):
            value = self._value(depth, len(items))
            if value is not _LEFT_OUT:
                items.append(value)
            elif len(items) >= _FIRST:
                self._pass_over(1)
                break
        return items

    def _object(self, depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for _ in self._members("}"):
            if self._next() != '"':
                raise ValueError("a name is missing")
            name = self._string()
            self._skip_blanks()
            if self._next() != ":":
                raise ValueError("a colon is missing")
            self._place += 1
            self._skip_blanks()
            value = self._value(depth, len(fields))
            if value is not _LEFT_OUT:
                fields[name] = value
            elif len(fields) >= _FIRST:
                self._pass_over(1)
                break
        return fields

    def _members(self, end: str) -> Iterator[None]:
        """Stops at each member of a list or an object, whose first bracket has been read, and reads its last."""
        self._skip_blanks()
        if self._next() == end:
            self._place += 1
            return
        while True:
            yield
            self._skip_blanks()
            char = self._next()
            self._place += 1
            if char == end:
                return
            if char != ",":
                raise ValueError("a comma is missing")
            self._skip_blanks()

    def _has_room(self, depth: int, siblings: int) -> bool:
        """Tells whether one more value is kept."""
        if self._left > 0:
            self._left -= 1
            return True
        if depth <= _NEAR_TOP and siblings < _FIRST and self._reserve > 0:
            self._reserve -= 1
            return True
        return False

    def _pass_over(self, open_: int = 0) -> None:
        """Goes behind a list or an object, however deep it is; or behind the `open_` innermost ones."""
        while True:
            mark = _MARK.search(self._text, self._place, self._place + _WINDOW)
            if mark is None:
                self._place += _WINDOW
                self._next()
                continue
            self._place = mark.start()
            run = _RUN.match(self._text, self._place)
            if run is None:
                self._string()
                continue
            count = run.end() - run.start()
            if mark[0] in "[{":
                open_ += count
            elif count < open_:
                open_ -= count
            else:
                self._place += open_
                return
            self._place += count

    def _string(self) -> str:
        value, place = _scan(self._text, self._place + 1, False)
        self._place = place
        return value

    def _scalar(self) -> Any:
        word = _SCALAR.match(self._text, self._place)
        if word is None:
            raise ValueError("a value is missing")
        self._place = word.end()
        if word[0] in _CONSTANTS:
            return _CONSTANTS[word[0]]
        if _NUMBER.fullmatch(word[0]) is None:
            raise ValueError("a value is not JSON")
        return whole_number(word[0]) if word[0].removeprefix("-").isdecimal() else float(word[0])

    def _next(self) -> str:
        if self._place >= len(self._text):
            raise ValueError("it is cut")
        return self._text[self._place]

    def _skip_blanks(self) -> None:
        place = self._place
        if place < len(self._text) and self._text[place] in _SPACE and (blank := _BLANK.match(self._text, place)):
            self._place = blank.end()


def pieces_of(value: Any) -> Iterator[str]:
    """Yields the `repr` of a JSON value bit by bit: only the beginning of a large one is ever shown."""
    if isinstance(value, dict):
        yield from _listed("{", cast("dict[Any, Any]", value).items(), _pair, "}")
    elif isinstance(value, list):
        yield from _listed("[", cast("list[Any]", value), pieces_of, "]")
    elif isinstance(value, str):
        yield repr(cut(value))
    elif isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 4 * _MOST_DIGITS:
        yield "a number of hundreds of digits"
    else:
        yield repr(value)


def excess(value: Any) -> str:
    """Tells what is too much about a value that a caller gives, empty where nothing is."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    values = 0
    while waiting:
        one, depth = waiting.pop()
        values += 1
        if values > MOST_GIVEN:
            return f"holds more than {MOST_GIVEN:,} values"
        if depth > DEEPEST:
            return f"is nested more than {DEEPEST} deep"
        if isinstance(one, dict):
            fields = cast("dict[Any, Any]", one)
            if values + 2 * len(fields) > 2 * MOST_GIVEN:
                return f"holds more than {MOST_GIVEN:,} values"
            waiting += [(part, depth + 1) for pair in fields.items() for part in pair]
        elif isinstance(one, list):
            items = cast("list[Any]", one)
            if values + len(items) > MOST_GIVEN:
                return f"holds more than {MOST_GIVEN:,} values"
            waiting += [(part, depth + 1) for part in items]
        elif isinstance(one, str):
            if len(one) > LONGEST_GIVEN and not ("data:" in one[:8].lower() and one.isascii()):
                return f"holds a text of more than {LONGEST_GIVEN:,} characters"
        elif isinstance(one, float):
            if not math.isfinite(one):
                return "holds a number without end"
        elif isinstance(one, int) and one.bit_length() > 64:
            return "holds a whole number of more than 64 bits"
    return ""


def _pair(pair: tuple[Any, Any]) -> Iterator[str]:
    yield from pieces_of(pair[0])
    yield ": "
    yield from pieces_of(pair[1])


def _listed(start: str, members: Any, each: Callable[[Any], Iterator[str]], end: str) -> Iterator[str]:
    yield start
    for number, member in enumerate(members):
        if number:
            yield ", "
        yield from each(member)
    yield end


def shorten(value: Any, longest: int = 60) -> str:
    """Returns the `repr` of a JSON value for a message, at most so many characters; nothing for None."""
    shown = ""
    for piece in () if value is None else pieces_of(value):
        shown += piece
        if len(shown) > longest:
            break
    return clipped(shown, longest)
