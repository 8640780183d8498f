"""Facts about the work: what was asked for and submitted, how it ended, what was saved, and who was refused.

A fact holds nothing of a prompt, no URL, no path of a file (it is named after the prompt), no key or token, and no
words of a gateway, which may repeat one. They are tuples with names: as many data classes took 10 ms of every start.
"""

import logging
from collections.abc import Callable
from typing import Literal, NamedTuple

log = logging.getLogger(__name__)


class TaskRef(NamedTuple):
    """Names the task that a fact is about.

    Attributes:
        owner: the name of the one whose it is.
    """

    task_id: str
    owner: str
    model: str
    gateway: str


class TaskAdmitted(NamedTuple):
    """Tells that a call has got its task.

    Attributes:
        how: `new`, or why it is an earlier one.
        seconds: since the call came.
    """

    task: TaskRef
    how: str
    seconds: float


class PurchaseRefused(NamedTuple):
    """Tells that the limits did not allow what an owner asked for.

    Attributes:
        reason: which of them.
    """

    owner: str
    model: str
    gateway: str
    reason: str


class SubmitAccepted(NamedTuple):
    """Tells that the gateway has taken a task on.

    Attributes:
        seconds: that the answer took.
        usd: what it is estimated to cost, None where no price is known.
    """

    task: TaskRef
    remote_id: str
    seconds: float
    usd: float | None = None


class SubmitUnanswered(NamedTuple):
    """Tells that a submit may have reached the gateway, and no answer tells.

    Attributes:
        seconds: that an answer was waited for.
        usd: what it may have cost, None where no price is known.
    """

    task: TaskRef
    remote_id: str
    seconds: float
    usd: float | None = None


class SubmitRefused(NamedTuple):
    """Tells that a submit cost nothing: it never left, or the gateway does not take it.

    Attributes:
        error: its code.
        is_final: whether that is how the task ends; else it is sent again.
        seconds: that the answer took.
    """

    task: TaskRef
    error: str
    is_final: bool
    seconds: float


class RateLimited(NamedTuple):
    """Tells that a gateway asks for fewer requests.

    Attributes:
        request: that it answered so.
        retry_after: seconds that it named.
    """

    task: TaskRef
    request: Literal["submit", "poll"]
    retry_after: float | None


class PollAnswered(NamedTuple):
    """Tells what a poll brought.

    Attributes:
        outcome: `running`, `succeeded`, `failed` or `no_answer`.
        seconds: that the answer took.
    """

    task: TaskRef
    outcome: str
    seconds: float


class AttemptFailed(NamedTuple):
    """Tells that an attempt has failed for a passing reason, and a further one is made."""

    task: TaskRef
    error: str
    attempts: int


class Finished(NamedTuple):
    """Tells that a task has ended, or that nobody knows whether it runs.

    Attributes:
        seconds: since the task was asked for.
        polls: of its last attempt.
        results: how many it has, where it succeeded.
        error: the code of its failure, and `charged` whether that was paid for.
    """

    task: TaskRef
    state: str
    seconds: float
    polls: int = 0
    results: int | None = None
    error: str = ""
    charged: str = ""


class Saved(NamedTuple):
    """Tells that the file of a result is saved.

    Attributes:
        result: counted from 0.
        seconds: since the task ended.
    """

    task: TaskRef
    result: int
    bytes: int | None
    mime_type: str
    seconds: float | None


class SaveFailed(NamedTuple):
    """Tells that a try to save the file of a result has failed.

    Attributes:
        result: counted from 0.
        file: what that makes of the file: `failed` or `expired`.
        tries: how many there were.
    """

    task: TaskRef
    result: int
    file: str
    tries: int


class FileDeleted(NamedTuple):
    """Tells that the file of a result was deleted, as it was kept for as long as the settings say."""

    task: TaskRef
    result: int
    bytes: int


class CallbackReceived(NamedTuple):
    """Tells that a gateway has called back.

    Attributes:
        state: of the task, before that.
        status: that it is answered: 200, or 503 to be called again.
    """

    task: TaskRef
    state: str
    bytes: int
    status: int


class AlertRaised(NamedTuple):
    """Tells of something that whoever runs the server should know, once; the operator's address is told too.

    Attributes:
        alert: what it is about (`tasks.alerts.AlertKind`).
        owner: whom; empty: the whole server.
        gateway: which; empty: none.
        message: in a sentence or two.
        percent: of a limit that is used; None: it is about no such share.
    """

    alert: str
    owner: str
    gateway: str
    message: str
    percent: int | None = None


class WebhookTried(NamedTuple):
    """Tells that a webhook was sent to the operator's address.

    Attributes:
        task_id: that it is about; empty: it is an alert.
        status: of the answer; 0 where none came.
        tries: how many there were.
    """

    kind: str
    task_id: str
    status: int
    tries: int


class OperationDone(NamedTuple):
    """Tells that a message of MCP was answered.

    Attributes:
        tool: that was called, where that is what was asked for and there is such a tool.
        error: the code of the protocol's error, `tool_error`, or the name of an exception; empty where it went well.
        owner: who asked.
        revision: of the protocol.
        network: whether it came over HTTP.
    """

    method: str
    tool: str
    error: str
    owner: str
    revision: str
    network: bool
    seconds: float


class RequestServed(NamedTuple):
    """Tells that an HTTP request was answered.

    Attributes:
        route: the beginning of its path that is known, else `other`.
        seconds: until its answer had ended.
    """

    method: str
    route: str
    status: int
    seconds: float


class RequestRefused(NamedTuple):
    """Tells that an HTTP request was answered with an error.

    Attributes:
        path: its first part alone: a secret may follow.
    """

    method: str
    path: str
    status: int
    host: str
    origin: str


class SignInRefused(NamedTuple):
    """Tells that somebody was not let in, or not to what they asked for.

    Attributes:
        path: its first part alone.
        reason: in the words of the protocol (`invalid_token`, `insufficient_scope` …).
        address: that it came from.
    """

    path: str
    status: int
    reason: str
    address: str


class OwnerChanged(NamedTuple):
    """Tells that an owner was added, changed or revoked.

    Attributes:
        change: what was done.
        terms: scope and limits from then on; never a key or a token.
    """

    owner: str
    change: Literal["added", "changed", "token set", "invited", "revoked"]
    terms: str = ""


Fact = (
    TaskAdmitted
    | PurchaseRefused
    | SubmitAccepted
    | SubmitUnanswered
    | SubmitRefused
    | RateLimited
    | PollAnswered
    | AttemptFailed
    | Finished
    | Saved
    | SaveFailed
    | FileDeleted
    | CallbackReceived
    | AlertRaised
    | WebhookTried
    | OperationDone
    | RequestServed
    | RequestRefused
    | SignInRefused
    | OwnerChanged
)
Subscriber = Callable[[Fact], None]


class Telemetry:
    """Hands each fact to all who listen. One that fails harms neither the work nor the others."""

    def __init__(self, *subscribers: Subscriber) -> None:
        self._subscribers = subscribers

    def subscribe(self, subscriber: Subscriber) -> None:
        """Tells one more of every fact from now on."""
        self._subscribers = (*self._subscribers, subscriber)

    def emit(self, fact: Fact) -> None:
        """Tells the subscribers of a fact."""
        for subscriber in self._subscribers:
            try:
                subscriber(fact)
            except Exception:
                log.exception("a subscriber failed over a fact: %s", type(fact).__name__)
