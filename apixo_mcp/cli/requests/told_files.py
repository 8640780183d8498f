"""Files that a person names to learn where they came from: no database is asked, and no settings are needed."""

import os
from pathlib import Path

from apixo_mcp.cli.terminal.printing import say, say_json
from apixo_mcp.cli.terminal.text import on_one_line
from apixo_mcp.media.telling.told import told_of
from apixo_mcp.tasks.asking.last import means_last
from apixo_mcp.views.provenance import provenance_lines, provenance_structure

_ENDINGS = frozenset((*(".png", ".jpg", ".jpeg", ".webp"), *(".mp4", ".mov", ".m4a", ".mp3", ".wav")))
"""Of a name that is meant as a file's even where there is none; ids of tasks do not end so."""


def file_named(given: str) -> Path | None:
    """Returns the path that is meant, None where the id of a task is."""
    if given.startswith("tsk_") or means_last(given):
        return None
    path = Path(given).expanduser()
    is_path = any(mark in given for mark in (os.sep, "/")) or path.suffix.lower() in _ENDINGS
    return path if is_path or os.path.lexists(path) else None


def tell_of(path: Path, *, as_json: bool) -> None:
    """Prints where a file came from, and ends the process with 1 where that is not told."""
    shown = on_one_line(str(path))
    if not path.is_file():
        reason = "is no file" if os.path.lexists(path) else "is not there"
        say(f"{shown} {reason}. Give the id of a task, `last`, or the path of a file.", err=True)
        raise SystemExit(1)
    try:
        told = told_of(path)
    except OSError as error:
        say(f"{shown} could not be read: {(error.strerror or str(error)).lower()}.", err=True)
        raise SystemExit(1) from None
    if told is None:
        say(
            f"{shown} does not tell where it came from: another program made it, or it was saved without "
            "APIXO_MCP_EMBED=1 (or changed since), or is signed, or of a kind that has no place for it.",
            err=True,
        )
        raise SystemExit(1)
    if as_json:
        say_json(provenance_structure(told))
    else:
        say("\n".join(provenance_lines(told)))
