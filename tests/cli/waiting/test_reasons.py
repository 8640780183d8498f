"""Why somebody waits."""

from typing import Any

import pytest

from apixo_mcp.cli.waiting.reasons import why
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.task import Attempt, FileState, Result, State, Task

NOW = 1_800_000_000.0


def task(state: State, **known: Any) -> Task:
    facts: dict[str, Any] = {
        "task_id": "tsk_a",
        "owner": "local",
        "gateway": "apixo",
        "base_url": "https://api.apixo.ai",
        "key_print": "k",
        "model": "m",
        "wire_model": "m",
        "modality": "image",
        "state": state,
        "prompt": "",
        "inputs": {},
        "created_at": NOW - 60,
        "updated_at": NOW - 60,
        "due": NOW + 5,
    }
    return Task(**facts | known)


def failure(category: Any, code: str = "HTTP 429", message: str = "Slow down.") -> Failure:
    return Failure(code=code, category=category, message=message, advice="A.", retryable=True, charged="no")


SAVING = {"results": (Result(index=0, url="https://x/y.png", file=FileState.SAVING),)}
ATTEMPTS = (Attempt(sent_at=1, remote_id="a", failure_code="PROCESSING_TIMEOUT"), Attempt(sent_at=2, remote_id="b"))


@pytest.mark.parametrize(
    ("state", "known", "around", "said"),
    [
        ("submitting", {"failure": failure("rate_limited"), "tries": 1}, {}, "asks for fewer requests (rate limit): "),
        ("submitting", {"failure": failure("rate_limited"), "tries": 1}, {}, "; sent again by itself, second try"),
        ("submitting", {"failure": failure("unavailable", "NOT_REACHED"), "tries": 2}, {}, "apixo cannot be reached: "),
        (
            "submitting",
            {"failure": failure("unavailable"), "tries": 10},
            {},
            "apixo: Slow down; sent again by itself, 11th",
        ),
        ("submitting", {}, {"paused": 9.0}, "apixo asks for fewer requests"),
        ("submitting", {}, {"place": 1}, "1 task is sent before it"),
        ("submitting", {}, {"place": 7}, "7 tasks are sent before it"),
        ("submitting", {}, {}, "waits for its turn"),
        ("submitting", {}, {"missing": "no tunnel is set"}, "asked of, for no tunnel is set. Start that, or set"),
        ("submitting", {"sent_at": NOW - 2}, {}, "No answer from apixo yet to the request"),
        ("submitting", {"attempts": ATTEMPTS[:1]}, {}, "PROCESSING_TIMEOUT: apixo says to send it again; second try"),
        ("processing", {"attempts": ATTEMPTS}, {}, "second try: the one before it ended with PROCESSING_TIMEOUT"),
        ("pending", {"failure": failure("rate_limited"), "tries": 2}, {}, "asked again by itself, third try"),
        ("pending", {"tries": 1}, {}, "apixo gave no usable answer; asked again by itself, second try"),
        ("pending", {}, {"paused": 9.0}, "it is asked once that is over"),
        ("pending", {"due": NOW - 2}, {}, "No answer from apixo yet about how it is"),
        ("pending", {"due": NOW - 2}, {"is_shared": True}, "No worker has told yet what apixo answers about it"),
        ("pending", {"due": NOW - 2}, {"workers": 0, "is_shared": True}, "No worker runs on this database, so nobody"),
        ("pending", {}, {"workers": 0, "is_shared": True}, "and the same keys: apixo-mcp worker"),
        ("success", SAVING, {"workers": 0, "is_shared": True}, "No worker runs on this database, so nobody"),
        ("pending", {"due": None}, {}, "It is no longer asked about"),
        ("pending", {}, {"trouble": failure("auth", message="Bad key.")}, "apixo refuses to tell: Bad key. A."),
        ("pending", {}, {"is_ours": False}, "a key of apixo at https://api.apixo.ai that is not set here"),
    ],
)
def test_a_reason(state: str, known: dict[str, Any], around: dict[str, Any], said: str):
    assert said in why(task(State(state), **known), NOW, **around)


@pytest.mark.parametrize(
    ("state", "known"),
    [
        ("submitting", {"created_at": NOW - 1}),
        ("submitting", {"sent_at": NOW - 1}),
        ("pending", {}),
        ("processing", {"attempts": ATTEMPTS[:1]}),
        ("success", {}),
        ("success", SAVING),
        ("failed", {"failure": failure("rate_limited"), "tries": 1}),
    ],
)
def test_there_is_none_where_it_just_takes_its_time(state: str, known: dict[str, Any]):
    assert why(task(State(state), **known), NOW) == ""
