"""Saves result files before their URLs die: finds what is there, fetches what is not, and puts it in its place."""

import logging
import math
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio

from apixo_mcp.errors import MediaError
from apixo_mcp.media import local, names, outcomes
from apixo_mcp.media.fetching import Arrived, Fetch
from apixo_mcp.media.files import Arrival, KeptFile, PlaceTrouble, ResultFiles, is_address, record_of
from apixo_mcp.media.folder_threads import FolderHangs, FolderThreads, RootThreads, reading_threads
from apixo_mcp.media.partial import Left, PartialFile
from apixo_mcp.media.places import Places, Shares, TransferLimits
from apixo_mcp.media.refusals import Unwanted
from apixo_mcp.media.roots import Roots
from apixo_mcp.net.fetcher import Fetcher
from apixo_mcp.tasks.task import Result, Task

log = logging.getLogger(__name__)


class Saver:
    """Saves results one by one, and never raises: each answers for itself alone."""

    def __init__(
        self,
        fetcher: Fetcher,
        files: ResultFiles,
        limits: TransferLimits = TransferLimits(),
        *,
        roots: Roots | None = None,
        reading: FolderThreads | None = None,
        embeds: bool = False,
    ) -> None:
        """Saves to `files` what `fetcher` brings, and copies it to `roots`.

        With `embeds` files tell where they came from. `reading` has the threads in which it is looked for them.
        """
        self._roots = roots or Roots(())
        self._embeds = embeds
        self._fetcher = fetcher
        self._files = files
        self._limits = limits
        self._locks: dict[str, anyio.Lock] = {}
        self._places = Places(limits)
        self._in_work = Shares(limits.in_work)
        self._reading = reading or reading_threads(files)
        # All that look at once would keep the first from being fetched.
        self._looking = FolderThreads(files.where, limits.looking, limits.answers_within)
        self._writing = FolderThreads(files.where, limits.writing, limits.answers_within)
        self._putting = FolderThreads(files.where, limits.putting, math.inf if files.is_far else limits.answers_within)
        self._elsewhere = RootThreads(self._roots.paths, limits.looking, limits.answers_within)
        self._taken: set[str] = set()  # names of parts that somebody writes to, a thread that hangs among them

    async def save(self, task: Task, result: Result) -> Result:
        """Fetches a result's file, going on where an earlier try stopped.

        Returns:
            The result with `file` saved, failed or expired (then `problem` tells why), or None where it has no URL.
        """
        if not result.url:
            return replace(result, file=None)
        name = names.part_name(task, result)
        try:
            async with self._alone(name), self._in_work.place(task.task_id):
                if name in self._taken:  # what that thread writes, once it can, would spoil what is written meanwhile
                    raise self._writing.hangs()
                arrival = await self._looking.run(self._files.arrival, task, result, afterwards=_close)
                self._taken.add(name)
                let_go = partial(self._let_go, name, arrival)
                try:
                    kept, left = await self._looking.run(self._look, arrival, patient=True)
                    saved = await self._save(arrival, kept, left, task, result, let_go)
                except FolderHangs as error:
                    if not error.has_begun:  # else the thread that has it closes it; here that could hang as well
                        threading.Thread(target=let_go, daemon=True).start()
                    raise
                except BaseException:
                    let_go()
                    raise
                let_go()
                return saved
        except FolderHangs as error:
            return outcomes.failed(result, f"The file could not be written: {error}. It is tried again by itself.")
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
        temporary, threads = names.part_name(task, result), self._elsewhere.of(directory)
        name = Path(result.path).name
        if is_address(result.path):  # an object's key tells nothing of what it is about
            name = names.legal(names.stem(task, result) + Path(name).suffix)
        try:
            async with self._alone(str(directory / temporary)):
                await threads.run(directory.exists)  # else a copy, which may take long, would find that it hangs
                return await threads.run(local.copy, self._files, result.path, directory, temporary, name, patient=True)
        except FolderHangs as error:
            raise MediaError(f"{error}.") from None

    async def folder(self, text: str) -> Path:
        """Returns the folder that a caller wants copies in, which need not exist yet.

        Raises:
            InvalidInput: it is none of theirs.
            MediaError: it does not answer.
        """
        try:
            return await self._elsewhere.of(Path(text)).run(self._roots.writable_dir, text)
        except FolderHangs as error:
            raise MediaError(f"{error}.") from None

    async def is_there(self, result: Result) -> bool:
        """Tells whether a saved file is still where it was put, at its full size. One whose folder hangs is."""
        try:
            return await self._reading.run(self._files.is_there, result.path, result.bytes)
        except FolderHangs:
            return True

    def _look(self, arrival: Arrival) -> tuple[KeptFile | None, Left | None]:
        """Returns what earlier tries put in the place of a result's file: the file, or some of it."""
        kept = arrival.find()
        return kept, None if kept else arrival.part.left()

    def _let_go(self, name: str, arrival: Arrival) -> None:
        try:
            arrival.close()
        finally:
            self._taken.discard(name)

    async def _save(
        self,
        arrival: Arrival,
        kept: KeptFile | None,
        left: Left | None,
        task: Task,
        result: Result,
        let_go: Callable[[], None],
    ) -> Result:
        part = arrival.part
        blocking = partial(self._writing.run, afterwards=lambda _: let_go())
        try:
            if kept:
                return await self._writing.run(self._found, part, result, kept, patient=True)
            fetch = Fetch(self._fetcher, self._places, self._limits, part, left, result, task.task_id, blocking)
            return await self._putting.run(self._put, arrival, task, result, await fetch.run(), patient=True)
        except FolderHangs:
            raise
        except PlaceTrouble as trouble:  # what came is still on this machine's disk
            return outcomes.unwritten(result, trouble, self._files.where)
        except Unwanted as error:
            await self._writing.run(part.drop, patient=True)
            return outcomes.failed(result, f"{error}. Its url in this answer shows what came.")
        except MediaError as error:
            await self._writing.run(part.drop if error.gone else part.tidy, patient=True)
            return outcomes.expired(result, error) if error.gone else outcomes.unfetched(result, error)
        except OSError as error:
            await self._writing.run(part.drop, patient=True)
            return outcomes.unwritten(result, error, str(part.path.parent))
        except Exception:
            await self._writing.run(part.tidy, patient=True)
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


def _close(arrival: Arrival | None) -> None:
    if arrival is not None:
        arrival.close()
