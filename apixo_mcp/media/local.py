"""Results kept in a folder of this machine: a folder a day, no file overwritten, each with a side file. Blocking."""

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from apixo_mcp.errors import MediaError
from apixo_mcp.generation import NextAction
from apixo_mcp.media import names
from apixo_mcp.media.files import KeptFile, PlaceTrouble, ResultFiles, is_address, is_of
from apixo_mcp.media.folder import Folder, file_size, has_hash, hash_of, made_beneath, open_file
from apixo_mcp.media.partial import PartialFile
from apixo_mcp.tasks.task import Result, Task

log = logging.getLogger(__name__)

_ADVICE = {
    errno.ENOSPC: "the disk is full. Free some space, then try again",
    errno.EDQUOT: "the disk quota is used up. Free some space, then try again",
    errno.EROFS: "the folder is read-only. Choose another with APIXO_MCP_DOWNLOAD_DIR",
    errno.EACCES: "the folder may not be written to. Allow it, or choose another with APIXO_MCP_DOWNLOAD_DIR",
    errno.EPERM: "the folder may not be written to. Allow it, or choose another with APIXO_MCP_DOWNLOAD_DIR",
    errno.ENOTDIR: "a file stands where the folder should be. Move it, or choose another with APIXO_MCP_DOWNLOAD_DIR",
    errno.EEXIST: "a file stands where the folder should be. Move it, or choose another with APIXO_MCP_DOWNLOAD_DIR",
    errno.ENAMETOOLONG: "its path is too long. Choose a shorter folder with APIXO_MCP_DOWNLOAD_DIR",
}


def in_words(error: OSError, where: str) -> str:
    """Returns a place's refusal as a sentence that says what to do."""
    if isinstance(error, PlaceTrouble):
        return f"{error.strerror}."
    reason = (error.strerror or str(error)).lower()
    return f"{where}: {_ADVICE.get(error.errno or 0, f'{reason}. Correct that, then try again')}."


class LocalFiles:
    """Keeps results in a folder; see `ResultFiles`."""

    is_far = False

    def __init__(self, root: Path) -> None:
        self._root = root
        self.where = str(root)

    def arrival(self, task: Task, result: Result) -> "_LocalArrival":
        """Begins in the folder of the task's day. Where a link stands in its place, another of a like name is taken."""
        return _LocalArrival(made_beneath(self._root, names.day(task.created_at)), task, result)

    def open(self, path: str) -> BinaryIO:
        """Opens a file, and never a link that took its place or that of a folder beneath the root."""
        _check_here(path)
        place = Path(path)
        real = self._root.resolve()
        for root in (self._root, real):
            if place.is_relative_to(root):
                with Folder(real / place.parent.relative_to(root)) as folder:
                    return folder.open(place.name)
        return open_file(place)  # of an earlier folder of results

    def etag(self, file: BinaryIO) -> str:
        """Returns what its size, the moment of its last change and its place on the disk make."""
        status = os.fstat(file.fileno())
        mark = b"%d %d %d" % (status.st_size, status.st_mtime_ns, status.st_ino)
        return hashlib.blake2b(mark, digest_size=12).hexdigest()

    def size(self, path: str) -> int | None:
        """Returns the bytes of a file, None for a link too."""
        _check_here(path)
        return file_size(Path(path)) if path else None

    def is_there(self, path: str, size: int | None) -> bool:
        """Looks at it. What is kept elsewhere may be there: nobody can tell from here."""
        return is_address(path) or (size is not None and self.size(path) == size)

    def delete(self, task: Task, result: Result) -> bool:
        """See `ResultFiles.delete`. Only in a folder of a day, right beneath the place itself and behind no link."""
        try:
            with self._day_of(result) as folder:
                name = Path(result.path).name
                if not is_of(_read_record(folder, f"{name}.json"), task, result):
                    return False
                try:
                    file = folder.open(name)
                except FileNotFoundError:
                    return True
                with file:
                    status = os.fstat(file.fileno())
                    if status.st_size != result.bytes or hash_of(file) != result.sha256_on_disk:
                        return False
                folder.delete(name, status)
                folder.sync()
                return True
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                log.warning("the file of result %d of task %s stays: %s", result.index, task.task_id, error.strerror)
            return False

    def forget(self, task: Task, result: Result) -> None:
        """See `ResultFiles.forget`. The folder of a day that is empty goes with it."""
        with contextlib.suppress(OSError):
            with self._day_of(result) as folder:
                side = f"{Path(result.path).name}.json"
                if is_of(_read_record(folder, side), task, result):
                    folder.remove(side)
            folder.path.rmdir()

    def records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yields the path of each file in the folders of days that has a record, and the record.

        Raises:
            OSError: the place cannot be read.
        """
        root = self._root.resolve()
        for day in sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink()):
            with contextlib.suppress(FileNotFoundError), Folder(day) as folder:
                for side in sorted(path.name for path in day.iterdir() if path.suffix == ".json"):
                    if record := _read_record(folder, side):
                        yield str(day / side.removesuffix(".json")), record

    def _day_of(self, result: Result) -> Folder:
        """Returns the folder that a result was saved in.

        Raises:
            OSError: it is none of this place.
        """
        folder, root = Path(result.path).parent, self._root.resolve()
        if os.path.normcase(folder.parent) != os.path.normcase(root):
            raise NotADirectoryError(errno.ENOTDIR, "it is no folder of this place", str(folder))
        return Folder(folder)

    def on_disk(self, path: str) -> Path | None:
        """Returns the path itself, None for a link too."""
        return Path(path) if self.size(path) is not None else None

    def link(self, path: str, lasts: float) -> str:
        """Returns nothing: a folder is reached through this server alone."""
        return ""


class _LocalArrival:
    """Holds the folder of a day meanwhile, such that no link that is planted in it leads elsewhere."""

    def __init__(self, folder: Folder, task: Task, result: Result) -> None:
        self._folder = folder
        self._task = task
        self._result = result
        self.part = PartialFile(folder, names.part_name(task, result))

    def find(self) -> KeptFile | None:
        start, folder = names.group(self._task), self._folder.path
        try:
            with os.scandir(folder) as entries:  # of a day there may be thousands
                sides = sorted(e.name for e in entries if e.name.startswith(start) and e.name.endswith(".json"))
        except OSError:
            return None
        for side in sides:
            record, path = self._record(folder / side), folder / side.removesuffix(".json")
            if not is_of(record, self._task, self._result) or None in (record.get("bytes"), record.get("sha256")):
                continue
            kept = KeptFile.of(str(path), record)
            if file_size(path) == kept.size and has_hash(path, kept.sha256_on_disk):
                return kept
        return None

    def put(self, extension: str, record: Mapping[str, Any]) -> KeptFile:
        """Moves the part to the first free name and writes its side file.

        The side file comes first and claims the name: a crash in between leaves a claim, which the next try takes up.
        """
        folder = self._folder
        text = json.dumps(record, ensure_ascii=False, indent=2, default=str).encode(errors="replace")
        for candidate in names.candidates(names.stem(self._task, self._result) + extension):
            target, side = folder.path / candidate, folder.path / f"{candidate}.json"
            if os.path.lexists(target):
                continue
            draft = folder.path / folder.write(f"{self.part.path.name}.side", text)
            try:
                try:
                    _move(draft, side)
                except FileExistsError:
                    if not is_of(self._record(side), self._task, self._result):
                        continue
                    draft.replace(side)
                try:
                    _move(self.part.path, target)
                except OSError as error:
                    side.unlink(missing_ok=True)
                    if isinstance(error, FileExistsError):  # came into being since we looked
                        continue
                    raise
            finally:
                folder.remove(draft.name)
            folder.sync()
            return KeptFile.of(str(target), record)
        raise FileExistsError(errno.EEXIST, "too many files of this name")

    def close(self) -> None:
        self.part.close()
        self._folder.close()

    def _record(self, side: Path) -> dict[str, Any]:
        return _read_record(self._folder, side.name)


def _check_here(path: str) -> None:
    if is_address(path):
        sentence = f"it is kept in a bucket, {path}, and APIXO_MCP_RESULTS names none here"
        raise PlaceTrouble(errno.ENXIO, sentence)


def _read_record(folder: Folder, side: str) -> dict[str, Any]:
    """Returns what a side file says, nothing where it cannot be read."""
    try:
        record: Any = json.loads(folder.read(side))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", record) if isinstance(record, dict) else {}


def copy(files: ResultFiles, path: str, directory: Path, temporary: str, name: str) -> Path:
    """Copies a file that is kept under the first free name; a copy that is there already is enough.

    Args:
        files: has it.
        path: of it.
        temporary: a name for it while it is written.
        name: of the copy.
        directory: with every link resolved. It is looked at again: a link that was put in its place since is refused.

    Raises:
        MediaError: the file is gone, or the disk refuses.
    """
    try:
        with files.open(path) as file, Folder.made(directory) as folder:
            size = file.seek(0, os.SEEK_END)
            for candidate in names.candidates(name):
                target = directory / candidate
                if os.path.lexists(target):
                    if file_size(target) == size and has_hash(target, hash_of(file)):
                        return target
                    continue
                draft = directory / _drafted(file, folder, temporary)
                try:
                    _move(draft, target)
                except FileExistsError:
                    continue
                finally:
                    folder.remove(draft.name)
                folder.sync()
                return target
    except FileNotFoundError as error:
        raise MediaError(f"{path} is no longer there.", next_action=NextAction.FETCH_AGAIN) from error
    except OSError as error:
        raise MediaError(in_words(error, str(directory))) from error
    raise MediaError(f"{directory} holds too many files named {name}. Choose another folder.")


def _drafted(file: BinaryIO, folder: Folder, name: str) -> str:
    file.seek(0)
    draft, name = folder.create(name)
    try:
        with draft:
            shutil.copyfileobj(file, draft, 1 << 20)
            draft.flush()
            os.fsync(draft.fileno())
    except BaseException:
        folder.remove(name)
        raise
    return name


def _move(source: Path, target: Path) -> None:
    """Renames in one step, and only where no file has the name yet.

    Raises:
        FileExistsError: one has.
    """
    if os.name == "nt":
        source.rename(target)  # refuses by itself; elsewhere a rename overwrites
        return
    try:
        os.link(source, target)
    except (FileExistsError, FileNotFoundError):  # the second: another process has put it in its place already
        raise
    except OSError:  # no hard links here (FAT, some network folders): hold the name with an empty file of ours
        target.open("xb").close()
        source.replace(target)
    else:
        source.unlink()
