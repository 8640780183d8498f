"""Prints, and tells how wide the terminal is."""

import json
import os
import shutil
import sys
from typing import Any, TextIO

import click

from apixo_mcp.cli.terminal.text import UNPRINTABLE, printable

_UNKNOWN_WIDTH = 40  # fits nearly everywhere


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
    click.echo(UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def is_terminal(stream: TextIO) -> bool:
    """Tells whether a person watches, on a terminal that can write a line anew."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width_of(stream: TextIO) -> int:
    """Returns the columns of the terminal behind a stream."""
    if (columns := os.environ.get("COLUMNS", "")).isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _UNKNOWN_WIDTH
    except (OSError, ValueError):
        return shutil.get_terminal_size((_UNKNOWN_WIDTH, 24)).columns
