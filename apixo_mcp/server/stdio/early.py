"""The early stage on standard input and output: answers a client while the server is still being loaded.

Imports nothing that takes time. A thread reads and answers while the main thread loads; what it did not answer is read
by the server, byte for byte and in order, through `Early.stdin`.

    host ── initialize ──► early stage: understood (`handshake`)? answered at once with what `server_info` says
         ── tools/list … ► answered with what `lists` says, where the settings that are known (`known`) suffice
         ── other lines ─► kept; `opening` decides which, and which of them ends the answering
    server, once loaded: `hand_over`, then reads what was kept, `initialize` among it, or a question in its place that
         fixes the era of a modern connection; its own answer to that is compared with the one given and not sent
         (`transport`)

The thread reads on after that, for it alone sees when a line comes: the server may be busy then (`Early.times`).

See `docs/early-handshake.md`.
"""

import io
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from types import FrameType

from apixo_mcp.server.stdio.handshake import Greeting
from apixo_mcp.server.stdio.known import Known
from apixo_mcp.server.stdio.opening import Opening

_CHUNK = 64 * 1024
_HELD = 1024 * 1024  # bytes that are read before the server has taken them; then the pipe holds the client up
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Early:
    """The process's connection with its client, from its first moment on.

    Takes standard input and output out of reach, where it is given no other wire: a stray `print` of an import ends on
    standard error.

    Attributes:
        began: `time.monotonic()` of that moment.
        times: when each line came that the server reads, by that clock, in order; it takes them off.
    """

    def __init__(self, known: Known | None, wire: tuple[int, int] | None = None) -> None:
        """Starts to listen.

        Args:
            known: of the settings, on which the answers depend; None answers nobody, and only listens.
            wire: the descriptors to read and to write; None takes those of the process, and its signals.
        """
        self.began = time.monotonic()
        self._in, self._out = wire or _claim()
        self.times: deque[float] = deque()
        self._lock = threading.Condition()
        self._over = self._loaded = False
        self._tail = bytearray()
        self._kept = bytearray()
        self._heard = False
        self._opening = Opening(known)
        self._thread = threading.Thread(target=self._listen, name="early", daemon=True)
        self._thread.start()

    def hand_over(self) -> Greeting | None:
        """Ends the answering; returns what has fixed the era of the connection, which the server has to hear too."""
        with self._lock:
            self._loaded = True
            return self._opening.greeted

    def stdin(self) -> io.BufferedReader:
        """Returns what is left to read, after `hand_over`: all that was not answered for good, then what comes."""
        return io.BufferedReader(_Rest(self.take))

    def stdout(self) -> io.BufferedWriter:
        """Returns where the server writes, after `hand_over`."""
        return io.BufferedWriter(io.FileIO(self._out, "wb", closefd=False))

    def take(self, most: int) -> bytes:
        """Returns the next bytes of what is left to read, once there are some; none at the end."""
        with self._lock:
            while not (self._kept or self._tail or self._over):
                self._lock.wait()
            part = self._kept or self._tail
            taken = bytes(part[:most])
            del part[:most]
            self._lock.notify_all()
            return taken

    def _listen(self) -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = os.read(self._in, _CHUNK)
            except OSError:  # a pipe that broke has ended
                chunk = b""
            with self._lock:
                self._tail += chunk
                if self._loaded:
                    self._note(chunk)
                else:
                    self._sort()
                self._over = not chunk
                if self._over and not self._loaded:
                    self._leave()
                self._lock.notify_all()
                while self._loaded and len(self._tail) > _HELD:
                    self._lock.wait()

    def _note(self, chunk: bytes) -> None:
        now = time.monotonic()
        self.times.extend(now for _ in range(chunk.count(b"\n")))

    def _sort(self) -> None:
        """Answers or keeps every whole line that has come."""
        while (end := self._tail.find(b"\n") + 1) > 0:
            line = bytes(self._tail[:end])
            if not self._heard:
                self._heard, line = True, line.removeprefix(_BYTE_ORDER_MARK)
            answer, is_kept = self._opening.hear(line)
            _write(self._out, answer)
            if is_kept:
                self._kept += line
                self._note(line)
            del self._tail[:end]

    def _leave(self) -> None:
        """Ends the process where the client is gone after it was answered, and waits for nothing else."""
        if self._opening.has_answered and not self._opening.is_asked and not self._tail:
            os._exit(0)


class _Rest(io.RawIOBase):
    """The bytes that the early stage read and did not answer, then those that come."""

    def __init__(self, take: Callable[[int], bytes]) -> None:
        self._take = take

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        taken = self._take(len(buffer))
        buffer[: len(taken)] = taken
        return len(taken)


def _claim() -> tuple[int, int]:
    """Moves the wire to descriptors of its own, and puts the null device and standard error in its place."""
    if sys.platform != "win32":
        # Nothing is under way yet, so nothing is to be finished.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _exit)
    nothing = os.open(os.devnull, os.O_RDWR)  # takes the place of a standard stream that is closed
    wire = os.dup(0), os.dup(1)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    if nothing > 2:
        os.close(nothing)
    return wire


def _write(fd: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:  # the client is gone
        os._exit(0)


def _exit(number: int, frame: FrameType | None) -> None:
    os._exit(0)
