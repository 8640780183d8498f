"""A file as an answer over HTTP: whole, the part that was asked for, or that it is still the same."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import anyio
from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from apixo_mcp.media.served import OpenedFile, disposition

SAFE = MappingProxyType(
    {
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex",
        "cache-control": "private, no-store",
    }
)
"""Headers of what is served to whoever has the address: nothing in it runs, and nothing tells of it."""

_PIECE = 1 << 18
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class FileAnswer(Response):
    """The answer with a file that was opened, which it closes.

    Args:
        file: to be sent.
        headers: besides those of the file.
    """

    def __init__(self, file: OpenedFile, headers: Mapping[str, str] = SAFE) -> None:
        super().__init__(media_type=file.mime_type, headers=headers)
        self._file = file
        self._thread = anyio.CapacityLimiter(1)  # of its own: a folder that hangs keeps no other answer waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it from the file itself, whatever stands at its path by now."""
        file, asked = self._file, Headers(scope=scope)
        self.headers["etag"] = file.etag
        part = self._begun(asked)
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            left = 0 if scope["method"] == "HEAD" else len(part)
            file.content.seek(part.start)
            while left and (piece := await self._read(min(_PIECE, left))):
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            file.content.close()

    async def _read(self, size: int) -> bytes:
        return await to_thread.run_sync(self._file.content.read, size, limiter=self._thread)

    def _begun(self, asked: Headers) -> range:
        """Sets status and headers as they were asked for; returns the bytes that follow."""
        file = self._file
        if _names(asked.get("if-none-match", ""), file.etag):
            self.status_code = 304
            del self.headers["content-type"]
            return range(0)
        part = asked_part(asked.get("range", ""), file.size)
        if asked.get("if-range", file.etag) != file.etag:
            part = range(file.size)
        self.headers["accept-ranges"] = "bytes"
        if file.name:
            self.headers["content-disposition"] = disposition(file.name, is_shown=file.is_shown)
        if part is None:
            self.status_code = 416
            self.headers["content-range"] = f"bytes */{file.size}"
            part = range(0)
        elif len(part) < file.size:
            self.status_code = 206
            self.headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
        self.headers["content-length"] = str(len(part))
        return part


def _names(header: str, etag: str) -> bool:
    """Tells whether a list of etags names one, or any: what is asked for only where it has changed since."""
    listed = [entry.strip().removeprefix("W/") for entry in header.split(",")]
    return etag in listed or listed == ["*"]


def asked_part(header: str, size: int) -> range | None:
    """Returns the bytes that a Range header asks for: all of them where it is none, or asks for several parts.

    Returns:
        None where the file has no such part.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match[0] == "bytes=-":
        return range(size)
    first, last = match[1], match[2]
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return range(size)  # no range by the letter of the standard, and so passed over
    return range(start, stop) if start < stop else None
