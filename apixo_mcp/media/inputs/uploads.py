"""Files that owners upload to have them used as inputs: kept for a day, or while an open task needs them.

Each owner has a folder of their own, so that nobody's reference leads to a file of another. Blocking but for `clear`.
"""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio
from anyio import to_thread

from apixo_mcp.media.folder import Folder, file_size
from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.outcomes import kind_of_download
from apixo_mcp.media.probing.facts import MediaFacts
from apixo_mcp.media.probing.probe import read_facts

UPLOADS_FOLDER = "uploads"
"""Beneath the data folder."""

_ID = re.compile(r"[a-z2-7]{26}")
_PART = ".part"
_CLEARED_EVERY = 3600.0


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What may be uploaded.

    Attributes:
        largest: bytes of one file: the most that any model's page takes of one.
        quota: bytes of all files of an owner at a time.
        at_once: files of an owner that may be on their way.
        lasts: seconds that a file can be used.
        arrives_within: seconds in which one has to have come, from its first byte on.
        silent_for: seconds without a byte after which one is given up.
    """

    largest: int = 128_000_000
    quota: int = 1_000_000_000
    at_once: int = 8
    lasts: float = 24 * 3600.0
    arrives_within: float = 900.0
    silent_for: float = 30.0


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came.

    Attributes:
        upload_id: by which its owner names it.
    """

    upload_id: str
    kind: Kind
    size: int
    facts: MediaFacts

    @property
    def reference(self) -> str:
        """What is given in place of a URL."""
        return f"upload:{self.upload_id}"


class UploadArrival:
    """A file on its way, under a temporary name.

    Attributes:
        upload_id: that it will have.
        size: bytes so far.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.upload_id = base64.b32encode(secrets.token_bytes(17)).decode()[:26].lower()
        self._file, self._name = folder.create(f".{self.upload_id}{_PART}")
        self.size = 0

    @property
    def path(self) -> Path:
        """Where the bytes are."""
        return self._folder.path / self._name

    def write(self, data: bytes) -> None:
        """Adds what has come."""
        self._file.write(data)
        self.size += len(data)

    def look(self) -> Upload:
        """Returns what came; it is no upload before it is kept."""
        self._file.flush()
        kind = kind_of_download(self._file)
        return Upload(self.upload_id, kind, self.size, _facts(self._file, kind))

    def settle(self) -> None:
        """Brings it to where it is kept, which may take long where that is far away.

        Raises:
            PlaceTrouble: that does not take it.
        """

    def keep(self) -> None:
        """Makes an upload of it.

        Raises:
            OSError: the disk refuses.
        """
        self._file.close()
        self.path.replace(self._folder.path / self.upload_id)
        self._folder.sync()

    def close(self) -> None:
        """Lets go of it, and drops what was not kept."""
        self._file.close()
        self._folder.remove(self._name)
        self._folder.close()


class Uploads:
    """Keeps what owners upload.

    Args:
        folder: where they are.
        needs: tells whether an open task needs a file.
    """

    def __init__(
        self, folder: Path, needs: Callable[[Path], Awaitable[bool]], limits: UploadLimits = UploadLimits()
    ) -> None:
        self.limits = limits
        self._folder = folder
        self._needs = needs

    def find(self, owner: str, upload_id: str) -> Path | None:
        """Returns an owner's file; None where it never was, is another's, or has run out.

        Raises:
            PlaceTrouble: where it is kept cannot be asked.
        """
        path = self._of(owner) / upload_id
        if not is_upload_id(upload_id) or file_size(path) is None:
            return None
        with suppress(OSError):
            return path if not self._is_over(path) else None
        return None

    def room(self, owner: str) -> int:
        """Returns how many bytes more an owner may upload just now."""
        used = sum(file_size(path) or 0 for path in _files(self._of(owner)))
        return max(0, self.limits.quota - used)

    def has_place(self, owner: str, size: int) -> bool:
        """Tells whether a file that has come can be kept still: others have come meanwhile."""
        kept = sum(file_size(path) or 0 for path in _files(self._of(owner)) if path.suffix != _PART)
        return kept + size <= self.limits.quota

    def arrival(self, owner: str) -> UploadArrival:
        """Begins to take a file.

        Raises:
            OSError: the disk refuses.
        """
        folder = Folder.made(self._of(owner))
        try:
            return UploadArrival(folder)
        except BaseException:
            folder.close()
            raise

    async def clear(self) -> None:
        """Removes what has run out and what was given up on the way, but for what an open task needs."""
        for path in await to_thread.run_sync(self._over):
            if path.suffix == _PART or not await self._needs(path):
                with suppress(OSError):
                    await to_thread.run_sync(path.unlink)

    async def keep_clear(self) -> None:
        """Clears it from time to time, until it is cancelled."""
        while True:
            await self.clear()
            await anyio.sleep(_CLEARED_EVERY)

    def _over(self) -> list[Path]:
        over: list[Path] = []
        for folder in _entries(self._folder):
            for path in _files(folder):
                with suppress(OSError):
                    over += [path] if self._is_over(path) else []
        return over

    def _is_over(self, path: Path) -> bool:
        return time.time() > path.stat().st_mtime + self.limits.lasts

    def _of(self, owner: str) -> Path:
        name = hashlib.sha256(owner.encode(errors="replace")).hexdigest()[:32]
        return self._folder.parent.resolve() / self._folder.name / name


def is_upload_id(text: str) -> bool:
    """Tells whether a text is an id as uploads have them."""
    return _ID.fullmatch(text) is not None


def _facts(file: BinaryIO, kind: Kind) -> MediaFacts:
    try:
        return read_facts(file, kind) if kind.modality else MediaFacts()
    except Exception:  # its reader stumbled over bytes that somebody made up
        return MediaFacts()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in _entries(folder) if file_size(path) is not None)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
