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
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from apixo_mcp.media import kinds, names
from apixo_mcp.media.bucket.bucket import Stored
from apixo_mcp.media.bucket.space import BucketSpace
from apixo_mcp.media.bucket.troubles import BucketTrouble, trouble_of
from apixo_mcp.media.files import ADDRESS, KeptFile, ResultFiles, is_address, is_of
from apixo_mcp.media.folder import Folder, made_beneath
from apixo_mcp.media.partial import PartialFile
from apixo_mcp.media.served import disposition, may_be_shown
from apixo_mcp.tasks.task import Result, Task

log = logging.getLogger(__name__)

_GONE_KNOWN = 10_000
_NAMES = 20
"""So many names are tried where somebody else's objects have the first ones."""
_ARRIVING_FOR = 7 * 24 * 3600.0
_CLEARED_EVERY = 3600.0
_FOUND_WITHIN = 5.0  # seconds: a URL that may die waits for it
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

    def arrival(self, task: Task, result: Result) -> "_BucketArrival":
        """Begins on this machine's disk; nothing is asked of the bucket."""
        folder = made_beneath(self._arriving.parent, self._arriving.name)
        if time.monotonic() - self._cleared_at > _CLEARED_EVERY:
            self._cleared_at = time.monotonic()
            _clear(folder)
        return _BucketArrival(self, folder, task, result)

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
            if not is_of(_record_in(stored), task, result):
                return False
            kept = KeptFile.of(result.path, _record_in(stored))
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

    def beginning(self, task: Task) -> str:
        """Returns what the keys of all files of a task begin with."""
        return self._space.key(names.day(task.created_at), names.plain_id(task))

    def kept(self, stored: Stored) -> KeptFile:
        """Returns an object as a file that is kept."""
        return KeptFile.of(f"{ADDRESS}{self._bucket.name}/{stored.key}", _record_in(stored))

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


class _BucketArrival:
    """A file on its way into a bucket; see `Arrival`."""

    def __init__(self, files: BucketFiles, folder: Folder, task: Task, result: Result) -> None:
        self._files = files
        self._folder = folder
        self._task = task
        self._result = result
        self.part = PartialFile(folder, names.part_name(task, result))

    def find(self) -> KeptFile | None:
        """See `Arrival.find`. While the bucket is away nothing is found, and the file is fetched while it can be."""
        beginning, bucket = self._files.beginning(self._task), self._files.space.bucket
        try:
            self._files.check_answers()
            for listed in bucket.list(beginning, within=_FOUND_WITHIN):
                if listed.key.endswith(".json"):
                    continue
                if (stored := bucket.head(listed.key, within=_FOUND_WITHIN)) is None:
                    continue
                if self._is_whole(stored):
                    kept = self._files.kept(stored)
                    self._files.found(kept.path)
                    return kept
        except OSError as trouble:
            self._files.note(trouble)
            log.warning("result %d of task %s: %s", self._result.index, self._task.task_id, trouble.strerror)
        return None

    def put(self, extension: str, record: Mapping[str, Any]) -> KeptFile:
        """Puts the part under the result's own key, and then its record. An object of this result is taken as it is."""
        self._files.check_answers()
        try:
            return self._put(extension, record)
        except OSError as trouble:
            self._files.note(trouble)
            raise

    def _put(self, extension: str, record: Mapping[str, Any]) -> KeptFile:
        bucket, source = self._files.space.bucket, self.part.path
        kind = kinds.for_mime(str(record["mime_type"])) or kinds.OTHER
        is_shown = may_be_shown(kind)
        # Nothing of a gateway's is ever handed out as a page: what is not surely media is to be saved.
        mime_type = kind.mime_type if is_shown else kinds.OTHER.mime_type
        name = names.legal(names.stem(self._task, self._result) + extension)
        stem = f"{self._files.beginning(self._task)}/{self._result.kind}-{self._result.index}"
        for number in range(1, _NAMES):
            key = f"{stem}{'' if number == 1 else f'-{number}'}{extension}"
            with contextlib.suppress(FileExistsError):
                bucket.put(
                    key,
                    source,
                    mime_type=mime_type,
                    disposition=disposition(name, is_shown=is_shown),
                    about=_noted(record),
                    only_new=True,
                )
            stored = bucket.head(key)
            if stored is not None and self._is_whole(stored):
                kept = self._files.kept(stored)
                self._files.found(kept.path)
                self._put_record(key, {**record, **_record_in(stored)})
                if kept.sha256_on_disk == record.get("file_sha256", record["sha256"]):
                    self._files.space.copies.take(bucket, stored, source)
                return kept
        raise BucketTrouble("", "objects of others have all names of this file", bucket.name)

    def close(self) -> None:
        """See `Arrival.close`."""
        self.part.close()
        self._folder.close()

    def _put_record(self, key: str, record: Mapping[str, Any]) -> None:
        text = json.dumps(record, ensure_ascii=False, indent=2, default=str).encode(errors="replace")
        self._files.space.bucket.put(f"{key}.json", text, mime_type="application/json", disposition="attachment")

    def _is_whole(self, stored: Stored) -> bool:
        record = _record_in(stored)
        return is_of(record, self._task, self._result) and record["bytes"] == stored.size


class _Copy(io.FileIO):
    """A copy that is read in place of its object."""

    def __init__(self, path: Path, etag: str) -> None:
        super().__init__(path)
        self.etag = etag


def _noted(record: Mapping[str, Any]) -> dict[str, str]:
    """Returns what is noted with an object: what tells whose it is, and whether it is whole."""
    kept = ("task_id", "index", "sha256", "file_sha256", "bytes", "mime_type", "note")
    return {name.replace("_", "-"): str(record[name]) for name in kept if name in record}


def _record_in(stored: Stored) -> dict[str, Any]:
    """Returns what was noted with an object, as a record; nothing where somebody else put it."""
    told = {name.replace("-", "_"): value for name, value in stored.about.items()}
    try:
        return {**told, "index": int(told["index"]), "bytes": int(told["bytes"]), "sha256": told["sha256"]}
    except (KeyError, ValueError):
        return {}


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
