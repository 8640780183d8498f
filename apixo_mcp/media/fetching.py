"""Fetches one file into its part: until it is whole, or as whole as its server hands it out."""

import errno
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio

from apixo_mcp.errors import HostRefused, MediaError, PackingBroken, SettingRefused
from apixo_mcp.media import inline, outcomes
from apixo_mcp.media.body import Arrived, Body, Held
from apixo_mcp.media.partial import Left, PartialFile
from apixo_mcp.media.places import Places, TransferLimits, Turn
from apixo_mcp.media.refusals import LARGEST_DOCUMENT, Unwanted, content_refusal, is_wanted, refuse
from apixo_mcp.net.fetcher import Download, Fetcher
from apixo_mcp.tasks.task import Result

T = TypeVar("T")

KEPT_AFTER = 2
"""So many times a file whose line always breaks is left for a later try; after that what came of it is kept."""

_DISK_LEFT = 64 * 1024 * 1024
_LOOKED_EVERY = 256 * 1024 * 1024
_BLOCK = 1 << 20
_GOES = 20
_PATIENCE = 10.0
"""The longest that a `Retry-After` is waited for while the caller waits."""


class Blocking(Protocol):
    """Runs what waits for the disk."""

    def __call__(self, work: Callable[..., T], /, *arguments: Any, patient: bool = False) -> Awaitable[T]:
        """Runs it in a thread; see `FolderThreads.run`."""
        ...


class _TooSlow(MediaError):
    """What arrives is so little that others must come first."""


class Fetch:
    """Fetches the file of one result."""

    def __init__(
        self,
        fetcher: Fetcher,
        places: Places,
        limits: TransferLimits,
        part: PartialFile,
        left: Left | None,
        result: Result,
        task_id: str,
        blocking: Blocking,
    ) -> None:
        """Fetches into `part`, where an earlier try may have `left` something, in the task's share of all transfers.

        What waits for the disk is run by `blocking`.
        """
        self._blocking = blocking
        self._fetcher = fetcher
        self._places = places
        self._limits = limits
        self._part = part
        self._body = Body(part)
        self._left = left
        self._result = result
        self._task_id = task_id
        self._most = limits.caps[result.kind]
        self._pauses = iter(limits.pauses)
        self._had = 0
        self._unpack = True  # what it is packed with for the way, until that turns out to be broken

    async def run(self) -> Arrived:
        """Fetches until the file is whole: a broken line is taken up again for as long as each go brings more.

        A file that came and may still not be whole is fetched anew a few times, and taken as it is in the end.

        Raises:
            MediaError: it did not come, or not whole, or is not wanted.
            OSError: the disk refuses.
        """
        doubtful: Arrived | None = None
        for _ in range(_GOES):
            try:
                arrived = await self._places.during(self._task_id, self._fetch)
            except MediaError as error:
                self._left = await self._blocking(self._body.let_go, patient=True)
                pause = self._pause_after(error, self._left.size if self._left else 0)
                if pause is None and doubtful is None:
                    if not isinstance(error, PackingBroken):
                        return await self._salvaged(error)
                    self._unpack, self._had, self._left, pause = False, 0, None, 0.0
                    await self._blocking(self._part.drop, patient=True)
            else:
                if not arrived.doubt:
                    return arrived
                await self._blocking(self._part.set_aside, patient=True)
                self._left, doubtful, pause = None, arrived, next(self._pauses, None)
            if pause is None:
                break
            await anyio.sleep(pause)
        if doubtful is None:
            raise MediaError("the line broke too often")
        await self._blocking(self._part.take_back, patient=True)
        return doubtful

    def _pause_after(self, error: MediaError, size: int) -> float | None:
        """Returns seconds until the next go: none where this one brought more; None where no go is to follow."""
        is_more, self._had = size > self._had, size
        if _is_final(error):
            return None
        if is_more:
            return 0.0
        pause = next(self._pauses, None)
        return None if pause is None else max(pause, error.retry_after or 0.0)

    async def _salvaged(self, error: MediaError) -> Arrived:
        """Returns what came of a file whose line always breaks, if it is whole by itself or was tried often.

        Raises:
            MediaError: the error, where a later try is to bring more.
        """
        part = self._part
        if _is_final(error) or error.gone or not part.size or not await self._blocking(part.is_there, patient=True):
            raise error
        is_whole = await self._blocking(part.read, outcomes.ends_well, patient=True)
        if not is_whole and self._result.tries < KEPT_AFTER:
            raise error
        head = await self._blocking(part.go_on, LARGEST_DOCUMENT, patient=True)
        refuse(head, is_whole=part.size <= len(head))
        sha256 = await self._blocking(part.finish, patient=True)
        return Arrived(part.size, sha256, "", f"though the file has its own end, {error}" if is_whole else str(error))

    async def _fetch(self, turn: Turn) -> Arrived:
        """Fetches what is missing. A server may hand out less than was asked for: the rest is asked for in its turn."""
        had = -1
        for _ in range(self._limits.parts):
            if arrived := await self._fetch_part(turn):
                return arrived
            if self._part.size <= had:
                raise MediaError("it changes while it is fetched")
            had = self._part.size
        raise _TooSlow(f"only {self._part.size:,} bytes came in {self._limits.parts:,} parts")

    async def _fetch_part(self, turn: Turn) -> Arrived | None:
        """Fetches what the server hands out at once; None where that was a part and the next is to be asked for."""
        part, left = self._part, self._left
        if left and left.is_whole:
            return await self._blocking(self._body.conclude_left, left, patient=True)
        if left:
            try:
                async with self._opened(offset=left.size, etag=left.etag) as download:
                    if download.status != 206:
                        part.close()
                        return await self._receive(download, turn)
                    if _fits(left, download):
                        return await self._receive(download, turn, left)
            except MediaError as error:
                if error.gone or part.is_open or error.retry_after is not None:
                    raise  # otherwise the range itself may have been refused
        part.close()
        async with self._opened() as download:
            return await self._receive(download, turn)

    @asynccontextmanager
    async def _opened(self, *, offset: int = 0, etag: str = "") -> AsyncGenerator[Download]:
        url = self._result.url
        if inline.is_inline(url):
            try:
                yield await inline.opened(url)
            except MediaError as error:
                raise Unwanted(str(error)) from None
        else:
            async with self._fetcher.fetch(url, offset=offset, etag=etag, unpack=self._unpack) as download:
                yield download

    async def _receive(self, download: Download, turn: Turn, left: Left | None = None) -> Arrived | None:
        """Receives a body, and decides what has come with it.

        Args:
            left: what it goes on with, None where it is the file from its start.

        Returns:
            None where a part of a file came whole, and another can follow.
        """
        start, total = left.size if left else 0, _total(download, left)
        await self._check_size(total)
        if left:
            await self._blocking(self._body.go_on, total, patient=True)
        size, rest = await self._pour(download, turn, start, total)
        is_part = download.status == 206 and total is not None and start < size < total
        doubt = download.doubt if self._unpack else "what it was packed with is broken, so it is kept as it came"
        end = partial(self._body.end, download, rest, size, total, is_part=is_part, doubt=doubt)
        arrived = await self._blocking(end, patient=True)
        if isinstance(arrived, Left):
            self._left = arrived
            return None
        return arrived

    async def _pour(self, download: Download, turn: Turn, start: int, total: int | None) -> tuple[int, Held]:
        """Writes a body as it comes; of text nothing before it is known to be no page and no error.

        Returns:
            Bytes of the file so far, and the last of them, which are not written yet.
        """
        held, size, looked, is_good = Held(), start, start, self._part.is_open
        counted, counted_at = start, anyio.current_time()
        written_at = counted_at
        try:
            async for chunk in download.chunks:
                held.add(chunk)
                size += len(chunk)
                await turn.came(len(chunk))
                if (now := anyio.current_time()) - counted_at >= self._limits.least_every:
                    if size - counted < self._limits.least_bytes:
                        raise _TooSlow(f"only {size - counted:,} bytes came in {now - counted_at:.0f} s")
                    counted, counted_at = size, now
                if size > self._most:
                    raise Unwanted(f"It is too large: more than {self._most:,} bytes")
                if size - looked >= _LOOKED_EVERY:
                    await self._check_size(size)
                    looked = size
                is_good = is_good or is_wanted(held.start(LARGEST_DOCUMENT + 1))
                if is_good and (held.size >= _BLOCK or now - written_at >= self._limits.written_after):
                    block, held, written_at = held, Held(), now
                    await self._blocking(self._body.write, download, block, total)
        except Unwanted:
            raise
        except MediaError:
            head = held.start(LARGEST_DOCUMENT + 1)
            if head and (is_good or content_refusal(head, is_whole=True) == ""):
                await self._blocking(self._body.write, download, held, total)
            raise
        return size, held

    async def _check_size(self, size: int | None) -> None:
        if size is None:
            return
        if size > self._most:
            raise Unwanted(f"It is too large: {size:,} bytes, {self._most:,} at most for {self._result.kind}")
        # Some network folders say that nothing is free: what is small is tried.
        if size > _DISK_LEFT and size + _DISK_LEFT > await self._blocking(self._part.room, patient=True):
            raise OSError(errno.ENOSPC, f"there is no room for {size:,} bytes", str(self._part.path))


def _is_final(error: MediaError) -> bool:
    """Tells whether no further go is of use while the caller waits."""
    is_settled = isinstance(error, Unwanted | _TooSlow | HostRefused | SettingRefused)
    return is_settled or (error.retry_after or 0) > _PATIENCE


def _total(download: Download, left: Left | None) -> int | None:
    """Returns the bytes of the whole file, None where nothing says."""
    total = download.total or (left.total if left else None)
    if total is None and download.length is not None:
        return (left.size if left else 0) + download.length
    return total


def _fits(left: Left, download: Download) -> bool:
    """Tells whether a partial answer goes on with what is there: one that names no file does not."""
    if download.etag != left.etag:
        return False
    if download.total is not None and left.total not in (None, download.total):
        return False
    total = download.total or left.total
    return total is None or download.length is None or left.size + download.length <= total
