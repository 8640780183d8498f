"""A group of commands: loads each when it is asked for, and tells in a sentence what no command tells by itself."""

import errno
import os
import sys
from collections import UserDict
from collections.abc import Mapping
from importlib import import_module
from typing import Any, TextIO

import click

from apixo_mcp.cli.process.loading import end_loading
from apixo_mcp.cli.terminal.interrupts import INTERRUPTED
from apixo_mcp.cli.terminal.text import printable


class Commands(click.Group):
    """A group of commands that ends with 130 on Ctrl-C, and without a word where its reader has left.

    Args:
        places: each command by its name: where it is defined, as `file:name`, or itself; and what it does. Help tells
            of them in this order.
    """

    def __init__(self, *args: Any, places: Mapping[str, tuple[str | click.Command, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands = _Loaded({name: place for name, (place, _) in places.items()})
        self._summaries = [(name, summary) for name, (_, summary) in places.items()]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Tells of each command without loading it."""
        with formatter.section("Commands"):
            formatter.write_dl(self._summaries)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command that was asked for, until all that it said is written."""
        try:
            outcome = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            raise SystemExit(INTERRUPTED) from None
        except UnicodeEncodeError as error:
            word = printable(str(error.object))
            raise click.ClickException(f"{word[:60]!r} has a character that cannot be used here") from None
        except OSError as error:
            _discard_rest_of(sys.stdout)
            if error.errno in (errno.EPIPE, errno.EINVAL) and not error.filename:  # the second: on Windows
                raise SystemExit(1) from None
            where = f": {error.filename}" if error.filename else ""
            raise click.ClickException(f"{error.strerror or error}{where}") from None
        return outcome


class _Loaded(UserDict[str, Any]):
    """Commands by name, each loaded when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        place = self.data[name]
        if isinstance(place, click.Command):
            return place
        file, _, command = place.partition(":")
        loaded = getattr(import_module(f"apixo_mcp.cli.commands.{file}"), command)
        end_loading()
        return loaded


def _discard_rest_of(stream: TextIO) -> None:
    """Keeps what could not be written from being written once more at the end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return
