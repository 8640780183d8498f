"""How large a file's picture is and how long it plays, read from its headers without decoding anything.

Whatever cannot be told for certain stays None: these are facts for the reader, never a reason to refuse a file.
"""

import io
import struct
from pathlib import Path
from typing import Any, BinaryIO, cast

from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.probing.facts import MediaFacts

_READS = 700_000
"""Reads of one file: seconds at most, and more than a film of hours needs."""

__all__ = ["MediaFacts", "probe", "read_facts"]


def probe(path: Path, kind: Kind) -> MediaFacts:
    """Reads the facts of a file of this kind; empty ones where its headers make no sense."""
    try:
        with path.open("rb") as file:
            return read_facts(file, kind)
    except OSError:
        return MediaFacts()


def read_facts(file: BinaryIO, kind: Kind) -> MediaFacts:
    """Returns the facts of an open file of this kind; empty ones where its headers make no sense."""
    # Imported here: there are readers of many formats, and a server that starts reads none.
    from apixo_mcp.media.probing.measures import measure

    frugal = _Frugal(cast("Any", file))
    try:
        size = frugal.seek(0, 2)
        frugal.seek(0)
        return measure(frugal, size, kind)
    except (OSError, struct.error, IndexError, ValueError, ArithmeticError):
        return MediaFacts()
    finally:
        frugal.detach()


class _Frugal(io.BufferedReader):
    """A file that may be read so often and no oftener, whatever the sizes in it make a reader do."""

    _left = _READS

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many parts")
        return super().read(size)
