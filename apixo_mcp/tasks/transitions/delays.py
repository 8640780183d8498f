"""A task whose next step is put off."""

from dataclasses import replace

from apixo_mcp.generation import Failure
from apixo_mcp.tasks.task import FOLLOWED, State, Task

QUEUED_FOR, QUEUED_PER_PLACE, QUEUED_AT_MOST = 2.0, 0.02, 30.0  # between two tries for a place at the gateway
CRASHED = "STEP_FAILED"
LONGEST_CRASH_PAUSE = 3600.0  # between two tries of a step that fails for a fault of our own


def released(task: Task, now: float) -> Task:
    """Returns the task with its lease given back: its step is over."""
    return replace(task, lease_holder="", lease_until=0.0, updated_at=now)


def held_back(task: Task, now: float, seconds: float = 0.0) -> Task:
    """Puts off the next step for so many seconds."""
    # Of what is polled this stays the moment of the last poll, by which it is told how long the task took.
    moved_at = task.updated_at if task.state in FOLLOWED else now
    return replace(released(task, now), updated_at=moved_at, due=now + seconds)


def queued(task: Task, place: int, now: float, chance: float) -> Task:
    """Has an unsent task wait until the gateway's limit of concurrent tasks has room, `place` others before it."""
    wait = min(QUEUED_AT_MOST, QUEUED_FOR + place * QUEUED_PER_PLACE) * (0.5 + chance)
    return held_back(task, now, wait)


def crashed(task: Task, error: str, now: float, pause: float) -> Task:
    """Puts off a step that met with a fault of this program's own: it is tried again after ever longer waits.

    Args:
        error: the name of what was raised.
        pause: before it is tried again for the first time.
    """
    failure = Failure(
        code=CRASHED,
        category="unknown",
        message=f"This server stumbled over this task ({error}, {task.tries + 1} times by now)",
        advice="It tries again by itself; its log has the details.",
        retryable=True,
        charged="unknown",
    )
    if task.state is State.SUBMITTING and task.attempts and task.failure is not None:
        failure = task.failure  # why its last attempt failed, which may have been paid for: it may be the last word
    # One whose POST was about to leave is not waited with: its next step finds that out.
    is_sent = task.state is State.SUBMITTING and task.sent_at is not None
    wait = 0.0 if is_sent else min(LONGEST_CRASH_PAUSE, pause * 2.0 ** min(task.tries, 16))
    return replace(released(task, now), tries=task.tries + 1, failure=failure, due=now + wait)
