"""Folders that a person names on the command line: anywhere, and made where they are missing."""

import os
import shlex
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from apixo_mcp.errors import MediaError
from apixo_mcp.variables.written import trimmed


def made(text: str | Path) -> Path:
    """Makes a folder, and returns it once it can be written to; a relative one starts from the working directory.

    Raises:
        MediaError: it cannot be had.
    """
    try:
        folder = Path(text).expanduser()
        if not folder.is_absolute():
            folder = Path.cwd() / folder
    except (OSError, RuntimeError, ValueError) as error:
        why = (
            _why(error) if isinstance(error, ValueError) else "the folder that this was started in, or ~, is not there"
        )
        raise MediaError(f"The folder {text} cannot be used: {why}. Name a whole path.") from None
    try:
        _write_into(folder)
    except (OSError, ValueError) as error:
        raise MediaError(f"The folder {folder} cannot be written to: {_why(error)}. Name another one.") from None
    return folder


def trouble_with(folder: Path) -> str:
    """Says why a folder cannot be made or written to, empty where it can; leaves nothing behind."""
    missing = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        _write_into(folder)
    except (OSError, ValueError) as error:
        return _why(error)
    finally:
        with suppress(OSError):
            for path in missing:
                path.rmdir()
    return ""


def _write_into(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"x")


def _why(error: Exception) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "a file stands in its place"
    return str(error.strerror if isinstance(error, OSError) and error.strerror else error).lower()


def in_command(text: str) -> str:
    """Returns a word as it is typed in a shell."""
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)


def from_here(value: Any) -> Any:
    """Returns the whole path in place of a relative one that is a file from here on; anything else as it is."""
    if isinstance(value, list):
        return [from_here(item) for item in cast("list[Any]", value)]
    if isinstance(value, str):
        with suppress(OSError, ValueError):
            path = Path.cwd() / trimmed(value)
            return str(path) if path.is_file() else value
    return value
