"""Texts as a terminal can show them, and small words."""

import re

# Escape sequences and what turns the direction of text round could make a terminal show what is not there.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def printable(text: str) -> str:
    """A text without what a terminal obeys instead of showing it; only lines and tabs stay."""
    return UNPRINTABLE.sub("?", text)


def on_one_line(text: str) -> str:
    """A text as one line, for a column."""
    return printable(" ".join(text.split()))


def ordinal(number: int) -> str:
    """A place in a row: `second`, `11th`."""
    return _ORDINALS[number - 1] if 1 <= number <= len(_ORDINALS) else f"{number}th"
