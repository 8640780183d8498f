"""A bucket of an S3-compatible object store, through obstore, which only this room knows. Blocking.

Its keys, the secrets of its credentials and the addresses that it signs stand in no message and in no log.
"""

import io
import math
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import quote, unquote, urlsplit

import anyio
import obstore
from anyio import from_thread
from obstore.store import MemoryStore, S3Store

from apixo_mcp.media.bucket.endpoint import endpoint, own_authorities
from apixo_mcp.media.bucket.object_reader import ObjectReader
from apixo_mcp.media.bucket.troubles import FAILURES, BucketTrouble, trouble_of

SINGLE = 8 << 20
"""Bytes of the largest file that goes in one request, which the store takes only under a free name; and of a part of a
larger one. S3 takes 10,000 parts (user guide, "Multipart upload limits"): 80 GB."""
_AT_ONCE = 2  # parts of one file
_READ = 1 << 20
_RETRIES = {"max_retries": 2, "retry_timeout": timedelta(seconds=15)}
_READS: dict[str, Any] = {"connect_timeout": "5s", "timeout": "30s"}
_WRITES: dict[str, Any] = {"connect_timeout": "5s", "timeout": "120s"}  # a part over a slow line
_IN_WORK = 24  # requests, but for those that put: each holds a worker thread
_WAITS = 2.0  # seconds for one of these places

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the bucket tells of it.

    Attributes:
        key: within the bucket.
        about: what was noted of it when it was put, under names in lower case.
    """

    key: str
    size: int
    etag: str
    modified: datetime
    about: Mapping[str, str] = field(default_factory=dict[str, str])


class Bucket:
    """Puts, reads, lists, signs and deletes objects. Every verb but `sign` is for worker threads.

    A request that its caller no longer waits for is cancelled, and waited for until it has ended.

    Attributes:
        name: of the bucket.
    """

    def __init__(self, name: str, store: S3Store | MemoryStore | None = None) -> None:
        """Takes credentials and endpoint as the library finds them: in `AWS_*`, else from the machine's role.

        Args:
            name: of the bucket.
            store: in place of one that is reached over the network.
        """
        self.name = name
        self._in_work = threading.BoundedSemaphore(_IN_WORK)
        self._reads, self._writes = store or self._opened(_READS), store or self._opened(_WRITES)

    def _opened(self, limits: dict[str, Any]) -> S3Store:
        # Plain http is the operator's own choice, as of an object store on the same machine.
        client: Any = {**limits, "allow_http": urlsplit(endpoint()).scheme == "http"}
        if authorities := own_authorities():
            client["root_certificate"] = authorities
        return S3Store(self.name, client_options=client, retry_config=cast("Any", _RETRIES))

    def put(
        self,
        key: str,
        source: Path | bytes,
        *,
        mime_type: str,
        disposition: str = "",
        about: Mapping[str, str] | None = None,
        only_new: bool = False,
    ) -> str:
        """Puts an object, whole or not at all, and returns its etag.

        Args:
            key: of the object.
            source: of the bytes.
            mime_type: that it is handed out with.
            disposition: whether it is shown or saved by whoever fetches it, and under which name.
            about: to be noted of it.
            only_new: an object that has the key stays. Of a file in several parts, that is only looked at before: of
                two who put one at the same moment, the later one's is there in the end, and whole.

        Raises:
            FileExistsError: an object has the key.
            BucketTrouble: the store does not take it.
        """
        told = {"Content-Type": mime_type, "Cache-Control": "private, no-cache"}
        if disposition:
            told["Content-Disposition"] = disposition
        told |= {name: quote(value, safe=" /:.-_") for name, value in (about or {}).items() if value}
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        is_single = size <= SINGLE
        if only_new and not is_single and self.head(key) is not None:
            raise FileExistsError(key)
        data = source if isinstance(source, bytes) or not is_single else source.read_bytes()

        def request(mode: Any) -> Callable[[], Awaitable[Any]]:
            async def put() -> Any:
                return await obstore.put_async(
                    self._writes,
                    key,
                    data,
                    attributes=cast("Any", told),
                    mode=mode,
                    use_multipart=not is_single,
                    chunk_size=SINGLE,
                    max_concurrency=_AT_ONCE,
                )

            return put

        try:
            result = self._run(request("create" if only_new and is_single else None))
        except BucketTrouble as trouble:
            if not (only_new and trouble.code == "NotImplemented"):
                raise
            # A service without conditional writes: the moment in between is left open, as it is with parts.
            if self.head(key) is not None:
                raise FileExistsError(key) from None
            result = self._run(request(None))
        return str(result["e_tag"] or "")

    def head(self, key: str, *, within: float = math.inf) -> Stored | None:
        """Returns what there is under a key; None where the store says that there is nothing.

        Args:
            key: of the object.
            within: seconds for the answer.

        Raises:
            BucketTrouble: it cannot be told.
        """

        async def request() -> Any:
            return await obstore.get_async(self._reads, key, options={"head": True})

        try:
            got = self._done(request, within)
        except FileNotFoundError:
            # The answer to HEAD has no body: a bucket that is gone looks as an object that is.
            self._confirm_gone(key)
            return None
        about = {name.lower(): unquote(str(value)) for name, value in got.attributes.items()}
        return _stored(got.meta, about)

    def _confirm_gone(self, key: str) -> None:
        try:
            self.read(key, 0, 1)
        except FileNotFoundError:
            return

    def read(self, key: str, start: int, stop: int) -> bytes:
        """Returns bytes of an object, fewer at its end.

        Raises:
            FileNotFoundError: there is no such object.
            BucketTrouble: it cannot be read.
        """

        async def request() -> bytes:
            return bytes(await obstore.get_range_async(self._reads, key, start=start, end=stop))

        return self._done(request)

    def open(self, stored: Stored) -> BinaryIO:
        """Opens an object to read it from any offset, and nothing else that is put under its key meanwhile."""
        reader = ObjectReader(partial(self.part, stored), stored.size, stored.etag, together=SINGLE)
        return cast("BinaryIO", io.BufferedReader(reader, _READ))

    def fetch(self, stored: Stored, target: BinaryIO) -> None:
        """Writes a whole object into a file.

        Raises:
            FileNotFoundError: there is no such object, or another one.
            BucketTrouble: it cannot be read.
        """
        for start in range(0, stored.size, SINGLE):
            target.write(self.part(stored, start, min(stored.size, start + SINGLE)))

    def part(self, stored: Stored, start: int, stop: int) -> bytes:
        """Returns bytes of this very object.

        Raises:
            FileNotFoundError: it is gone, or another one has its key.
            BucketTrouble: it cannot be read.
        """

        async def request() -> bytes:
            options: Any = {"range": (start, stop), "if_match": stored.etag or None}
            return bytes(await (await obstore.get_async(self._reads, stored.key, options=options)).bytes_async())

        return self._done(request)

    def list(self, prefix: str, *, within: float = math.inf) -> Iterator[Stored]:
        """Yields the objects beneath a prefix, which ends with a whole part of a key; without what was noted of them.

        Args:
            prefix: of their keys.
            within: seconds for the answer.

        Raises:
            BucketTrouble: the store does not tell.
        """

        async def request() -> list[Any]:
            pages: Any = obstore.list(self._reads, prefix)  # pyright: ignore[reportUnknownMemberType]
            return [one async for page in pages for one in page]

        for meta in self._done(request, within):
            yield _stored(meta, {})

    def delete(self, key: str) -> None:
        """Deletes an object; one that is gone already is none to be told of.

        Raises:
            BucketTrouble: the store refuses.
        """

        async def request() -> None:
            await obstore.delete_async(self._reads, key)

        try:
            self._done(request)
        except FileNotFoundError:
            return

    def sign(self, key: str, lasts: float) -> str:
        """Returns an address by which anybody can fetch an object for so many seconds: no longer than its signer's key.

        It is made here, without the store; only where a machine's role is asked for its key does that take a request.

        Raises:
            BucketTrouble: there is nothing to sign with.
        """
        if isinstance(self._reads, MemoryStore):
            return ""
        try:
            return obstore.sign(self._reads, "GET", key, timedelta(seconds=lasts))
        except FAILURES as error:
            raise trouble_of(error, self.name) from None

    def _done(self, request: Callable[[], Awaitable[T]], within: float = math.inf) -> T:
        if not self._in_work.acquire(timeout=_WAITS):
            raise BucketTrouble(
                "SlowDown", "more is asked of it than it answers. Try again in a few seconds", self.name
            )
        try:
            return self._run(request, within)
        finally:
            self._in_work.release()

    def _run(self, request: Callable[[], Awaitable[T]], within: float = math.inf) -> T:
        async def awaited() -> T:
            with anyio.fail_after(within):
                return await request()

        try:
            try:
                return from_thread.run(awaited)
            except anyio.NoEventLoopError:  # in no worker thread: a command, or a test
                return anyio.run(awaited)
        except FAILURES as error:
            raise trouble_of(error, self.name) from None


def _stored(meta: Mapping[str, Any], about: Mapping[str, str]) -> Stored:
    return Stored(str(meta["path"]), int(meta["size"]), str(meta["e_tag"] or ""), meta["last_modified"], about)
