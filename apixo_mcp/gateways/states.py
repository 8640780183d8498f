"""What the state of a task says, and what must stand beside a word that no document lists for it to end the task."""

from collections.abc import Mapping
from typing import Any, Literal, cast

from apixo_mcp.foreign import LONGEST_SEEN, cut
from apixo_mcp.gateways.envelope import unix_time
from apixo_mcp.gateways.keys import normal, plain
from apixo_mcp.gateways.outputs import clean_id

StateMeaning = Literal["pending", "processing", "success", "failed", "good", "bad", "other"]

# APIXO model pages: pending, processing, success, failed. Ruxa AI task reference: waiting, queuing, generating,
# success, fail; its best practices guide: completed. The others are inferred.
_DOCUMENTED: dict[str, StateMeaning] = {
    **dict.fromkeys(("pending", "waiting", "queuing", "queued"), "pending"),
    **dict.fromkeys(("processing", "generating", "running"), "processing"),
    **dict.fromkeys(("success", "completed", "succeeded"), "success"),
    **dict.fromkeys(("failed", "fail"), "failed"),
}
# Inferred, so none of these words ends a task alone.
_GOOD = frozenset({"done", "finish", "finished", "complete", "ready", "ok", "succeed", "successful", "available"})
_BAD = frozenset(
    {"canceled", "cancelled", "cancel", "timeout", "timedout", "rejected", "expired", "aborted", "error", "errored"}
    | {"failure", "killed", "terminated", "refused", "denied", "blocked", "invalid", "stopped", "lost", "exception"}
)
_RUNS = ("pending", "wait", "queue", "queuing", "process", "generat", "running", "progress", "submit", "start", "retry")
_EMPTY = frozenset({"", "null", "none", "undefined", "0", "200", "ok", "success", "nil", "false", "no"})


def state_of(data: Mapping[str, Any]) -> str:
    """Returns the state as it is told, in lower case; empty where there is none."""
    state = data.get("state")
    if not isinstance(state, str):
        state = data.get("status")  # inferred
    return state[:100].strip().lower() if isinstance(state, str) else ""


def meaning_of(state: str) -> StateMeaning:
    """Tells what a state says by itself."""
    if state in _DOCUMENTED:
        return _DOCUMENTED[state]
    word = plain(state)
    if word in _GOOD:
        return "good"
    if word in _BAD:
        return "bad"
    return "processing" if any(part in word for part in _RUNS) else "other"


def is_documented(state: str) -> bool:
    """Tells whether it is one that a gateway's documents list, or that is taken for such."""
    return state in _DOCUMENTED


def fail_code(data: Mapping[str, Any]) -> str:
    """Returns the failCode, empty where there is none or it says that nothing failed."""
    fields = normal(data)
    # All but the first are inferred.
    codes = (clean_id(fields.get(name)) for name in ("failcode", "errorcode", "errcode"))
    return next((code for code in codes if code.lower() not in _EMPTY), "")


def fail_message(data: Mapping[str, Any], *, widely: bool = True) -> str:
    """Returns the failMsg, empty where there is none.

    Args:
        widely: whether `message` counts too, which may also tell of success.
    """
    fields = normal(data)
    # All but the first are inferred.
    names = ("failmsg", "failmessage", "failreason", "errormsg", "errormessage", "error", "message")
    for name in names if widely else names[:-1]:
        word = fields.get(name)
        word = cast("dict[str, Any]", word).get("message") if isinstance(word, dict) else word
        if isinstance(word, str) and (text := cut(word, 4 * LONGEST_SEEN).strip()).lower() not in _EMPTY:
            return text
    return ""


def ended_at(data: Mapping[str, Any]) -> float | None:
    """Tells when it ended, Unix seconds, where that is told."""
    return unix_time(data.get("completeTime"))


def took(data: Mapping[str, Any]) -> float | None:
    """Tells how many seconds it took from `createTime` to `completeTime`, where both are told.

    Not `costTime`: that it counts the waiting in the gateway's queue is said nowhere, and an answer has been seen
    without it.
    """
    created, ended = unix_time(data.get("createTime")), ended_at(data)
    return ended - created if created is not None and ended is not None and ended > created else None
