"""An input file as an answer over HTTP: whole, or the part that was asked for."""

import re
from types import MappingProxyType

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from apixo_mcp.media.input_links import OpenedInput

SAFE = MappingProxyType(
    {
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex",
        "cache-control": "private, no-store",
    }
)
"""Headers of what is served to whoever has the address: nothing in it runs, and nothing tells of it."""

_PIECE = 1 << 18
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class FileAnswer(Response):
    """The answer with a file that was opened, which it closes."""

    def __init__(self, file: OpenedInput) -> None:
        super().__init__(media_type=file.mime_type, headers=SAFE)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it from the file itself, whatever stands at its path by now."""
        file, headers = self._file, Headers(scope=scope)
        part = asked_part(headers.get("range", ""), file.size)
        if headers.get("if-range", file.etag) != file.etag:
            part = range(file.size)
        self.headers["accept-ranges"] = "bytes"
        self.headers["etag"] = file.etag
        if part is None:
            self.status_code = 416
            self.headers["content-range"] = f"bytes */{file.size}"
            part = range(0)
        elif len(part) < file.size:
            self.status_code = 206
            self.headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
        self.headers["content-length"] = str(len(part))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            left = 0 if scope["method"] == "HEAD" else len(part)
            file.content.seek(part.start)
            while left and (piece := await to_thread.run_sync(file.content.read, min(_PIECE, left))):
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            file.content.close()


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
