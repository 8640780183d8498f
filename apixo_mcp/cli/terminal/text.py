"""Texts as a terminal can show them."""

import re
import unicodedata
from collections.abc import Sequence

from apixo_mcp.foreign import clipped

# Escape sequences and what turns the direction of text round could make a terminal show what is not there.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Returns a text without what a terminal obeys instead of showing it; only lines and tabs stay."""
    return UNPRINTABLE.sub("?", text)


def on_one_line(text: str) -> str:
    """Returns a text as one line, for a column."""
    return printable(" ".join(text.split()))


def columns_of(text: str) -> int:
    """Returns the columns that a text takes."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def aligned(rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Returns the rows of a table, each cell as wide as the widest of its column."""
    widths = [max(map(columns_of, column)) for column in zip(*rows, strict=True)]
    return [
        tuple(cell + " " * (width - columns_of(cell)) for cell, width in zip(row, widths, strict=True)) for row in rows
    ]


def laid_out(cells: Sequence[str], columns: int | None) -> str:
    """Lays out cells as a line, or as several where they do not fit into the columns; None: however long it gets."""
    lines = [""]
    for cell in cells:
        if columns is not None and lines[-1] and columns_of(f"{lines[-1]}  {cell.rstrip()}") >= columns:
            lines.append(f"  {clipped(cell.rstrip(), columns - 3, columns_of)}")
        else:
            lines[-1] += f"  {cell}" if lines[-1] else cell
    return "\n".join(line.rstrip() for line in lines)
