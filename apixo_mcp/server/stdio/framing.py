"""Lines of a client, as the SDK reads them."""

import io
import json
import re
import time
from collections import deque
from typing import Any, cast

from apixo_mcp.server.messages import bounded

_BATCHES = "2025-03-26"
"""The one revision in which servers must take several messages in one array."""

_ESCAPES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.")


class Lines(io.TextIOWrapper):
    """Lines of JSON: half a surrogate pair, from hosts that cut an emoji in two, is replaced; a batch is taken apart.

    The SDK can read neither, and would leave the requests without an answer for ever. What is costly to read is made
    small (`bounded`). A mark of the byte order at the beginning is passed over.

    Args:
        wire: the bytes.
        times: when each of its lines came, taken off as they are read; by default each comes when it is read.

    Attributes:
        arrivals: when each line came that was handed out, in order, for its reader to take off.
    """

    def __init__(self, wire: io.BufferedReader, times: deque[float] | None = None) -> None:
        # As the SDK opens the wire itself, but for that mark, and for lines that end as `times` counts them.
        super().__init__(wire, encoding="utf-8-sig", errors="replace", newline="\n")
        self._times: deque[float] = deque() if times is None else times
        self._time = 0.0
        self.arrivals: deque[float] = deque()
        self._apart: deque[str] = deque()
        self._opened = self._takes_batches = False

    def readline(self, size: int = -1, /) -> str:
        """See `io.TextIOWrapper`."""
        line = self._next(size)
        if line:
            self.arrivals.append(self._time)
        return line

    def _next(self, size: int) -> str:
        if self._apart:
            return self._apart.popleft()
        line = super().readline(size)
        self._time = self._times.popleft() if self._times and line.endswith("\n") else time.monotonic()
        if "\\u" in line:
            line = _ESCAPES.sub(_whole, line)
        line = bounded(line)
        if not self._opened and '"initialize"' in line:
            self._opened = True
            self._takes_batches = _revision(line) == _BATCHES
        if self._takes_batches and line.lstrip().startswith("["):
            self._apart += _messages(line)
            return self._apart.popleft()
        return line


def _whole(escape: re.Match[str]) -> str:
    text = escape[0]
    is_half = len(text) == len("\\ud800")
    return "\\ufffd" if is_half else text


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _revision(line: str) -> Any:
    match _parsed(line):
        case {"method": "initialize", "params": {"protocolVersion": revision}}:
            return revision
        case _:
            return None


def _messages(line: str) -> list[str]:
    """Returns the messages of a batch, a line each; what is not a batch stays as it is."""
    messages = _parsed(line)
    if not isinstance(messages, list) or not messages:
        return [line]
    return [json.dumps(message) + "\n" for message in cast(list[Any], messages)]
