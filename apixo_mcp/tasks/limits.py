"""What becomes of a task whose paid request the owner's limits do not allow."""

from dataclasses import replace

from apixo_mcp.gateways.gateway import Polled
from apixo_mcp.generation import Failure
from apixo_mcp.tasks import transitions
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.tasks.transitions import DecisionContext


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
