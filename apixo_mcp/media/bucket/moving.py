"""Brings the file of a result into the bucket that was saved in a folder before. Blocking.

The file is copied before it is put, and the copy is what is checked: nobody writes to that meanwhile.
"""

import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePath

from apixo_mcp.media import kinds
from apixo_mcp.media.bucket.arrival import NAMES_TAKEN
from apixo_mcp.media.bucket.results import BucketFiles
from apixo_mcp.media.bucket.troubles import BucketTrouble
from apixo_mcp.media.files import record_of
from apixo_mcp.media.partial import PartialFile
from apixo_mcp.tasks.task import Result, Task

_BLOCK = 1 << 20
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that is in the bucket by now, whole.

    Attributes:
        path: its address.
        was_there: whether an earlier try had put it.
    """

    path: str
    was_there: bool


@dataclass(frozen=True, slots=True)
class Stays:
    """A file that is left as it is, and why."""

    why: str


def bring(files: BucketFiles, task: Task, result: Result) -> Brought | Stays:
    """Puts the saved file of a result into the bucket, if it still is what was saved; nothing else is changed.

    Raises:
        BucketTrouble: the bucket does not take it.
        OSError: the disk does not take the copy.
    """
    size, sha256 = result.bytes, result.sha256
    if size is None or not sha256:
        return Stays("cannot be checked: its size and hash were not kept")
    record = record_of(
        task,
        result,
        sha256=sha256,
        size=size,
        mime_type=result.mime_type,
        note=result.problem,
        file_sha256=result.file_sha256,
    )
    extension = _extension_of(result)
    with closing(files.moving(task, result)) as arrival:
        try:
            if kept := arrival.there(extension, record):
                return Brought(kept.path, was_there=True)
            if why := _copied(files, result, arrival.part):
                return Stays(why)
            return Brought(arrival.put(extension, record).path, was_there=False)
        except BucketTrouble as trouble:
            if trouble.code == NAMES_TAKEN:
                return Stays("finds no free name: objects of others have all of its own")
            raise
        finally:
            arrival.part.drop()


def _extension_of(result: Result) -> str:
    """Returns what its name ends with, as it was saved."""
    extension = PurePath(result.path).suffix
    return extension if _EXTENSION.fullmatch(extension) else (kinds.for_mime(result.mime_type) or kinds.OTHER).extension


def _copied(files: BucketFiles, result: Result, part: PartialFile) -> str:
    """Copies the file of a result, and returns what is wrong with it; empty where it is what was saved."""
    try:
        file = files.open(result.path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return "is not here"
    except OSError as error:
        return _unreadable(error)
    with file:
        part.begin("", None)
        while part.size <= (result.bytes or 0):
            try:
                block = file.read(_BLOCK)
            except OSError as error:
                return _unreadable(error)
            if not block:
                break
            part.write(block)
    is_same = part.finish() == result.sha256_on_disk and part.size == result.bytes
    return "" if is_same else "was changed since it was saved"


def _unreadable(error: OSError) -> str:
    return f"cannot be read ({(error.strerror or str(error)).lower()})"
