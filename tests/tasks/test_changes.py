"""The facts that a change of a task amounts to."""

from dataclasses import replace

from apixo_mcp.generation import Failure
from apixo_mcp.tasks.changes import facts_of
from apixo_mcp.tasks.task import Attempt, FileState, Result, State, Task
from apixo_mcp.telemetry.facts import AttemptFailed, Finished, Saved, SaveFailed, SubmitAccepted, TaskRef

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


def kinds(before: Task, after: Task) -> list[type]:
    facts = list(facts_of(before, after))
    assert "secret" not in repr(facts)
    return [type(fact) for fact in facts]


def ended(before: Task, after: Task) -> Finished:
    [fact] = facts_of(before, after)
    assert isinstance(fact, Finished)
    return fact


def test_a_look_that_changes_nothing_is_no_fact():
    assert kinds(SENT, replace(SENT, polls=1, state=State.PROCESSING)) == []


def test_a_submit_tells_how_long_its_answer_took():
    facts = list(facts_of(replace(UNSENT, sent_at=101.0), SENT))
    assert facts == [SubmitAccepted(TaskRef("tsk_x", "local", "nano-banana", "apixo"), "r1", 1.5)]


def test_a_further_attempt_and_its_submit():
    again = replace(SENT, state=State.SUBMITTING, failure=failure("PROCESSING_TIMEOUT"), remote_id="", sent_at=None)
    assert kinds(SENT, again) == [AttemptFailed]
    second = replace(SENT, attempts=(*SENT.attempts, Attempt(sent_at=110.0, remote_id="r2")), remote_id="r2")
    assert kinds(again, second) == [SubmitAccepted]


def test_an_end_tells_its_code_but_no_words():
    fact = ended(SENT, replace(SENT, state=State.FAILED, failure=failure("NSFW"), completed_at=160.0))
    assert (fact.error, fact.seconds) == ("NSFW", 60.0)
    assert ended(SENT, replace(SENT, state=State.FAILED, failure=failure("no: a secret fox!"))).error == "(odd)"


def test_an_unsent_task_that_ends():
    assert ended(UNSENT, replace(UNSENT, state=State.CANCELLED)).error == ""
    assert ended(UNSENT, replace(UNSENT, state=State.FAILED, failure=failure("HTTP 402"))).error == "HTTP_402"


def test_each_file_is_told_once():
    done = replace(SENT, state=State.SUCCESS, results=(Result(index=0, url="u"), Result(index=1, url="v")))
    assert kinds(SENT, done) == [Finished]
    one, two = done.results
    saved = replace(
        done, results=(replace(one, file=FileState.SAVED, bytes=5), replace(two, file=FileState.FAILED, tries=1))
    )
    assert kinds(done, saved) == [Saved, SaveFailed]
    assert kinds(saved, replace(saved, updated_at=200.0)) == []
    partly = replace(done, results=(one, replace(two, file=FileState.FAILED)))  # its try is counted at the end
    assert kinds(done, partly) == []
    assert kinds(partly, saved) == [Saved, SaveFailed]
