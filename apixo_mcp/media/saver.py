"""Saves result files before their URLs die: finds what is there, fetches what is not, and puts it in its place."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread

from apixo_mcp.errors import MediaError
from apixo_mcp.media import local, names, outcomes
from apixo_mcp.media.fetching import Arrived, Fetch
from apixo_mcp.media.files import Arrival, KeptFile, PlaceTrouble, ResultFiles, is_address, record_of
from apixo_mcp.media.partial import Left, PartialFile
from apixo_mcp.media.places import Places, Shares, TransferLimits
from apixo_mcp.media.refusals import Unwanted
from apixo_mcp.net.fetcher import Fetcher
from apixo_mcp.tasks.task import Result, Task

log = logging.getLogger(__name__)

_PUT_AT_ONCE = 8  # a place that is far away holds a thread, and one file or a part of it in memory


class Saver:
    """Saves results one by one, and never raises: each answers for itself alone."""

    def __init__(
        self,
        fetcher: Fetcher,
        files: ResultFiles,
        limits: TransferLimits = TransferLimits(),
        *,
        embeds: bool = False,
    ) -> None:
        """Saves to `files` what `fetcher` brings; with `embeds` files tell where they came from."""
        self._embeds = embeds
        self._fetcher = fetcher
        self._files = files
        self._limits = limits
        self._locks: dict[str, anyio.Lock] = {}
        self._places = Places(limits)
        self._in_work = Shares(limits.in_work)
        self._putters = anyio.CapacityLimiter(_PUT_AT_ONCE)
        self._lookers = anyio.CapacityLimiter(4)  # all at once would keep the first from being fetched

    async def save(self, task: Task, result: Result) -> Result:
        """Fetches a result's file, going on where an earlier try stopped.

        Returns:
            The result with `file` saved, failed or expired (then `problem` tells why), or None where it has no URL.
        """
        if not result.url:
            return replace(result, file=None)
        try:
            async with self._alone(names.part_name(task, result)), self._in_work.place(task.task_id):
                arrival, kept, left = await to_thread.run_sync(self._look, task, result, limiter=self._lookers)
                with closing(arrival):
                    return await self._save(arrival, kept, left, task, result)
        except OSError as error:
            return outcomes.unwritten(result, error, self._files.where)
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
        temporary, name = names.part_name(task, result), Path(result.path).name
        if is_address(result.path):  # an object's key tells nothing of what it is about
            name = names.legal(names.stem(task, result) + Path(name).suffix)
        async with self._alone(str(directory / temporary)):
            return await to_thread.run_sync(local.copy, self._files, result.path, directory, temporary, name)

    async def is_there(self, result: Result) -> bool:
        """Tells whether a saved file is still where it was put, at its full size; it is while nobody can tell."""
        return await to_thread.run_sync(self._files.is_there, result.path, result.bytes)

    def _look(self, task: Task, result: Result) -> tuple[Arrival, KeptFile | None, Left | None]:
        """Opens the place of a result's file. Returns it with what earlier tries put there: the file, or some of it."""
        arrival = self._files.arrival(task, result)
        try:
            kept = arrival.find()
            return arrival, kept, None if kept else arrival.part.left()
        except BaseException:
            arrival.close()
            raise

    async def _save(
        self, arrival: Arrival, kept: KeptFile | None, left: Left | None, task: Task, result: Result
    ) -> Result:
        part = arrival.part
        try:
            if kept:
                return await to_thread.run_sync(self._found, part, result, kept)
            fetch = Fetch(self._fetcher, self._places, self._limits, part, left, result, task.task_id)
            put = partial(self._put, arrival, task, result, await fetch.run())
            return await to_thread.run_sync(put, limiter=self._putters)
        except PlaceTrouble as trouble:  # what came is still on this machine's disk
            return outcomes.unwritten(result, trouble, self._files.where)
        except Unwanted as error:
            await to_thread.run_sync(part.drop)
            return outcomes.failed(result, f"{error}. Its url in this answer shows what came.")
        except MediaError as error:
            await to_thread.run_sync(part.drop if error.gone else part.tidy)
            return outcomes.expired(result, error) if error.gone else outcomes.unfetched(result, error)
        except OSError as error:
            await to_thread.run_sync(part.drop)
            return outcomes.unwritten(result, error, str(part.path.parent))
        except Exception:
            await to_thread.run_sync(part.tidy)
            raise

    def _put(self, arrival: Arrival, task: Task, result: Result, arrived: Arrived) -> Result:
        """Puts a file that came in its place. Blocking."""
        part = arrival.part
        look = partial(outcomes.kind_of_download, content_type=arrived.content_type, url=result.url)
        kind = part.read(look)
        size, on_disk = arrived.size, ""
        if self._embeds and not arrived.doubt:
            from apixo_mcp.media.telling.embedding import embed

            size, on_disk = embed(part, task, result) or (size, on_disk)
        record = record_of(
            task,
            result,
            sha256=arrived.sha256,
            size=size,
            mime_type=kind.mime_type,
            note=outcomes.note_of(result, kind, arrived.doubt),
            file_sha256=on_disk,
        )
        try:
            kept = arrival.put(kind.extension, record)
        except PlaceTrouble:
            part.hold(arrived.sha256, arrived.doubt)
            raise
        try:
            saved = part.read(partial(outcomes.saved, result, kept))  # a place that is far away has had a copy
        except OSError:
            return self._found(part, result, kept)
        part.drop()
        return saved

    def _found(self, part: PartialFile, result: Result, kept: KeptFile) -> Result:
        """Returns the result whose file is in its place. Blocking."""
        with self._files.open(kept.path) as file:
            saved = outcomes.saved(result, kept, file)
        part.drop()
        return saved

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
