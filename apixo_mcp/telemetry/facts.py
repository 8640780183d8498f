"""Facts about the work: what was submitted, how it ended, what was saved, and which requests were refused.

A fact holds nothing of a prompt, no URL, no path of a file (it is named after the prompt) and no words of a gateway,
which may repeat one.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SubmitAccepted:
    """Tells that the gateway has taken a task on.

    Attributes:
        seconds: that the answer took.
    """

    task_id: str
    model: str
    gateway: str
    remote_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SubmitUnanswered:
    """Tells that a submit may have reached the gateway, and no answer tells.

    Attributes:
        seconds: that an answer was waited for.
    """

    task_id: str
    model: str
    gateway: str
    remote_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """Tells that an attempt has failed for a passing reason, and a further one is made."""

    task_id: str
    model: str
    error: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Tells that a task has ended, or that nobody knows whether it runs.

    Attributes:
        seconds: since the task was asked for.
        results: how many it has, where it succeeded.
        error: the code of its failure, and `charged` whether that was paid for.
    """

    task_id: str
    model: str
    state: str
    seconds: float
    results: int | None = None
    error: str = ""
    charged: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    """Tells that the file of a result is saved.

    Attributes:
        seconds: since the task ended.
    """

    task_id: str
    model: str
    index: int
    bytes: int | None
    mime_type: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class SaveFailed:
    """Tells that a try to save the file of a result has failed.

    Attributes:
        file: what that makes of the file: `failed` or `expired`.
        tries: how many there were.
    """

    task_id: str
    model: str
    index: int
    file: str
    tries: int


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """Tells that an HTTP request was answered with an error.

    Attributes:
        path: its first part alone: a secret may follow.
    """

    method: str
    path: str
    status: int
    host: str
    origin: str


@dataclass(frozen=True, slots=True)
class CallbackReceived:
    """Tells that a gateway has called back.

    Attributes:
        state: of the task, before that.
        status: that it is answered: 200, or 503 to be called again.
    """

    task_id: str
    state: str
    bytes: int
    status: int


Fact = (
    SubmitAccepted
    | SubmitUnanswered
    | AttemptFailed
    | Finished
    | Saved
    | SaveFailed
    | RequestRefused
    | CallbackReceived
)
Subscriber = Callable[[Fact], None]


class Telemetry:
    """Hands each fact to all who listen. One that fails harms neither the work nor the others."""

    def __init__(self, *subscribers: Subscriber) -> None:
        self._subscribers = subscribers

    def emit(self, fact: Fact) -> None:
        """Tells the subscribers of a fact."""
        for subscriber in self._subscribers:
            try:
                subscriber(fact)
            except Exception:
                log.exception("a subscriber failed over a fact: %s", type(fact).__name__)
