"""Ctrl-C, and whatever else asks a command to end."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import FrameType

import anyio

from apixo_mcp.server.signals import ENDING

INTERRUPTED = 130  # as shells tell of Ctrl-C


class Interrupts:
    """The first one cancels what runs, which then says what becomes of it; a second Ctrl-C ends the process at once."""

    def __init__(self) -> None:
        self.has_come = False
        self._last_words = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scope: anyio.CancelScope | None = None

    @contextmanager
    def heard(self) -> Generator[None]:
        """Listens to the signals meanwhile; only the main thread is told of any."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._hear) for number in ENDING}
        token = _HEARD.set(self)
        try:
            yield
        finally:
            _HEARD.reset(token)
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def scope(self) -> Generator[None]:
        """Has the work within it cancelled by the first interrupt."""
        with anyio.CancelScope() as scope:
            self._loop, self._scope = asyncio.get_running_loop(), scope
            if self.has_come:
                scope.cancel()
            yield

    def _hear(self, number: int, _: FrameType | None) -> None:
        if self.has_come:
            if number == signal.SIGINT:
                self._end_at_once()
            return  # it is ending already, and a submit's answer may be on its way
        self.has_come = True
        if self._loop is None or self._scope is None:
            raise KeyboardInterrupt
        # From within the loop: a signal comes in the middle of anything.
        self._loop.call_soon_threadsafe(self._scope.cancel)

    def leave(self, words: str) -> None:
        """Sets what a second Ctrl-C says before it ends the process."""
        self._last_words = words

    def _end_at_once(self) -> None:
        # Past the stream and its lock: it may be in the middle of a write.
        if self._last_words:
            with suppress(OSError, ValueError):
                os.write(sys.stderr.fileno(), f"\n{self._last_words}\n".encode(sys.stderr.encoding, "replace"))
        os._exit(INTERRUPTED)


_HEARD: ContextVar[Interrupts | None] = ContextVar("_HEARD", default=None)


def leave_last_words(words: str) -> None:
    """Sets what a second Ctrl-C says before it ends this process; nothing where no command listens to it."""
    if interrupts := _HEARD.get():
        interrupts.leave(words)
