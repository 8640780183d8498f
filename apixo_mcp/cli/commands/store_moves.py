"""`tasks export --move` and `tasks import --move`: a whole store leaves one database and goes on in another one."""

import os
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO

import click

from apixo_mcp import __version__
from apixo_mcp.app import App
from apixo_mcp.assembly.stores import move_end_of, reached
from apixo_mcp.cli.process.run import with_app
from apixo_mcp.cli.process.start import errors_told, settings_or_exit
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.stores.moving.move_file import StoreLines
from apixo_mcp.stores.moving.moves import MovedIn, MoveEnd, arrive, exported, leave, take_back
from apixo_mcp.views.words import counted


def export_store(file: Path) -> None:
    """Closes the store, and writes all of it to a file that must not exist, or to standard output (`-`)."""
    settings = settings_or_exit()
    if str(file) != "-" and file.exists():
        raise click.ClickException(f"{file} exists already; name another file")
    with errors_told(), move_end_of(settings) as end:
        head, is_new = leave(end, __version__)
        with _taken_back(end, is_new=is_new) as whole, closing(exported(end, head)) as lines:
            if str(file) == "-":
                _write(lines, sys.stdout.buffer, whole)
            else:
                _write_file(lines, file)
    say(f"{end.shown} is closed. Its tasks go on where this is imported: apixo-mcp tasks import --move", err=True)


@contextmanager
def _taken_back(end: MoveEnd, *, is_new: bool) -> Generator[list[bool]]:
    """Takes the store back where it was closed just now, and nobody can have all of it.

    Yields:
        A list that is not empty once somebody may have all of it.
    """
    whole: list[bool] = []
    try:
        yield whole
    except BaseException as error:
        if is_new and not whole:
            take_back(end)
        state = "nothing was moved" if is_new and not whole else "the store stays closed"
        if isinstance(error, OSError):
            with suppress(OSError):  # or Python complains once more of what it could not write
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.ClickException(f"it could not be written ({error.strerror or error}), and {state}") from error
        raise


def _write(lines: Iterator[bytes], to: IO[bytes], whole: list[bool]) -> None:
    last = next(lines)
    for line in lines:
        to.write(last)
        last = line
    to.flush()
    whole.append(True)
    to.write(last)
    to.flush()


def _write_file(lines: Iterator[bytes], file: Path) -> None:
    part = file.with_name(f"{file.name}.part")  # half a file would pass for a whole one
    part.unlink(missing_ok=True)
    try:
        # For this user alone: it tells who may come in.
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as to:
            _write(lines, to, [])
            os.fsync(to.fileno())
        part.rename(file)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def take_back_store() -> None:
    """Has a store gone on with that was closed by an export, and imported nowhere."""
    settings = settings_or_exit()
    with errors_told(), move_end_of(settings) as end:
        take_back(end)
    say(f"{end.shown} goes on. What was exported of it must not be imported any more: delete it.")


def import_store(file: Path, *, nowhere_else: bool) -> None:
    """Goes on here with the store in a file, or on standard input (`-`)."""
    settings = settings_or_exit()
    try:
        lines = sys.stdin.buffer if str(file) == "-" else file.open("rb")
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error}") from error
    with lines, errors_told(), move_end_of(settings) as end:
        store = StoreLines(lines)
        arrived = arrive(end, store, reached, nowhere_else=nowhere_else)
    if arrived.came_at:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(arrived.came_at))
        say(f"This store came in already, on {when}. Nothing was changed.")
        return
    owners = f" and {counted(arrived.counts['owner'], 'owner')}" if arrived.counts["owner"] else ""
    say(f"{counted(arrived.counts['task'], 'task')}{owners} moved here from {store.head.shown}")
    _tell_unfollowed(arrived)


def _tell_unfollowed(arrived: MovedIn) -> None:
    """Tells of tasks that wait for a key which is not set here."""
    if not arrived.open:
        return

    async def work(app: App) -> int:
        return sum(count for key_print, count in arrived.open.items() if key_print not in app.key_prints)

    if unfollowed := with_app(work):
        say(f"{unfollowed} still open, not followed for want of a key: set the keys that were set there.", err=True)
