"""Small pictures of saved pictures, for a chat and for the model to look at."""

import subprocess
import sys
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import to_thread

from apixo_mcp.media import kinds, shrink
from apixo_mcp.media.probe import probe

_PEAK = {"image/png": 5, "image/jpeg": 4, "image/webp": 18, "image/avif": 18, "image/gif": 10, "image/bmp": 8}
"""Bytes a pixel that decoding takes at its peak, measured."""

_USUAL = 768
_MOST_HERE = 20_000_000
_KEPT_BYTES = 8_000_000
_PATIENCE = 20.0

_one_at_a_time = anyio.CapacityLimiter(1)  # a decoded picture is large: two at once would double the peak


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture small enough to go into an answer."""

    data: bytes
    mime_type: str


_Key = tuple[str, int, int, int, int]


class _Kept:
    """The last few previews, for a task that is asked about again and again."""

    def __init__(self) -> None:
        self._previews: OrderedDict[_Key, Preview] = OrderedDict()

    def get(self, key: _Key) -> Preview | None:
        if key in self._previews:
            self._previews.move_to_end(key)
        return self._previews.get(key)

    def put(self, key: _Key, preview: Preview) -> None:
        self._previews[key] = preview
        while sum(len(kept.data) for kept in self._previews.values()) > _KEPT_BYTES:
            self._previews.popitem(last=False)


_kept = _Kept()


async def preview(path: Path, mime_type: str, *, longest: int = _USUAL, max_bytes: int = 500_000) -> Preview | None:
    """A small picture of a file, of a video its first frame where a decoder is installed; None where that fails."""
    if mime_type not in shrink.FORMATS and not (mime_type.startswith("video/") and shrink.has_decoder()):
        return None
    async with _one_at_a_time:
        try:
            stat = await to_thread.run_sync(path.stat)
            key = (str(path), stat.st_size, stat.st_mtime_ns, longest, max_bytes)
            if (found := _kept.get(key)) is None:
                if await to_thread.run_sync(_is_small, path, mime_type, longest):
                    made = await to_thread.run_sync(shrink.shrink, path, mime_type, longest, max_bytes)
                else:
                    made = await _elsewhere(path, mime_type, longest, max_bytes)
                if made is None:
                    return None
                found = Preview(*made)
                _kept.put(key, found)
        except (OSError, ValueError):
            return None
    return found


async def view(path: Path, mime_type: str) -> Preview | None:
    """The picture for the model to look at: as large as models make use of, and its base64 under 700 KB."""
    return await preview(path, mime_type, longest=1568, max_bytes=480_000)


def _is_small(path: Path, mime_type: str, longest: int) -> bool:
    """Whether decoding a picture here does this long-lived process no harm."""
    if mime_type not in _PEAK:
        return False
    kind = kinds.for_mime(mime_type)
    facts = probe(path, kind) if kind else None
    if facts is None or not facts.width or not facts.height:
        return False
    return facts.width * facts.height * _PEAK[mime_type] <= _MOST_HERE * _USUAL // max(_USUAL, longest)


async def _elsewhere(path: Path, mime_type: str, longest: int, max_bytes: int) -> tuple[bytes, str] | None:
    """Decodes a large picture in a short-lived process, which takes all its memory with it."""
    if getattr(sys, "frozen", False):  # this executable is then no interpreter
        return await to_thread.run_sync(shrink.shrink, path, mime_type, longest, max_bytes)
    command = [sys.executable, "-P", shrink.__file__, str(path), mime_type, str(longest), str(max_bytes)]
    with anyio.move_on_after(_PATIENCE):
        done = await anyio.run_process(
            command,
            stdin=subprocess.DEVNULL,  # the parent's is the protocol's line
            stderr=subprocess.DEVNULL,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        if done.returncode == 0:
            mime, _, data = done.stdout.partition(b"\n")
            return data, mime.decode()
    return None
