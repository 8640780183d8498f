"""Why somebody waits: a sentence for whoever does, empty where it just takes its time."""

from apixo_mcp.generation import Failure
from apixo_mcp.tasks.task import FOLLOWED, State, Task
from apixo_mcp.views.faces import SHELL, advice_of
from apixo_mcp.views.words import counted, ordinal

LONG = 1.5  # seconds without an answer that are worth a word


def why(
    task: Task,
    now: float,
    *,
    place: int = 0,
    paused: float = 0.0,
    trouble: Failure | None = None,
    is_ours: bool = True,
    missing: str = "",
    workers: int | None = None,
    is_shared: bool = False,
) -> str:
    """Says why a task does not move on just now, and which try it is at.

    Args:
        now: Unix seconds.
        place: how many tasks are sent before it.
        paused: for how many seconds its gateway is left alone with its key.
        trouble: why the gateway refuses to be asked about it.
        is_ours: whether this process holds its key.
        missing: what this process lacks to send it.
        workers: how many follow tasks where that is left to them, None where it is not or is not known.
        is_shared: whether it is left to them.
    """
    is_saving = task.state is State.SUCCESS and not task.is_settled
    if task.state is not State.SUBMITTING and task.state not in FOLLOWED and not is_saving:
        return ""
    if not is_ours:
        return (
            f"It belongs to a key of {task.gateway} at {task.base_url} that is not set here, so that others have to "
            "follow it. Set that key; after a change of keys: apixo-mcp tasks rekey --all"
        )
    if trouble is not None:
        return f"{task.gateway} refuses to tell: {trouble.message} {advice_of(trouble, SHELL, task.task_id)}"
    if task.state is not State.SUBMITTING and workers == 0:
        return no_worker()
    if is_saving:
        return ""
    if task.state in FOLLOWED:
        return _before_its_end(task, now, paused, is_shared=is_shared)
    if task.sent_at is not None:
        return f"No answer from {task.gateway} yet to the request" if now - task.sent_at > LONG else ""
    if missing:
        return f"It is left to the server that it was asked of, for {missing}. Start that, or set the same here"
    return _before_it_is_sent(task, now, place, paused)


def no_worker() -> str:
    """Says that nobody follows tasks, and what to start."""
    return (
        "No worker runs on this database, so nobody asks how a task is, or saves its files. Start one with the same "
        "APIXO_MCP_DATABASE_URL and the same keys: apixo-mcp worker"
    )


def _before_it_is_sent(task: Task, now: float, place: int, paused: float) -> str:
    if task.failure and task.tries:
        return f"{_cause(task, task.failure)}; sent again by itself, {ordinal(task.tries + 1)} try"
    if paused > LONG:
        return f"{task.gateway} asks for fewer requests; it is sent once that is over"
    if task.attempts:
        code = task.attempts[-1].failure_code
        return f"{code}: {task.gateway} says to send it again; {ordinal(len(task.attempts) + 1)} try"
    if task.is_tunnelled and now - task.created_at > LONG:
        return "The tunnel is opened that the gateway fetches its files through"
    if place:
        return f"{counted(place, 'task')} {'is' if place == 1 else 'are'} sent before it"
    return "It waits for its turn at the gateway" if now - task.created_at > LONG else ""


def _before_its_end(task: Task, now: float, paused: float, *, is_shared: bool) -> str:
    if task.tries:
        cause = _cause(task, task.failure) if task.failure else f"{task.gateway} gave no usable answer"
        return f"{cause}; asked again by itself, {ordinal(task.tries + 1)} try"
    if paused > LONG:
        return f"{task.gateway} asks for fewer requests; it is asked once that is over"
    if task.due is None:
        return "It is no longer asked about: a day has passed since it should have ended"
    if now - task.due > LONG and is_shared:
        return f"No worker has told yet what {task.gateway} answers about it"
    if now - task.due > LONG:
        return f"No answer from {task.gateway} yet about how it is"
    if len(task.attempts) > 1:
        failed = task.attempts[-2].failure_code
        return f"{ordinal(len(task.attempts))} try: the one before it ended with {failed}"
    return ""


def _cause(task: Task, failure: Failure) -> str:
    words = failure.message.rstrip(".")
    match failure.category:
        case "rate_limited":
            return f"{task.gateway} asks for fewer requests (rate limit): {words}"
        case "unavailable" if failure.code == "NOT_REACHED":
            return f"{task.gateway} cannot be reached: {words}"
        case _:
            return f"{task.gateway}: {words}"
