"""A host's configuration on the disk: read once, written in one step, and only while it is as it was read."""

import hashlib
import os
import stat
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from apixo_mcp.hosts.refusal import NotEditable

LARGEST_CONFIG = 16 << 20
"""Bytes of a file that is edited. The largest in the field, Claude Code's with its history, has a few millions."""

_DRAFT_LASTS = 60.0  # seconds
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file as it was read.

    Attributes:
        path: what the host opens.
        target: the same behind symbolic links: what is written.
        content: None where there is no file.
    """

    path: Path
    target: Path
    content: bytes | None

    @property
    def text(self) -> str:
        """What it says, without the mark of its encoding.

        Raises:
            NotEditable: it is not in UTF-8.
        """
        try:
            return (self.content or b"").removeprefix(_BOM).decode()
        except UnicodeDecodeError:
            raise NotEditable("is not written in UTF-8") from None

    def encoded(self, text: str) -> bytes:
        """Returns the bytes of another text, with the same mark."""
        try:
            return (_BOM if (self.content or b"").startswith(_BOM) else b"") + text.encode()
        except UnicodeEncodeError:
            raise NotEditable("would hold what no file can: a path with characters that cannot be read here") from None


def read_config(path: Path) -> ConfigFile:
    """Reads a file, or finds that there is none.

    Raises:
        NotEditable: it cannot be read, is no file, or is too large; why.
    """
    try:
        target = path.resolve(strict=False)
    except (OSError, RuntimeError) as error:  # the latter: Python before 3.13 tells of a circle so
        raise NotEditable(f"cannot be read ({_reason(error)})") from None
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # before it is opened: a pipe would wait for a writer
            raise NotEditable("is no file")
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_nlink > 1:
                raise NotEditable("has several names (hard links), which a change would part")
            if found.st_size > LARGEST_CONFIG:
                raise NotEditable(f"is too large to be edited here ({found.st_size >> 20} MB)")
            content = file.read(LARGEST_CONFIG + 1)
    except FileNotFoundError:
        return ConfigFile(path, target, None)
    except OSError as error:
        raise NotEditable(f"cannot be read ({_reason(error)})") from None
    return ConfigFile(path, target, content)


def write_config(before: ConfigFile, content: bytes) -> list[Path]:
    """Puts bytes in the file's place in one step, with its mode and owner; links to it stay links.

    Returns:
        The folders that were made for it, from the outside.

    Raises:
        NotEditable: it was changed since it was read, or cannot be written; then it is as it was.
    """
    made: list[Path] = []
    try:
        made = _make_folders(before.target.parent)
        mode, owner = _mode_of(before.target)
        with _draft(before.target, content) as draft:
            _dress(draft, mode, owner)
            _confirm_unchanged(before)
            draft.replace(before.target)
        _settle(before.target.parent)
    except (OSError, NotEditable) as error:
        _remove_empty(made)
        if isinstance(error, NotEditable):
            raise
        raise NotEditable(f"cannot be written ({_reason(error)})") from None
    return made


def remove_config(before: ConfigFile, folders: Sequence[Path]) -> None:
    """Removes a file, and the folders that were made for it as far as they are empty.

    Raises:
        NotEditable: it was changed since it was read, or cannot be removed; then it is as it was.
    """
    try:
        _confirm_unchanged(before)
        before.target.unlink()
    except OSError as error:
        raise NotEditable(f"cannot be removed ({_reason(error)})") from None
    _remove_empty(folders)


def confirm_writable(before: ConfigFile) -> None:
    """Tells before anything is done that a file cannot be written.

    Raises:
        NotEditable: it is marked read-only, or its folder is.
    """
    folder = before.target.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    is_marked = before.content is not None and not before.target.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP)
    if is_marked or (before.content is not None and not os.access(before.target, os.W_OK)):
        raise NotEditable("is read-only")
    if not os.access(folder, os.W_OK):
        raise NotEditable(f"cannot be written: its folder {folder} is read-only")


def digest(content: bytes | None) -> str:
    """Returns what tells one content from another; empty where there is none."""
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _confirm_unchanged(before: ConfigFile) -> None:
    if read_config(before.path).content != before.content:
        raise NotEditable("was changed by another program meanwhile; run this again")


@contextmanager
def _draft(target: Path, content: bytes) -> Generator[Path]:
    """Writes a draft beside a file. It has one name, so that two installations at once do not meet."""
    draft = target.parent / f".{target.name}.apixo-mcp"
    with suppress(FileNotFoundError):
        if time.time() - draft.stat().st_mtime > _DRAFT_LASTS:  # of a process that was killed
            draft.unlink()
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError:
        raise NotEditable(
            "is being changed by another installation, or one was ended in the middle; run this again in a minute"
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in reversed(folders):
        with suppress(OSError):
            folder.rmdir()


def _make_folders(folder: Path) -> list[Path]:
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    made: list[Path] = []
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        made.append(one)
    return made


def _mode_of(target: Path) -> tuple[int, tuple[int, int] | None]:
    try:
        found = target.stat()
    except FileNotFoundError:
        return 0o600, None  # it holds keys
    return stat.S_IMODE(found.st_mode), (found.st_uid, found.st_gid)


def _dress(draft: Path, mode: int, owner: tuple[int, int] | None) -> None:
    if owner is not None and hasattr(os, "chown"):
        now = draft.stat()
        if owner != (now.st_uid, now.st_gid):
            os.chown(
                draft, *owner
            )  # where that is not allowed, nothing is written: its owner could not read it any more
    draft.chmod(mode)


def _settle(folder: Path) -> None:
    """Makes a rename last; not on Windows, where a folder cannot be opened."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or "a circle of symbolic links"
