"""A file of which only its beginning and its end are here: what it tells of itself stands there, however long it is."""

import io


class Ends(io.BytesIO):
    """Reads as the whole file would; from what is not here on, as if it ended there.

    Args:
        size: bytes of the whole file.
        head: its beginning, all of it where there is no tail.
        tail: its end.
    """

    def __init__(self, size: int, head: bytes, tail: bytes = b"") -> None:
        super().__init__()
        self._size = size
        self._pieces = ((0, head), (max(size - len(tail), 0), tail))
        self._at = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """See the base class."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        """See the base class."""
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        """See the base class."""
        most = self._size if size is None or size < 0 else size
        for start, piece in self._pieces:
            if start <= self._at < start + len(piece):
                content = piece[self._at - start :][:most]
                self._at += len(content)
                return content
        return b""
