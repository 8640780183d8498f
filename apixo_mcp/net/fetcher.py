"""Files fetched over HTTP: the protocol, and what an answer says of the file that follows it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from apixo_mcp.errors import MediaError
from apixo_mcp.net.heads import DOUBT, HEADLESS

_LONGEST_ETAG = 512


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
        self, url: str, *, offset: int = 0, etag: str = "", unpack: bool = True, follow: bool = True
    ) -> AbstractAsyncContextManager[Download]:
        """Opens a file from `offset` on; with `etag` only if it is still the same (else it starts again at 0).

        Args:
            unpack: whether to undo its `Content-Encoding`; else it is given as it comes.
            follow: whether redirects are followed; else one is an error.

        Raises:
            HostRefused: the URL or a redirect leads to a private address.
            MediaError: no connection, an error answer (`gone` for 403, 404, 410), or a broken line.
            PackingBroken: it cannot be unpacked whole.
        """
        ...


def download_of(
    where: str,
    status: int,
    headers: Mapping[str, str],
    offset: int,
    chunks: AsyncIterator[bytes],
    *,
    is_packed: bool,
) -> Download:
    """Returns what an answer to a request for a file, from `offset` on, says of it.

    Raises:
        MediaError: it is not the file (`gone` for 403, 404, 410), or another part of it.
    """
    if status in (403, 404, 410):
        raise MediaError(f"{where} no longer has the file (HTTP {status})", gone=True)
    if not 200 <= status < 300:
        later = _retry_after(headers.get("retry-after", ""))
        raise MediaError(f"{where} answered HTTP {status} instead of the file", retry_after=later)
    start, count, total = _content_range(headers.get("content-range", ""))
    # A plain request that is answered by "206" without a range that can be read: all of it.
    is_part = status == 206 and (offset > 0 or start is not None)
    declared = headers.get("content-length", "")
    counts = not is_packed and "transfer-encoding" not in headers
    length = int(declared) if counts and declared.isascii() and declared.isdigit() and len(declared) < 19 else None
    doubt = headers.get(DOUBT, "")
    if is_part and (problem := _misfit(start, count, total, offset, length, is_packed=is_packed)):
        if offset:
            raise MediaError(f"{where} sent {problem}")
        is_part, doubt = False, f"{where} said it was {problem}"
    elif is_part:
        length = count if count is not None else length
    etag = headers.get("etag", "")
    return Download(
        status=206 if is_part else 200,
        content_type=headers.get("content-type", "").split(";")[0].strip().lower(),
        length=length,
        total=total if is_part else length,
        etag="" if is_packed or doubt or len(etag) > _LONGEST_ETAG else etag,
        resumable=not is_packed and (is_part or headers.get("accept-ranges", "").strip().lower() == "bytes"),
        chunks=chunks,
        is_bare=doubt == HEADLESS,
        doubt=doubt,
    )


def _misfit(
    start: int | None, count: int | None, total: int | None, offset: int, length: int | None, *, is_packed: bool
) -> str:
    """Tells what is wrong with a part of a file, empty where nothing is."""
    if start != offset:
        return "another part of the file than was asked for"
    if is_packed:
        return "a part of a compressed file"
    if count is not None and (count < 1 or (total is not None and offset + count > total)):
        return "a part that no file has"
    if count is not None and length not in (None, count):
        return "a part of another size than it has"
    return ""


def _retry_after(value: str) -> float | None:
    text = value.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


def _content_range(value: str) -> tuple[int | None, int | None, int | None]:
    """Reads the first byte, the count and the whole size of a `Content-Range`, None where it does not tell."""
    unit, _, rest = value.strip().partition(" ")
    span, _, total = rest.partition("/")
    start, _, last = (part.strip() for part in span.partition("-"))
    if unit.lower() != "bytes" or not _is_number(start):
        return None, None, None
    count = int(last) - int(start) + 1 if _is_number(last) else None
    return int(start), count, int(total) if _is_number(total.strip()) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
