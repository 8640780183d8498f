"""What is printed, and how wide the terminal is."""

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any, TextIO

import click

from apixo_mcp.cli.words import UNPRINTABLE, printable

UNKNOWN_WIDTH = 40  # fits nearly everywhere


def say(text: str, *, err: bool = False) -> None:
    """Prints a text whose words may be somebody else's."""
    click.echo(printable(text), err=err)


def say_json(document: Any) -> None:
    """Prints a document as JSON that any output can carry."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(document, indent=2)
    click.echo(UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def is_terminal(stream: TextIO) -> bool:
    """Whether a person watches, on a terminal that can write a line anew."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width_of(stream: TextIO) -> int:
    """The columns of the terminal behind a stream."""
    if (told := os.environ.get("COLUMNS", "")).isdecimal() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or UNKNOWN_WIDTH
    except (OSError, ValueError):
        return shutil.get_terminal_size((UNKNOWN_WIDTH, 24)).columns


def columns_of(text: str) -> int:
    """The columns that a text takes."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def shortened(text: str, columns: int) -> str:
    """A text cut to some columns."""
    if columns_of(text) <= columns:
        return text
    while text and columns_of(text) > columns - 1:
        text = text[:-1]
    return f"{text}…" if columns > 0 else ""


def laid_out(cells: Sequence[str], columns: int | None) -> str:
    """Cells as a line, or as several where they do not fit into the columns; None: however long it gets."""
    lines = [""]
    for cell in cells:
        if columns is not None and lines[-1] and columns_of(f"{lines[-1]}  {cell.rstrip()}") >= columns:
            lines.append(f"  {shortened(cell.rstrip(), columns - 3)}")
        else:
            lines[-1] += f"  {cell}" if lines[-1] else cell
    return "\n".join(line.rstrip() for line in lines)
