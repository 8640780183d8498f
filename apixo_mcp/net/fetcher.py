"""The protocol of whoever fetches files over HTTP."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Download:
    """An answer whose body has not been read yet.

    Attributes:
        status: 200, or 206 where a part is coming: what follows the offset, or less of it.
        content_type: as declared, without parameters, lower case; empty where none was.
        length: bytes that are declared to follow, None where none are declared.
        total: bytes of the whole file, where known.
        etag: empty where there is none.
        resumable: whether the server says that it serves ranges.
        chunks: the body, once; raises `MediaError` where the line breaks.
        is_bare: whether it came without the head of an HTTP answer, so that it may be anything.
        doubt: why it may not be whole, empty where nothing says so.
    """

    status: int
    content_type: str
    length: int | None
    total: int | None
    etag: str
    resumable: bool
    chunks: AsyncIterator[bytes]
    is_bare: bool = False
    doubt: str = ""


class Fetcher(Protocol):
    """Fetches result files. Follows at most five redirects, checks every address it connects to, sends no key."""

    def fetch(
        self, url: str, *, offset: int = 0, etag: str = "", unpack: bool = True
    ) -> AbstractAsyncContextManager[Download]:
        """Opens a file from `offset` on; with `etag` only if it is still the same (else it starts again at 0).

        Args:
            unpack: whether to undo its `Content-Encoding`; else it is given as it comes.

        Raises:
            HostRefused: the URL or a redirect leads to a private address.
            MediaError: no connection, an error answer (`gone` for 403, 404, 410), or a broken line.
            PackingBroken: it cannot be unpacked whole.
        """
        ...
