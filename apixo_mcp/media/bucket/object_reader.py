"""An object of a bucket as a file that is read from any offset."""

import io
from collections.abc import Callable
from typing import Any


class ObjectReader(io.RawIOBase):
    """Reads one object by parts. Its buffer is that of `io.BufferedReader`.

    Args:
        part: returns its bytes from the first number on and before the second.
        size: bytes.
        etag: of its content.
        together: bytes of the largest part that is asked for.
    """

    def __init__(self, part: Callable[[int, int], bytes], size: int, etag: str, *, together: int) -> None:
        self._part = part
        self._size = size
        self._together = together
        self._at = 0
        self.etag = etag

    def readable(self) -> bool:
        """See `io.RawIOBase.readable`."""
        return True

    def seekable(self) -> bool:
        """See `io.RawIOBase.seekable`."""
        return True

    def tell(self) -> int:
        """See `io.RawIOBase.tell`."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See `io.RawIOBase.seek`."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readall(self) -> bytes:
        """Returns the rest in large parts; the usual way would ask for 8 KB at a time."""
        parts: list[bytes] = []
        while self._at < self._size:
            part = self._part(self._at, min(self._size, self._at + self._together))
            self._at += len(part)
            parts.append(part)
        return b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase.readinto`."""
        stop = min(self._size, self._at + len(buffer))
        if stop <= self._at:
            return 0
        data = self._part(self._at, stop)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
