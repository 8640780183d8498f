"""Reads what can be read from the bytes of a damaged SQLite file: every leaf page that is a page at all.

SQLite itself finds a row by its way through the tree, and gives up where the way is broken: a lost first page loses
everything to it. Here each page is looked at for itself, in the file and in what its write-ahead log adds. Only
`repair` asks here.
"""

import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Record = tuple[int | float | str | bytes | None, ...]

_LEAF, _INDEX_LEAF, _INDEX_INNER = 0x0D, 0x0A, 0x02
_LARGEST = 64 * 2**20  # of a row; what claims to be larger, or larger than its file, is none
_WAL_HEADER, _FRAME_HEADER = 32, 24
_BROKEN = (IndexError, ValueError, struct.error)


@dataclass(slots=True)
class Salvage:
    """What could be read.

    Attributes:
        records: rows of any table, in no order.
        entries: of any index; they tell of rows that are gone.
        unreadable: how many places looked like a row and could not be read.
    """

    records: list[Record] = field(default_factory=list[Record])
    entries: list[Record] = field(default_factory=list[Record])
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class LogFrame:
    """One page in a write-ahead log.

    Attributes:
        commits: whether a transaction ends with it.
        is_whole: whether its checksum is right, going by what the frame before it says of itself.
    """

    page: int
    commits: bool
    is_whole: bool
    content: bytes


def salvage(main: bytes, wal: bytes = b"") -> Salvage:
    """Returns everything that is readable, the log's rows first. A row may come several times, in several versions."""
    salvaged = Salvage()
    size = _page_size(main, wal)
    reserved = main[20] if main[:16] == b"SQLite format 3\0" and main[20] <= size - 480 else 0
    newer = _committed(frames(wal, size))
    for pages in filter(None, (newer, {0: b""})):
        _Pages(main, size, size - reserved, pages).read(salvaged)
    return salvaged


def _page_size(main: bytes, wal: bytes) -> int:
    written = int.from_bytes(main[16:18], "big"), int.from_bytes(wal[8:12], "big")
    sizes = [65536 if size == 1 else size for size in written]
    return next((size for size in sizes if 512 <= size <= 65536 and size & (size - 1) == 0), 4096)


def frames(wal: bytes, size: int = 0) -> list[LogFrame]:
    """Returns the frames of the log's present round; what an earlier round left behind has other salts."""
    if len(wal) < _WAL_HEADER:
        return []
    size = size or _page_size(b"", wal)
    magic, _, _, _, *salts, one, two = struct.unpack(">8I", wal[:_WAL_HEADER])
    is_known = magic & ~1 == 0x377F0682
    order = ("big" if magic & 1 else "little") if is_known else sys.byteorder
    if _checksum(wal[:24], 0, 0, order) != (one, two):
        # The header is lost: the frames themselves say what most of them have in common.
        every = [wal[at + 8 : at + 16] for at in range(_WAL_HEADER, len(wal) - _FRAME_HEADER, _FRAME_HEADER + size)]
        salts = list(struct.unpack(">2I", max(set(every), key=every.count))) if every else salts
    read: list[LogFrame] = []
    for at in range(_WAL_HEADER, len(wal) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size):
        page, pages, *own, frame_one, frame_two = struct.unpack(">6I", wal[at : at + _FRAME_HEADER])
        content = wal[at + _FRAME_HEADER : at + _FRAME_HEADER + size]
        is_whole = own == salts and page > 0
        if is_whole:
            summed = _checksum(wal[at : at + 8], one, two, order)
            is_whole = _checksum(content, *summed, order) == (frame_one, frame_two)
        read.append(LogFrame(page, pages > 0, is_whole, content))
        one, two = frame_one, frame_two
    return read


def hides_commits(wal: bytes, read: int = 0) -> bool:
    """Tells whether whole transactions stand in the log behind a broken frame, where SQLite leaves them out silently.

    A broken end is no damage: so a log looks after a power cut in the middle of a write.

    Args:
        read: how many frames SQLite has found whole. Checksums are slow here, so they are left to it where they can be.
    """
    if len(wal) >= _WAL_HEADER and _is_header(wal):
        step = _FRAME_HEADER + _page_size(b"", wal)
        heads = (wal[at : at + 16] for at in range(_WAL_HEADER + read * step, len(wal) - step + 1, step))
        if not any(head[8:] == wal[16:24] and any(head[4:8]) for head in heads):
            return False
    every = frames(wal)
    broken = next((number for number, frame in enumerate(every) if not frame.is_whole), len(every))
    is_broken = len(wal) >= _WAL_HEADER and not _is_header(wal)
    return any(frame.is_whole and frame.commits for frame in (every if is_broken else every[broken:]))


def _is_header(wal: bytes) -> bool:
    magic, *_, one, two = struct.unpack(">8I", wal[:_WAL_HEADER])
    order = "big" if magic & 1 else "little"
    return magic & ~1 == 0x377F0682 and _checksum(wal[:24], 0, 0, order) == (one, two)


def _committed(log: list[LogFrame]) -> dict[int, bytes]:
    """Returns the newest content of each page that a finished transaction wrote."""
    ends = [number for number, frame in enumerate(log) if frame.is_whole and frame.commits]
    last = ends[-1] if ends else -1
    return {frame.page: frame.content for frame in log[: last + 1] if frame.is_whole}


def _checksum(data: bytes, one: int, two: int, order: str) -> tuple[int, int]:
    words = iter(struct.unpack(f"{'>' if order == 'big' else '<'}{len(data) // 4}I", data))
    for first, second in zip(words, words, strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two


class _Pages:
    """The pages of a file, some of them in a newer version."""

    def __init__(self, main: bytes, size: int, usable: int, newer: Mapping[int, bytes]) -> None:
        self._main = main
        self._size = size
        self._usable = usable
        self._newer = newer
        self._count = max(len(main) // size + (len(main) % size > 0), *newer)

    def _page(self, number: int) -> bytes:
        if number < 1 or number > self._count:
            raise ValueError("there is no such page")
        return self._newer.get(number) or self._main[(number - 1) * self._size : number * self._size]

    def read(self, salvaged: Salvage) -> None:
        """Adds the rows of every leaf page."""
        for number in range(1, self._count + 1):
            page = self._page(number)
            head = 100 if number == 1 else 0
            if len(page) < head + 8:
                continue
            if page[head] in (_INDEX_LEAF, _INDEX_INNER):
                salvaged.entries += self._entries(page, 0 if page[head] == _INDEX_LEAF else 4)
            for place in self._cells(page, head) if page[head] == _LEAF else ():
                try:
                    salvaged.records.append(_record(self._payload(page, place)))
                except _BROKEN:
                    salvaged.unreadable += 1

    def _entries(self, page: bytes, child: int) -> Iterator[Record]:
        """Yields the entries of an index that stand in this page whole; `child` bytes lead on from each of them."""
        for place in self._cells(page, child):
            try:
                length, at = _varint(page, place + child)
                yield _record(page[at : at + length])
            except _BROKEN:
                continue

    def _cells(self, page: bytes, head: int) -> Iterator[int]:
        count = int.from_bytes(page[head + 3 : head + 5], "big")
        for at in range(head + 8, min(head + 8 + 2 * count, len(page) - 1), 2):
            yield int.from_bytes(page[at : at + 2], "big")

    def _payload(self, page: bytes, at: int) -> bytes:
        """Returns the bytes of a row: what stands in the page, and in the chain of pages where the rest stands."""
        length, at = _varint(page, at)
        _, at = _varint(page, at)
        if not 0 < length <= min(_LARGEST, self._count * self._size):
            raise ValueError("no row is so long")
        here, most = length, self._usable - 35
        if length > most:
            least = (self._usable - 12) * 32 // 255 - 23
            here = least + (length - least) % (self._usable - 4)
            here = here if here <= most else least
        parts, have = [page[at : at + here]], here
        following = int.from_bytes(page[at + here : at + here + 4], "big") if here < length else 0
        while have < length:
            more = self._page(following)
            part = more[4 : min(self._usable, 4 + length - have)]
            if not part:
                raise ValueError("the chain of pages is broken")
            parts.append(part)
            have += len(part)
            following = int.from_bytes(more[:4], "big")
        return b"".join(parts)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


def _record(payload: bytes) -> Record:
    end, at = _varint(payload, 0)
    kinds: list[int] = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    if at != end or not kinds:
        raise ValueError("the row's head is broken")
    values: list[int | float | str | bytes | None] = []
    for kind in kinds:
        size = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)[kind] if kind < 10 else (kind - 12) // 2
        if kind in (10, 11) or at + size > len(payload):
            raise ValueError("the row is cut")
        part = payload[at : at + size]
        at += size
        if kind == 0:
            values.append(None)
        elif kind == 7:
            values.append(struct.unpack(">d", part)[0])
        elif kind in (8, 9):
            values.append(kind - 8)
        elif kind < 7:
            values.append(int.from_bytes(part, "big", signed=True))
        else:
            values.append(part.decode() if kind % 2 else part)
    if at != len(payload):
        raise ValueError("the row is longer than it says")
    return tuple(values)
