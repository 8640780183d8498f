"""The body of a file on its way from the network into its part, and what is decided by it. Blocking.

    block after block ──► Body.write ──► Body.end: a file that came, or a part of one, or a refusal

What is done with bytes that are there is done in one go: each change of threads costs as much as writing a block.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from apixo_mcp.errors import MediaError
from apixo_mcp.media import outcomes
from apixo_mcp.media.partial import Left, PartialFile
from apixo_mcp.media.probing.signatures import HEAD, sniff
from apixo_mcp.media.refusals import LARGEST_DOCUMENT, refuse
from apixo_mcp.net.fetcher import Download

_LARGE = 32 * 1024


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that came.

    Attributes:
        doubt: why it may not be whole, empty where nothing says so.
    """

    size: int
    sha256: str
    content_type: str
    doubt: str = ""


class Held:
    """Bytes of a body that wait to be written, as they came: large pieces are not copied, small ones are put together.

    Attributes:
        size: of all of them.
    """

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes | bytearray] = []

    def __iter__(self) -> Iterator[bytes | bytearray]:
        return iter(self._pieces)

    def add(self, piece: bytes) -> None:
        """Adds what came next."""
        self.size += len(piece)
        last = self._pieces[-1] if self._pieces else b""
        if isinstance(last, bytearray) and len(last) < _LARGE:
            last += piece
        else:
            self._pieces.append(piece if len(piece) >= _LARGE else bytearray(piece))

    def start(self, size: int) -> bytes:
        """Returns the first bytes."""
        start = bytearray()
        for piece in self._pieces:
            start += piece[: size - len(start)]
            if len(start) >= size:
                break
        return bytes(start)


class Body:
    """Fills the part of one file."""

    def __init__(self, part: PartialFile) -> None:
        self._part = part

    def write(self, download: Download, block: Held, total: int | None) -> None:
        """Writes what came, the first of it into a part that is made for it.

        Raises:
            MediaError: it is no answer, and no media file either.
            OSError: the disk refuses.
        """
        if not self._part.is_open:
            if download.is_bare and sniff(block.start(HEAD)) is None:
                raise MediaError("what came was neither an HTTP answer nor a media file")
            self._part.begin(download.etag, total)
        for piece in block:
            self._part.write(piece)

    def end(
        self, download: Download, rest: Held, size: int, total: int | None, *, is_part: bool, doubt: str
    ) -> Arrived | Left:
        """Decides what has come with a body.

        Args:
            rest: the last of it, which is not written yet.
            size: bytes of the file so far.
            total: bytes of the whole file, None where unknown.
            is_part: whether its server handed out a part only.
            doubt: why it may not be whole, empty where nothing says so.

        Returns:
            What is there to go on with, where a part came and another can follow.

        Raises:
            MediaError: it is not whole, or not wanted.
            OSError: the disk refuses.
        """
        part = self._part
        if not part.is_open:
            if not rest.size and total:
                raise MediaError(f"the line broke after 0 of {total:,} bytes")
            refuse(rest.start(LARGEST_DOCUMENT + 1), is_whole=not is_part)
        self.write(download, rest, total)
        if is_part and (left := part.left()):
            return left
        if total is not None and size < total:
            raise MediaError(f"the line broke after {size:,} of {total:,} bytes")
        if total is not None and size > total:
            doubt = f"{size:,} bytes came where {total:,} were declared"
        return self._conclude(download.content_type, doubt)

    def conclude_left(self, left: Left) -> Arrived:
        """Takes the last steps with a file that an earlier try left whole; raises as `end`."""
        self.go_on(left.total)
        return self._conclude("", left.doubt)

    def go_on(self, total: int | None) -> None:
        """Goes on with what an earlier try left.

        Raises:
            MediaError: it is not wanted.
            OSError: it is in no file of our own.
        """
        if self._part.is_open:  # and looked at when its first part came
            return
        head = self._part.go_on(LARGEST_DOCUMENT + 1)
        refuse(head, is_whole=total is not None and total <= len(head))

    def let_go(self) -> Left | None:
        """Lets go of the part; returns what a later go can go on with."""
        self._part.close()
        return self._part.left()

    def _conclude(self, content_type: str, doubt: str) -> Arrived:
        part = self._part
        if part.size <= LARGEST_DOCUMENT:  # it may have come in parts too small to tell
            refuse(part.go_on(part.size), is_whole=True)
        sha256 = part.finish()
        if not doubt and part.read(outcomes.is_cut):
            doubt = f"its end is missing after {part.size:,} bytes"
        return Arrived(part.size, sha256, content_type, doubt)
