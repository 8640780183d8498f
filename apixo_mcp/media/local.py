"""Where finished files stand: put there without ever overwriting another, each with a side file. Blocking."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from apixo_mcp.errors import MediaError
from apixo_mcp.generation import NextAction
from apixo_mcp.media import names
from apixo_mcp.media.folder import Folder, is_regular, open_file
from apixo_mcp.media.inline import is_inline
from apixo_mcp.tasks.task import Result, Task

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


@dataclass(frozen=True, slots=True)
class Standing:
    """A finished file and what its side file says of it."""

    path: Path
    mime_type: str
    size: int
    sha256: str
    note: str = ""


def in_words(error: OSError, folder: Path) -> str:
    """Returns a disk's refusal as a sentence that says what to do."""
    said = (error.strerror or str(error)).lower()
    return f"{folder}: {_ADVICE.get(error.errno or 0, f'{said}. Correct that, then try again')}."


def find_file(folder: Folder, task: Task, result: Result) -> Standing | None:
    """Returns the finished file of a result that an earlier try put there, if it is whole."""
    start = names.group(task)
    try:
        sides = sorted(path for path in folder.path.iterdir() if path.name.startswith(start) and path.suffix == ".json")
    except OSError:
        return None
    for side in sides:
        record = _read(folder, side.name)
        path = side.with_suffix("")
        if _is_of(record, task, result) and _matches(path, record.get("bytes"), record.get("sha256")):
            note = str(record.get("note", ""))
            return Standing(path, str(record.get("mime_type", "")), record["bytes"], record["sha256"], note)
    return None


def place(part: Path, folder: Folder, name: str, record: Mapping[str, Any], task: Task, result: Result) -> Path:
    """Moves a finished file to the first free name and writes its side file.

    The side file comes first and claims the name: a crash in between leaves a claim that the next try finds its own.

    Raises:
        OSError: the disk refuses.
    """
    text = json.dumps(record, ensure_ascii=False, indent=2, default=str).encode(errors="replace")
    for candidate in names.candidates(name):
        target, side = folder.path / candidate, folder.path / f"{candidate}.json"
        if os.path.lexists(target):
            continue
        draft = folder.path / folder.write(f"{part.name}.side", text)
        try:
            try:
                _move(draft, side)
            except FileExistsError:
                if not _is_of(_read(folder, side.name), task, result):
                    continue
                draft.replace(side)
            try:
                _move(part, target)
            except OSError as error:
                side.unlink(missing_ok=True)
                if isinstance(error, FileExistsError):  # came into being since we looked
                    continue
                raise
        finally:
            folder.remove(draft.name)
        folder.sync()
        return target
    raise FileExistsError(errno.EEXIST, "too many files of this name")


def copy(source: Path, directory: Path, temporary: str) -> Path:
    """Copies a finished file under the first free name; a copy that is there already is enough.

    Args:
        directory: with every link resolved. It is looked at again: a link that was put in its place since is refused.

    Raises:
        MediaError: the file is gone, or the disk refuses.
    """
    try:
        with open_file(source) as file, Folder.made(directory) as folder:
            size = os.fstat(file.fileno()).st_size
            if directory.samefile(source.parent):
                return source
            for candidate in names.candidates(source.name):
                target = directory / candidate
                if os.path.lexists(target):
                    if _matches(target, size, None) and _hash(target) == _hash(source):
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
        raise MediaError(f"{source} is no longer there.", next_action=NextAction.FETCH_AGAIN) from error
    except OSError as error:
        raise MediaError(in_words(error, directory)) from error
    raise MediaError(f"{directory} holds too many files named {source.name}. Choose another folder.")


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


def record_of(task: Task, result: Result, *, sha256: str, size: int, mime_type: str, note: str = "") -> dict[str, Any]:
    """Tells what a side file says: where a file came from. Nothing here was ever a key."""
    created = datetime.fromtimestamp(task.created_at, UTC).isoformat(timespec="seconds")
    record = {
        "task_id": task.task_id,
        "index": result.index,
        "remote_id": task.remote_id,
        "gateway": task.gateway,
        "model": task.model,
        "prompt": task.prompt,
        "inputs": _shortened(dict(task.inputs)),
        "created_at": created.replace("+00:00", "Z"),
        "url": _shortened(result.url),
        "sha256": sha256,
        "bytes": size,
        "mime_type": mime_type,
    }
    return record | ({"note": note} if note else {})


def _shortened(value: Any) -> Any:
    """Shortens inputs by the files that were sent inside them."""
    if isinstance(value, str):
        return f"{value[:40]}… ({len(value)} characters)" if is_inline(value) and len(value) > 80 else value
    if isinstance(value, Mapping):
        return {str(key): _shortened(inner) for key, inner in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_shortened(inner) for inner in cast("list[Any]", value)]
    return value


def _read(folder: Folder, side: str) -> dict[str, Any]:
    try:
        record: Any = json.loads(folder.read(side))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", record) if isinstance(record, dict) else {}


def _is_of(record: Mapping[str, Any], task: Task, result: Result) -> bool:
    return record.get("task_id") == task.task_id and record.get("index") == result.index


def _matches(path: Path, size: object, sha256: object) -> bool:
    try:
        return is_regular(path) and path.stat().st_size == size and (sha256 is None or _hash(path) == sha256)
    except OSError:
        return False


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with open_file(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


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
