"""What answers to a submit and to a poll have in common: whose they are, their codes, their task and its results."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from apixo_mcp.gateways import states
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.envelope import Envelope, read_leniently
from apixo_mcp.gateways.outputs import MOST_RESULTS, clean_id
from apixo_mcp.generation import Produced
from apixo_mcp.net.response import Answered, HttpResponse

TOO_FAST = 429  # APIXO seedream-4-5 page: rate limit exceeded; Ruxa AI best practices guide

KEPT_ANSWER = 64 * 1024  # characters of an answer that is kept


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


def codes_of(answer: Envelope) -> str:
    """Tells the codes of an answer, for people: that of its body where HTTP's is another."""
    if answer.code in (None, 200, answer.status):
        return f"HTTP {answer.status}"
    return f"code {answer.code} (HTTP {answer.status})"


def usable_results(found: tuple[Produced, ...], credential: Credential) -> tuple[tuple[Produced, ...], tuple[str, ...]]:
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
