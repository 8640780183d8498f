"""What each event makes of a task: pure functions from a task to the next one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from apixo_mcp.gateways.gateway import (
    EMPTY_RESULT,
    Accepted,
    Failed,
    Later,
    NoAnswer,
    Polled,
    Refused,
    Running,
    Submitted,
    Succeeded,
    Unclear,
)
from apixo_mcp.generation import Failure, Produced
from apixo_mcp.tasks import schedule
from apixo_mcp.tasks.schedule import PollSchedule
from apixo_mcp.tasks.task import FOLLOWED, Attempt, FileState, Result, State, Task

QUEUED_FOR, QUEUED_PER_PLACE, QUEUED_AT_MOST = 2.0, 0.02, 30.0  # between two tries for a place at the gateway
EMPTY_POLLS = 5
CRASHED = "STEP_FAILED"
LONGEST_CRASH_PAUSE = 3600.0  # between two tries of a step that fails for a fault of our own
TOO_LATE = "No further attempt was made: that it had failed was seen too late for that."
HURRIED, HURRIED_EVERY = 3, 30.0  # so many tries come as soon as they are asked for; then one in so many seconds
SAVE_AGAIN_AFTER = (5.0, 30.0, 120.0, 600.0, 3600.0)


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """What a decision depends on besides the task.

    Attributes:
        now: Unix seconds.
        chance: 0 to 1, spreads the waits.
        poll_schedule: of the task's model.
        auto_retry: further attempts after a transient failure (setting `APIXO_MCP_AUTO_RETRY`).
        result_seconds: how long the model's result URLs live, None where unknown.
        save_again_after: seconds between tries to save a result's file.
    """

    now: float
    chance: float
    poll_schedule: PollSchedule
    auto_retry: int = 2
    result_seconds: float | None = None
    save_again_after: tuple[float, ...] = SAVE_AGAIN_AFTER


def _released(task: Task, now: float) -> Task:
    return replace(task, lease_holder="", lease_until=0.0, updated_at=now)


def after_submit(task: Task, outcome: Submitted, context: DecisionContext) -> Task:
    """The task once its POST was answered, or was not."""
    task = _released(task, context.now)
    sent_at = task.sent_at or context.now
    match outcome:
        case Accepted(remote_id, produced, done):
            attempts = (*task.attempts, Attempt(sent_at=sent_at, remote_id=remote_id))
            accepted = replace(
                task, attempts=attempts, remote_id=remote_id, named_id="", accepted_at=context.now, polls=0, tries=0
            )
            accepted = replace(accepted, failure=None)
            if done:
                return _succeeded(accepted, produced, context.now, context)
            wait = schedule.wait_before_poll(context.poll_schedule, 0, 0.0, context.chance)
            early = _results(accepted, produced, context)
            return replace(accepted, state=State.PENDING, results=early, due=context.now + (wait or 0.0))
        case Refused(failure):
            return _refused(task, failure, context)
        case Later(failure, retry_after):
            wait = schedule.wait_before_resend(task.tries, retry_after, context.chance)
            # A further attempt that never leaves ends with what the one before it failed of.
            told = task.failure if task.attempts and task.failure else failure
            return replace(task, sent_at=None, tries=task.tries + 1, failure=told, due=context.now + wait)
        case Unclear(reason, named_id):
            wait = schedule.wait_before_poll(context.poll_schedule, 0, 0.0, context.chance) or 0.0
            due = context.now + wait if named_id else None
            return replace(unclear(task, context.now, reason), named_id=named_id, due=due)


def _refused(task: Task, failure: Failure, context: DecisionContext) -> Task:
    # A refusal that cost nothing frees the idempotency key, so that the caller can mend the request and use it again.
    key = task.idempotency_key if task.attempts else ""
    task = replace(task, due=None, sent_at=None, named_id="", idempotency_key=key)
    return replace(task, state=State.FAILED, failure=_with_earlier(task, failure), completed_at=context.now)


def _with_earlier(task: Task, failure: Failure) -> Failure:
    """A failure of a POST that cost nothing, said of the whole task: an attempt before it may have been charged."""
    return replace(failure, charged="unknown") if task.attempts and failure.charged == "no" else failure


def unclear(task: Task, now: float, reason: str) -> Task:
    """The task whose POST may or may not have reached the gateway: never sent again by itself."""
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
        _released(task, now), state=State.UNKNOWN, failure=failure, attempts=attempts, due=None, polls=0, tries=0
    )


def answered_late(task: Task, outcome: Accepted | Refused, context: DecisionContext) -> Task:
    """The task in state `unknown` once it is known after all what the gateway answered."""
    before = replace(task, attempts=task.attempts[:-1], sent_at=task.attempts[-1].sent_at if task.attempts else None)
    return after_submit(before, outcome, context)


def resolved_by_person(task: Task, remote_id: str, context: DecisionContext) -> Task:
    """The task in state `unknown` once a person has looked it up.

    Args:
        remote_id: the gateway's id for it; empty where the gateway never had it.
    """
    if remote_id:
        return replace(answered_late(task, Accepted(remote_id), context), due=context.now)
    failure = Failure(
        code="NEVER_RAN",
        category="unknown",
        message="This request never reached the gateway, says whoever looked for it there",
        advice="Generate it anew if it is still wanted.",
        retryable=True,
        charged="no",
    )
    return answered_late(task, Refused(failure), context)


def cancelled(task: Task, now: float) -> Task:
    """The task that was cancelled while it was not sent; one with failed attempts behind it stays failed."""
    state = State.FAILED if task.attempts else State.CANCELLED
    key = task.idempotency_key if task.attempts else ""
    return replace(_released(task, now), state=state, due=None, completed_at=now, idempotency_key=key)


def queued(task: Task, place: int, now: float, chance: float) -> Task:
    """The unsent task that waits until the gateway's limit of concurrent tasks has room, `place` others before it."""
    wait = min(QUEUED_AT_MOST, QUEUED_FOR + place * QUEUED_PER_PLACE) * (0.5 + chance)
    return replace(_released(task, now), due=now + wait)


def held_back(task: Task, until: float, now: float) -> Task:
    """The task that is not looked at before `until`."""
    return replace(_released(task, now), due=until)


def crashed(task: Task, error: str, now: float, pause: float) -> Task:
    """The task whose step met with a fault of this program's own: tried again after ever longer waits.

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
    return replace(_released(task, now), tries=task.tries + 1, failure=failure, due=now + wait)


def after_poll(task: Task, polled: Polled, context: DecisionContext) -> Task:
    """The task once the gateway was asked how it is."""
    task = _released(task, context.now)
    elapsed = context.now - (task.accepted_at or context.now)
    match polled:
        case Running(state):
            # A gateway that counts backwards does not take the task back.
            onward = State(state) if task.state is State.PENDING else task.state
            wait = schedule.wait_before_poll(context.poll_schedule, task.polls + 1, elapsed, context.chance)
            due = context.now + wait if wait is not None else None
            return replace(task, state=onward, polls=task.polls + 1, tries=0, failure=None, due=due)
        case Succeeded(produced, completed_at, notes):
            task = replace(task, notes=tuple(dict.fromkeys((*task.notes, *notes))))
            return _succeeded(task, produced, completed_at, context)
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
            told = failure or _unanswered(reason, too_fast=too_fast)
            return replace(task, tries=task.tries + 1, failure=told, due=due)


def _unanswered(reason: str, *, too_fast: bool) -> Failure:
    """Why a look got no answer, for whoever waits meanwhile."""
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
    is_late = (
        context.now - (task.accepted_at or context.now) > context.poll_schedule.maximum + schedule.RETRY_ATTEMPT_WITHIN
    )
    if may_repeat and not is_late:
        again = context.now + schedule.RETRY_ATTEMPT_AFTER
        return replace(
            task,
            state=State.SUBMITTING,
            failure=failure,
            attempts=attempts,
            sent_at=None,
            accepted_at=None,
            remote_id="",
            polls=0,
            tries=0,
            due=again,
        )
    return replace(
        task,
        state=State.FAILED,
        failure=failure,
        attempts=attempts,
        completed_at=completed_at or context.now,
        due=None,
        tries=0,
        notes=(*task.notes, TOO_LATE) if may_repeat else task.notes,
    )


def reread(task: Task, polled: Succeeded, context: DecisionContext) -> Task:
    """The task that failed with EMPTY_RESULT, once its results were found after all."""
    ended = task.completed_at or context.now
    after = after_poll(replace(task, updated_at=context.now), polled, context)
    lived = context.now - ended  # its URLs are as old as the answer that named them
    results = tuple(
        replace(result, expires_at=result.expires_at - lived if result.expires_at else None) for result in after.results
    )
    return replace(after, results=results, completed_at=ended)


def _succeeded(task: Task, produced: Sequence[Produced], completed_at: float | None, context: DecisionContext) -> Task:
    # What the submit answer already named (a voice id) stays; the final answer may repeat it.
    repeated = {entry.asset_id for entry in produced}
    known = [Produced(asset_id=old.asset_id, label=old.label) for old in task.results if old.asset_id not in repeated]
    results = _results(task, (*produced, *known), context)
    is_open = any(result.file is FileState.SAVING for result in results)
    return replace(
        task,
        state=State.SUCCESS,
        results=results,
        failure=None,
        completed_at=completed_at or context.now,
        due=context.now if is_open else None,
        tries=0,
    )


def _results(task: Task, produced: Sequence[Produced], context: DecisionContext) -> tuple[Result, ...]:
    expires = context.now + context.result_seconds if context.result_seconds is not None else None
    return tuple(
        Result(
            index=index,
            url=entry.url,
            kind=entry.kind or task.modality,
            asset_id=entry.asset_id,
            label=entry.label,
            file=FileState.SAVING if entry.url else None,
            expires_at=expires if entry.url else None,
        )
        for index, entry in enumerate(produced)
    )


def after_saving(task: Task, results: Sequence[Result], context: DecisionContext) -> Task:
    """The task once each unsaved file was tried: files that failed are tried again while their URL may live."""
    counted = tuple(_tried(old, new, context) for old, new in zip(task.results, results, strict=True))
    last = len(context.save_again_after)
    waits = [
        context.save_again_after[min(result.tries, last) - 1]
        for result in counted
        if result.file is FileState.FAILED
        # The date may be a guess: that it has passed ends nothing, and that it has not is a reason to go on.
        and (result.tries <= last or (result.expires_at is not None and result.expires_at > context.now))
    ]
    due = context.now + min(waits) if waits else None
    return replace(_released(task, context.now), results=counted, due=due, failure=None, tries=0)


def _tried(old: Result, new: Result, context: DecisionContext) -> Result:
    """A result after a try to save it. Files that a server says are gone have been known to come back."""
    if new.file not in (FileState.FAILED, FileState.EXPIRED):
        return new
    tries = old.tries + 1
    is_over = new.expires_at is not None and new.expires_at <= context.now
    if new.file is FileState.EXPIRED and not is_over and tries <= len(context.save_again_after):
        return replace(new, file=FileState.FAILED, tries=tries, problem=f"{new.problem} It is tried again by itself.")
    if new.file is FileState.EXPIRED:
        return replace(new, tries=tries, problem=f"{new.problem} Generate it again if you need it.")
    return replace(new, tries=tries)


def save_again(task: Task, missing: Collection[int], context: DecisionContext) -> Task:
    """The finished task with the files to be fetched that could not be saved, or are missing where they were."""
    has_rested = task.due is None or context.now - task.updated_at >= HURRIED_EVERY

    def again(result: Result) -> Result:
        is_failed = result.file is FileState.FAILED and (result.tries <= HURRIED or has_rested)
        if not result.url or not (result.index in missing or is_failed or result.file is FileState.EXPIRED):
            return result
        return replace(result, file=FileState.SAVING, tries=result.tries if is_failed else 0, path="", problem="")

    results = tuple(again(result) for result in task.results)
    return replace(task, results=results, due=context.now) if results != task.results else task


def saving(task: Task) -> Task:
    """The finished task whose files that could not be saved are being tried again."""
    wanted = unsaved(task)
    if all(result.file is FileState.SAVING for result in wanted):
        return task
    results = (replace(result, file=FileState.SAVING) if result in wanted else result for result in task.results)
    return replace(task, results=tuple(results))


def unsaved(task: Task) -> tuple[Result, ...]:
    """The results whose file is still to be fetched."""
    wanted = (FileState.SAVING, FileState.FAILED)
    return tuple(result for result in task.results if result.url and result.file in wanted)


def is_followed(task: Task) -> bool:
    """Whether the gateway has the task and it has not ended."""
    return task.state in FOLLOWED


def is_overdue(task: Task, context: DecisionContext) -> bool:
    """Whether it takes longer than the model's maximum wait."""
    return is_followed(task) and schedule.is_late(
        context.poll_schedule, context.now - (task.accepted_at or context.now)
    )
