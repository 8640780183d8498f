"""The events that a change of a task amounts to."""

from dataclasses import replace

from apixo_mcp.generation import Failure
from apixo_mcp.tasks.journal import entries
from apixo_mcp.tasks.task import Attempt, FileState, Result, State, Task

UNSENT = Task(
    task_id="tsk_x",
    owner="local",
    gateway="apixo",
    base_url="https://a.example",
    key_print="k",
    model="nano-banana",
    wire_model="nano-banana",
    modality="image",
    state=State.SUBMITTING,
    prompt="a secret fox",
    inputs={"prompt": "a secret fox"},
    created_at=100.0,
    updated_at=100.0,
)
SENT = replace(
    UNSENT,
    state=State.PENDING,
    remote_id="r1",
    attempts=(Attempt(sent_at=101.0, remote_id="r1"),),
    accepted_at=102.0,
    updated_at=102.5,
)


def failure(code: str) -> Failure:
    return Failure(code=code, category="unknown", message="a secret fox", advice="", retryable=False, charged="unknown")


def names(before: Task, after: Task) -> list[str]:
    found = list(entries(before, after))
    assert "secret" not in repr(found)
    return [name for name, _ in found]


def test_a_look_that_changes_nothing_is_no_event():
    assert names(SENT, replace(SENT, looks=1, state=State.PROCESSING)) == []


def test_a_submit_tells_how_long_its_answer_took():
    [(name, facts)] = entries(replace(UNSENT, sent_at=101.0), SENT)
    assert (name, facts["seconds"], facts["remote_id"]) == ("submitted", 1.5, "r1")


def test_a_further_attempt_and_its_submit():
    again = replace(SENT, state=State.SUBMITTING, failure=failure("PROCESSING_TIMEOUT"), remote_id="", sent_at=None)
    assert names(SENT, again) == ["attempt failed"]
    second = replace(SENT, attempts=(*SENT.attempts, Attempt(sent_at=110.0, remote_id="r2")), remote_id="r2")
    assert names(again, second) == ["submitted"]


def test_an_end_tells_its_code_but_no_words():
    [(name, facts)] = entries(SENT, replace(SENT, state=State.FAILED, failure=failure("NSFW"), completed_at=160.0))
    assert (name, facts["error"], facts["seconds"]) == ("ended", "NSFW", 60.0)
    [(_, facts)] = entries(SENT, replace(SENT, state=State.FAILED, failure=failure("no: a secret fox!")))
    assert facts["error"] == "(odd)"


def test_an_unsent_task_that_ends():
    assert names(UNSENT, replace(UNSENT, state=State.CANCELLED)) == ["ended"]
    refused = replace(UNSENT, state=State.FAILED, failure=failure("HTTP 402"))
    [(_, facts)] = entries(UNSENT, refused)
    assert facts["error"] == "HTTP_402"


def test_each_file_is_told_once():
    done = replace(SENT, state=State.SUCCESS, results=(Result(index=0, url="u"), Result(index=1, url="v")))
    assert names(SENT, done) == ["ended"]
    one, two = done.results
    saved = replace(
        done, results=(replace(one, file=FileState.SAVED, bytes=5), replace(two, file=FileState.FAILED, tries=1))
    )
    assert names(done, saved) == ["saved", "not saved"]
    assert names(saved, replace(saved, updated_at=200.0)) == []
