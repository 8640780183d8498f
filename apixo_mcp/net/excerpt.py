"""What is kept of a body of any length: its beginning, and what stands around whatever tells of something."""

import re

MAX_BODY = 5 * 1024 * 1024
LONGEST_SEARCHED = 64 * 1024 * 1024

_BEFORE, _BEHIND = 64, 2048  # bytes that are kept around a place
_MOST_PLACES = 200
_SEAM = b"\n\0\n"  # so that nothing reads on from one piece into the next


class Excerpt:
    """Takes a body piece by piece, in bounded time and memory.

    Args:
        telling: what is looked for behind the beginning; None where nothing is.
    """

    def __init__(self, telling: re.Pattern[bytes] | None = None) -> None:
        self._telling = telling
        self._kept = bytearray()
        self._edge = bytearray()
        self._places = 0
        self._size = 0

    @property
    def is_cut(self) -> bool:
        """Whether more came than is kept."""
        return self._size > MAX_BODY

    def add(self, data: bytes) -> bool:
        """Takes the next piece, and tells whether any more of them is of use."""
        self._size += len(data)
        room = max(0, MAX_BODY - len(self._kept)) if not self._edge else 0
        self._kept += data[:room]
        if len(data) > room and self._telling is not None:
            if not self._edge:
                self._edge += self._kept[-_BEHIND:]
            self._edge += data[room:]
            self._look(len(self._edge) - _BEHIND)
        if self._telling is None:
            return not self.is_cut
        return self._size <= LONGEST_SEARCHED and self._places < _MOST_PLACES

    def body(self) -> bytes:
        """Returns what is kept."""
        self._look(len(self._edge))
        return bytes(self._kept)

    def _look(self, until: int) -> None:
        """Keeps what stands around each place before `until`, and forgets the rest of it."""
        at = 0
        while self._telling is not None and self._places < _MOST_PLACES:
            place = self._telling.search(self._edge, at)
            if place is None or place.start() >= until:
                break
            self._places += 1
            start = place.start()
            self._kept += _SEAM + self._edge[max(0, start - _BEFORE) : start + _BEHIND]
            at = start + _BEHIND // 2
        del self._edge[: max(until - _BEFORE, at, 0)]
