"""What was not sent yet: how long it is still wanted, and what becomes of it where it may not be sent.

Whoever asked for it may be gone, and the next program on the data folder must not buy what nobody waits for. So an
unsent intent, be it the first POST or a further one, is sent only

- within 10 minutes of being asked for, by any process;
- within an hour of it, by the process that was asked, as long as that lives.

A process that lives says so in the rows of its own unsent tasks (`Calls.keep_wanted`); while it does, others leave them
to it. After that the task ends, which costs nothing.
"""

from dataclasses import replace
from typing import Literal

from apixo_mcp.gateways.gateway import Polled
from apixo_mcp.generation import Failure
from apixo_mcp.tasks import transitions
from apixo_mcp.tasks.store import BEYOND_LEASES
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.tasks.transitions import DecisionContext

WANTED_FOR = 600.0
WANTED_WHILE_ALIVE = 3600.0

StillWanted = Literal["yes", "by_another", "no"]


def still_wanted(task: Task, now: float, process: str) -> StillWanted:
    """Whether a process may send what was not sent yet; `by_another`: it is left to the process that was asked.

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


def lapsed(task: Task, now: float) -> Task:
    """The unsent task that nobody wants any more. One with an attempt behind it has failed with that."""
    if task.attempts:
        note = "No further attempt was made: by the time it could be sent nobody was waiting for it any more."
    else:
        reason = f" ({task.failure.message.rstrip('.')})" if task.failure else ""
        note = (
            f"It could not be sent while it was wanted{reason}: an hour at most, and 10 minutes once the program that "
            "was asked has ended. It was never sent, and nothing was charged."
        )
    return replace(transitions.cancelled(task, now), notes=(*task.notes, note))


def not_sent(task: Task, reason: str, now: float) -> Task:
    """The unsent task that is not to be sent on the day on which its turn has come.

    Args:
        reason: the end of a sentence about the request.
    """
    ended = transitions.cancelled(task, now)
    if task.attempts:
        return _noted(ended, reason)
    failure = Failure(
        code="NOT_SENT",
        category="insufficient_credits",
        message=f"It was not sent: {reason}",
        advice="Nothing was sent or charged. Generate it anew once the limit allows it, or have the user change that.",
        retryable=True,
        charged="no",
    )
    return replace(ended, state=State.FAILED, failure=failure)


def not_tried_again(task: Task, polled: Polled, context: DecisionContext, reason: str) -> Task:
    """The task that failed for a passing reason, and may not be sent once more."""
    return _noted(transitions.after_poll(task, polled, replace(context, auto_retry=0)), reason)


def _noted(task: Task, reason: str) -> Task:
    return replace(task, notes=(*task.notes, f"No further attempt was made: {reason}."))
