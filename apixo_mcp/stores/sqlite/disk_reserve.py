"""Room that is kept on the disk, so that what was paid for can still be noted once the disk is full."""

import contextlib
import os
import uuid
from pathlib import Path

SIZE = 1 << 20


class DiskReserve:
    """A file of nothing beside the task store, dropped when the disk is full.

    Several processes share one; whoever drops it makes room for all of them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def take_up(self) -> None:
        """Makes the file if it is missing.

        Raises:
            OSError: there is no room for it.
        """
        if self._path.exists():
            return
        part = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex}")
        try:
            with part.open("wb") as file:
                file.write(os.urandom(SIZE))  # zeros may take up nothing
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise

    def drop(self) -> bool:
        """Makes room; False where there was nothing to drop."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
