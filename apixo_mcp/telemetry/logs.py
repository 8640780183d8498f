"""The log of the work: a line for each fact, and its parts as fields for the JSON format.

What is told by the thousand (polls, requests, messages) is at DEBUG. What changes who may come in, and who was not let
in, goes to a log of its own, which the log's file always has.
"""

import logging
from collections.abc import Iterator
from typing import Any

from apixo_mcp.telemetry.facts import (
    AlertRaised,
    AttemptFailed,
    CallbackReceived,
    Fact,
    FileDeleted,
    Finished,
    OperationDone,
    OwnerChanged,
    PollAnswered,
    PurchaseRefused,
    RateLimited,
    RequestRefused,
    RequestServed,
    Saved,
    SaveFailed,
    SignInRefused,
    SubmitAccepted,
    SubmitRefused,
    SubmitUnanswered,
    TaskAdmitted,
    TaskRef,
    WebhookTried,
)

AUDIT = "apixo_mcp.audit"
"""The log of who may come in, and of who was not let in."""

log = logging.getLogger(__name__)
_audit = logging.getLogger(AUDIT)

_EVENTS: dict[type[Fact], str] = {
    TaskAdmitted: "admitted",
    PurchaseRefused: "refused a purchase",
    SubmitAccepted: "submitted",
    SubmitUnanswered: "submit without an answer",
    SubmitRefused: "submit refused",
    RateLimited: "asked too often",
    PollAnswered: "polled",
    AttemptFailed: "attempt failed",
    Finished: "ended",
    Saved: "saved",
    SaveFailed: "not saved",
    FileDeleted: "deleted a file",
    CallbackReceived: "callback",
    AlertRaised: "alert:",
    WebhookTried: "webhook",
    OperationDone: "answered",
    RequestServed: "served",
    RequestRefused: "refused a request:",
    SignInRefused: "refused a sign-in:",
    OwnerChanged: "changed an owner:",
}
_MANY = (PollAnswered, OperationDone, RequestServed)
_FROM_OUTSIDE = (RequestRefused, RequestServed, SignInRefused, OperationDone, OwnerChanged)
_NAMES = {"task_id": "task", "mime_type": "type", "result": "index"}


def write(fact: Fact) -> None:
    """Writes the line of a fact; parts that are unknown are left out."""
    level = logging.DEBUG if isinstance(fact, _MANY) else logging.INFO
    if isinstance(fact, AlertRaised):
        level = logging.WARNING
    where = _audit if isinstance(fact, SignInRefused | OwnerChanged) else log
    if not where.isEnabledFor(level):
        return
    known = {_NAMES.get(name, name): value for name, value in parts_of(fact) if value not in (None, "")}
    # What a client sent may hold spaces and line ends.
    show = ascii if isinstance(fact, _FROM_OUTSIDE) else str
    parts = " ".join(f"{name}={show(value)}" for name, value in known.items())
    where.log(level, "%s %s", _EVENTS[type(fact)], parts, extra={"facts": known})


def parts_of(fact: Fact | TaskRef) -> Iterator[tuple[str, Any]]:
    """Yields the parts of a fact by their names, those of its task first."""
    for name, value in fact._asdict().items():
        if isinstance(value, TaskRef):
            yield from parts_of(value)
        else:
            yield name, value
