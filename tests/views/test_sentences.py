"""What a reader is told to do next about a task."""

from dataclasses import replace

import pytest
from support.asked import NOW, asked

from apixo_mcp.tasks.schedule import PollSchedule
from apixo_mcp.tasks.task import Attempt, State, Task
from apixo_mcp.tasks.transitions.context import DecisionContext
from apixo_mcp.views.faces import BESIDE_ID, CHAT, SHELL, Face
from apixo_mcp.views.holdups import CALM
from apixo_mcp.views.sentences import headline, next_step, sentence

CONTEXT = DecisionContext(NOW, 0.5, PollSchedule(5, 5, 60))
RUNS = asked(state=State.PROCESSING, sent_at=NOW, remote_id="r", attempts=(Attempt(sent_at=NOW, remote_id="r"),))


def step(task: Task, *, waits: float = 0.0, face: Face = BESIDE_ID, eta: int = 40) -> str:
    return next_step(task, CONTEXT, eta_seconds=eta, face=face, situation=CALM, waits=waits)


def test_a_client_that_is_kept_waiting_asks_at_once():
    told = step(RUNS, waits=50.0)
    assert told == (
        "Still running. Call check_task now; it waits up to 50 s itself. Do not generate it again: it is paid for."
    )


def test_one_that_is_not_is_told_when_and_how_to_wait_longer():
    told = step(RUNS, waits=3.6)
    assert "Call check_task in about 40 s, or with wait_seconds: 50 if your client bears it." in told
    assert "wait_seconds" not in step(RUNS, waits=3.6, eta=3)  # the next question has the answer


@pytest.mark.parametrize("waits", [0.0, 3.6, 50.0])
def test_what_is_not_sent_yet_needs_no_long_question(waits: float):
    assert "wait_seconds" not in step(asked(), waits=waits)


def test_what_is_sent_in_a_while_is_asked_about_after_that():
    assert "in about 27 s" in step(asked(due=NOW + 20), eta=7)
    assert "in about 60 s" in step(asked(due=NOW + 3000), eta=7)


def test_a_cancel_of_what_is_paid_is_answered_with_why_it_runs_on():
    told = step(replace(RUNS, cancel_requested=True), waits=50.0)
    assert told == (
        "It cannot be stopped: already paid; it is saved when done. Call check_task now; it waits up to 50 s itself."
    )
    under_way = step(asked(sent_at=NOW, cancel_requested=True))
    assert under_way.startswith("It cannot be stopped: being sent; it is saved when done.")


def test_the_shell_hears_of_no_tool():
    told = step(RUNS, waits=50.0, face=SHELL)
    assert f"`apixo-mcp tasks wait {RUNS.task_id}` waits for it." in told
    assert "check_task" not in told


def test_a_task_is_named_where_no_structure_does_it():
    assert f'check_task with task_id "{RUNS.task_id}"' in step(RUNS, face=CHAT)


def test_a_person_without_the_structure_hears_all_of_it():
    noted = replace(RUNS, notes=("mode was set.",), cancel_requested=True)
    assert headline(noted) == "Running (image by nano-banana), processing."
    assert sentence(noted) == (
        "Running (image by nano-banana), processing. It was already sent and is paid for, so it runs on and its files "
        "will be saved. mode was set."
    )
