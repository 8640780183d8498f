"""The outer edge of every command: what no command tells by itself ends in a sentence here."""

import errno
import os
import sys
from typing import Any, TextIO

import click

from apixo_mcp.cli.interrupts import INTERRUPTED
from apixo_mcp.cli.words import printable


class Commands(click.Group):
    """A group of commands that ends with 130 on Ctrl-C, and without a word where its reader has left."""

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
            _forget(sys.stdout)
            if error.errno in (errno.EPIPE, errno.EINVAL) and not error.filename:  # the second: on Windows
                raise SystemExit(1) from None
            raise click.ClickException(_told(error)) from None
        return outcome


def _forget(stream: TextIO) -> None:
    """Keeps what could not be written from being written once more at the end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return


def _told(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}"
