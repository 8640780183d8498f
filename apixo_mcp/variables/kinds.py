"""What the values of settings are: folders, flags, names and levels, read from what people write."""

import os
import re
import sys
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal
from urllib.request import url2pathname

from pydantic import AfterValidator, BeforeValidator

from apixo_mcp.variables.written import is_set, trimmed

TUNNELS = ("cloudflared", "ngrok")
"""The programs that open a tunnel and need no command line."""
_OF_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_FLAGS = {"enabled": True, "enable": True, "disabled": False, "disable": False}


def _tunnel(value: str) -> str:
    if value and "{port}" not in value and PurePath(value).stem.lower() not in TUNNELS:
        raise ValueError(f"must be {' or '.join(TUNNELS)}, or a command line with {{port}} that prints its https URL")
    return value


def _absolute(path: Path) -> Path:
    """Returns a folder that means the same wherever the process was started: hosts start it anywhere."""
    text = str(path)
    if text[:5].lower() == "file:":
        text = url2pathname(re.sub(r"^file:/+(?:localhost/)?", "/", path.as_posix(), flags=re.IGNORECASE))
        path = Path(text)
    if os.name != "nt" and is_of_windows(text):
        raise ValueError("is a path of Windows, and this is another system")
    try:
        whole = path.expanduser()
        whole = whole if whole.is_absolute() else Path.home() / whole
        str(whole).encode()  # the task store keeps paths as text
    except RuntimeError:
        raise ValueError("names a user with ~ whose home folder is not known; write the whole path") from None
    except UnicodeError:
        raise ValueError(
            f"holds characters that cannot be read in this locale ({sys.getfilesystemencoding()}); set PYTHONUTF8=1"
        ) from None
    return whole.absolute()


def is_of_windows(path: str) -> bool:
    """Tells whether a path begins as one of Windows does."""
    return _OF_WINDOWS.match(path) is not None


def _flag(value: Any) -> Any:
    return _FLAGS.get(value.lower(), value) if isinstance(value, str) else value


def _split_names(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(name for part in value.strip("[]").split(",") if (name := part.strip(" \t\r\n\"'")))


def _split_paths(value: Any) -> Any:
    return tuple(path for path in paths_of(value) if is_set("", path)) if isinstance(value, str) else value


def paths_of(listing: str) -> list[str]:
    """Returns the paths of a list; a separator within a placeholder's braces is none."""
    return [trimmed(path) for path in re.split(rf"(?<!\$env){os.pathsep}(?![^{{}}]*}})", trimmed(listing))]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split_names)]
Folders = Annotated[tuple[AbsolutePath, ...], BeforeValidator(_split_paths)]
Level = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)]
LogFormat = Annotated[Literal["text", "json"], BeforeValidator(_lower)]
ToolSet = Annotated[Literal["general", "models"], BeforeValidator(_lower)]
TunnelProgram = Annotated[str, AfterValidator(_tunnel)]
