"""Blocking work on one folder, in threads of its own: a folder that does not answer keeps nobody else waiting.

A call that hangs (a network share that is gone) cannot be ended. It keeps its thread and its place among the few that
its folder has, and whoever waited for it goes on without. Once the folder answers, the place is free again.
"""

import errno
import math
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import anyio
from anyio import to_thread

from apixo_mcp.media.files import PlaceTrouble, ResultFiles

T = TypeVar("T")

_READING = 8
"""Threads at once that read what is kept, those included that hang."""
_READ_WITHIN = 10.0
_ONCE_HANGING = 1.0


class FolderHangs(PlaceTrouble):
    """A folder does not answer. The message names it and says what to do.

    Attributes:
        has_begun: whether the call was begun, so that a thread is still at it.
    """

    def __init__(self, message: str, *, has_begun: bool = False) -> None:
        super().__init__(errno.ETIMEDOUT, message)
        self.has_begun = has_begun

    def __str__(self) -> str:
        return self.strerror or ""


class FolderThreads:
    """The threads of one folder.

    Args:
        where: what a person calls the folder.
        most: threads at once, those included that hang.
        answers_within: seconds after which a call that is still waited for counts as hanging.
        once_hanging: the same, while another one hangs; None: no less.
    """

    def __init__(self, where: str, most: int, answers_within: float, once_hanging: float | None = None) -> None:
        self._where = where
        self._most = most
        self._first_within = answers_within
        self._then_within = answers_within if once_hanging is None else min(once_hanging, answers_within)
        self._turns = anyio.CapacityLimiter(most)
        self._threads = anyio.CapacityLimiter(math.inf)  # the turns are the limit
        self._hanging: set[_Call[Any]] = set()
        self._ended = 0

    async def run(
        self,
        work: Callable[..., T],
        *arguments: Any,
        patient: bool = False,
        afterwards: Callable[[T | None], None] = lambda _: None,
    ) -> T:
        """Runs `work` in a thread.

        Args:
            work: what is run; what it raises is raised.
            arguments: of `work`.
            patient: whether it may take as long as it does: it reads or writes a whole file.
            afterwards: what is done in the thread with what a call returns that was given up; None where it raised.

        Raises:
            FolderHangs: it was given up, or earlier ones hang still.
        """
        self._let_return()
        call = _Call(work, arguments, afterwards)
        await self._have_turn(call)
        try:
            with anyio.move_on_after(math.inf if patient else self._within, shield=True):
                return await to_thread.run_sync(call, abandon_on_cancel=True, limiter=self._threads)
            if call.give_up():
                self._hanging.add(call)
                raise self.hangs(has_begun=True)
            return call.outcome()
        finally:
            if call not in self._hanging:
                self._turns.release_on_behalf_of(call)
                self._ended += 1

    async def _have_turn(self, call: "_Call[Any]") -> None:
        while len(self._hanging) < self._most:
            ended = self._ended
            with anyio.move_on_after(self._within):
                await self._turns.acquire_on_behalf_of(call)
                return
            self._let_return()
            if self._ended == ended:
                break
        raise self.hangs()

    @property
    def _within(self) -> float:
        return self._then_within if self._hanging else self._first_within

    def _let_return(self) -> None:
        """Frees the places of calls that hung and are over by now."""
        for call in [call for call in self._hanging if call.is_over]:
            self._hanging.remove(call)
            self._turns.release_on_behalf_of(call)
            self._ended += 1

    def hangs(self, *, has_begun: bool = False) -> FolderHangs:
        """Returns what tells that the folder does not answer."""
        return FolderHangs(
            f"{self._where} does not answer (it was waited for {self._first_within:.0f} s): is it on a network share "
            "that is gone, or on a drive that sleeps? Bring it back, or choose another folder",
            has_begun=has_begun,
        )


class RootThreads:
    """The threads of several folders, each of which may hang by itself."""

    def __init__(self, roots: Sequence[Path], most: int, answers_within: float) -> None:
        self._roots = roots
        self._most = most
        self._within = answers_within
        self._threads: dict[Path, FolderThreads] = {}

    def of(self, path: Path) -> FolderThreads:
        """Returns the threads of the root that a path lies in. It is asked nothing for that: it may hang."""
        root = next((root for root in self._roots if path.is_relative_to(root)), Path(path.anchor))
        if root not in self._threads:
            self._threads[root] = FolderThreads(str(root), self._most, self._within, _ONCE_HANGING)
        return self._threads[root]


def reading_threads(files: ResultFiles) -> FolderThreads:
    """Returns the threads in which files are read that are kept: a call of a place that is far away ends by itself."""
    return FolderThreads(files.where, _READING, math.inf if files.is_far else _READ_WITHIN, _ONCE_HANGING)


class _Call(Generic[T]):
    """One call: what it came to is kept for the moment in which it ends and is given up at once."""

    def __init__(
        self, work: Callable[..., T], arguments: tuple[Any, ...], afterwards: Callable[[T | None], None]
    ) -> None:
        self._work = work
        self._arguments = arguments
        self._afterwards = afterwards
        self._lock = threading.Lock()
        self._is_given_up = False
        self._value: list[T] = []
        self._error: BaseException | None = None
        self.is_over = False

    def __call__(self) -> T:
        try:
            self._value.append(self._work(*self._arguments))
        except BaseException as error:
            self._error = error
        with self._lock:
            self.is_over = not self._is_given_up
        if not self.is_over:
            try:
                self._afterwards(self._value[0] if self._value else None)
            finally:
                self.is_over = True
        return self.outcome()

    def outcome(self) -> T:
        """Returns what it returned, or raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._value[0]

    def give_up(self) -> bool:
        """Leaves it to itself; False where it is over already."""
        with self._lock:
            self._is_given_up = not self.is_over
            return self._is_given_up
