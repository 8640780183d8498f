"""Results kept in a bucket, so that every machine has them. Blocking; see `ResultFiles`.

    <prefix>/2026-11-28/<task id>/image-0.png         the file, and noted with it what `find` must know
    <prefix>/2026-11-28/<task id>/image-0.png.json    its record, as it stands beside a file in a folder

A key is made of the task and the index alone: of two workers who save one result the later finds the name taken, and
takes the object that is there. What still arrives is on a disk of this machine (`arriving` in the data folder), so that
the gateway's URL may die while the bucket is away. Files that were saved in a folder before are read from there.
"""

import contextlib
import errno
import io
import json
import logging
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from apixo_mcp.media import names
from apixo_mcp.media.bucket.arrival import BucketArrival, record_in
from apixo_mcp.media.bucket.bucket import Stored
from apixo_mcp.media.bucket.space import BucketSpace
from apixo_mcp.media.bucket.troubles import BucketTrouble, trouble_of
from apixo_mcp.media.files import ADDRESS, KeptFile, ResultFiles, is_address, is_of
from apixo_mcp.media.folder import Folder, made_beneath
from apixo_mcp.media.partial import PartialFile
from apixo_mcp.tasks.task import Result, Task

log = logging.getLogger(__name__)

_GONE_KNOWN = 10_000
_ARRIVING_FOR = 7 * 24 * 3600.0
_CLEARED_EVERY = 3600.0
_AWAY_FOR = 5.0  # seconds in which a bucket that did not answer is asked nothing more by what saves


class BucketFiles:
    """Keeps results in a bucket; see `ResultFiles`."""

    is_far = True

    def __init__(self, space: BucketSpace, *, arriving: Path, earlier: ResultFiles) -> None:
        """Takes the place.

        Args:
            space: keeps the files.
            arriving: the folder of what still arrives.
            earlier: has what was saved before there was a bucket.
        """
        self._space = space
        self._bucket = space.bucket
        self._arriving = arriving
        self._earlier = earlier
        self._gone: set[str] = set()
        self._cleared_at = self._away_until = float("-inf")
        self.where = space.address

    def arrival(self, task: Task, result: Result) -> BucketArrival:
        """Begins on this machine's disk; nothing is asked of the bucket."""
        folder = made_beneath(self._arriving.parent, self._arriving.name)
        if time.monotonic() - self._cleared_at > _CLEARED_EVERY:
            self._cleared_at = time.monotonic()
            _clear(folder)
        return BucketArrival(self, folder, task, result, names.part_name(task, result))

    def moving(self, task: Task, result: Result) -> BucketArrival:
        """Begins with a saved file that is to be here too: the object must be that very file, not another try's.

        What is made of it on the way has a name of its own, so that several processes may move one file.
        """
        folder = made_beneath(self._arriving.parent, self._arriving.name)
        return BucketArrival(self, folder, task, result, f".moving-{secrets.token_hex(8)}.part", is_moved=True)

    def check_answers(self) -> None:
        """Keeps many files that are to be saved from waiting for a bucket, one after the other, that is away.

        Raises:
            BucketTrouble: it did not answer a moment ago.
        """
        if time.monotonic() < self._away_until:
            raise trouble_of(TimeoutError(), self._bucket.name)

    def note(self, trouble: OSError) -> None:
        """Notes what went wrong."""
        if isinstance(trouble, BucketTrouble) and trouble.is_away:
            self._away_until = time.monotonic() + _AWAY_FOR

    def open(self, path: str) -> BinaryIO:
        """Opens a copy where there is one, else the object itself, which is read by parts."""
        if not is_address(path):
            return self._earlier.open(path)
        stored = self._stored(path)
        if stored is None:
            raise FileNotFoundError(errno.ENOENT, "it is no longer in the bucket")
        if self._space.copies.has(self._bucket, stored):
            return cast("BinaryIO", io.BufferedReader(_Copy(self._space.copy_of(stored), stored.etag)))
        return self._bucket.open(stored)

    def etag(self, file: BinaryIO) -> str:
        """Returns that of the object."""
        raw = getattr(file, "raw", file)
        etag = getattr(raw, "etag", None)
        return str(etag).strip('"') if etag is not None else self._earlier.etag(file)

    def size(self, path: str) -> int | None:
        """Returns the bytes of a file; None only where the bucket says that there is none."""
        if not is_address(path):
            return self._earlier.size(path)
        stored = self._stored(path)
        return stored.size if stored else None

    def is_there(self, path: str, size: int | None) -> bool:
        """Tells whether nobody has found it gone here: to ask for each file that is told of would take too long."""
        return path not in self._gone if is_address(path) else self._earlier.is_there(path, size)

    def delete(self, task: Task, result: Result) -> bool:
        """See `ResultFiles.delete`."""
        if not is_address(result.path):
            return self._earlier.delete(task, result)
        try:
            key = self._key(result.path)
            stored = self._bucket.head(key)
            if stored is None:
                return is_of(self._record(key), task, result)
            if not is_of(record_in(stored), task, result):
                return False
            kept = KeptFile.of(result.path, record_in(stored))
            if stored.size != result.bytes or kept.sha256_on_disk != result.sha256_on_disk:
                return False
            self._bucket.delete(key)
        except OSError as error:
            log.warning("the file of result %d of task %s stays: %s", result.index, task.task_id, error.strerror)
            return False
        return True

    def forget(self, task: Task, result: Result) -> None:
        """See `ResultFiles.forget`."""
        if not is_address(result.path):
            self._earlier.forget(task, result)
            return
        with contextlib.suppress(OSError):
            key = self._key(result.path)
            if is_of(self._record(key), task, result):
                self._bucket.delete(f"{key}.json")

    def on_disk(self, path: str) -> Path | None:
        """Returns a copy on this machine's disk, which goes when others need its room."""
        if not is_address(path):
            return self._earlier.on_disk(path)
        stored = self._stored(path)
        try:
            return self._space.copy_of(stored) if stored else None
        except FileNotFoundError:
            return None

    def link(self, path: str, lasts: float) -> str:
        """Returns a signed address of the object."""
        return self._bucket.sign(self._key(path), lasts) if is_address(path) else self._earlier.link(path, lasts)

    @property
    def space(self) -> BucketSpace:
        """The part of the bucket that keeps the files."""
        return self._space

    def found(self, path: str) -> None:
        """Notes that a file is there again."""
        self._gone.discard(path)

    def _stored(self, path: str) -> Stored | None:
        stored = self._bucket.head(self._key(path))
        if stored is None and len(self._gone) < _GONE_KNOWN:
            self._gone.add(path)
        return stored

    def _key(self, path: str) -> str:
        name, _, key = path.removeprefix(ADDRESS).partition("/")
        if name != self._bucket.name or not key:
            sentence = f"it is kept in another one, {path}. Set APIXO_MCP_RESULTS to that to read it"
            raise BucketTrouble("", sentence, self._bucket.name)
        return key

    def _record(self, key: str) -> Mapping[str, Any]:
        """Returns what the record of a file says, nothing where there is none."""
        try:
            stored = self._bucket.head(f"{key}.json")
            record: Any = json.loads(self._bucket.part(stored, 0, stored.size)) if stored else {}
        except (FileNotFoundError, ValueError, RecursionError):
            return {}
        return cast("dict[str, Any]", record) if isinstance(record, dict) else {}


class _Copy(io.FileIO):
    """A copy that is read in place of its object."""

    def __init__(self, path: Path, etag: str) -> None:
        super().__init__(path)
        self.etag = etag


def _clear(folder: Folder) -> None:
    """Removes what was begun here long ago and is not whole: another machine has saved it, or its URL is dead.

    A whole file stays: it may be all that is left of a result.
    """
    entries = [entry for entry in folder.path.iterdir() if time.time() > _changed_at(entry) + _ARRIVING_FOR]
    parts = {entry.name for entry in entries if entry.suffix == ".part"}
    whole = tuple(name for name in parts if (left := PartialFile(folder, name).left()) and left.is_whole)
    folder.remove(*(entry.name for entry in entries if not entry.name.startswith(whole)))


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()
