"""Copies of objects on a disk of this machine, for decoders and whoever is served one often. Blocking.

A copy is named by the object's key and etag: another object under the same key never has it. The ones that were not
asked for longest go first.
"""

import contextlib
import hashlib
import os
import secrets
import threading
import time
from pathlib import Path, PurePosixPath

from apixo_mcp.media.bucket.bucket import Bucket, Stored

_MOST = 2 << 30
_AFTERWARDS = 0.8
_LEFT_FOR = 3600.0  # seconds that a file which is still coming is let be


class Copies:
    """Keeps copies.

    Args:
        folder: keeps them.
        most: bytes that they take together; the newest stays whatever its size.
    """

    def __init__(self, folder: Path, *, most: int = _MOST) -> None:
        self._folder = folder
        self._most = most
        self._making: dict[Path, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, bucket: Bucket, stored: Stored) -> Path:
        """Returns the copy of an object, which is fetched where there is none.

        Raises:
            FileNotFoundError: the object is gone.
            BucketTrouble: it cannot be read.
            OSError: the disk refuses.
        """
        path = self._place(bucket, stored)
        with self._lock:
            making = self._making.setdefault(path, threading.Lock())
        try:
            with making:  # whoever asks for the same one waits for it
                if self.has(bucket, stored):
                    with contextlib.suppress(OSError):
                        os.utime(path)
                    return path
                part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
                try:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with part.open("xb") as file:
                        bucket.fetch(stored, file)
                    part.replace(path)
                finally:
                    part.unlink(missing_ok=True)
                self._drop_oldest(path)
                return path
        finally:
            with self._lock:
                self._making.pop(path, None)

    def take(self, bucket: Bucket, stored: Stored, file: Path) -> None:
        """Makes a copy of the very file that an object was made of, where that costs nothing: by another name of it."""
        path = self._place(bucket, stored)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(file, path)
            self._drop_oldest(path)

    def has(self, bucket: Bucket, stored: Stored) -> bool:
        """Tells whether there is a copy."""
        with contextlib.suppress(OSError):
            return self._place(bucket, stored).stat().st_size == stored.size
        return False

    def _place(self, bucket: Bucket, stored: Stored) -> Path:
        mark = f"{bucket.name}\0{stored.key}\0{stored.etag or stored.modified.isoformat()}"
        name = hashlib.blake2b(mark.encode(), digest_size=16).hexdigest()
        return self._folder / name[:2] / f"{name}{PurePosixPath(stored.key).suffix}"

    def _drop_oldest(self, newest: Path) -> None:
        entries: list[tuple[float, int, Path]] = []
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                is_coming = path.suffix == ".part" and time.time() < status.st_mtime + _LEFT_FOR
                entries += [] if is_coming else [(status.st_mtime, status.st_size, path)]
        taken = sum(size for _, size, _ in entries)
        if taken <= self._most:
            return
        for _, size, path in sorted(entries):
            if taken <= self._most * _AFTERWARDS:
                return
            if path != newest:
                with contextlib.suppress(OSError):  # somebody reads it, on Windows
                    path.unlink()
                    taken -= size
