"""A key in disguise: escaped, in another case, with anything between its characters, encoded, or backwards.

A text is flattened to what is left of it without escapes, case and marks, and compared with the key treated likewise.
"""

import base64
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

_ESCAPE = re.compile(
    r"\\{1,4}u([0-9A-Fa-f]{4})|\\{1,4}x([0-9A-Fa-f]{2})|%(?:25){0,3}([0-9A-Fa-f]{2})|&#[xX]([0-9A-Fa-f]{1,6});"
    r"|&#([0-9]{1,7});"
)
_MARKS = re.compile("[^a-z0-9]+")
_LEAST = 12  # letters and digits of a key: with fewer, words of a text could be taken for it
_ENCODED = 16  # of an encoded key that give it away


def redact(text: str, secret: str, part: int, hidden: str) -> str:
    """Returns a text with `hidden` in place of whatever is `part` characters or more of the secret in disguise."""
    grams = _grams(secret, part)
    if not _stands_in(_flat(text), grams):
        return text
    units = list(_units(text))
    letters = [(number, char) for number, (_, _, chars) in enumerate(units) for char in _flattened(chars)]
    flat = "".join(char for _, char in letters)
    is_hidden = [False] * len(units)
    for gram in grams:
        at = flat.find(gram)
        while at >= 0:
            first, last = letters[at][0], letters[at + len(gram) - 1][0]
            is_hidden[first : last + 1] = [True] * (last + 1 - first)
            at = flat.find(gram, at + 1)
    pieces = [text[start:end] for (start, end, _), hide in zip(units, is_hidden, strict=True) if not hide]
    if any(is_hidden):
        edges = pairwise([False, *is_hidden])
        shown = iter(pieces)
        pieces = [hidden if hide and not before else "" if hide else next(shown) for before, hide in edges]
    return "".join(pieces)


def holds(text: str, secret: str, part: int) -> bool:
    """Tells whether `part` characters or more of the secret stand in a text, in disguise."""
    return _stands_in(_flat(text), _grams(secret, part))


def _stands_in(flat: str, grams: frozenset[str]) -> bool:
    return any(gram in flat for gram in grams)


def _flat(text: str) -> str:
    if "\\" in text or "%" in text or "&#" in text:
        text = _ESCAPE.sub(_character, text)
    return _flattened(text)


def _flattened(text: str) -> str:
    return _MARKS.sub("", text.lower())


def _character(escape: re.Match[str]) -> str:
    number = next(int(digits, 16 if place < 5 else 10) for place, digits in enumerate(escape.groups(), 1) if digits)
    return chr(number) if number < 0x110000 else ""


def _units(text: str) -> Iterator[tuple[int, int, str]]:
    """Yields a text's characters and escapes: where each begins and ends, and what it stands for."""
    at = 0
    for escape in _ESCAPE.finditer(text):
        yield from ((place, place + 1, text[place]) for place in range(at, escape.start()))
        yield escape.start(), escape.end(), _character(escape)
        at = escape.end()
    yield from ((place, place + 1, text[place]) for place in range(at, len(text)))


@lru_cache(maxsize=64)
def _grams(secret: str, part: int) -> frozenset[str]:
    """Returns the runs of letters and digits that give a secret away; none for one that is too short."""
    plain = _flattened(secret)
    if len(plain) < _LEAST:
        return frozenset()
    raw = secret.encode(errors="replace")
    encoded = [raw.hex(), raw[::-1].hex(), base64.b32encode(raw).decode().rstrip("=")]
    for shift in range(3):  # wherever it stands in what was encoded; the edges depend on what is beside it
        encoded.append(base64.b64encode(b"x" * shift + raw).decode()[4 * (shift > 0) + 2 * (shift > 0) : -4])
    runs = [(plain, min(part, len(plain))), (plain[::-1], min(part, len(plain)))]
    runs += [(_flattened(one), max(part, _ENCODED)) for one in encoded]
    return frozenset(one[at : at + length] for one, length in runs for at in range(len(one) - length + 1))
