"""How long a task took at its gateway, as far as that was seen.

Only results teach. A failure is an end of another kind, and what it could teach does harm or nothing:

- As a duration like others it would spend polls where refusals come, a few seconds after the submit, that are wanted
  where results come; and a burst of refused prompts, or an hour in which a gateway is down, would push out of the 60
  that are kept all that is known of results.
- As a result that would have come later (a censored one, as the estimate in `learning.distribution` could take it) a
  refusal says nothing: it lies before all results, and its weight spreads over these as they lie. A job that gives up
  after minutes would make results seem to take that long, and it never had one.

What that costs is bounded. The first poll is later than documented by no more than polls may be apart, so a refusal is
told that much later at most, by no more polls. A job that gives up after minutes has passed the polls that stand close
where the last results come, and makes some more than documented. `tests/tasks/test_learning.py` simulates both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apixo_mcp.tasks.task import FOLLOWED, Task

VARIED_BY = ("resolution", "quality", "speed", "mode", "duration", "max_images", "n")
"""The inputs that the gateways' pages give different times, prices or counts of results for."""
LATE_BY = 5.0
"""Seconds after it was due from which a poll tells nothing of when a task ended: the process slept, or had to wait."""
ACCEPTED_WITHIN = 15.0
"""Seconds from a submit to its answer: one that was settled later had begun at a moment that nobody knows."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds from the accepted submit to the task's end, which lies between two moments.

    Attributes:
        least: it still ran then.
        most: it had ended then.
    """

    least: float
    most: float


def variant_of(inputs: Mapping[str, Any]) -> str:
    """Returns what of a task's inputs may change how long it takes, as `name=value` joined by spaces."""
    values = ((name, inputs.get(name)) for name in VARIED_BY)
    told = ((name, value) for name, value in values if isinstance(value, str | int | float))
    return " ".join(f"{name}={str(value).casefold()[:40]}" for name, value in told)


def duration_seen(before: Task, now: float, took: float | None) -> Duration | None:
    """Tells how long a task took that a poll has found ended; None where that cannot be told.

    What the gateway says is believed as far as the polls bear it out: it cannot have ended while a poll found it
    running, nor after one found it ended. Between the two it is not known when, and no guess is made: whoever learns
    from these must not take the moments of the polls for those of the ends.

    Args:
        before: the task as it was when the poll was made.
        now: when that poll was answered, Unix seconds.
        took: seconds from its beginning to its end, where the gateway tells them.
    """
    if before.state not in FOLLOWED or before.accepted_at is None or before.sent_at is None:
        return None
    most = now - before.accepted_at
    if most <= 0 or before.accepted_at - before.sent_at > ACCEPTED_WITHIN:
        return None  # the clock was set back, or nobody knew for long that it had begun
    # The row was last written when the poll before this one found it running; an error or a caller writes it too.
    is_plain = before.polls > 0 and before.tries == 0 and not before.cancel_requested
    least = min(most, max(0.0, before.updated_at - before.accepted_at)) if is_plain else 0.0
    if took is not None:
        # Its clock began when the request came in, which was between our sending and its answer.
        earliest = took - max(0.0, before.accepted_at - before.sent_at)
        if max(least, earliest) <= min(most, took):
            return Duration(max(least, earliest), min(most, took))
    if before.due is None or now - before.due > LATE_BY:
        return None
    return Duration(least, most)
