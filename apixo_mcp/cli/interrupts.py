"""Ctrl-C, and whatever else asks a command to end."""

import asyncio
import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import anyio

from apixo_mcp.server.signals import ENDING

INTERRUPTED = 130  # as shells tell of Ctrl-C


class Interrupts:
    """The first one cancels what runs, which then says what becomes of it; a second Ctrl-C ends the process at once."""

    def __init__(self) -> None:
        self.has_come = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scope: anyio.CancelScope | None = None

    @contextmanager
    def heard(self) -> Generator[None]:
        """Listens to the signals meanwhile; only the main thread is told of any."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._hear) for number in ENDING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def scope(self) -> Generator[None]:
        """Within it, work is cancelled by the first interrupt."""
        with anyio.CancelScope() as scope:
            self._loop, self._scope = asyncio.get_running_loop(), scope
            if self.has_come:
                scope.cancel()
            yield

    def _hear(self, number: int, _: FrameType | None) -> None:
        if self.has_come:
            if number == signal.SIGINT:
                os._exit(INTERRUPTED)
            return  # it is ending already, and a submit's answer may be on its way
        self.has_come = True
        if self._loop is None or self._scope is None:
            raise KeyboardInterrupt
        # From within the loop: a signal comes in the middle of anything.
        self._loop.call_soon_threadsafe(self._scope.cancel)
