"""What becomes of a task whose gateway was asked how it is.

The id that a broken answer to a submit named is asked about until the gateway confirms it, and given up after a while:

    unknown, named_id ──the gateway has it, and not from before──► pending, and on as usual
        │  ▲
        └──┘ no answer about it: again, later each time; in the end the task stays unknown

Whatever the gateway answers then (it runs, it ended), the task first becomes one that is followed: the next poll, at
once, decides as any other does. No poll makes a task fail whose id was not confirmed.
"""

from dataclasses import replace

from apixo_mcp.gateways.gateway import EMPTY_RESULT, Accepted, Failed, NoAnswer, Polled, Running, Succeeded
from apixo_mcp.generation import Failure
from apixo_mcp.tasks import schedule
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.tasks.transitions.context import DecisionContext
from apixo_mcp.tasks.transitions.delays import released
from apixo_mcp.tasks.transitions.files import succeeded
from apixo_mcp.tasks.transitions.submits import answered_late
from apixo_mcp.tasks.transitions.unsent import no_further_attempt

EMPTY_POLLS = 5
TOO_LATE = "No further attempt was made: that it had failed was seen too late for that."


def after_poll(task: Task, polled: Polled, context: DecisionContext) -> Task:
    """Returns the task once the gateway was asked how it is."""
    task = released(task, context.now)
    elapsed = context.running_for(task)
    match polled:
        case Running(state):
            # A gateway that counts backwards does not take the task back.
            onward = State(state) if task.state is State.PENDING else task.state
            wait = schedule.wait_before_poll(context.following, task.polls + 1, elapsed, context.chance)
            due = context.now + wait if wait is not None else None
            return replace(task, state=onward, polls=task.polls + 1, tries=0, failure=None, due=due)
        case Succeeded(produced, completed_at, notes):
            task = replace(task, notes=tuple(dict.fromkeys((*task.notes, *notes))))
            return succeeded(task, produced, completed_at, context)
        case Failed(failure) if failure.code == EMPTY_RESULT and task.tries < EMPTY_POLLS:
            # A result that is not there yet, or was cut: it is paid for, so it is asked for a few times more.
            wait = schedule.wait_after_error(context.poll_schedule, task.tries, None, context.chance)
            return replace(task, tries=task.tries + 1, due=context.now + wait)
        case Failed(failure, transient, completed_at):
            return _failed(task, failure, transient, completed_at, context)
        case NoAnswer(reason, retry_after, failure, too_fast):
            is_over = schedule.wait_before_poll(context.poll_schedule, task.polls + task.tries + 1, elapsed) is None
            wait = schedule.wait_after_error(context.poll_schedule, task.tries, retry_after, context.chance)
            due = None if is_over else context.now + wait
            why = failure or _unanswered(reason, too_fast=too_fast)
            return replace(task, tries=task.tries + 1, failure=why, due=due)


def _unanswered(reason: str, *, too_fast: bool) -> Failure:
    """Says why a poll got no answer, for whoever waits meanwhile."""
    return Failure(
        code="NO_ANSWER",
        category="rate_limited" if too_fast else "unavailable",
        message=reason,
        advice="It is asked again by itself.",
        retryable=True,
        charged="unknown",
    )


def _failed(
    task: Task, failure: Failure, transient: bool, completed_at: float | None, context: DecisionContext
) -> Task:
    last = replace(task.attempts[-1], failure_code=failure.code, failed_at=context.now) if task.attempts else None
    attempts = (*task.attempts[:-1], last) if last else task.attempts
    may_repeat = transient and not task.cancel_requested and not task.is_copy and len(attempts) <= context.auto_retry
    is_late = context.running_for(task) > context.poll_schedule.maximum + schedule.RETRY_ATTEMPT_WITHIN
    task = replace(task, failure=failure, attempts=attempts, tries=0)
    if may_repeat and not is_late:
        again = context.now + schedule.RETRY_ATTEMPT_AFTER
        unsent = replace(task, state=State.SUBMITTING, sent_at=None, accepted_at=None, remote_id="", polls=0)
        return replace(unsent, due=again)
    notes = (*task.notes, TOO_LATE) if may_repeat else task.notes
    return replace(task, state=State.FAILED, completed_at=context.ended_at(completed_at), due=None, notes=notes)


def after_confirming(task: Task, polled: Polled, context: DecisionContext) -> Task:
    """Returns the task once the gateway was asked about the id that it may have."""
    if not isinstance(polled, NoAnswer):
        return replace(answered_late(task, Accepted(task.named_id), context), due=context.now)
    wait = schedule.wait_before_confirming(context.poll_schedule, task.tries, polled.retry_after, context.chance)
    due = context.now + wait if wait is not None else None
    return replace(released(task, context.now), tries=task.tries + 1, due=due)


def not_tried_again(task: Task, polled: Polled, context: DecisionContext, reason: str) -> Task:
    """Returns the task that failed for a passing reason, and may not be sent once more."""
    return no_further_attempt(after_poll(task, polled, replace(context, auto_retry=0)), reason)


def reread(task: Task, polled: Succeeded, context: DecisionContext) -> Task:
    """Returns the task that failed with EMPTY_RESULT, once its results were found after all."""
    ended = task.completed_at or context.now
    after = after_poll(replace(task, updated_at=context.now), polled, context)
    lived = context.now - ended  # its URLs are as old as the answer that named them
    results = tuple(
        replace(result, expires_at=result.expires_at - lived if result.expires_at else None) for result in after.results
    )
    return replace(after, results=results, completed_at=ended)
