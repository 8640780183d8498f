"""A clock on which nobody waits: it stands still while there is work, and leaps to the next timer once there is none.

Server, sandbox and client run in one event loop under it. A video of a minute is over as soon as all that happens in
that minute was done, and a busy machine makes nobody give up: work takes no time.
"""

import asyncio
import selectors
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar, TypeVarTuple

import anyio
import anyio.to_thread

_QUIET = 0.002  # seconds of the real clock without any event: nothing is on its way within the machine
_STANDS_NEARLY = 0.001  # of real time passes: what comes later has a later time

_Given = TypeVarTuple("_Given")
_Result = TypeVar("_Result")


class Clock:
    """Time as the program sees it."""

    def __init__(self) -> None:
        self._began, self._monotonic, self._wall = time.monotonic(), time.monotonic(), time.time()
        self._real = time.monotonic
        self._leapt = 0.0
        self.working = 0  # threads that an event loop waits for

    @property
    def elapsed(self) -> float:
        """Seconds since its beginning."""
        return self._leapt + (self._real() - self._began) * _STANDS_NEARLY

    def leap(self, seconds: float) -> None:
        self._leapt += seconds

    def monotonic(self) -> float:
        return self._monotonic + self.elapsed

    def time(self) -> float:
        return self._wall + self.elapsed


class _Selector(selectors.DefaultSelector):
    """Waits for events, and lets the clock leap where none can come."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        while True:
            if events := super().select(_QUIET):
                return events
            if timeout is not None and not self._clock.working:
                self._clock.leap(timeout)
                return []


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: Clock) -> None:
        super().__init__(_Selector(clock))
        self._clock = clock

    def time(self) -> float:
        return self._clock.monotonic()

    def run_in_executor(
        self, executor: Any, func: Callable[[*_Given], _Result], *args: *_Given
    ) -> asyncio.Future[_Result]:
        running = super().run_in_executor(executor, func, *args)
        self._clock.working += 1
        running.add_done_callback(self._ended)
        return running

    def _ended(self, _: object) -> None:
        self._clock.working -= 1


@contextmanager
def _in_force(clock: Clock) -> Generator[None]:
    """Has the standard library tell this clock's time, and counts the threads that are waited for."""
    run_sync, monotonic, wall = anyio.to_thread.run_sync, time.monotonic, time.time

    async def counted(*given: Any, **named: Any) -> Any:
        clock.working += 1
        try:
            return await run_sync(*given, **named)
        finally:
            clock.working -= 1

    anyio.to_thread.run_sync = counted
    time.monotonic, time.time = clock.monotonic, clock.time
    try:
        yield
    finally:
        anyio.to_thread.run_sync = run_sync
        time.monotonic, time.time = monotonic, wall


def run(play: Callable[[Clock], Awaitable[None]]) -> float:
    """Runs something on such a clock; returns how many seconds of it that took."""
    clock = Clock()
    with _in_force(clock):
        anyio.run(play, clock, backend_options={"loop_factory": lambda: _Loop(clock)})
        return clock.elapsed
