"""What an answer means for the task: pure decisions, the same for both gateways."""

from collections.abc import Mapping
from typing import Any

from apixo_mcp.gateways import failures
from apixo_mcp.gateways.contact import Contact
from apixo_mcp.gateways.envelope import Envelope, read_bare, retry_after, unix_time
from apixo_mcp.gateways.gateway import (
    Accepted,
    Failed,
    Later,
    Look,
    NoAnswer,
    Refused,
    Running,
    Submitted,
    Succeeded,
    Unclear,
)
from apixo_mcp.gateways.products import asset_ids, clean_id, products_of
from apixo_mcp.gateways.replies import Answer, NotReached, Reply

REFUSED = frozenset({400, 401, 402, 403, 404, 422})
LATER = frozenset({429, 503})
TOO_FAST = 429  # APIXO seedream-4-5 page: rate limit exceeded; Ruxa AI best practices guide
_KEY_TROUBLE = frozenset({401, 402, 403})

# APIXO model pages: pending, processing, success, failed. Ruxa AI task reference: waiting, queuing, generating,
# success, fail; its best practices guide: completed. The others are inferred.
_PENDING = frozenset({"pending", "waiting", "queuing", "queued"})
_PROCESSING = frozenset({"processing", "generating", "running"})
_SUCCESS = frozenset({"success", "completed", "succeeded"})
_FAILED = frozenset({"failed", "fail", "error"})


def judge_submit(reply: Reply, contact: Contact, now: float) -> Submitted:
    """What became of a paid POST. Where that is not certain it is `Unclear`, so that it is never sent twice."""
    if isinstance(reply, NotReached):
        return Later(failures.unreachable(reply.reason, contact))
    if not isinstance(reply, Answer):
        return Unclear(contact.clean(reply.reason))
    answer = read_bare(reply.status, reply.body)
    if answer is not None and (accepted := _accepted(answer)):
        return accepted
    named = _task_id(answer.fields or {}) if answer is not None else ""
    if answer is not None and named:
        # A refusal that names a task contradicts itself: it may be paid for, and a person can follow it by that id.
        told = contact.clean(f"{answer.message} (it named the task {named})".strip())
        return Unclear(f"{contact.gateway} answered {_codes(answer)}: {told}")
    if answer is None or answer.code is None:
        return Unclear(f"{contact.gateway} answered HTTP {reply.status} with a page that is not its own answer")
    if failures.is_decisive(answer.message) or _is_refused(answer):
        return Refused(failures.refusal(answer.effective, answer.message, contact))
    if _is_later(answer):
        failure = failures.refusal(answer.effective, answer.message, contact)
        return Later(failure, retry_after(reply.headers, now))
    if answer.effective == 200:
        return Unclear(f"{contact.gateway} reported success and named no task")
    told = contact.clean(answer.message)
    return Unclear(f"{contact.gateway} answered {_codes(answer)}" + (f": {told}" if told else ""))


def judge_look(reply: Reply, contact: Contact, now: float) -> Look:
    """How a task is, by the answer to a look. Nothing but the gateway's own word ends a task."""
    if not isinstance(reply, Answer):
        return NoAnswer(contact.clean(reply.reason))
    wait = retry_after(reply.headers, now)
    answer = read_bare(reply.status, reply.body)
    if answer is None:
        reason = f"{contact.gateway} answered HTTP {reply.status} with a page that is not its own answer"
        return NoAnswer(reason, wait, too_fast=reply.status == TOO_FAST)
    if answer.effective == 200 and answer.fields is not None:
        return _judge_state(answer.fields, contact)
    if answer.effective == 200:
        return NoAnswer(f"{contact.gateway} answered without the task", wait)
    told = contact.clean(answer.message)
    reason = f"{contact.gateway} answered {_codes(answer)}" + (f": {told}" if told else "")
    trouble = answer.effective in _KEY_TROUBLE
    failure = failures.refusal(answer.effective, answer.message, contact) if trouble else None
    return NoAnswer(reason, wait, failure, too_fast=answer.effective == TOO_FAST)


def task_in_callback(body: bytes) -> str:
    """The remote id that a callback names, in `data` (APIXO webhooks page) or flat (Ruxa AI best practices guide)."""
    answer = read_bare(200, body)
    return _task_id(answer.fields) if answer is not None and answer.fields is not None else ""


def undocumented_state(reply: Reply) -> str:
    """The state in an answer to a look that no document lists, empty where there is none such."""
    answer = read_bare(reply.status, reply.body) if isinstance(reply, Answer) else None
    if answer is None or answer.effective != 200 or answer.fields is None:
        return ""
    state = _state(answer.fields) or "(none)"
    return "" if state in _PENDING | _PROCESSING | _SUCCESS | _FAILED else ascii(state)[:60]


def _accepted(answer: Envelope) -> Accepted | None:
    data = answer.fields
    # Without a code the HTTP status counts (inferred; to follow a task that is named costs nothing).
    if data is None or (answer.code != 200 if answer.code is not None else not 200 <= answer.status < 300):
        return None
    remote_id = _task_id(data)
    if _state(data) in _SUCCESS:
        produced = products_of(data)
        done = bool(produced)
    else:
        produced = asset_ids(data)
        # The audio and character modes answer at once with the final id; a voice is still being prepared (APIXO
        # gemini-omni and minimax-voice pages).
        done = bool(produced) and (not remote_id or any(one.label in ("audio", "character") for one in produced))
    return Accepted(remote_id, produced, done) if remote_id or done else None


def _is_refused(answer: Envelope) -> bool:
    """Whether the gateway said that it will not do it: by the body's code, else by HTTP's."""
    if answer.code in REFUSED:
        return True
    return answer.status in REFUSED and not _is_breakdown(answer.code)


def _is_later(answer: Envelope) -> bool:
    """Whether the gateway said to come again. Where HTTP and the body contradict each other it is not certain."""
    if answer.code in LATER:
        return answer.status < 300 or answer.status in LATER
    return answer.status in LATER and not _is_success(answer.code) and not _is_breakdown(answer.code)


def _is_success(code: int | None) -> bool:
    return code is None or 200 <= code < 300


def _is_breakdown(code: int | None) -> bool:
    return code is not None and 500 <= code < 600 and code not in LATER


def _codes(answer: Envelope) -> str:
    if answer.code in (None, 200, answer.status):
        return f"HTTP {answer.status}"
    return f"code {answer.code} (HTTP {answer.status})"


def _judge_state(data: Mapping[str, Any], contact: Contact) -> Look:
    state = _state(data)
    ended = unix_time(data.get("completeTime"))
    if state in _SUCCESS:
        produced = products_of(data)
        if not produced:
            return Failed(failures.empty_result(contact), completed_at=ended)
        return Succeeded(produced, ended)
    if state in _FAILED:
        code = clean_id(data.get("failCode"))
        failure = failures.task_failure(code, _fail_message(data), contact)
        return Failed(failure, failures.is_transient(code), ended)
    return Running("pending" if state in _PENDING else "processing")


def _state(data: Mapping[str, Any]) -> str:
    state = data.get("state")
    return state.strip().lower() if isinstance(state, str) else ""


def _task_id(data: Mapping[str, Any]) -> str:
    return clean_id(data.get("taskId")) or clean_id(data.get("task_id"))


def _fail_message(data: Mapping[str, Any]) -> str:
    # All but the first are inferred.
    words = (data.get(name) for name in ("failMsg", "failReason", "errorMsg", "error", "message"))
    return next((word.strip() for word in words if isinstance(word, str) and word.strip()), "")
