"""A file as it will be: pieces of the one that is there, copied as they are, and what is put between them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

_BLOCK = 1 << 20


class LeftAlone(Exception):
    """A file that nothing is written into; its text says why."""


SIGNED = "it is signed: a change would break that"
DESCRIBED = "another program has described it already"
CUT = "it is cut"
ODD = "it is not built as such files are"


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of the file that is there, from `start` up to `stop`."""

    start: int
    stop: int


Pieces = Sequence[bytes | Span]


def read_at(file: BinaryIO, at: int, count: int) -> bytes:
    """Returns exactly so many bytes from an offset on.

    Raises:
        LeftAlone: they are not there.
    """
    file.seek(at)
    data = file.read(count)
    if len(data) != count:
        raise LeftAlone(CUT)
    return data


def length_of(file: BinaryIO) -> int:
    """Returns the bytes of a file."""
    return file.seek(0, io.SEEK_END)


def assemble(source: BinaryIO, pieces: Pieces, target: BinaryIO) -> None:
    """Writes the pieces one behind the other.

    Raises:
        OSError: the disk refuses, or the file became shorter meanwhile.
    """
    for piece in pieces:
        if isinstance(piece, bytes):
            target.write(piece)
            continue
        source.seek(piece.start)
        left = piece.stop - piece.start
        while left:
            block = source.read(min(left, _BLOCK))
            if not block:
                raise OSError("the file became shorter while it was read")
            target.write(block)
            left -= len(block)
