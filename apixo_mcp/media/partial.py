"""A file that is still arriving: its bytes so far, and what is needed to go on with it later. Blocking."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from apixo_mcp.media.folder import Folder, hash_of

_BLOCK = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Left:
    """What an earlier try left behind.

    Attributes:
        etag: of the file whose beginning it is.
        total: bytes of the whole file, None where unknown.
        doubt: why a file that came may not be whole, empty where nothing says so.
    """

    size: int
    etag: str
    total: int | None
    doubt: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing but the last steps."""
        return self.size == self.total


class PartialFile:
    """The temporary file of one result, and beside it a note of the etag that a later try needs.

    It is made anew, and gone on with only where it is a file of its own: never through a link.

    Attributes:
        size: bytes so far.
    """

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder = folder
        self._usual = self._name = name
        self._note, self._aside, self._made_of_it = f"{name}.json", f"{name}.old", f"{name}.made"
        self._rewritten = ""
        self.size = 0
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()

    @property
    def path(self) -> Path:
        """Where the bytes are; once it was rewritten, the new ones."""
        return self._folder.path / (self._rewritten or self._name)

    @property
    def is_open(self) -> bool:
        """Whether a body is being received."""
        return self._file is not None

    def room(self) -> int:
        """Returns the bytes that the disk has for the file, those included that are there."""
        return shutil.disk_usage(self._folder.path).free + self.size

    def is_there(self) -> bool:
        """Tells whether it is a regular file on the disk."""
        return self._folder.size(self._name) is not None

    def read(self, reader: Callable[[BinaryIO], T]) -> T:
        """Returns what a reader makes of the bytes that are there.

        Raises:
            OSError: they are gone.
        """
        with self._folder.open(self._rewritten or self._name) as file:
            return reader(file)

    def left(self) -> Left | None:
        """Returns what is there to go on with; None where there is nothing, or nothing that could be told apart."""
        try:
            if self._file is not None:
                self._file.flush()
            record: Any = json.loads(self._folder.read(self._note))
            total = None if record["total"] is None else int(record["total"])
            size, doubt = self._folder.size(self._name) or 0, str(record.get("doubt", ""))
            left = Left(size, str(record["etag"]), total, doubt)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        if not left.size or not left.etag:
            return None
        return left if left.total is None or left.size <= left.total else None

    def begin(self, etag: str, total: int | None) -> None:
        """Starts from nothing. Only a strong etag can prove later that the rest is of the same file."""
        self.close()
        self._folder.remove(self._note)
        # Removed first: another process may still write into the old one.
        self._file, self._name = self._folder.create(self._usual)
        self._hash, self.size = hashlib.sha256(), 0
        if etag and not etag.upper().startswith("W/") and self._name == self._usual:
            name = self._folder.write(self._note, json.dumps({"etag": etag, "total": total}).encode())
            if name != self._note:
                self._folder.remove(name)

    def go_on(self, head: int) -> bytes:
        """Goes on after the bytes that are there, hashing them again; returns the first `head` of them.

        Raises:
            OSError: they are not in a file of our own.
        """
        self.close()
        file = self._folder.reopen(self._name)
        self._file, self._hash, first = file, hashlib.sha256(), b""
        while block := file.read(_BLOCK):
            first = first or block[:head]
            self._hash.update(block)
        self.size = file.tell()
        return first

    def write(self, data: bytes | bytearray) -> None:
        """Adds what has arrived."""
        assert self._file is not None
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def finish(self) -> str:
        """Puts everything on the disk and returns the whole file's SHA-256."""
        assert self._file is not None
        self._file.flush()
        os.fsync(self._file.fileno())
        self.close()
        return self._hash.hexdigest()

    def hold(self, sha256: str, doubt: str) -> None:
        """Keeps a finished file for a later try that need not fetch it again: its place does not take it for now.

        Raises:
            OSError: the disk refuses.
        """
        note = {"etag": f'"{sha256}"', "total": self._folder.size(self._name), "doubt": doubt}
        name = self._folder.write(self._note, json.dumps(note).encode())
        if name != self._note:
            self._folder.remove(name)

    def rewrite(self, write: Callable[[BinaryIO, BinaryIO], None]) -> tuple[int, str]:
        """Makes another file of the finished one, which `path` is from then on; what came stays for a later try.

        Args:
            write: reads the one and writes the other; where it raises, everything is as before.

        Returns:
            The bytes and the SHA-256 of the new file.

        Raises:
            OSError: the disk refuses.
        """
        with self._folder.open(self._name) as source:
            target, name = self._folder.create(self._made_of_it)
            try:
                with target:
                    write(source, target)
                    target.flush()
                    os.fsync(target.fileno())
                    size, sha256 = target.tell(), hash_of(target)
            except BaseException:
                self._folder.remove(name)
                raise
        self._rewritten = name
        return size, sha256

    def set_aside(self) -> None:
        """Keeps a finished file whose wholeness is in doubt, while it is fetched once more."""
        self._folder.remove(self._aside)
        self.path.replace(self._folder.path / self._aside)
        self._folder.remove(self._note)

    def take_back(self) -> None:
        """Restores the file that was set aside, in place of what came since."""
        self.close()
        self._name = self._usual
        (self._folder.path / self._aside).replace(self.path)

    def close(self) -> None:
        """Lets go of the file. What cannot be gone on with later is removed by `tidy`."""
        if self._file is not None:
            file, self._file = self._file, None
            with contextlib.suppress(OSError):  # a full disk fails again at the last flush
                file.close()

    def tidy(self) -> None:
        """Removes a file that no later try could go on with."""
        if self.left() is None:
            self.drop()

    def drop(self) -> None:
        """Removes everything; what is gone already, or cannot be removed, is left as it is."""
        self.close()
        self._folder.remove(self._name, self._usual, self._note, self._aside, self._made_of_it)
        if self._rewritten:
            self._folder.remove(self._rewritten)
