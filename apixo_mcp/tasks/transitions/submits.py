"""What becomes of a task whose POST was answered, or was not."""

from dataclasses import replace

from apixo_mcp.gateways.gateway import Accepted, Later, Refused, Submitted, Unclear
from apixo_mcp.generation import Failure
from apixo_mcp.tasks import schedule
from apixo_mcp.tasks.ports.store import IdTaken
from apixo_mcp.tasks.task import Attempt, State, Task, fingerprint
from apixo_mcp.tasks.transitions.context import DecisionContext
from apixo_mcp.tasks.transitions.delays import released
from apixo_mcp.tasks.transitions.files import results_of, succeeded
from apixo_mcp.tasks.transitions.unsent import no_further_attempt

NEVER_RAN = "NEVER_RAN"


def after_submit(task: Task, outcome: Submitted, context: DecisionContext) -> Task:
    """Returns the task once its POST was answered, or was not."""
    task = released(task, context.now)
    sent_at = task.sent_at or context.now
    match outcome:
        case Accepted(remote_id, produced, done):
            attempts = (*task.attempts, Attempt(sent_at=sent_at, remote_id=remote_id))
            task = replace(task, attempts=attempts, remote_id=remote_id, named_id="", failure=None, polls=0, tries=0)
            accepted = replace(task, accepted_at=context.now)
            if done:
                return succeeded(accepted, produced, context.now, context)
            # One that was called about before its submit was answered may have ended.
            wait = schedule.wait_before_poll(context.following, 0, 0.0, context.chance) if not task.calls else 0.0
            early = results_of(accepted, produced, context)
            return replace(accepted, state=State.PENDING, results=early, due=context.now + (wait or 0.0))
        case Refused(failure, has_left):
            return _refused(task, failure, context) if has_left else _not_sent(task, failure, context)
        case Later(failure, retry_after):
            wait = schedule.wait_before_resend(task.tries, retry_after, context.chance)
            # A further attempt that never leaves ends with what the one before it failed of.
            why = task.failure if task.attempts and task.failure else failure
            return replace(task, sent_at=None, tries=task.tries + 1, failure=why, due=context.now + wait)
        case Unclear(reason, named_id):
            wait = schedule.wait_before_poll(context.poll_schedule, 0, 0.0, context.chance) or 0.0
            due = context.now + wait if named_id else None
            return replace(unclear(task, context.now, reason), named_id=named_id, due=due)


def after_outcome(row: Task, outcome: Submitted, context: DecisionContext) -> Task:
    """Returns the task once the outcome of its POST is known, be it after the task was taken for `unknown`."""
    if row.state is not State.UNKNOWN:
        return after_submit(row, outcome, context)
    if isinstance(outcome, Accepted | Refused):
        return answered_late(row, outcome, context)
    return _named_late(row, outcome, context) if isinstance(outcome, Unclear) else row


def is_open_to(row: Task, sent: Task, outcome: Submitted) -> bool:
    """Tells whether a task still waits for this outcome of a POST; another process may have taken it for lost.

    Args:
        row: the task as it is stored now.
        sent: the task as it was when the POST left.
        outcome: of that POST.
    """
    is_telling = isinstance(outcome, Accepted | Refused) or (isinstance(outcome, Unclear) and bool(outcome.named_id))
    if row.is_unsent:  # of a store that was set back to before the POST left
        return isinstance(outcome, Accepted | Unclear) and len(row.attempts) == len(sent.attempts)
    if row.state is State.SUBMITTING:
        return row.sent_at == sent.sent_at and (row.fence == sent.fence or is_telling)
    is_last = bool(row.attempts) and row.attempts[-1].sent_at == sent.sent_at
    return row.state is State.UNKNOWN and is_last and is_telling


def _refused(task: Task, failure: Failure, context: DecisionContext) -> Task:
    # A refusal that cost nothing frees the idempotency key, so that the caller can fix the request and use it again.
    key = task.idempotency_key if task.attempts else ""
    task = replace(task, due=None, sent_at=None, named_id="", idempotency_key=key)
    return replace(task, state=State.FAILED, failure=_with_earlier(task, failure), completed_at=context.now)


def _not_sent(task: Task, failure: Failure, context: DecisionContext) -> Task:
    """Ends a task whose POST did not leave at the last moment. One with an attempt behind it has failed with that."""
    ended = _refused(task, failure, context)
    if not task.attempts or task.failure is None:
        return ended
    return no_further_attempt(replace(ended, failure=task.failure), failure.message.rstrip("."))


def _with_earlier(task: Task, failure: Failure) -> Failure:
    """Says of the whole task what is true of a POST that cost nothing: an earlier attempt may have been charged."""
    return replace(failure, charged="unknown") if task.attempts and failure.charged == "no" else failure


def unclear(task: Task, now: float, reason: str) -> Task:
    """Returns the task whose POST may or may not have reached the gateway: never sent again by itself."""
    failure = Failure(
        code="SUBMIT_UNKNOWN",
        category="unknown",
        message=reason,
        advice="The gateway may have accepted and charged this request. Do not send it again before looking at the "
        "gateway's dashboard.",
        retryable=False,
        charged="unknown",
    )
    attempts = (*task.attempts, Attempt(sent_at=task.sent_at or now, failure_code=failure.code))
    return replace(
        released(task, now), state=State.UNKNOWN, failure=failure, attempts=attempts, due=None, polls=0, tries=0
    )


def answered_late(task: Task, outcome: Accepted | Refused, context: DecisionContext) -> Task:
    """Returns the task in state `unknown` once it is known after all what the gateway answered."""
    before = replace(task, attempts=task.attempts[:-1], sent_at=task.attempts[-1].sent_at if task.attempts else None)
    return after_submit(before, outcome, context)


def _named_late(task: Task, outcome: Unclear, context: DecisionContext) -> Task:
    """Returns the task in state `unknown` whose submit's answer came after all, broken, and names an id."""
    wait = schedule.wait_before_poll(context.poll_schedule, 0, 0.0, context.chance) or 0.0
    return replace(task, named_id=outcome.named_id, due=context.now + wait, tries=0, updated_at=context.now)


def resolved_by_person(task: Task, remote_id: str, context: DecisionContext) -> Task:
    """Returns the task in state `unknown` once a person has looked it up.

    Args:
        remote_id: the gateway's id for it; empty where the gateway never had it.
    """
    if remote_id:
        return replace(answered_late(task, Accepted(remote_id), context), due=context.now)
    failure = Failure(
        code=NEVER_RAN,
        category="unknown",
        message="This request never reached the gateway, says whoever looked for it there",
        advice="Generate it anew if it is still wanted.",
        retryable=True,
        charged="no",
    )
    return answered_late(task, Refused(failure), context)


def id_of(outcome: Accepted | Unclear) -> str:
    """Returns the gateway's task id that an answer names, empty where it names none."""
    return outcome.remote_id if isinstance(outcome, Accepted) else outcome.named_id


def answered_apart(sent: Task, outcome: Accepted | Unclear, task_id: str, context: DecisionContext) -> Task:
    """Returns a task of its own for what a POST bought whose task was settled in another way before it was answered.

    An equal request adopts it, as the answer to the first one is taken for lost.

    Args:
        sent: as it was when the POST left.
        outcome: names the gateway's task.
        task_id: the new one.
    """
    note = f"The gateway answered the request of task {sent.task_id} only after that was settled; it goes on here."
    fresh = replace(sent, task_id=task_id, created_at=context.now, idempotency_key="", answer="lost", fence=0)
    if sent.purchase:  # it belongs to none: an equal purchase must find all of one, and an equal request this one
        fresh = replace(fresh, purchase="", place=0, fingerprint=fingerprint(sent))
    return after_submit(replace(fresh, notes=(*sent.notes, note), cancel_requested=False), outcome, context)


def proved_wrong(settled: Task, other: Task) -> Task:
    """Returns the task that a person said never ran, once it is known that `other` is what the gateway made of it."""
    if settled.failure is None or settled.failure.code != NEVER_RAN:
        return settled
    advice = f"Do not generate it anew: the gateway did take it, says its late answer, and task {other.task_id} has it."
    return replace(settled, failure=replace(settled.failure, advice=advice, retryable=False))


def without_id(outcome: Accepted | Unclear, task: Task, taken: IdTaken) -> Unclear:
    """Returns a submit's outcome where another task has the id that it names: one of the two answers is wrong."""
    if taken.task_id == task.task_id:
        holder = "an earlier attempt of this task"
    else:
        holder = f"task {taken.task_id}" if taken.owner == task.owner else "another task"
    reason = "" if isinstance(outcome, Accepted) else f"{outcome.reason.rstrip('.')}. "
    return Unclear(f"{reason}The gateway answered with the task id {id_of(outcome)}, which {holder} has already")
