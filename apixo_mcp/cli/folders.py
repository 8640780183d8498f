"""Folders that a person names on the command line: anywhere, and made where they are missing."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from apixo_mcp.errors import MediaError


def made(text: str | Path) -> Path:
    """The folder, which can be written to; a relative one starts from the working directory.

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
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except (OSError, ValueError) as error:
        raise MediaError(f"The folder {folder} cannot be written to: {_why(error)}. Name another one.") from None
    return folder


def _why(error: Exception) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "a file stands in its place"
    return str(error.strerror if isinstance(error, OSError) and error.strerror else error).lower()


def in_command(text: str) -> str:
    """A word as it is typed in a shell."""
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)
