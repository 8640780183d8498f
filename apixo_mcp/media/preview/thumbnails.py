"""Small pictures of results: made once, kept beside the task store, and dropped the oldest first.

Several machines share those that one of them has made, where they share a bucket.
"""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import anyio
from anyio import to_thread

from apixo_mcp.media.files import PlaceTrouble
from apixo_mcp.media.preview.previews import Previews
from apixo_mcp.tasks.task import FileState, Result, Task, is_task_id

log = logging.getLogger(__name__)

LONGEST = 480
"""Pixels of the longer side: a tile of 240, on a screen of twice as many."""
_MOST_BYTES = 60_000
_KEPT = 512 << 20
_KEPT_AFTERWARDS = 0.8
_ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png"}
_TYPES = {ending: mime_type for mime_type, ending in _ENDINGS.items()}
_NONE = ".none"


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture.

    Attributes:
        name: of this very picture: another one has another name.
    """

    content: bytes
    mime_type: str
    name: str


class SharedThumbnails(Protocol):
    """Has the small pictures that other machines have made. Blocking; nothing raises."""

    def get(self, task: Task, stem: str) -> tuple[str, bytes] | None:
        """Returns the ending and the content of one, by its name without ending; None where there is none."""
        ...

    def put(self, task: Task, name: str, content: bytes, mime_type: str) -> None:
        """Hands one on to the others."""
        ...

    def forget(self, task: Task) -> None:
        """Deletes those of a task."""
        ...


class Thumbnails:
    """Makes and keeps small pictures.

    Args:
        previews: makes them.
        folder: keeps them.
        shared: has those of other machines.
        most: bytes that they take together.
    """

    def __init__(
        self,
        previews: Previews,
        folder: Path,
        *,
        shared: SharedThumbnails | None = None,
        most: int = _KEPT,
    ) -> None:
        self._previews = previews
        self._folder = folder
        self._shared = shared
        self._most = most
        self._taken: int | None = None
        self._making = anyio.Lock()

    async def of(self, task: Task, result: Result) -> Thumbnail | None:
        """Returns the small picture of a result; None where it has none: a sound, or what cannot be decoded."""
        if result.file is not FileState.SAVED or not is_task_id(task.task_id):
            return None
        stem = self._stem(task, result)
        kept = await to_thread.run_sync(_read, stem)
        if kept is None:
            async with self._making:  # whoever asks for the same one waits for it
                try:
                    kept = await to_thread.run_sync(_read, stem) or await self._made(stem, task, result)
                    if await self._previews.size(result.path) is None:
                        await self.forget(task)  # its file was deleted meanwhile
                        return None
                except PlaceTrouble:
                    return None  # of one that is there nobody may say for ever that it has none
        return kept if kept.content else None

    async def forget(self, task: Task) -> None:
        """Deletes those of a task."""
        await to_thread.run_sync(forget_thumbnails, self._folder, self._shared, task)

    async def _made(self, stem: Path, task: Task, result: Result) -> Thumbnail:
        shared = await to_thread.run_sync(self._shared.get, task, stem.name) if self._shared else None
        if shared is not None and (mime_type := _TYPES.get(shared[0])):
            return await to_thread.run_sync(self._write, stem, shared[1], shared[0], mime_type)
        small = await self._previews.thumbnail(result.path, result.mime_type, longest=LONGEST, max_bytes=_MOST_BYTES)
        if small is None:
            return await to_thread.run_sync(self._write, stem, b"", _NONE, "")
        made = await to_thread.run_sync(self._write, stem, small.data, _ENDINGS[small.mime_type], small.mime_type)
        if self._shared:
            await to_thread.run_sync(self._shared.put, task, made.name, made.content, made.mime_type)
        return made

    def _stem(self, task: Task, result: Result) -> Path:
        mark = result.sha256[:12] if result.sha256[:12].isalnum() else str(result.bytes or 0)
        return self._folder / task.task_id[-2:] / f"{task.task_id}-{result.index}-{mark}"

    def _write(self, stem: Path, content: bytes, ending: str, mime_type: str) -> Thumbnail:
        path = stem.with_name(stem.name + ending)
        part = stem.with_name(f"{stem.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(path)
            self._taken = (self._sum() if self._taken is None else self._taken) + len(content)
            if self._taken > self._most:
                self._drop_oldest()
        except OSError:
            log.warning("a thumbnail is not kept", exc_info=True)
        return Thumbnail(content, mime_type, path.name)

    def _sum(self) -> int:
        return sum(size for _, _, size in _all(self._folder))

    def _drop_oldest(self) -> None:
        entries = sorted(_all(self._folder))
        taken = sum(size for _, _, size in entries)
        for _, path, size in entries:
            if taken <= self._most * _KEPT_AFTERWARDS:
                break
            path.unlink(missing_ok=True)
            taken -= size
        self._taken = taken


def folder_of_thumbnails(home: Path) -> Path:
    """Returns where they are kept in a data folder."""
    return home / "thumbnails"


def forget_thumbnails(folder: Path, shared: SharedThumbnails | None, task: Task) -> None:
    """Deletes those of a task, those of other machines' making too. Blocking."""
    if shared is not None:
        shared.forget(task)
    if is_task_id(task.task_id):
        for path in (folder / task.task_id[-2:]).glob(f"{task.task_id}-*"):
            path.unlink(missing_ok=True)


def _read(stem: Path) -> Thumbnail | None:
    for mime_type, ending in _ENDINGS.items():
        path = stem.with_name(stem.name + ending)
        try:
            return Thumbnail(path.read_bytes(), mime_type, path.name)
        except OSError:
            continue
    none = stem.with_name(stem.name + _NONE)
    return Thumbnail(b"", "", none.name) if none.exists() else None


def _all(folder: Path) -> Iterator[tuple[float, Path, int]]:
    for path in folder.glob("*/*"):
        try:
            status = path.stat()
        except OSError:
            continue
        yield status.st_mtime, path, status.st_size
