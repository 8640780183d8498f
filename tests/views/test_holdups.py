"""Why a task is not sent, or not asked about, just now."""

from dataclasses import replace

import pytest
from support.asked import NOW, asked

from apixo_mcp.generation import Failure
from apixo_mcp.tasks.schedule import PollSchedule
from apixo_mcp.tasks.task import Attempt, FileState, Result, State, Task
from apixo_mcp.tasks.transitions.context import DecisionContext
from apixo_mcp.views.holdups import CALM, Situation, waiting_for

CONTEXT = DecisionContext(NOW, 0.5, PollSchedule(5, 5, 60))
IN_5 = NOW + 5


def failed(code: str, message: str = "Too many requests.") -> Failure:
    return Failure(code=code, category="unknown", message=message, advice="", retryable=True, charged="no")


NO_WORKER = "a worker, which asks the gateway and saves the files: none runs on this server's database"
SAVING = asked(state=State.SUCCESS, results=(Result(index=0, url="https://x/y.png", file=FileState.SAVING),))
UNSENT = asked()
SENT = asked(state=State.PROCESSING, sent_at=NOW, remote_id="r", attempts=(Attempt(sent_at=NOW, remote_id="r"),))


@pytest.mark.parametrize("task", [UNSENT, SENT, asked(sent_at=NOW), asked(state=State.SUCCESS, due=None)])
def test_nothing_holds_up_what_goes_its_way(task: Task):
    assert waiting_for(task, CONTEXT, CALM) == ""


@pytest.mark.parametrize(
    ("task", "situation", "why"),
    [
        (UNSENT, Situation(place=1), "its turn: 1 task is sent before it"),
        (UNSENT, Situation(place=3), "its turn: 3 tasks are sent before it"),
        (UNSENT, Situation(paused=12.4), "the gateway's rate limit, 12 s"),
        (
            replace(UNSENT, failure=failed("HTTP 429"), due=IN_5),
            CALM,
            "the gateway, sent again in 5 s: Too many requests",
        ),
        (
            replace(UNSENT, failure=failed("NOT_REACHED"), due=IN_5),
            CALM,
            "the gateway, which is not reached: tried again in 5 s",
        ),
        (
            replace(UNSENT, failure=failed("PROCESSING_TIMEOUT"), attempts=SENT.attempts, due=IN_5),
            CALM,
            "its second try in 5 s, after PROCESSING_TIMEOUT",
        ),
        (
            UNSENT,
            Situation(looked_after=False),
            "the API key of apixo that it belongs to, which this server does not have",
        ),
        (
            SENT,
            Situation(looked_after=False),
            "the API key of apixo that it belongs to, which this server does not have",
        ),
        (
            SENT,
            Situation(trouble=failed("INVALID_KEY", "No such key.")),
            "the gateway, which cannot be asked: No such key",
        ),
        (SENT, Situation(paused=30.0), "the gateway's rate limit, 30 s"),
        (
            replace(SENT, failure=failed("NO_ANSWER", "HTTP 502"), tries=2, due=IN_5),
            CALM,
            "an answer of the gateway, asked again in 5 s: HTTP 502",
        ),
        (replace(SENT, due=None), CALM, "somebody who asks: looking was given up"),
        (
            replace(SENT, failure=failed("STEP_FAILED"), tries=1, due=IN_5),
            CALM,
            "a fault of this server's own: tried again in 5 s",
        ),
        (SENT, Situation(is_unfollowed=True), NO_WORKER),
        (replace(SENT, due=None), Situation(is_unfollowed=True), NO_WORKER),
        (SAVING, Situation(is_unfollowed=True), NO_WORKER),
        (UNSENT, Situation(is_unfollowed=True), ""),
    ],
)
def test_what_holds_a_task_up_is_said(task: Task, situation: Situation, why: str):
    assert waiting_for(task, CONTEXT, situation) == why
