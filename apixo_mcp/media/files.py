"""The files port: the place where the files of results are kept. Its verbs are blocking, and called in worker threads.

    Saver ──► ResultFiles.arrival ──► Arrival.find    what an earlier try put there
                                      Arrival.part    the bytes as they come, always on a disk of this machine
                                      Arrival.put     the whole file, under a free name, with its record

What is kept is known by its `path`, which `put` tells and the task's row holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self, cast

from apixo_mcp.media.inline import is_inline
from apixo_mcp.media.partial import PartialFile
from apixo_mcp.tasks.task import Result, Task

ADDRESS = "s3://"
"""What the `path` of a file begins with that is kept in a bucket."""


class PlaceTrouble(OSError):
    """A place that cannot be asked just now, or takes nothing: nothing is said of what it keeps. Tells what to do."""


def is_address(path: str) -> bool:
    """Tells whether a file is kept in a bucket, and its path means nothing to programs of this machine."""
    return path.startswith(ADDRESS)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A finished file in its place, and what its record says of it.

    Attributes:
        size: of the file in its place.
        sha256: of the bytes that the gateway handed out.
        file_sha256: of the file in its place, empty where that holds just these bytes.
    """

    path: str
    mime_type: str
    size: int
    sha256: str
    note: str
    file_sha256: str = ""

    @classmethod
    def of(cls, path: str, record: Mapping[str, Any]) -> Self:
        """Returns the file at a path, as its record describes it."""
        mime_type, note = str(record.get("mime_type", "")), str(record.get("note", ""))
        return cls(path, mime_type, record["bytes"], record["sha256"], note, str(record.get("file_sha256", "")))

    @property
    def sha256_on_disk(self) -> str:
        """The hash of the file as it was put in its place."""
        return self.file_sha256 or self.sha256


class Arrival(Protocol):
    """The file of one result on its way into its place."""

    @property
    def part(self) -> PartialFile:
        """The bytes so far, those of earlier tries too."""
        ...

    def find(self) -> KeptFile | None:
        """Returns the file of this result that an earlier try put in its place, if it is whole."""
        ...

    def put(self, extension: str, record: Mapping[str, Any]) -> KeptFile:
        """Puts the finished part in its place, where it takes no other file's name; beside it its record.

        Args:
            extension: of the name, with its dot.
            record: as `record_of` makes it.

        Raises:
            PlaceTrouble: the place does not take it for now; a later try puts the same part.
            OSError: the disk refuses.
        """
        ...

    def close(self) -> None:
        """Lets go of the place. The part stays for a later try, where it was not dropped."""
        ...


class ResultFiles(Protocol):
    """A place that keeps the files of results.

    Attributes:
        where: what a person calls it.
        is_far: whether a file that is put here goes over the network, by calls that end by themselves in time.
    """

    where: str
    is_far: bool

    def arrival(self, task: Task, result: Result) -> Arrival:
        """Begins to put a result's file here. One try at a time: its caller sees to that within this process.

        Raises:
            OSError: the place cannot be had.
        """
        ...

    def open(self, path: str) -> BinaryIO:
        """Opens a file that is kept, to read it from any offset.

        Raises:
            PlaceTrouble: the place cannot be asked.
            OSError: it is gone, or something else stands in its place.
        """
        ...

    def etag(self, file: BinaryIO) -> str:
        """Returns what tells a file that was opened here from any other content, without quotes."""
        ...

    def size(self, path: str) -> int | None:
        """Returns the bytes of a file that is kept, None where it is gone.

        Raises:
            PlaceTrouble: the place cannot be asked.
        """
        ...

    def is_there(self, path: str, size: int | None) -> bool:
        """Tells at little cost whether a file is still where it was put, whole; it is while nobody can tell."""
        ...

    def delete(self, task: Task, result: Result) -> bool:
        """Deletes the file of a result where it is still the very one that was saved; its record stays.

        Returns:
            Whether it is not there any more, and its record tells that it was. False for what somebody wrote to, put in
            its place or took away, and for what stands elsewhere.
        """
        ...

    def forget(self, task: Task, result: Result) -> None:
        """Removes the record of a file that was deleted."""
        ...

    def on_disk(self, path: str) -> Path | None:
        """Returns where this machine's programs can read a file that is kept, or a copy; None where it is gone.

        Raises:
            PlaceTrouble: the place cannot be asked.
        """
        ...

    def link(self, path: str, lasts: float) -> str:
        """Returns an address by which anybody fetches a file from the place itself for so many seconds.

        Empty where it has none. Another one is made each time, and none is kept.

        Raises:
            PlaceTrouble: none can be made just now.
        """
        ...


def record_of(
    task: Task,
    result: Result,
    *,
    sha256: str,
    size: int,
    mime_type: str,
    note: str = "",
    file_sha256: str = "",
) -> dict[str, Any]:
    """Returns what is kept beside a file: where it came from. Nothing here was ever a key.

    Args:
        task: that it is of.
        result: that it is of.
        sha256: of the bytes that the gateway handed out.
        size: of the file.
        mime_type: of the file.
        note: what is odd about it.
        file_sha256: of the file, where it holds more than the bytes that the gateway handed out.
    """
    created = datetime.fromtimestamp(task.created_at, UTC).isoformat(timespec="seconds")
    record = {
        "task_id": task.task_id,
        "index": result.index,
        "remote_id": task.remote_id,
        "gateway": task.gateway,
        "model": task.model,
        "prompt": task.prompt,
        "inputs": shortened(dict(task.inputs)),
        "created_at": created.replace("+00:00", "Z"),
        "url": shortened(result.url),
        "sha256": sha256,
        "bytes": size,
        "mime_type": mime_type,
    }
    return record | {name: text for name, text in (("file_sha256", file_sha256), ("note", note)) if text}


def is_of(record: Mapping[str, Any], task: Task, result: Result) -> bool:
    """Tells whether a record is that of a result's file."""
    return record.get("task_id") == task.task_id and record.get("index") == result.index


def shortened(value: Any) -> Any:
    """Returns inputs shortened by the files that were sent inside them."""
    if isinstance(value, str):
        return f"{value[:40]}… ({len(value)} characters)" if is_inline(value) and len(value) > 80 else value
    if isinstance(value, Mapping):
        return {str(key): shortened(inner) for key, inner in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [shortened(inner) for inner in cast("list[Any]", value)]
    return value
