"""The engine port: who decides when and where a task is followed. What is done is the runner's part."""

from typing import Protocol


class Engine(Protocol):
    """Calls `advance` for each task when its next step is due. A wake-up that is lost costs a delay, never a task."""

    def wake(self, task_id: str, at: float) -> None:
        """Plans the task's next step at `at` (Unix seconds), or earlier where that was planned before."""
        ...

    def hurry(self, task_id: str) -> None:
        """Polls a task now, whenever it is due; one that is just being polled, once more right after."""
        ...

    def since_sweep(self) -> float | None:
        """Returns how many seconds ago it last looked through the store for what is due; None where it has not yet."""
        ...

    def workers(self) -> int | None:
        """Counts the processes that follow tasks for this one; None where it follows its own, or does not know."""
        ...

    async def run(self) -> None:
        """Follows tasks until it is cancelled; a submit that is under way then is finished first."""
        ...
