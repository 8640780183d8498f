"""Stripes as long as amounts are large, beside the lines of a table."""

import os
from collections.abc import Sequence
from typing import TextIO

import click

_PARTS = " ▏▎▍▌▋▊▉"
_WHOLE = "█"


def stripes(amounts: Sequence[float], columns: int, stream: TextIO) -> list[str]:
    """Returns a stripe for each amount, the largest one as long as there are columns.

    Args:
        amounts: none below 0.
        columns: that there are.
        stream: that they are written to: one that cannot carry blocks gets plain signs, and `NO_COLOR` is heeded.
    """
    most = max(amounts, default=0.0)
    if most <= 0 or columns < 1:
        return ["" for _ in amounts]
    is_plain = not _carries(stream, _WHOLE + _PARTS)
    drawn = [_stripe(amount / most * columns, is_plain=is_plain) for amount in amounts]
    return drawn if os.environ.get("NO_COLOR") else [click.style(one, fg="cyan") if one else "" for one in drawn]


def _stripe(length: float, *, is_plain: bool) -> str:
    eighths = max(1, round(length * 8)) if length > 0 else 0
    if is_plain:
        return "#" * max(1, round(length)) if length > 0 else ""
    return (_WHOLE * (eighths // 8) + _PARTS[eighths % 8]).rstrip()


def _carries(stream: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True
