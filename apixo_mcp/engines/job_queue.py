"""The port of a job queue, as the engine of several machines uses it. Another queue is another page that keeps it."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Following:
    """A task that is to be followed.

    Attributes:
        due: when its next step is due, Unix seconds; in the past: as the row says.
        key_print: of the key that it is polled with: only a worker that holds it is of use.
    """

    task_id: str
    due: float
    key_print: str


Follow = Callable[[Following], Awaitable[None]]


class JobQueue(Protocol):
    """Hands followings to the workers. It may lose them, and be away: it is no more than a hint.

    Every verb raises `StoreError` where the queue cannot be used.
    """

    def opened(self) -> AbstractAsyncContextManager[None]:
        """Makes it usable while the context is open; one that is away then is not waited for."""
        ...

    async def put(self, followings: Sequence[Following]) -> None:
        """Has tasks followed, each by one worker that takes it before it is due.

        A task that waits here already stays, at the earlier time.
        """
        ...

    async def take(self, follow: Follow) -> None:
        """Calls `follow` for each following that this worker is given, many at once, until `stop` is called.

        A following ends when its call returns. Whatever happens to the queue, it goes on.
        """
        ...

    def stop(self) -> None:
        """Takes no more; `take`, where it runs, returns once all calls have."""
        ...

    async def tidy(self) -> Sequence[str]:
        """Clears away what dead workers left, and returns whose followings ended so."""
        ...
