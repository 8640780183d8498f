"""A task in sentences: how it is, and what its reader can do now."""

from apixo_mcp.tasks.task import FOLLOWED, FileState, Result, State, Task
from apixo_mcp.tasks.transitions import delays
from apixo_mcp.tasks.transitions.context import DecisionContext
from apixo_mcp.views.faces import CHAT, Face, advice_of
from apixo_mcp.views.holdups import Situation
from apixo_mcp.views.whereabouts import HERE, Whereabouts
from apixo_mcp.views.words import counted, ordinal, shown_prompt

_NO_WORKER = (
    "It stands still, as no worker runs on this server's database: tell whoever looks after the server to start one."
)
_LATE = 15
"""Seconds until a task is asked about again that takes longer than usual."""
WAITS_ITSELF = 8.0
"""Seconds from which on a call that waits so long makes pauses between calls needless."""


def sentence(task: Task, at: Whereabouts = HERE) -> str:
    """Tells of a task in a sentence or two, for a person who sees nothing else of it.

    Args:
        at: where they find files.
    """
    words = headline(task)
    match task.state:
        case State.SUCCESS:
            count = len(task.results)
            places = ", ".join(_place(task, result, at) for result in task.results[:4])
            more = f" and {count - 4} more" if count > 4 else ""
            words = f"{words.removesuffix('.')}: {places}{more}." if count else words
            lost = [result for result in task.results if result.file in (FileState.FAILED, FileState.EXPIRED)]
            words += f" {len(lost)} of them not saved: {lost[0].problem}" if lost else ""
        case State.UNKNOWN if task.failure:
            words += f" {task.failure.message.rstrip('.')}."
        case State.SUBMITTING if task.failure:
            words = f"{words.removesuffix('.')}: {shown_prompt(task.failure.message).rstrip('.')}."
        case _:
            pass
    if task.cancel_requested and task.state in FOLLOWED:
        words += " It was already sent and is paid for, so it runs on and its files will be saved."
    return " ".join((words, *task.notes))


def _place(task: Task, result: Result, at: Whereabouts) -> str:
    link = None if at.path_of(result) else at.link_to(task, result)
    return at.path_of(result) or (link.url if link else "") or result.shown_url or result.asset_id


def headline(task: Task) -> str:
    """Tells of a task in a few words, for a reader who has its structure beside them."""
    what = f"{task.modality} by {task.model}"
    which = f", {ordinal(task.posts)} try" if task.posts > 1 else ""
    match task.state:
        case State.SUCCESS:
            took = f" in {task.completed_at - task.created_at:.0f} s" if task.completed_at else ""
            return f"Done{took}: {counted(len(task.results), 'result')} ({what}{which})."
        case State.FAILED:
            failure = task.failure
            words = f"Failed ({what}{which}): {failure.code}: {failure.message}" if failure else f"Failed ({what})"
            return words.rstrip(".") + "."
        case State.CANCELLED:
            return f"Cancelled before it was sent ({what})."
        case State.UNKNOWN:
            return f"It is not known whether the gateway has this request ({what}{which}). It may have been charged."
        case State.SUBMITTING if task.failure:
            return f"Waiting to send it again ({what}{which})."
        case State.SUBMITTING:
            return f"Being submitted ({what})."
        case _:
            return f"Running ({what}{which}), {task.state}."


def next_step(
    task: Task, context: DecisionContext, *, eta_seconds: int | None, face: Face, situation: Situation, waits: float
) -> str:
    """Tells the reader what to do now, as a sentence.

    Args:
        eta_seconds: until it is likely to have ended; None where it takes longer than usual.
        face: in whose words.
        situation: what holds the task up besides itself.
        waits: for how many seconds a call that only asks waits for this reader.
    """
    check_later = _check_later(task, eta_seconds, face, waits)
    trouble = situation.trouble
    if task.failure and task.failure.code == delays.CRASHED and task.due is not None:
        advice = advice_of(task.failure, face, task.task_id)
        return f"{task.failure.message}. {advice} {check_later} It may be paid for."
    match task.state:
        case State.SUBMITTING | State.PENDING | State.PROCESSING if not situation.looked_after:
            return (
                f"This task belongs to another API key or address of {task.gateway} ({task.base_url}). "
                f"{face.say('{with_key}')} to follow it; after a change of keys run "
                f"`apixo-mcp tasks rekey {task.task_id}`."
            )
        case State.SUBMITTING if task.sent_at is None:
            unsent_for = max(0.0, (task.due or 0.0) - context.now)
            later = _check_later(task, eta_seconds, face, waits, unsent_for=unsent_for, is_sent=False)
            return _before_it_is_sent(task, later, face)
        case State.SUBMITTING | State.PENDING | State.PROCESSING if trouble is not None:
            advice, then = advice_of(trouble, face, task.task_id), face.say("{then_check}", task.task_id)
            return f"The gateway cannot be asked just now: {trouble.message}. {advice} {then}"
        case State.SUBMITTING | State.PENDING | State.PROCESSING if task.due is None:
            once_more = face.say("{check} looks once more.", task.task_id)
            return f"Looking was given up a day after its longest usual time. {once_more}"
        case State.SUBMITTING | State.PENDING | State.PROCESSING if task.cancel_requested:
            paid = "being sent" if task.state is State.SUBMITTING else "already paid"
            return f"It cannot be stopped: {paid}; it is saved when done. {check_later}"
        case State.PENDING | State.PROCESSING if situation.is_unfollowed:
            return f"{_NO_WORKER} {check_later} Do not generate it again: it is paid for."
        case State.SUBMITTING:
            return f"Being sent. {check_later} A second generate would be charged too."
        case State.PENDING | State.PROCESSING:
            late = " It takes longer than usual." if eta_seconds is None or context.is_overdue(task) else ""
            return f"Still running.{late} {check_later} Do not generate it again: it is paid for."
        case State.SUCCESS if situation.is_unfollowed and not task.is_settled:
            return f"{_NO_WORKER} {check_later}"
        case State.SUCCESS:
            return _after_success(task, face, waits)
        case State.UNKNOWN:
            return _while_unknown(task, check_later, face)
        case State.FAILED:
            failure = task.failure
            return advice_of(failure, face, task.task_id) if failure else "Change the request and generate it anew."
        case State.CANCELLED:
            return "Nothing was sent or charged. Generate it anew if it is still wanted."


def _check_later(
    task: Task, eta_seconds: int | None, face: Face, waits: float, *, unsent_for: float = 0.0, is_sent: bool = True
) -> str:
    """Tells when to ask again: now, where the question itself waits, else later.

    Args:
        unsent_for: for how many seconds it is not even sent.
    """
    if waits >= WAITS_ITSELF:
        return face.say("{check_now}", task.task_id, waits=f"{waits:.0f}")
    seconds = min(60, max(2, int(unsent_for) + (_LATE if eta_seconds is None else eta_seconds)))
    template = "{check_later_or_longer}" if is_sent and 0 < waits < seconds else "{check_later}"
    return face.say(template, task.task_id, seconds=seconds)


def _before_it_is_sent(task: Task, check_later: str, face: Face) -> str:
    cancel = face.say("{cancel}", task.task_id)
    if task.failure is not None and task.failure.code == "NOT_REACHED":
        return (
            f"Not sent: {task.failure.message} It is sent by itself once the gateway is reached, for a quarter of an "
            f"hour: check the network, the proxy and the base URL. Do not generate it again: both would be charged. "
            f"{check_later} {cancel} stops it."
        )
    free = "" if task.attempts else " free of charge"  # an earlier attempt may have been charged
    return (
        f"Waiting to be sent; that happens by itself. {check_later} A second generate would be charged too; {cancel} "
        f"stops this one{free}."
    )


def _while_unknown(task: Task, check_later: str, face: Face) -> str:
    look = face.say("{look}")
    settle = f"apixo-mcp tasks resolve {task.task_id} --remote-id ID, or --never-ran."
    if task.is_confirming:
        return (
            f"Do not send it again: its broken answer named the task {task.named_id}, which the gateway is asked "
            f"about; that settles it if it is confirmed. {check_later} Else {look} on the gateway's dashboard: {settle}"
        )
    return (
        f"Do not send it again: it may have been charged. {look[0].upper()}{look[1:]} for it on the gateway's "
        f"dashboard and settle it: {settle}"
    )


def _after_success(task: Task, face: Face, waits: float) -> str:
    files = {result.file for result in task.results}
    if FileState.SAVING in files:
        return f"The files are being saved. {_check_later(task, 3, face, waits)}"
    if FileState.FAILED in files:
        return f"A file could not be saved (see problem); {to_fetch_again(task, face)}."
    if FileState.EXPIRED in files:
        return "A file is gone from the gateway; generate it anew if it is still needed."
    if any(result.asset_id for result in task.results):
        return "Use the asset_id in a next request, or show the user the files."
    return face.say("{show_picture}" if task.modality == "image" else "{show}", task.task_id)


def to_fetch_again(task: Task, face: Face) -> str:
    """Tells how the files of a task are fetched that are not saved, as the end of a sentence."""
    return face.say("{fetch} tries again while its url lives", task.task_id)


def joined_note(seconds: float) -> str:
    """Says that a call has the task of an earlier one that is still open, and how to have another one made."""
    return (
        f"The same was asked for {seconds:.0f} s before, by a call that is still open: this is what it made, charged "
        "once. To make another one too, change num_images or seed, or give an idempotency_key."
    )


def why_no_file(task: Task, result: Result) -> str:
    """Says why a result cannot be read as a file, and what its reader can do instead."""
    if result.file is None:
        return f"Result {result.index} is an id, not a file: {result.asset_id}; use it in a next request."
    if result.file is FileState.EXPIRED:
        return "The file is not saved (expired): the gateway no longer has it. Generate it anew if it is still needed."
    return f"The file is not saved ({result.file}). {to_fetch_again(task, CHAT)}: {result.shown_url}".rstrip(": ")
