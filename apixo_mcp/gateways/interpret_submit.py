"""What the answer to a paid POST means for the task: pure decisions, the same for both gateways."""

import re
from collections.abc import Mapping
from typing import Any

from apixo_mcp.gateways import failures, states
from apixo_mcp.gateways.addresses import Sent
from apixo_mcp.gateways.answers import KEPT_ANSWER, TOO_FAST, Question, codes_of, task_id_of, usable_results
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.envelope import Envelope, read_bare, read_leniently, retry_after
from apixo_mcp.gateways.gateway import (
    Accepted,
    Later,
    Refused,
    Submitted,
    Unclear,
)
from apixo_mcp.gateways.named_ids import named_ids
from apixo_mcp.gateways.outputs import asset_ids, products_of
from apixo_mcp.gateways.refusals import refused_by_http
from apixo_mcp.net.response import Answered, Broken, HttpResponse, NotReached

# By the meaning of HTTP (RFC 9110 and 6585): whoever answers so has not begun. What is not here may have.
REFUSED = frozenset(
    {301, 307, 308, *range(400, 408), 410, 411, *range(413, 418), 421, 422, 426, 428, 431, 451, 501, 505, 511}
)
LATER = frozenset({429, 503})
_MOST_TOLD = 5  # ids of tasks, where an answer names several


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
        codes = codes_of(answer) if answer is not None else f"HTTP {reply.status}"
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
    return _unclear(f"{credential.gateway} answered {codes_of(answer)}{told}", named, credential)


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


def _accepted(answer: Envelope, credential: Credential, question: Question) -> Accepted | None:
    data = answer.fields
    # Without a code the HTTP status counts (inferred; to follow a task that is named costs nothing).
    if data is None or (answer.code != 200 if answer.code is not None else not 200 <= answer.status < 300):
        return None
    remote_id = task_id_of(data)
    remote_id = "" if credential.holds(remote_id) else remote_id
    if states.meaning_of(states.state_of(data)) == "success":
        produced, _ = usable_results(products_of(data, question.base_url, Sent.of(question.inputs)), credential)
        done = bool(produced)
    else:
        produced, _ = usable_results(asset_ids(data), credential)
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
