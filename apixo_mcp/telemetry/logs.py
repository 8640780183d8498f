"""The log of the work: a line at INFO for each fact, and its parts as fields for the JSON format."""

import logging
from dataclasses import fields

from apixo_mcp.telemetry.facts import (
    AttemptFailed,
    CallbackReceived,
    Fact,
    Finished,
    RequestRefused,
    Saved,
    SaveFailed,
    SubmitAccepted,
    SubmitUnanswered,
)

log = logging.getLogger(__name__)

_EVENTS: dict[type[Fact], str] = {
    SubmitAccepted: "submitted",
    SubmitUnanswered: "submit without an answer",
    AttemptFailed: "attempt failed",
    Finished: "ended",
    Saved: "saved",
    SaveFailed: "not saved",
    RequestRefused: "refused a request:",
    CallbackReceived: "callback",
}
_NAMES = {"task_id": "task", "mime_type": "type"}


def write(fact: Fact) -> None:
    """Writes the line of a fact; parts that are unknown are left out."""
    values = {_NAMES.get(field.name, field.name): getattr(fact, field.name) for field in fields(fact)}
    known = {name: value for name, value in values.items() if value not in (None, "")}
    # What a client sent may hold spaces and line ends.
    show = ascii if isinstance(fact, RequestRefused) else str
    parts = " ".join(f"{name}={show(value)}" for name, value in known.items())
    log.info("%s %s", _EVENTS[type(fact)], parts, extra={"facts": known})
