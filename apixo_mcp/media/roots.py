"""The folders that files are read from and written to on a caller's word, and paths as callers write them."""

import contextlib
import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath
from urllib.request import url2pathname

from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.variables.written import trimmed

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_SHELL_DRIVE = re.compile(r"/(?:mnt/|cygdrive/)?([A-Za-z])(?=/)")  # Git Bash, WSL, Cygwin
_ALIKE = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})


class Roots:
    """Refuses every path that leads outside, whichever way: `..`, links, other drives, network shares."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Takes folders, of which the first is where relative paths start that exist nowhere."""
        self.paths = tuple(paths)

    def readable(self, text: str, *, field: str = "path") -> Path:
        """Returns an existing regular file under a root, with every link resolved.

        Raises:
            InvalidInput: it is outside, missing, or no regular file.
        """
        path = self._inside(text, field, way_on=": copy it there, or give its URL if it has one")
        try:
            is_file = path.is_file()
        except OSError:
            is_file = False
        if is_file:
            return path
        if path.exists():
            state = "must be a file, and this is a folder or a device"
        else:
            state = f"there is no such file; looked for at {path}"
        raise InvalidInput([Problem(field, _short(text), state)])

    def real_path(self, text: str) -> Path | None:
        """Returns the path that a text means, wherever it leads, with every link resolved; None where it means none."""
        with contextlib.suppress(ValueError, OSError, RuntimeError):
            meant = self._meant(text)
            if meant is not None and not meant[1]:
                return meant[0].resolve()
        return None

    def is_outside(self, text: str) -> bool:
        """Tells whether a text means a path that is under no root."""
        path = self.real_path(text)
        return path is not None and not self.covers(path)

    def covers(self, path: Path) -> bool:
        """Tells whether a path is under a root, whatever link may stand there by now."""
        # The likeliest first: another one may be on a share that does not answer.
        roots = sorted(self.paths, key=lambda root: not path.is_relative_to(root))
        return any(_is_within(path, root) for root in roots)

    def writable_dir(self, text: str, *, field: str = "directory") -> Path:
        """Returns a folder under a root, which need not exist yet.

        Raises:
            InvalidInput: it is outside, or a file stands there.
        """
        path = self._inside(text, field)
        try:
            is_file = path.exists() and not path.is_dir()
        except OSError as error:
            state = f"cannot be used: {(error.strerror or 'no such folder').lower()}"
            raise InvalidInput([Problem(field, _short(text), state)]) from None
        if is_file:
            raise InvalidInput([Problem(field, _short(text), "must be a folder, and this is a file")])
        return path

    def _inside(self, text: str, field: str, *, way_on: str = "") -> Path:
        outside = Problem(
            field,
            _short(text),
            f"must be inside {' or '.join(map(str, self.paths)) or 'an allowed folder'}{way_on} "
            "(APIXO_MCP_ALLOWED_ROOTS allows more)",
        )
        try:
            meant = self._meant(text)
            if meant is None:
                raise InvalidInput([outside])
            path, alike = meant
            path = path.resolve()
        except (ValueError, OSError, RuntimeError):  # a NUL, a loop of links, an unknown `~user`, a foreign file:// URL
            raise InvalidInput([Problem(field, _short(text), "is not a path that can be used here")]) from None
        if not self.covers(path):
            raise InvalidInput([outside])
        if alike:
            names = " and ".join(ascii(name) for name in alike[:4])
            raise InvalidInput([Problem(field, _short(text), f"may mean {names}; write the name exactly as it is")])
        return path

    def _meant(self, text: str) -> tuple[Path, tuple[str, ...]] | None:
        """Returns the first meaning of a text that exists, else its first; and the names that fit it where several do.

        A relative path starts from the first root where it exists: this process's own folder means nothing.

        Returns:
            None for a network share that is no root: even looking there would show this machine to that server.
        """
        first: tuple[Path, tuple[str, ...]] | None = None
        for path in _spellings(text):
            for whole in [path] if path.is_absolute() or not self.paths else [root / path for root in self.paths]:
                if _is_share(whole) and not any(whole.is_relative_to(root) for root in self.paths):
                    continue
                meaning = _standing(whole)
                if meaning[0].exists():
                    return meaning
                if first is None or (meaning[1] and not first[1]):
                    first = meaning
        return first


def _is_share(path: Path) -> bool:
    return isinstance(path, PureWindowsPath) and path.drive.startswith("\\\\")


def _is_within(path: Path, root: Path) -> bool:
    with contextlib.suppress(OSError, RuntimeError):
        real = root.resolve()
        if path.is_relative_to(real):
            return True
        # The same folder under another spelling, where the file system ignores case.
        parents = (path, *path.parents) if real.exists() else ()
        return any(parent.exists() and parent.samefile(real) for parent in parents)
    return False


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}..."


def _spellings(text: str) -> list[Path]:
    """Returns what a text may mean, the likeliest first.

    Raises:
        ValueError: no path of this machine.
        RuntimeError: it begins with a user who has no home folder.
    """
    text = trimmed(text)
    if text[:5].lower() == "file:":
        text = _of_url(text[5:])
    if not text or (os.name != "nt" and _DRIVE.match(text)):
        raise ValueError("another system's path")
    paths = [Path(text).expanduser()]
    if os.name == "nt" and (drive := _SHELL_DRIVE.match(text)):
        paths.append(Path(f"{drive[1]}:{text[drive.end() :]}"))
    elif os.name != "nt" and "\\" in text:  # as a shell escapes it
        paths.append(Path(re.sub(r"\\(.)", r"\1", text)).expanduser())
    return paths


def _standing(path: Path) -> tuple[Path, tuple[str, ...]]:
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
