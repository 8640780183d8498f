"""The id that a broken answer to a submit named: looked at until the gateway confirms it, and given up after a while.

    unknown, named_id ──the gateway has it, and not from before──► pending, and on as usual
        │  ▲
        └──┘ no answer about it: again, later each time; in the end the task stays unknown

Whatever such a look tells (it runs, it ended), the task first becomes one that is followed: the next look, at once,
decides as any other does. No look makes a task fail whose id was not confirmed.
"""

from dataclasses import replace

from apixo_mcp.gateways.gateway import Accepted, NoAnswer, Polled, Unclear
from apixo_mcp.tasks import schedule, transitions
from apixo_mcp.tasks.store import IdTaken
from apixo_mcp.tasks.task import Task
from apixo_mcp.tasks.transitions import DecisionContext


def named_late(task: Task, outcome: Unclear, context: DecisionContext) -> Task:
    """The task in state `unknown` whose submit's answer came after all, broken, and names an id."""
    wait = schedule.wait_before_poll(context.poll_schedule, 0, 0.0, context.chance) or 0.0
    return replace(task, named_id=outcome.named_id, due=context.now + wait, tries=0, updated_at=context.now)


def after_confirming(task: Task, polled: Polled, context: DecisionContext) -> Task:
    """The task once the gateway was asked about the id that it may have."""
    if not isinstance(polled, NoAnswer):
        return replace(transitions.answered_late(task, Accepted(task.named_id), context), due=context.now)
    wait = schedule.wait_before_confirming(context.poll_schedule, task.tries, polled.retry_after, context.chance)
    due = context.now + wait if wait is not None else None
    return replace(transitions.held_back(task, context.now, context.now), tries=task.tries + 1, due=due)


def without_id(outcome: Accepted | Unclear, task: Task, taken: IdTaken) -> Unclear:
    """A submit's outcome where another task has the id that it names: one of the two answers is wrong."""
    remote_id = outcome.remote_id if isinstance(outcome, Accepted) else outcome.named_id
    if taken.task_id == task.task_id:
        holder = "an earlier attempt of this task"
    else:
        holder = f"task {taken.task_id}" if taken.owner == task.owner else "another task"
    told = "" if isinstance(outcome, Accepted) else f"{outcome.reason.rstrip('.')}. "
    return Unclear(f"{told}The gateway answered with the task id {remote_id}, which {holder} has already")
