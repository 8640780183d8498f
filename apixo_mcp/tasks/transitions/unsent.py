"""What was not sent yet: how long it is still wanted, and what becomes of it where it may not be sent.

Whoever asked for it may be gone, and the next program on the data folder must not buy what nobody waits for. So an
unsent intent, be it the first POST or a further one, is sent only

- within 10 minutes of being asked for, by any process;
- within an hour of it, by the process that was asked, as long as that lives.

A process that lives says so in the rows of its own unsent tasks (`Delivery.keep_wanted`); while it does, others leave
them to it. After that the task ends, which costs nothing.
"""

from dataclasses import replace
from typing import Literal

from apixo_mcp.generation import Failure
from apixo_mcp.tasks.ports.leases import BEYOND_LEASES
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.tasks.transitions.delays import released

WANTED_FOR = 600.0
WANTED_WHILE_ALIVE = 3600.0

StillWanted = Literal["yes", "by_another", "no"]


def still_wanted(task: Task, now: float, process: str) -> StillWanted:
    """Says whether a process may send what was not sent yet; `by_another`: it is left to the process that was asked.

    Args:
        task: an unsent one.
        now: Unix seconds.
        process: the one that would send it, as the names of its calls begin; empty: one that was never asked.
    """
    failed_at = task.attempts[-1].failed_at if task.attempts else None
    # The distance: what lies far ahead was written before the clock was set back, and nobody knows its age.
    age = abs(now - max(task.asked_at or task.created_at, failed_at or 0.0))
    if age <= WANTED_FOR:
        return "yes"
    if age > WANTED_WHILE_ALIVE:
        return "no"
    if process and task.asked_by.startswith(f"{process}/"):
        return "yes"
    return "by_another" if now < task.wanted_until <= now + BEYOND_LEASES else "no"


def cancelled(task: Task, now: float) -> Task:
    """Ends a task that is cancelled while it is not sent; one with failed attempts behind it stays failed."""
    state = State.FAILED if task.attempts else State.CANCELLED
    key = task.idempotency_key if task.attempts else ""
    return replace(released(task, now), state=state, due=None, completed_at=now, idempotency_key=key)


def lapsed(task: Task, now: float) -> Task:
    """Ends an unsent task that nobody wants any more. One with an attempt behind it has failed with that."""
    if task.attempts:
        note = "No further attempt was made: by the time it could be sent nobody was waiting for it any more."
    else:
        reason = f" ({task.failure.message.rstrip('.')})" if task.failure else ""
        note = (
            f"It could not be sent while it was wanted{reason}: an hour at most, and 10 minutes once the program that "
            "was asked has ended. It was never sent, and nothing was charged."
        )
    return replace(cancelled(task, now), notes=(*task.notes, note))


def withdrawn(task: Task, reason: str, now: float) -> Task:
    """Ends an unsent task whose owner may not have anything made any more.

    Args:
        reason: the end of a sentence about the request.
    """
    ended = cancelled(task, now)
    if task.attempts:
        return no_further_attempt(ended, reason)
    return replace(ended, notes=(*task.notes, f"It was never sent, and nothing was charged: {reason}."))


def not_sent(task: Task, reason: str, now: float) -> Task:
    """Ends an unsent task that the limits do not allow on the day on which its turn has come.

    Args:
        reason: the end of a sentence about the request.
    """
    ended = cancelled(task, now)
    if task.attempts:
        return no_further_attempt(ended, reason)
    failure = Failure(
        code="NOT_SENT",
        category="insufficient_credits",
        message=f"It was not sent: {reason}",
        advice="Nothing was sent or charged. Generate it anew once the limit allows it, or have the user change that.",
        retryable=True,
        charged="no",
    )
    return replace(ended, state=State.FAILED, failure=failure)


def not_reached(task: Task, failure: Failure, now: float) -> Task:
    """Ends an unsent task whose files the gateway could not fetch from here."""
    ended = cancelled(task, now)
    if task.attempts:
        return no_further_attempt(ended, failure.message.rstrip("."))
    return replace(ended, state=State.FAILED, failure=failure)


def no_further_attempt(task: Task, reason: str) -> Task:
    """Notes in an ended task why no further attempt was made."""
    return replace(task, notes=(*task.notes, f"No further attempt was made: {reason}."))
