"""Bodies that were packed for the way, unpacked piece by piece; what only claims to be packed stays as it came."""

import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import Any

from anyio.lowlevel import checkpoint

from apixo_mcp.errors import PackingBroken

_PIECE = 256 * 1024


class Unpacker:
    """Undoes one `Content-Encoding`, told by the first bytes rather than by its name.

    Attributes:
        packed: the encoding that could not be undone, empty where there is none.
    """

    def __init__(self, encoding: str) -> None:
        self.packed = "" if _family(encoding) else encoding
        self._family = _family(encoding)
        self._first = b""
        self._inflater: Any = None
        self._as_it_came = not self._family

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Gives what a piece of the body holds.

        Raises:
            PackingBroken: it began well and is broken.
        """
        if self._as_it_came:
            yield data
            return
        if self._inflater is None:
            self._first += data
            if len(self._first) < 3:
                return
            data, self._first = self._first, b""
            self._inflater = _inflater(self._family, data)
            if self._inflater is None:
                self._as_it_came = True
                yield data
                return
        while data:
            before = self._inflater.copy()
            try:
                piece = self._inflater.decompress(data, _PIECE)
            except zlib.error:
                yield _until_broken(before, data)
                raise PackingBroken("its compression is broken") from None
            data = self._inflater.unconsumed_tail
            if piece:
                yield piece
            if self._inflater.eof:
                data = self._next_member(self._inflater.unused_data)

    def end(self) -> bytes:
        """Gives what is left at the end of the body.

        Raises:
            PackingBroken: more should have come.
        """
        if self._inflater is not None and not self._inflater.eof:
            raise PackingBroken("the end of its compression is missing")
        rest, self._first = self._first, b""
        return rest

    def _next_member(self, rest: bytes) -> bytes:
        if self._family == "gzip" and rest[:2] == b"\x1f\x8b":
            self._inflater = zlib.decompressobj(31)
            return rest
        return b""  # padding, or whatever else stands behind the end


async def unpacked(pieces: AsyncIterator[bytes], unpackers: Sequence[Unpacker]) -> AsyncGenerator[bytes]:
    """Yields what a body holds that comes piece by piece, the first unpacker's work first.

    Raises:
        PackingBroken: it began well and is broken, or more should have come.
    """
    async for data in pieces:
        async for piece in _through(data, unpackers):
            yield piece
    for number, unpacker in enumerate(unpackers):
        async for piece in _through(unpacker.end(), unpackers[number + 1 :]):
            yield piece


async def _through(data: bytes, unpackers: Sequence[Unpacker]) -> AsyncGenerator[bytes]:
    if not unpackers:
        if data:
            yield data
        return
    for piece in unpackers[0].feed(data):
        await checkpoint()  # a little that is packed may hold a lot
        async for inner in _through(piece, unpackers[1:]):
            yield inner


def encodings(value: str) -> list[str]:
    """Returns the encodings of a header, in the order in which they are undone."""
    words = [word.strip().lower() for word in value[:200].split(",")]
    return [word for word in reversed(words) if word not in ("", "identity", "none", "binary")][:3]


def _until_broken(inflater: Any, data: bytes) -> bytes:
    """Unpacks what stands before the byte that breaks it."""
    piece = bytearray()
    with suppress(zlib.error):
        for byte in data:
            piece += inflater.decompress(bytes((byte,)), _PIECE)
    return bytes(piece)


def _family(encoding: str) -> str:
    return {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "x-deflate": "deflate"}.get(encoding, "")


def _inflater(family: str, start: bytes) -> Any:
    """Tells what can unpack a body that begins so; None where it is not packed."""
    if start[:3] == b"\x1f\x8b\x08":
        return zlib.decompressobj(31)
    if family == "gzip":
        return None
    has_header = start[0] & 15 == 8 and int.from_bytes(start[:2], "big") % 31 == 0
    found = zlib.decompressobj(15 if has_header else -15)
    try:
        found.copy().decompress(start, 64)
    except zlib.error:
        return None
    return found
