"""A second place for results: in memory, as far from a folder as can be. Only what still arrives is on a disk."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from apixo_mcp.media import names
from apixo_mcp.media.files import KeptFile, is_of
from apixo_mcp.media.folder import made_beneath
from apixo_mcp.media.partial import PartialFile
from apixo_mcp.tasks.task import Result, Task

Kept = dict[str, tuple[bytes, Mapping[str, Any]]]


class MemoryFiles:
    """Objects that share `kept` are one place, as that of several processes would be."""

    where = "memory"
    is_far = False

    def __init__(self, disk: Path, kept: Kept) -> None:
        self._disk = disk
        self._kept = kept

    def arrival(self, task: Task, result: Result) -> "_Arrival":
        return _Arrival(self._disk, self._kept, task, result)

    def open(self, path: str) -> BinaryIO:
        if path not in self._kept:
            raise FileNotFoundError(path)
        return io.BytesIO(self._kept[path][0])

    def etag(self, file: BinaryIO) -> str:
        return "memory"

    def size(self, path: str) -> int | None:
        return len(self._kept[path][0]) if path in self._kept else None

    def is_there(self, path: str, size: int | None) -> bool:
        return self.size(path) == size

    def delete(self, task: Task, result: Result) -> bool:
        data, record = self._kept.get(result.path, (None, {}))
        if data is None or not is_of(record, task, result) or hashlib.sha256(data).hexdigest() != result.sha256_on_disk:
            return False
        del self._kept[result.path]
        return True

    def forget(self, task: Task, result: Result) -> None:
        pass

    def on_disk(self, path: str) -> Path | None:
        if path not in self._kept:
            return None
        copy = self._disk / hashlib.sha256(path.encode()).hexdigest()
        copy.write_bytes(self._kept[path][0])
        return copy

    def link(self, path: str, lasts: float) -> str:
        return ""


class _Arrival:
    def __init__(self, disk: Path, kept: Kept, task: Task, result: Result) -> None:
        self._kept = kept
        self._task = task
        self._result = result
        self._folder = made_beneath(disk, "arriving")
        self.part = PartialFile(self._folder, names.part_name(task, result))

    def find(self) -> KeptFile | None:
        for path, (data, record) in self._kept.items():
            if is_of(record, self._task, self._result) and len(data) == record["bytes"]:
                return KeptFile.of(path, record)
        return None

    def put(self, extension: str, record: Mapping[str, Any]) -> KeptFile:
        entry = (self.part.read(lambda file: file.read()), record)
        for name in names.candidates(names.stem(self._task, self._result) + extension):
            path = f"memory/{names.day(self._task.created_at)}/{name}"
            if self._kept.setdefault(path, entry) is entry:
                return KeptFile.of(path, record)
        raise FileExistsError("too many files of this name")

    def close(self) -> None:
        self.part.close()
        self._folder.close()
