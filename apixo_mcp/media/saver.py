"""Saves result files before their URLs die."""

import logging
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread

from apixo_mcp.errors import HostRefused, MediaError, PackingBroken, SettingRefused
from apixo_mcp.media import inline, local, names, outcomes, refusals
from apixo_mcp.media.folder import Folder, is_regular, made_beneath
from apixo_mcp.media.partial import Left, PartialFile
from apixo_mcp.media.places import Places, Shares, TransferLimits, Turn
from apixo_mcp.media.probing.signatures import HEAD, sniff
from apixo_mcp.net.fetcher import Download, Fetcher
from apixo_mcp.tasks.task import Result, Task

log = logging.getLogger(__name__)

KEPT_AFTER = 2
"""So many times a file whose line always breaks is left for a later try; after that what came of it is kept."""

_DISK_LEFT = 64 * 1024 * 1024
_LOOKED_EVERY = 256 * 1024 * 1024
_BLOCK = 1 << 18
_GOES = 20
_PATIENCE = 10.0
"""The longest that a `Retry-After` is waited for while the caller waits."""


class _Unwanted(MediaError):
    """What arrives is not worth having, now or later."""


class _TooSlow(MediaError):
    """What arrives is so little that others must come first."""


_FINAL = (_Unwanted, _TooSlow, HostRefused, SettingRefused)


@dataclass(frozen=True, slots=True)
class _Goal:
    """What is fetched: a result of a task, and the most bytes of it.

    Attributes:
        task_id: whose result it is, for its share of what is transferred at once.
        unpack: whether to undo how it is packed for the way; not once that turned out to be broken.
    """

    result: Result
    cap: int
    task_id: str
    unpack: bool = True


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A file that came.

    Attributes:
        doubt: why it may not be whole, empty where nothing says so.
    """

    size: int
    sha256: str
    content_type: str
    doubt: str = ""


class Saver:
    """Fetches results into a folder, one file a result, and never raises: each answers for itself alone."""

    def __init__(self, fetcher: Fetcher, folder: Path, limits: TransferLimits = TransferLimits()) -> None:
        """Saves under `folder`."""
        self._fetcher = fetcher
        self._folder = folder
        self._limits = limits
        self._locks: dict[str, anyio.Lock] = {}
        self._places = Places(limits)
        self._in_work = Shares(limits.in_work)

    async def save(self, task: Task, result: Result) -> Result:
        """Fetches a result's file, going on where an earlier try stopped.

        Returns:
            The result with `file` saved, failed or expired (then `problem` tells why), or None where it has no URL.
        """
        if not result.url:
            return replace(result, file=None)
        name = names.part_name(task, result)
        try:
            async with self._alone(str(self._folder / name)), self._in_work.place(task.task_id):
                day = names.day_folder(self._folder, task.created_at).name
                with await to_thread.run_sync(made_beneath, self._folder, day) as folder:
                    return await self._saved_in(folder, task, result, PartialFile(folder, name))
        except OSError as error:
            return outcomes.unwritten(result, error, self._folder)
        except Exception as error:
            log.exception("result %d of task %s could not be saved", result.index, task.task_id)
            return outcomes.after_crash(result, error)

    async def copy(self, task: Task, result: Result, directory: Path) -> Path:
        """Copies a saved file into another folder, which must have been allowed before.

        Raises:
            MediaError: it is not saved, no longer there, or the disk refuses.
        """
        if not result.path:
            raise MediaError(f"Result {result.index} has no saved file to copy.")
        temporary = names.part_name(task, result)
        async with self._alone(str(directory / temporary)):
            return await to_thread.run_sync(local.copy, Path(result.path), directory, temporary)

    async def _saved_in(self, folder: Folder, task: Task, result: Result, part: PartialFile) -> Result:
        try:
            return await self._save(task, result, folder, part)
        except _Unwanted as error:
            await to_thread.run_sync(part.drop)
            return outcomes.failed(result, f"{error}. Its url in this answer shows what came.")
        except MediaError as error:
            await to_thread.run_sync(part.drop if error.gone else part.tidy)
            return outcomes.expired(result, error) if error.gone else outcomes.unfetched(result, error)
        except OSError as error:
            await to_thread.run_sync(part.drop)
            return outcomes.unwritten(result, error, folder.path)
        except Exception:
            await to_thread.run_sync(part.tidy)
            raise
        finally:
            part.close()

    async def _save(self, task: Task, result: Result, folder: Folder, part: PartialFile) -> Result:
        found = await to_thread.run_sync(local.find_file, folder, task, result)
        if found:
            await to_thread.run_sync(part.drop)
            return await outcomes.saved(result, found)
        arrived = await self._arrive(part, _Goal(result, self._limits.caps[result.kind], task.task_id))
        kind = await to_thread.run_sync(outcomes.kind_of_download, part.path, arrived.content_type, result.url)
        note = outcomes.note_of(result, kind, arrived.doubt)
        record = partial(local.record_of, sha256=arrived.sha256, size=arrived.size, mime_type=kind.mime_type, note=note)
        name = names.stem(task, result) + kind.extension
        path = await to_thread.run_sync(local.place, part.path, folder, name, record(task, result), task, result)
        await to_thread.run_sync(part.drop)
        return await outcomes.saved(result, local.Standing(path, kind.mime_type, arrived.size, arrived.sha256, note))

    async def _arrive(self, part: PartialFile, goal: _Goal) -> _Arrived:
        """Fetches until the file is whole: a broken line is taken up again for as long as each go brings more.

        A file that came and may still not be whole is fetched anew a few times, and taken as it is in the end.
        """
        had, pauses, kept = 0, iter(self._limits.pauses), None
        for _ in range(_GOES):
            wait = 0.0
            try:
                arrived = await self._places.during(goal.task_id, partial(self._fetch, part, goal))
                if not arrived.doubt:
                    return arrived
                await to_thread.run_sync(part.set_aside)
                kept = arrived
            except MediaError as error:
                part.close()
                left = await to_thread.run_sync(part.left)
                is_final = isinstance(error, _FINAL) or (error.retry_after or 0) > _PATIENCE
                if not is_final and left is not None and left.size > had:
                    had = left.size
                    continue
                had, wait = left.size if left else 0, error.retry_after or 0.0
                pause = None if is_final else next(pauses, None)
                if pause is None and kept is None and isinstance(error, PackingBroken):
                    goal, had, wait, pause = replace(goal, unpack=False), 0, 0.0, 0.0
                    await to_thread.run_sync(part.drop)
                if pause is None and kept is None and not is_final:
                    kept = await self._kept(part, goal, error)
                    if kept is None:
                        raise
                    return kept
                if pause is None and kept is None:
                    raise
            else:
                pause = next(pauses, None)
            if pause is None:
                break
            await anyio.sleep(max(pause, wait))
        if kept is None:
            raise MediaError("the line broke too often")
        await to_thread.run_sync(part.take_back)
        return kept

    async def _kept(self, part: PartialFile, goal: _Goal, error: MediaError) -> _Arrived | None:
        """Keeps what came of a file whose line always breaks, if it is whole by itself or was tried often."""
        if error.gone or not part.size or not await to_thread.run_sync(is_regular, part.path):
            return None
        is_whole = await to_thread.run_sync(outcomes.ends_well, part.path)
        if not is_whole and goal.result.tries < KEPT_AFTER:
            return None
        head = await to_thread.run_sync(part.go_on, refusals.LARGEST_DOCUMENT)
        self._refuse(head, is_whole=part.size <= len(head))
        sha256 = await to_thread.run_sync(part.finish)
        doubt = "" if is_whole and not error.gone else str(error)
        return _Arrived(part.size, sha256, "", doubt or f"though the file has its own end, {error}")

    async def _fetch(self, part: PartialFile, goal: _Goal, turn: Turn) -> _Arrived:
        """Fetches what is missing. A server may hand out less than was asked for: the rest is asked for in its turn."""
        had = -1
        for _ in range(self._limits.parts):
            if arrived := await self._fetch_part(part, goal, turn):
                return arrived
            if part.size <= had:
                raise MediaError("it changes while it is fetched")
            had = part.size
        raise _TooSlow(f"only {part.size:,} bytes came in {self._limits.parts:,} parts")

    async def _fetch_part(self, part: PartialFile, goal: _Goal, turn: Turn) -> _Arrived | None:
        """Fetches what the server hands out at once; None where that was a part and the next is to be asked for."""
        left = await to_thread.run_sync(part.left)
        if left and left.is_whole:
            await self._go_on(part, left.total, goal)
            return await self._conclude(part, "", "")
        if left:
            try:
                async with self._opened(goal, offset=left.size, etag=left.etag) as download:
                    if download.status != 206:
                        part.close()
                        return await self._receive(part, download, goal, turn)
                    if _fits(left, download):
                        return await self._receive(part, download, goal, turn, left)
            except MediaError as error:
                if error.gone or part.is_open or error.retry_after is not None:
                    raise  # otherwise the range itself may have been refused
        part.close()
        async with self._opened(goal) as download:
            return await self._receive(part, download, goal, turn)

    @asynccontextmanager
    async def _opened(self, goal: _Goal, *, offset: int = 0, etag: str = "") -> AsyncGenerator[Download]:
        if inline.is_inline(goal.result.url):
            try:
                yield await inline.opened(goal.result.url)
            except MediaError as error:
                raise _Unwanted(str(error)) from None
        else:
            async with self._fetcher.fetch(goal.result.url, offset=offset, etag=etag, unpack=goal.unpack) as download:
                yield download

    async def _receive(
        self, part: PartialFile, download: Download, goal: _Goal, turn: Turn, left: Left | None = None
    ) -> _Arrived | None:
        """Writes a body as it comes. Of text nothing is stored before it is known to be no page and no error.

        Returns:
            None where a part of a file came whole, and another can follow.
        """
        size = start = left.size if left else 0
        total = download.total or (left.total if left else None)
        if total is None and download.length is not None:
            total = start + download.length
        await to_thread.run_sync(self._check_size, part, total, goal)
        if left:
            await self._go_on(part, total, goal)
        buffer, looked = bytearray(), start
        counted, counted_at = start, anyio.current_time()
        try:
            async for chunk in download.chunks:
                buffer += chunk
                size += len(chunk)
                await turn.came(len(chunk))
                if (now := anyio.current_time()) - counted_at >= self._limits.least_every:
                    if size - counted < self._limits.least_bytes:
                        raise _TooSlow(f"only {size - counted:,} bytes came in {now - counted_at:.0f} s")
                    counted, counted_at = size, now
                if size > goal.cap:
                    raise _Unwanted(f"It is too large: more than {goal.cap:,} bytes")
                if size - looked >= _LOOKED_EVERY:
                    await to_thread.run_sync(self._check_size, part, size, goal)
                    looked = size
                if not part.is_open and self._is_wanted(buffer):
                    await self._begin(part, download, buffer, total)
                if part.is_open and len(buffer) >= _BLOCK:
                    await to_thread.run_sync(part.write, bytes(buffer))
                    buffer.clear()
        except _Unwanted:
            raise
        except MediaError:
            if buffer and not part.is_open and refusals.content_refusal(bytes(buffer), is_whole=True) == "":
                await self._begin(part, download, buffer, total)
            if part.is_open:
                await to_thread.run_sync(part.write, bytes(buffer))
            raise
        is_part = download.status == 206 and total is not None and start < size < total
        if not part.is_open:
            if not buffer and total:
                raise MediaError(f"the line broke after 0 of {total:,} bytes")
            self._refuse(bytes(buffer), is_whole=not is_part)
            await self._begin(part, download, buffer, total)
        await to_thread.run_sync(part.write, bytes(buffer))
        if is_part and await to_thread.run_sync(part.left):
            return None
        if total is not None and size < total:
            raise MediaError(f"the line broke after {size:,} of {total:,} bytes")
        doubt = download.doubt
        if not goal.unpack:
            doubt = "what it was packed with is broken, so it is kept as it came"
        if total is not None and size > total:
            doubt = f"{size:,} bytes came where {total:,} were declared"
        return await self._conclude(part, download.content_type, doubt)

    @staticmethod
    async def _begin(part: PartialFile, download: Download, buffer: bytearray, total: int | None) -> None:
        if download.is_bare and sniff(bytes(buffer[:HEAD])) is None:
            raise MediaError("what came was neither an HTTP answer nor a media file")
        await to_thread.run_sync(part.begin, download.etag, total)

    async def _conclude(self, part: PartialFile, content_type: str, doubt: str) -> _Arrived:
        if part.size <= refusals.LARGEST_DOCUMENT:  # it may have come in parts too small to tell
            self._refuse(await to_thread.run_sync(part.go_on, part.size), is_whole=True)
        sha256 = await to_thread.run_sync(part.finish)
        if not doubt and await to_thread.run_sync(outcomes.is_cut, part.path):
            doubt = f"its end is missing after {part.size:,} bytes"
        return _Arrived(part.size, sha256, content_type, doubt)

    async def _go_on(self, part: PartialFile, total: int | None, goal: _Goal) -> None:
        if part.is_open:  # and looked at when its first part came
            return
        head = await to_thread.run_sync(part.go_on, refusals.LARGEST_DOCUMENT + 1)
        self._refuse(head, is_whole=total is not None and total <= len(head))

    @staticmethod
    def _check_size(part: PartialFile, size: int | None, goal: _Goal) -> None:
        if size is None:
            return
        if size > goal.cap:
            raise _Unwanted(f"It is too large: {size:,} bytes, {goal.cap:,} at most for {goal.result.kind}")
        free = shutil.disk_usage(part.path.parent).free + part.size
        # Some network folders say that nothing is free: what is small is tried.
        if size > _DISK_LEFT and size + _DISK_LEFT > free:
            raise outcomes.no_space(part.path, size)

    def _is_wanted(self, buffer: bytearray) -> bool:
        """Tells whether a body that began so is to be stored; not yet, while it may be a page or an error."""
        if len(buffer) < HEAD:
            return False
        if not refusals.is_text(bytes(buffer[:HEAD])):
            return True
        return self._refuse(bytes(buffer[: refusals.LARGEST_DOCUMENT + 1]), is_whole=False)

    @staticmethod
    def _refuse(body: bytes, *, is_whole: bool) -> bool:
        """Decides whether a body is kept; False where more of it must be seen.

        Raises:
            _Unwanted: it is a page, an error, or nothing.
        """
        if not body:
            raise _Unwanted("An empty file came")
        what = refusals.content_refusal(body, is_whole=is_whole) if refusals.is_text(body[:HEAD]) else ""
        if what:
            told = f": {refusals.excerpt(body)}" if what != "a web page" else ""
            raise _Unwanted(f"{what.capitalize()} came where a media file was expected{told}")
        return what is not None

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncGenerator[None]:
        """Lets the second of two callers that want the same file wait, and find it there."""
        lock = self._locks.setdefault(key, anyio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._locks.get(key) is lock:
                del self._locks[key]


async def is_there(result: Result) -> bool:
    """Tells whether a saved file is still where it was put, at its full size; a link in its place is not it."""

    def look() -> bool:
        try:
            path = Path(result.path)
            return bool(result.path) and is_regular(path) and path.stat().st_size == result.bytes
        except (OSError, ValueError):
            return False

    return await to_thread.run_sync(look)


def _fits(left: Left, download: Download) -> bool:
    """Tells whether a partial answer goes on with what is there: one that names no file does not."""
    if download.etag != left.etag:
        return False
    if download.total is not None and left.total not in (None, download.total):
        return False
    total = download.total or left.total
    return total is None or download.length is None or left.size + download.length <= total
