"""Damage to the task store's file, as the running store knows it: seen, marked for the next start, and told of."""

import contextlib
import os
import sqlite3
import time
from pathlib import Path

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
