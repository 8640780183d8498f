"""A file on its way into a bucket: under which key it is put, and what is noted with it. Blocking."""

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from apixo_mcp.media import kinds, names
from apixo_mcp.media.bucket.bucket import Stored
from apixo_mcp.media.bucket.space import BucketSpace
from apixo_mcp.media.bucket.troubles import BucketTrouble
from apixo_mcp.media.files import ADDRESS, KeptFile, is_of
from apixo_mcp.media.folder import Folder
from apixo_mcp.media.partial import PartialFile
from apixo_mcp.media.served import disposition, may_be_shown
from apixo_mcp.tasks.task import Result, Task

log = logging.getLogger(__name__)

NAMES_TAKEN = "NamesTaken"
"""In place of a code of S3's: objects of others have all names of a file."""
_NAMES = 20
"""So many names are tried where somebody else's objects have the first ones."""
_NOTED = ("task_id", "index", "sha256", "file_sha256", "bytes", "mime_type", "note")
_FOUND_WITHIN = 5.0  # seconds: a URL that may die waits for it


class _Place(Protocol):
    """The place that it comes into."""

    @property
    def space(self) -> BucketSpace:
        """The part of the bucket that keeps the files."""
        ...

    def check_answers(self) -> None:
        """Raises BucketTrouble where the bucket did not answer a moment ago."""
        ...

    def note(self, trouble: OSError) -> None:
        """Notes what went wrong."""
        ...

    def found(self, path: str) -> None:
        """Notes that a file is there again."""
        ...


class BucketArrival:
    """A file on its way into a bucket; see `Arrival`.

    Args:
        files: the place.
        folder: of what still arrives.
        task: that the file is of.
        result: that the file is of.
        part_name: of what arrives.
        is_moved: whether it was saved elsewhere before.
    """

    def __init__(
        self,
        files: _Place,
        folder: Folder,
        task: Task,
        result: Result,
        part_name: str,
        *,
        is_moved: bool = False,
    ) -> None:
        self._files = files
        self._folder = folder
        self._task = task
        self._result = result
        self._is_moved = is_moved
        self.part = PartialFile(folder, part_name)

    def find(self) -> KeptFile | None:
        """See `Arrival.find`. While the bucket is away nothing is found, and the file is fetched while it can be."""
        bucket = self._files.space.bucket
        try:
            self._files.check_answers()
            for listed in bucket.list(self._beginning, within=_FOUND_WITHIN):
                if listed.key.endswith(".json"):
                    continue
                if (stored := bucket.head(listed.key, within=_FOUND_WITHIN)) is None:
                    continue
                if self._is_whole(stored):
                    kept = self._kept(stored)
                    self._files.found(kept.path)
                    return kept
        except OSError as trouble:
            self._files.note(trouble)
            log.warning("result %d of task %s: %s", self._result.index, self._task.task_id, trouble.strerror)
        return None

    def there(self, extension: str, record: Mapping[str, Any]) -> KeptFile | None:
        """Returns the object of this result that `put` would come to, and puts its record; None where there is none.

        Raises:
            BucketTrouble: it cannot be told.
        """
        for key in self._keys(extension):
            stored = self._files.space.bucket.head(key)
            if stored is None:
                return None
            if self._is_whole(stored):
                return self._taken(stored, record)
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
        for key in self._keys(extension):
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
                kept = self._taken(stored, record)
                is_same = kept.sha256_on_disk == record.get("file_sha256", record["sha256"])
                if is_same and not self._is_moved:  # of what was saved long ago nobody may want a copy here
                    self._files.space.copies.take(bucket, stored, source)
                return kept
        raise BucketTrouble(NAMES_TAKEN, "objects of others have all names of this file", bucket.name)

    def close(self) -> None:
        """See `Arrival.close`."""
        self.part.close()
        self._folder.close()

    def _keys(self, extension: str) -> Iterator[str]:
        """Yields the key of the file, and those that follow where objects of others have it."""
        stem = f"{self._beginning}/{self._result.kind}-{self._result.index}"
        for number in range(1, _NAMES):
            yield f"{stem}{'' if number == 1 else f'-{number}'}{extension}"

    def _taken(self, stored: Stored, record: Mapping[str, Any]) -> KeptFile:
        """Returns an object of this result as its file, with its record beside it."""
        kept = self._kept(stored)
        self._files.found(kept.path)
        self._put_record(stored.key, {**record, **record_in(stored)})
        return kept

    def _put_record(self, key: str, record: Mapping[str, Any]) -> None:
        text = json.dumps(record, ensure_ascii=False, indent=2, default=str).encode(errors="replace")
        self._files.space.bucket.put(f"{key}.json", text, mime_type="application/json", disposition="attachment")

    def _kept(self, stored: Stored) -> KeptFile:
        return KeptFile.of(f"{ADDRESS}{self._files.space.bucket.name}/{stored.key}", record_in(stored))

    @property
    def _beginning(self) -> str:
        """What the keys of all files of its task begin with."""
        return self._files.space.key(names.day(self._task.created_at), names.plain_id(self._task))

    def _is_whole(self, stored: Stored) -> bool:
        record = record_in(stored)
        if not is_of(record, self._task, self._result) or record["bytes"] != stored.size:
            return False
        return not self._is_moved or self._kept(stored).sha256_on_disk == self._result.sha256_on_disk


def _noted(record: Mapping[str, Any]) -> dict[str, str]:
    """Returns what is noted with an object: what tells whose it is, and whether it is whole."""
    return {name.replace("_", "-"): str(record[name]) for name in _NOTED if name in record}


def record_in(stored: Stored) -> dict[str, Any]:
    """Returns what was noted with an object, as a record; nothing where somebody else put it."""
    told = {name: stored.about[key] for name in _NOTED if (key := name.replace("_", "-")) in stored.about}
    try:
        return {**told, "index": int(told["index"]), "bytes": int(told["bytes"]), "sha256": told["sha256"]}
    except (KeyError, ValueError):
        return {}
