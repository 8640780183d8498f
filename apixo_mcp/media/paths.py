"""Local paths as people, shells and models write them."""

import os
import re
import unicodedata
from pathlib import Path
from urllib.request import url2pathname

from apixo_mcp.variables import trimmed

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_SHELL_DRIVE = re.compile(r"/(?:mnt/|cygdrive/)?([A-Za-z])(?=/)")  # Git Bash, WSL, Cygwin
_ALIKE = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})


def spellings(text: str) -> list[Path]:
    """Tells what a text may mean, the likeliest first.

    Raises:
        ValueError: no path of this machine.
        RuntimeError: it begins with a user who has no home folder.
    """
    text = trimmed(text)
    if text[:5].lower() == "file:":
        text = _of_url(text[5:])
    if not text or (os.name != "nt" and _DRIVE.match(text)):
        raise ValueError("another system's path")
    found = [Path(text).expanduser()]
    if os.name == "nt" and (drive := _SHELL_DRIVE.match(text)):
        found.append(Path(f"{drive[1]}:{text[drive.end() :]}"))
    elif os.name != "nt" and "\\" in text:  # as a shell escapes it
        found.append(Path(re.sub(r"\\(.)", r"\1", text)).expanduser())
    return found


def standing(path: Path) -> tuple[Path, tuple[str, ...]]:
    """Returns a path as its folders and its file are called on disk.

    A name that is not there stands for the one of its folder that looks the same: with another kind of space (in the
    screenshots of macOS), another form of an accent, another quotation mark.

    Returns:
        The path, and where several names look so, those names; the path is then as it was given from there on.
    """
    if os.path.lexists(path):
        return path, ()
    now = Path(path.anchor)
    names = path.parts[1:] if path.anchor else path.parts
    for number, name in enumerate(names):
        if name != ".." and not os.path.lexists(now / name):
            alike = [entry for entry in _entries(now) if _folded(entry) == _folded(name)]
            if len(alike) != 1:
                return now.joinpath(*names[number:]), tuple(sorted(alike))
            name = alike[0]
        now /= name
    return now, ()


def _of_url(rest: str) -> str:
    """Returns the path in a file URL; characters that ought to be escaped need not be."""
    if rest.startswith("//"):
        host, slash, rest = rest[2:].partition("/")
        if host == "~" or (os.name == "nt" and re.fullmatch(r"[A-Za-z]:", host)):
            rest = f"{host}{slash}{rest}"
        elif host.lower() in ("", "localhost"):
            rest = slash + rest
        else:
            raise ValueError("another machine's file")
    return url2pathname(rest)


def _entries(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).translate(_ALIKE)
    # Format characters (a mark of the writing direction) cannot be seen.
    return " ".join("".join(char for char in plain if unicodedata.category(char) != "Cf").split())
