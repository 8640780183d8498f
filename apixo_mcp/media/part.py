"""A file that is still arriving: its bytes so far, and what is needed to go on with it later. Blocking."""

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Left:
    """What an earlier try left behind.

    Attributes:
        etag: of the file whose beginning it is.
        total: bytes of the whole file, None where unknown.
    """

    size: int
    etag: str
    total: int | None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing but the last steps."""
        return self.size == self.total


class Part:
    """The temporary file of one result, and beside it a note of the etag that a later try needs.

    Attributes:
        size: bytes so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.note = path.with_name(path.name + ".json")
        self.size = 0
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()

    @property
    def is_open(self) -> bool:
        """Whether a body is being received."""
        return self._file is not None

    def left(self) -> Left | None:
        """What is there to go on with; None where there is nothing, or nothing that could be told apart."""
        try:
            note: Any = json.loads(self.note.read_bytes())
            total = None if note["total"] is None else int(note["total"])
            left = Left(self.path.stat().st_size, str(note["etag"]), total)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if not left.size or not left.etag:
            return None
        return left if left.total is None or left.size <= left.total else None

    def begin(self, etag: str, total: int | None) -> None:
        """Starts from nothing. Only a strong etag can prove later that the rest is of the same file."""
        self.close()
        self.note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)  # another process may still write into the old one
        self._file = self.path.open("wb")
        self._hash, self.size = hashlib.sha256(), 0
        if etag and not etag.startswith("W/"):
            self.note.write_text(json.dumps({"etag": etag, "total": total}), encoding="utf-8")

    def go_on(self, head: int) -> bytes:
        """Goes on after the bytes that are there, hashing them again; returns the first `head` of them."""
        self.close()
        file = self.path.open("r+b")
        self._file, self._hash, first = file, hashlib.sha256(), b""
        while block := file.read(_BLOCK):
            first = first or block[:head]
            self._hash.update(block)
        self.size = file.tell()
        return first

    def write(self, data: bytes) -> None:
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
        for path in (self.path, self.note):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
