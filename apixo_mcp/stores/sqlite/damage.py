"""Damage to the task store's file, as the running store knows it: seen, marked for the next start, and told of."""

import contextlib
import logging
import os
import sqlite3
import time
from pathlib import Path

from apixo_mcp.errors import StoreError
from apixo_mcp.generation import NextAction
from apixo_mcp.stores.rows import NotATask

log = logging.getLogger(__name__)

TOLD_FOR = 7 * 86400.0  # seconds for which every start tells of a file that was set aside


def beside(path: Path, suffix: str) -> Path:
    """Returns a file next to the store's, with a longer name."""
    return path.with_name(path.name + suffix)


def mark(path: Path) -> None:
    """Makes the next start look through the whole file: this process came upon damage and cannot repair it."""
    with contextlib.suppress(OSError):
        beside(path, ".check").touch()


def moved_note(path: Path) -> Path:
    """Returns the file that is there while the store has moved away, which a damaged one may not tell any more."""
    return beside(path, ".moved")


def is_damage(error: BaseException) -> bool:
    """Tells whether SQLite says that the file is broken, and not that it is busy, full or out of reach."""
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "Could not decode" in str(error)


def store_error(path: Path, error: sqlite3.Error | NotATask) -> StoreError:
    """Returns what to tell a caller that the file has just failed. The program goes on: other rows may be well."""
    if isinstance(error, NotATask) or is_damage(error):
        mark(path)
        log.error("the task store %s is damaged: %s", path, error)
        return StoreError(
            f"The task store {path} is damaged ({error}). Nothing is deleted: end every program that uses "
            "apixo-mcp and start again; what can be read is then recovered."
        )
    log.error("the task store %s: %s", path, error)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    advice = {
        sqlite3.SQLITE_FULL: "Make room on the disk and try again.",
        sqlite3.SQLITE_BUSY: "Another process is busy with it; try again.",
    }.get(code)
    text = f"The task store {path} cannot be used just now: {error}. {advice or 'Try again.'}"
    return StoreError(text, next_action=None if advice else NextAction.EXAMINE)


def notices(path: Path) -> tuple[str, ...]:
    """Returns what the user is to be told of files that were set aside lately, by whichever process."""
    since = time.time() - TOLD_FOR
    with os.scandir(path.parent) as entries:
        notes = [
            Path(entry)
            for entry in entries
            if entry.name.startswith(f"{path.name}.damaged-")
            and entry.name.endswith(".txt")
            and entry.stat().st_mtime > since
        ]
    return tuple(note.read_text(encoding="utf-8") for note in sorted(notes))
