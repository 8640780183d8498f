"""Saves result files before their URLs die."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread

from apixo_mcp.errors import HostRefused, MediaError
from apixo_mcp.media import contents, kinds, names, shelf
from apixo_mcp.media.fetcher import Download, Fetcher
from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.part import Left, Part
from apixo_mcp.media.probe import probe
from apixo_mcp.tasks.task import FileState, Modality, Result, Task

CAPS: dict[Modality, int] = {"image": 100_000_000, "audio": 200_000_000, "video": 2_000_000_000}
"""The most bytes that are taken for a file of each kind."""

PAUSES = (0.5, 1.5)
"""Seconds before a fetch that failed is tried again while its caller still waits; later tries are the task's."""

LEAST_BYTES, LEAST_EVERY = 64 * 1024, 30.0
"""What must arrive in so many seconds: an endless trickle would hold up the files that wait behind it."""

_BLOCK = 1 << 20
_GOES = 20


class _Unwanted(MediaError):
    """What arrives is not worth having, now or later."""


class _TooSlow(MediaError):
    """What arrives is so little that others must come first."""


@dataclass(frozen=True, slots=True)
class _Arrived:
    kind: Kind
    size: int
    sha256: str


class Saver:
    """Fetches results into a folder, one file a result, and never raises for what the wire or the disk does."""

    def __init__(self, fetcher: Fetcher, folder: Path, *, max_bytes: int | None = None) -> None:
        """Saves under `folder`; `max_bytes` stands in for the cap of every kind."""
        self._fetcher = fetcher
        self._folder = folder
        self._max_bytes = max_bytes
        self._locks: dict[str, anyio.Lock] = {}

    async def save(self, task: Task, result: Result) -> Result:
        """Fetches a result's file, going on where an earlier try stopped.

        Returns:
            The result with `file` saved, failed or expired (then `problem` tells why), or None where it has no URL.
        """
        if not result.url:
            return replace(result, file=None)
        folder = names.day_folder(self._folder, task.created_at)
        part = Part(folder / names.part_name(task, result))
        async with self._alone(str(part.path)):
            try:
                return await self._save(task, result, folder, part)
            except _Unwanted as error:
                await to_thread.run_sync(part.drop)
                return _failed(result, f"{error}. Its url in this answer shows what came.")
            except MediaError as error:
                await to_thread.run_sync(part.drop if error.gone else part.tidy)
                return _expired(result, error) if error.gone else _unfetched(result, error)
            except OSError as error:
                await to_thread.run_sync(part.drop)
                return _failed(result, f"The file could not be written: {shelf.in_words(error, folder)}")
            finally:
                part.close()

    async def copy(self, task: Task, result: Result, directory: Path) -> Path:
        """Copies a saved file into another folder, which must have been allowed before.

        Raises:
            MediaError: it is not saved, no longer there, or the disk refuses.
        """
        if not result.path:
            raise MediaError(f"Result {result.index} has no saved file to copy. Call check_task to fetch it.")
        temporary = names.part_name(task, result)
        async with self._alone(str(directory / temporary)):
            return await to_thread.run_sync(shelf.copy, Path(result.path), directory, temporary)

    async def _save(self, task: Task, result: Result, folder: Path, part: Part) -> Result:
        found = await to_thread.run_sync(shelf.find, folder, task, result)
        if found:
            await to_thread.run_sync(part.drop)
            kind = await to_thread.run_sync(contents.kind_of, found.path, found.mime_type)
            return await _saved(result, found, kind)
        await to_thread.run_sync(partial(folder.mkdir, parents=True, exist_ok=True))
        arrived = await self._arrive(part, result.url)
        kind = await to_thread.run_sync(contents.kind_of, part.path, arrived.kind.mime_type, result.url)
        record = shelf.record_of(task, result, sha256=arrived.sha256, size=arrived.size, mime_type=kind.mime_type)
        name = names.stem(task, result) + kind.extension
        path = await to_thread.run_sync(shelf.place, part.path, folder, name, record, task, result)
        await to_thread.run_sync(part.drop)
        return await _saved(result, shelf.Standing(path, kind.mime_type, arrived.size, arrived.sha256), kind)

    async def _arrive(self, part: Part, url: str) -> _Arrived:
        """Fetches until the file is whole: a broken line is taken up again for as long as each go brings more."""
        had, pauses = 0, iter(PAUSES)
        for _ in range(_GOES):
            try:
                return await self._fetch(part, url)
            except (_Unwanted, _TooSlow, HostRefused):
                raise
            except MediaError:
                part.close()
                left = await to_thread.run_sync(part.left)
                if left is None or left.size <= had:
                    pause = next(pauses, None)
                    if pause is None:
                        raise
                    await anyio.sleep(pause)
                had = left.size if left else 0
        raise MediaError("the line broke too often")

    async def _fetch(self, part: Part, url: str) -> _Arrived:
        left = await to_thread.run_sync(part.left)
        if left and left.is_whole:
            kind = self._judge(await to_thread.run_sync(part.go_on, kinds.HEAD), left.total)
            return await self._conclude(part, kind)
        if left:
            try:
                async with self._fetcher.fetch(url, offset=left.size, etag=left.etag) as download:
                    if download.status != 206:
                        return await self._receive(part, download, None)
                    if _fits(left, download):
                        return await self._receive(part, download, left)
            except MediaError as error:
                if error.gone or part.is_open:
                    raise  # otherwise the range itself may have been refused
        async with self._fetcher.fetch(url) as download:
            return await self._receive(part, download, None)

    async def _receive(self, part: Part, download: Download, left: Left | None) -> _Arrived:
        """Writes a body as it comes. Nothing is stored before its first bytes are known to be a media file's."""
        start = left.size if left else 0
        total = download.total
        if total is None and download.length is not None:
            total = start + download.length
        kind: Kind | None = None
        if left:
            kind = self._judge(await to_thread.run_sync(part.go_on, kinds.HEAD), total)
        elif total is not None and total > self._cap(None):
            raise _Unwanted(f"It is too large: {total:,} bytes, {self._cap(None):,} at most")
        buffer, size = bytearray(), start
        counted, counted_at = start, anyio.current_time()
        try:
            async for chunk in download.chunks:
                buffer += chunk
                size += len(chunk)
                if (now := anyio.current_time()) - counted_at >= LEAST_EVERY:
                    if size - counted < LEAST_BYTES:
                        raise _TooSlow(f"only {size - counted:,} bytes came in {now - counted_at:.0f} s")
                    counted, counted_at = size, now
                if kind is None and len(buffer) >= kinds.HEAD:
                    kind = self._judge(bytes(buffer[: kinds.HEAD]), total)
                    await to_thread.run_sync(part.begin, download.etag, total)
                if size > self._cap(kind):
                    raise _Unwanted(f"It is too large: more than {self._cap(kind):,} bytes")
                if kind and len(buffer) >= _BLOCK:
                    await to_thread.run_sync(part.write, bytes(buffer))
                    buffer.clear()
        except _Unwanted:
            raise
        except MediaError:
            if kind and buffer:
                await to_thread.run_sync(part.write, bytes(buffer))
            raise
        if kind is None:
            if total is not None and size < total:
                raise MediaError(f"the line broke after {size:,} of {total:,} bytes")
            kind = self._judge(bytes(buffer), total)
            await to_thread.run_sync(part.begin, download.etag, total)
        await to_thread.run_sync(part.write, bytes(buffer))
        if total is not None and size > total:
            raise _Unwanted(f"It is longer than declared: {size:,} bytes instead of {total:,}")
        if total is not None and size < total:
            raise MediaError(f"the line broke after {size:,} of {total:,} bytes")
        return await self._conclude(part, kind, check_end=total is None)

    async def _conclude(self, part: Part, kind: Kind, *, check_end: bool = False) -> _Arrived:
        sha256 = await to_thread.run_sync(part.finish)
        if check_end and (await to_thread.run_sync(probe, part.path, kind)).is_cut:
            raise MediaError(f"its end is missing after {part.size:,} bytes")
        return _Arrived(kind, part.size, sha256)

    def _judge(self, head: bytes, total: int | None) -> Kind:
        """Decides by the first bytes whether a file is wanted.

        Raises:
            _Unwanted: it is not.
        """
        if not head:
            raise _Unwanted("An empty file came")
        kind = kinds.sniff(head)
        if kind is None:
            text = kinds.textual(head)
            raise _Unwanted(f"{(text or 'an unknown kind of file').capitalize()} came where a media file was expected")
        if total is not None and total > self._cap(kind):
            raise _Unwanted(
                f"It is too large: {total:,} bytes, {self._cap(kind):,} at most for {kind.modality or 'it'}"
            )
        return kind

    def _cap(self, kind: Kind | None) -> int:
        if self._max_bytes is not None:
            return self._max_bytes
        return CAPS[kind.modality] if kind and kind.modality else max(CAPS.values())

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncGenerator[None]:
        """Two callers that want the same file: the second waits, and finds it there."""
        lock = self._locks.setdefault(key, anyio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._locks.get(key) is lock:
                del self._locks[key]


async def is_there(result: Result) -> bool:
    """Whether a saved file is still where it was put, at its full size."""

    def look() -> bool:
        try:
            path = Path(result.path)
            return bool(result.path) and path.is_file() and path.stat().st_size == result.bytes
        except (OSError, ValueError):
            return False

    return await to_thread.run_sync(look)


def _fits(left: Left, download: Download) -> bool:
    """Whether a partial answer is the rest of what is there."""
    if download.etag and download.etag != left.etag:
        return False
    if download.total is None:
        return True
    if download.length is not None and download.total - download.length != left.size:
        return False
    return left.total in (None, download.total)


async def _saved(result: Result, standing: shelf.Standing, kind: Kind | None) -> Result:
    facts = await to_thread.run_sync(probe, standing.path, kind) if kind else None
    return replace(
        result,
        file=FileState.SAVED,
        kind=(kind and kind.modality) or result.kind,
        path=str(standing.path),
        mime_type=standing.mime_type,
        bytes=standing.size,
        sha256=standing.sha256,
        width=facts.width if facts else None,
        height=facts.height if facts else None,
        duration_seconds=facts.duration_seconds if facts else None,
        problem="",
    )


def _failed(result: Result, problem: str) -> Result:
    return replace(result, file=FileState.FAILED, problem=problem)


def _expired(result: Result, error: MediaError) -> Result:
    said = str(error).rstrip(".")
    return replace(result, file=FileState.EXPIRED, problem=f"The gateway does not have this file ({said}).")


def _unfetched(result: Result, error: MediaError) -> Result:
    said = str(error).rstrip(".")
    if isinstance(error, HostRefused):
        return _failed(result, f"The file was not fetched: {said}.")
    return _failed(result, f"The file could not be fetched: {said}. Call check_task to try again while its url lives.")
