"""What an answer means for the task: pure decisions, the same for both gateways."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any

from apixo_mcp.gateways import failures, states
from apixo_mcp.gateways.addresses import Sent
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.envelope import Envelope, decode_envelope, read_bare, read_leniently, retry_after, unix_time
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
from apixo_mcp.gateways.named_ids import named_ids
from apixo_mcp.gateways.outputs import MOST_RESULTS, asset_ids, clean_id, last_resort, products_of
from apixo_mcp.gateways.refusals import refused_by_http
from apixo_mcp.generation import Produced
from apixo_mcp.net.response import Answered, Broken, HttpResponse, NotReached

# By the meaning of HTTP (RFC 9110 and 6585): whoever answers so has not begun. What is not here may have.
REFUSED = frozenset(
    {301, 307, 308, *range(400, 408), 410, 411, *range(413, 418), 421, 422, 426, 428, 431, 451, 501, 505, 511}
)
LATER = frozenset({429, 503})
TOO_FAST = 429  # APIXO seedream-4-5 page: rate limit exceeded; Ruxa AI best practices guide
_KEY_TROUBLE = frozenset({401, 402, 403})

_MOST_TOLD = 5  # ids of tasks, where an answer names several

KEPT_ANSWER = 64 * 1024  # characters of an answer that is kept
OLDER_BY = 60.0
"""Seconds by which a gateway's clock may be behind ours before its task counts as older than our request: machines that
keep no time drift by a minute or so, while an answer that a cache or a proxy repeats is mostly older than that."""
OLDER_BY_ITS_CLOCK = 10.0  # where its answer tells its own time, to the second, but for what its machines differ


@dataclass(frozen=True, slots=True)
class Question:
    """Holds what a poll asks about.

    Attributes:
        remote_id: the task's; empty for any.
        base_url: what relative addresses of results are relative to.
        inputs: what was sent: what the answer repeats of it is no result.
        since: when the request was sent that this task may be of; None where it is known to be.
    """

    remote_id: str = ""
    base_url: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    since: float | None = None


def interpret_submit(
    reply: HttpResponse, credential: Credential, now: float, inputs: Mapping[str, Any] | None = None, base_url: str = ""
) -> Submitted:
    """Tells what became of a paid POST. Where that is not certain it is `Unclear`, so that it is never sent twice."""
    if isinstance(reply, NotReached):
        if reply.setting:
            return Refused(failures.unusable_setting(reply.reason, reply.setting, credential))
        return Later(failures.unreachable(reply.reason, credential))
    if isinstance(reply, Broken):
        return _unclear(reply.reason, _named(reply, inputs, credential), credential)
    answer = read_bare(reply.status, reply.body)
    question = Question(base_url=base_url, inputs=inputs or {})
    if answer is not None and (accepted := _accepted(answer, credential, question)):
        return accepted
    named = _named(reply, inputs, credential)
    if len(named) == 1:
        # An answer that contradicts itself: it may be paid for.
        told = answer.message if answer is not None else ""
        codes = _codes(answer) if answer is not None else f"HTTP {reply.status}"
        return _unclear(f"{credential.gateway} answered {codes}: {told}", named, credential)
    if answer is None or answer.code is None:
        return _without_envelope(reply, answer, named, credential, now)
    if failures.is_decisive(answer.message) or _is_refused(answer):
        return Refused(failures.submit_refusal(answer.effective, answer.message, credential))
    if _is_later(answer):
        failure = failures.submit_refusal(answer.effective, answer.message, credential)
        return Later(failure, retry_after(reply.headers, now))
    if answer.effective == 200:
        reason = f"{credential.gateway} reported success" + ("" if named else " and named no task")
        return _unclear(reason, named, credential)
    told = f": {answer.message}" if answer.message else ""
    return _unclear(f"{credential.gateway} answered {_codes(answer)}{told}", named, credential)


def _without_envelope(
    reply: Answered, answer: Envelope | None, named: tuple[str, ...], credential: Credential, now: float
) -> Submitted:
    if answer is not None and failures.is_decisive(answer.message):
        return Refused(failures.submit_refusal(answer.effective, answer.message, credential))
    if reply.status in REFUSED and not _tells_breakdown(reply):
        return Refused(refused_by_http(reply.status, credential))
    if reply.status == TOO_FAST:
        return Later(failures.submit_refusal(TOO_FAST, "", credential), retry_after(reply.headers, now))
    reason = f"{credential.gateway} answered HTTP {reply.status} with a page that is not its own answer"
    return _unclear(reason, named, credential)


def _tells_breakdown(reply: Answered) -> bool:
    """Tells whether a body that is not the gateway's whole answer carries a code of 500 or more all the same."""
    answer = read_leniently(reply.status, reply.body)
    if answer is not None and answer.code is not None:
        return _is_breakdown(answer.code)
    return re.search(rb'"code"\s{0,9}:\s{0,9}"?5\d\d', reply.body[:KEPT_ANSWER]) is not None


def interpret_poll(reply: HttpResponse, credential: Credential, now: float, question: Question | None = None) -> Polled:
    """Tells how a task is, by the answer to a poll. Nothing but the gateway's own word about this task ends it."""
    question = question or Question()
    if isinstance(reply, NotReached) and reply.setting:
        failure = failures.unusable_setting(reply.reason, reply.setting, credential)
        return NoAnswer(credential.clean(reply.reason), failure=failure)
    if isinstance(reply, Broken) and reply.status:
        reply = Answered(reply.status, reply.headers, reply.body)
    if not isinstance(reply, Answered):
        return NoAnswer(credential.clean(reply.reason))
    wait = retry_after(reply.headers, now)
    answer = read_leniently(reply.status, reply.body)
    if answer is None:
        reason = f"{credential.gateway} answered HTTP {reply.status} with a page that is not its own answer"
        return NoAnswer(reason, wait, too_fast=reply.status == TOO_FAST)
    if answer.effective == 200 and answer.fields is not None:
        if reason := _not_this_task(answer.fields, reply, credential, now, question):
            return NoAnswer(reason, wait)
        polled = _judge_state(answer, answer.fields, credential, question)
        if isinstance(polled, Failed) and polled.failure.code == EMPTY_RESULT:
            return replace(polled, raw=credential.redact(decode_envelope(reply.body[: 2 * KEPT_ANSWER]))[:KEPT_ANSWER])
        return polled
    if answer.effective == 200:
        return NoAnswer(f"{credential.gateway} answered without the task", wait)
    told = credential.clean(answer.message)
    reason = f"{credential.gateway} answered {_codes(answer)}" + (f": {told}" if told else "")
    trouble = answer.effective in _KEY_TROUBLE
    failure = failures.submit_refusal(answer.effective, answer.message, credential) if trouble else None
    return NoAnswer(reason, wait, failure, too_fast=answer.effective == TOO_FAST)


def interpret_again(raw: str, credential: Credential, question: Question) -> Polled:
    """Tells what a kept answer tells by the present way of reading it; it may have been cut."""
    answer = read_leniently(200, raw.encode(errors="replace"))
    if answer is not None and answer.fields is not None:
        return _judge_state(answer, answer.fields, credential, question)
    found, notes = _usable(last_resort(raw, question.base_url, Sent.of(question.inputs)), credential)
    return Succeeded(found, notes=notes) if found else Failed(failures.empty_result(credential))


def _not_this_task(
    data: Mapping[str, Any], reply: Answered, credential: Credential, now: float, question: Question
) -> str:
    """Tells why an answer says nothing about the task that was asked for, empty where it may."""
    named = task_id_of(data)
    if question.remote_id and named and named != question.remote_id:
        return f"{credential.gateway} answered about another task"
    if question.since is None:
        return ""
    if not named and states.meaning_of(states.state_of(data)) in ("failed", "bad"):
        return f"{credential.gateway} told of a failure without naming the task"
    created = unix_time(data.get("createTime"))
    clock = _clock(reply)
    slack = OLDER_BY if clock is None else OLDER_BY_ITS_CLOCK
    ahead = clock - now if clock is not None else 0.0
    if created is not None and created - ahead < question.since - slack:
        return f"{credential.gateway} has that task since before this request was sent"
    return ""


def _clock(reply: Answered) -> float | None:
    try:
        return parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def task_in_callback(body: bytes) -> str:
    """Reads the remote id in a callback: in `data` (APIXO webhooks page) or flat (Ruxa AI best practices guide)."""
    answer = read_leniently(200, body)
    return task_id_of(answer.fields) if answer is not None and answer.fields is not None else ""


def undocumented_state(reply: HttpResponse, credential: Credential | None = None) -> str:
    """Returns the state in an answer to a poll that no document lists, empty where there is none such."""
    answer = read_leniently(reply.status, reply.body) if isinstance(reply, Answered) else None
    if answer is None or answer.effective != 200 or answer.fields is None:
        return ""
    state = states.state_of(answer.fields) or "(none)"
    state = credential.redact(state) if credential else state
    return "" if states.is_documented(state) else ascii(state)[:60]


def _accepted(answer: Envelope, credential: Credential, question: Question) -> Accepted | None:
    data = answer.fields
    # Without a code the HTTP status counts (inferred; to follow a task that is named costs nothing).
    if data is None or (answer.code != 200 if answer.code is not None else not 200 <= answer.status < 300):
        return None
    remote_id = task_id_of(data)
    remote_id = "" if credential.holds(remote_id) else remote_id
    if states.meaning_of(states.state_of(data)) == "success":
        produced, _ = _usable(products_of(data, question.base_url, Sent.of(question.inputs)), credential)
        done = bool(produced)
    else:
        produced, _ = _usable(asset_ids(data), credential)
        # The audio and character modes answer at once with the final id; a voice is still being prepared (APIXO
        # gemini-omni and minimax-voice pages).
        done = bool(produced) and (not remote_id or any(one.label in ("audio", "character") for one in produced))
    return Accepted(remote_id, produced, done) if remote_id or done else None


def _named(reply: Answered | Broken, inputs: Mapping[str, Any] | None, credential: Credential) -> tuple[str, ...]:
    ids = named_ids(reply.body, reply.headers, inputs, is_whole=reply.status > 0)
    return tuple(one for one in ids if not credential.holds(one))


def _unclear(reason: str, named: tuple[str, ...], credential: Credential) -> Unclear:
    """Returns an outcome that is in doubt: one id is kept to be confirmed, several are told to the reader."""
    tasks = f"the task{'s' if len(named) > 1 else ''} {', '.join(named[:_MOST_TOLD])}"
    told = f" (it named {tasks})" if named else ""
    return Unclear(credential.clean(reason) + told, named[0] if len(named) == 1 else "")


def _is_refused(answer: Envelope) -> bool:
    """Tells whether the gateway said that it will not do it: by the body's code, or by HTTP's where the two agree."""
    code = _class_of(answer.code)
    if code is not None and 400 <= code < 500 and code in REFUSED:
        return answer.status < 300 or answer.status in REFUSED
    return answer.status in REFUSED and not _is_breakdown(answer.code)


def _is_later(answer: Envelope) -> bool:
    """Tells whether the gateway said to come again. Where HTTP and the body contradict each other it is not certain."""
    if answer.code in LATER:
        return answer.status < 300 or answer.status in LATER
    is_same = _class_of(answer.code) in LATER
    return answer.status in LATER and not _is_success(answer.code) and (is_same or not _is_breakdown(answer.code))


def _is_success(code: int | None) -> bool:
    return code is None or 200 <= code < 300


def _is_breakdown(code: int | None) -> bool:
    """Tells whether a code is 500 or more; one of more digits that begins as 4xx does is a refusal in particular."""
    return code is not None and code >= 500 and not 400 <= (_class_of(code) or 0) < 500


def _class_of(code: int | None) -> int | None:
    """Returns the first three digits of a code: 40001 is a kind of 400 (inferred)."""
    while code is not None and code >= 1000:
        code //= 10
    return code


def _codes(answer: Envelope) -> str:
    if answer.code in (None, 200, answer.status):
        return f"HTTP {answer.status}"
    return f"code {answer.code} (HTTP {answer.status})"


def _judge_state(answer: Envelope, data: Mapping[str, Any], credential: Credential, question: Question) -> Polled:
    """Tells how a task is. A word that no document lists ends it only with what shows that it has ended."""
    state = states.state_of(data)
    meaning = states.meaning_of(state)
    ended = states.ended_at(data)
    code, words = states.fail_code(data), states.fail_message(data, widely=meaning == "failed")
    if meaning in ("pending", "processing"):
        return Running(meaning)
    if meaning == "failed" or (meaning in ("bad", "other") and (code or words)):
        return _failed(code, words, ended, credential)
    sent = Sent.of(question.inputs)
    found = products_of(data, question.base_url, sent)
    if not found and (code or words):
        return _failed(code, words, ended, credential)
    produced, notes = _usable(found, credential)
    if meaning == "success" and not found:
        produced, notes = _usable(last_resort(answer.whole or data, question.base_url, sent), credential)
    if produced and (meaning in ("success", "good") or ended):
        return Succeeded(produced, ended, notes, states.took(data))
    if meaning == "success" or (meaning == "good" and ended):
        return Failed(failures.empty_result(credential, " ".join(notes)), completed_at=ended)
    if meaning == "bad" and ended:
        return _failed("", f"The gateway reports it as {state}.", ended, credential)
    return Running("processing")


def _failed(code: str, words: str, ended: float | None, credential: Credential) -> Failed:
    return Failed(failures.task_failure(code, words, credential), failures.is_transient(code), ended)


def _usable(found: tuple[Produced, ...], credential: Credential) -> tuple[tuple[Produced, ...], tuple[str, ...]]:
    """Returns the results without the key in any of them, as many as are kept, and what is to be said of the others."""
    kept: list[Produced] = []
    left_out = changed = 0
    for one in found:
        url = credential.without_key(one.url) if one.url[:5].lower() != "data:" else one.url
        if (one.url and not url) or credential.holds(one.asset_id):
            left_out += 1
            continue
        changed += url != one.url
        kept.append(replace(one, url=url, label=credential.redact(one.label)[:200]))
    notes: list[str] = []
    if left_out:
        notes.append(f"{left_out} result(s) were left out: their address holds the API key, which is never stored.")
    if changed:
        notes.append(f"The API key was taken out of the address of {changed} result(s).")
    if len(kept) > MOST_RESULTS:
        notes.append(f"The gateway named {len(kept)} results; the first {MOST_RESULTS} are kept.")
    return tuple(kept[:MOST_RESULTS]), tuple(notes)


def task_id_of(data: Mapping[str, Any]) -> str:
    """Returns the gateway's id of a task, empty where there is none."""
    return clean_id(data.get("taskId")) or clean_id(data.get("task_id"))
