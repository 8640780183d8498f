"""Why a task is not sent, or not asked about, just now."""

from dataclasses import dataclass

from apixo_mcp.app import App
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.task import FOLLOWED, State, Task
from apixo_mcp.tasks.transitions import delays
from apixo_mcp.tasks.transitions.context import DecisionContext
from apixo_mcp.views.words import counted, ordinal, shown_prompt

_A_WORKER = "a worker, which asks the gateway and saves the files: none runs on this server's database"
_SOON = 1.0  # seconds: what happens within them holds nobody up


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What holds a task up besides itself.

    Attributes:
        trouble: why looks at tasks of its key fail just now.
        looked_after: whether this process holds the key that the task belongs to.
        place: how many tasks are to be sent before it.
        paused: for how many seconds its gateway is left alone, as it asked for fewer requests.
        missing: what this process lacks to send it, which it leaves to another.
        is_unfollowed: whether there is no worker, where it is left to one once it is sent.
    """

    trouble: Failure | None = None
    looked_after: bool = True
    place: int = 0
    paused: float = 0.0
    missing: str = ""
    is_unfollowed: bool = False


CALM = Situation()
"""Nothing holds it up."""


def situation_of(app: App, task: Task, place: int = 0) -> Situation:
    """Returns what holds a task up besides itself, as far as this process knows."""
    return Situation(
        trouble=app.runner.trouble(task.key_print),
        looked_after=task.key_print in app.key_prints,
        place=place,
        paused=app.runner.paused(task.key_print),
        missing=app.runner.missing(task.task_id),
        is_unfollowed=app.engine.workers() == 0,
    )


def waiting_for(task: Task, context: DecisionContext, situation: Situation) -> str:
    """Says why a task is not sent, or not asked about, just now; empty where nothing holds it up."""
    is_saving = task.state is State.SUCCESS and not task.is_settled
    if is_saving and situation.is_unfollowed:
        return _A_WORKER
    if task.state not in (State.SUBMITTING, *FOLLOWED):
        return ""
    if not situation.looked_after:
        return f"the API key of {task.gateway} that it belongs to, which this server does not have"
    if task.failure and task.failure.code == delays.CRASHED and task.due is not None:
        return f"a fault of this server's own: tried again{_in(task, context)}"
    if task.is_unsent and situation.missing:
        return f"the server that it was asked of, for {situation.missing}"
    if task.is_unsent:
        return _before_it_is_sent(task, context, situation)
    if task.state is State.SUBMITTING:
        return ""
    if situation.is_unfollowed:
        return _A_WORKER
    if situation.trouble is not None:
        return f"the gateway, which cannot be asked: {_clause(situation.trouble)}"
    if task.due is None:
        return "somebody who asks: looking was given up"
    if task.failure is not None and task.tries:
        return f"an answer of the gateway, asked again{_in(task, context)}: {_clause(task.failure)}"
    return _rate_limit(situation)


def _before_it_is_sent(task: Task, context: DecisionContext, situation: Situation) -> str:
    if task.failure is not None and task.attempts:
        return f"its {ordinal(task.posts)} try{_in(task, context)}, after {task.failure.code}"
    if task.failure is not None and task.failure.code == "NOT_REACHED":
        return f"the gateway, which is not reached: tried again{_in(task, context)}"
    if task.failure is not None:
        return f"the gateway, sent again{_in(task, context)}: {_clause(task.failure)}"
    if task.is_tunnelled:
        return "the tunnel that the gateway fetches its files through"
    if situation.place:
        return f"its turn: {counted(situation.place, 'task')} {'is' if situation.place == 1 else 'are'} sent before it"
    return _rate_limit(situation)


def _rate_limit(situation: Situation) -> str:
    return f"the gateway's rate limit, {situation.paused:.0f} s" if situation.paused >= _SOON else ""


def _in(task: Task, context: DecisionContext) -> str:
    seconds = (task.due or context.now) - context.now
    return f" in {seconds:.0f} s" if seconds >= _SOON else ""


def _clause(failure: Failure) -> str:
    return shown_prompt(failure.message).rstrip(".")
