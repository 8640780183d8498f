"""What the answer to a poll means for the task: pure decisions, the same for both gateways."""

from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any

from apixo_mcp.gateways import failures, states
from apixo_mcp.gateways.addresses import Sent
from apixo_mcp.gateways.answers import KEPT_ANSWER, TOO_FAST, Question, codes_of, task_id_of, usable_results
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.envelope import Envelope, decode_envelope, read_leniently, retry_after, unix_time
from apixo_mcp.gateways.gateway import (
    EMPTY_RESULT,
    Failed,
    NoAnswer,
    Polled,
    Running,
    Succeeded,
)
from apixo_mcp.gateways.outputs import last_resort, products_of
from apixo_mcp.net.response import Answered, Broken, HttpResponse, NotReached

_KEY_TROUBLE = frozenset({401, 402, 403})

OLDER_BY = 60.0
"""Seconds by which a gateway's clock may be behind ours before its task counts as older than our request: machines that
keep no time drift by a minute or so, while an answer that a cache or a proxy repeats is mostly older than that."""
OLDER_BY_ITS_CLOCK = 10.0  # where its answer tells its own time, to the second, but for what its machines differ


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
    reason = f"{credential.gateway} answered {codes_of(answer)}" + (f": {told}" if told else "")
    trouble = answer.effective in _KEY_TROUBLE
    failure = failures.submit_refusal(answer.effective, answer.message, credential) if trouble else None
    return NoAnswer(reason, wait, failure, too_fast=answer.effective == TOO_FAST)


def interpret_again(raw: str, credential: Credential, question: Question) -> Polled:
    """Tells what a kept answer tells by the present way of reading it; it may have been cut."""
    answer = read_leniently(200, raw.encode(errors="replace"))
    if answer is not None and answer.fields is not None:
        return _judge_state(answer, answer.fields, credential, question)
    found, notes = usable_results(last_resort(raw, question.base_url, Sent.of(question.inputs)), credential)
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
    produced, notes = usable_results(found, credential)
    if meaning == "success" and not found:
        produced, notes = usable_results(last_resort(answer.whole or data, question.base_url, sent), credential)
    if produced and (meaning in ("success", "good") or ended):
        return Succeeded(produced, ended, notes, states.took(data))
    if meaning == "success" or (meaning == "good" and ended):
        return Failed(failures.empty_result(credential, " ".join(notes)), completed_at=ended)
    if meaning == "bad" and ended:
        return _failed("", f"The gateway reports it as {state}.", ended, credential)
    return Running("processing")


def _failed(code: str, words: str, ended: float | None, credential: Credential) -> Failed:
    return Failed(failures.task_failure(code, words, credential), failures.is_transient(code), ended)
