"""What is told of a running task's end, in successive answers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.asked import NOW, asked, why

from apixo_mcp.gateways.gateway import Accepted, Failed, Later, NoAnswer, Running, Submitted
from apixo_mcp.tasks.learning.lesson import Lesson
from apixo_mcp.tasks.schedule import PollSchedule
from apixo_mcp.tasks.task import FOLLOWED, State, Task
from apixo_mcp.tasks.transitions import polls, submits
from apixo_mcp.tasks.transitions.context import DecisionContext
from apixo_mcp.views.tasks import task_structure, usual_span

PACE = PollSchedule(first_wait=5, interval=3, maximum=120)
USUAL = (20, 60)

answers = st.sampled_from([Accepted("r1"), Later(why("HTTP 429", "no"))])
polled = st.sampled_from(
    [Running("pending"), Running("processing"), NoAnswer("cut"), Failed(why("PROCESSING_TIMEOUT"), transient=True)]
)
steps = st.lists(st.tuples(st.floats(0, 50), answers, polled), min_size=2, max_size=12)


def after(task: Task, answer: Submitted, poll: Running | NoAnswer | Failed, context: DecisionContext) -> Task:
    if task.state is State.SUBMITTING:
        return submits.after_submit(replace(task, sent_at=context.now), answer, context)
    return polls.after_poll(task, poll, context)


@given(steps)
def test_no_estimate_of_one_task_gets_worse_from_answer_to_answer(
    taken: list[tuple[float, Submitted, Running | NoAnswer | Failed]],
):
    task, now = asked(), NOW
    progress, eta = [0.0], [float(USUAL[1])]
    for seconds, answer, poll in taken:
        now += seconds
        context = DecisionContext(now, 0.5, PACE)
        told = task_structure(task, context, USUAL)
        if "progress" in told:
            progress.append(told["progress"])
            eta.append(told.get("eta_seconds", 0))
            assert eta[-1] or "longer than usual" in told["next_step"] or task.state is State.SUBMITTING
        task = after(task, answer, poll, context) if task.state in (State.SUBMITTING, *FOLLOWED) else task
    assert progress == sorted(progress)
    assert eta == sorted(eta, reverse=True)


def test_a_task_that_takes_longer_than_usual_is_said_to():
    task = after(asked(), Accepted("r1"), Running("pending"), DecisionContext(NOW, 0.5, PACE))
    on_time = task_structure(task, DecisionContext(NOW + 50, 0.5, PACE), USUAL)
    assert on_time["eta_seconds"] == 10
    assert "longer" not in on_time["next_step"]
    late = task_structure(task, DecisionContext(NOW + 61, 0.5, PACE), USUAL)
    assert "eta_seconds" not in late
    assert "It takes longer than usual." in late["next_step"]
    assert late["next_step"] == task_structure(task, DecisionContext(NOW + 110, 0.5, PACE), USUAL)["next_step"]


LESSON = Lesson(50, (25.0, 28.0, 33.0), PACE)


def test_the_usual_time_is_the_learned_one_else_the_documented_one_else_that_of_such_models():
    assert usual_span("image", LESSON, USUAL) == (25.0, 33.0)
    assert usual_span("image", None, USUAL) == USUAL
    assert [usual_span(modality, None, None)[1] for modality in ("image", "video", "audio")] == [60, 300, 120]


@pytest.mark.parametrize(
    ("elapsed", "progress", "eta"),
    [
        (0, 0.0, 33),
        (11, 0.3, 22),
        (32.9, 0.897, 1),
        (33, 0.9, None),  # nine in ten have ended
        (66, 0.945, None),
        (3300, 0.989, None),
    ],
)
def test_the_estimates_of_a_task_follow_what_was_learned(elapsed: float, progress: float, eta: int | None):
    task = after(asked(), Accepted("r1"), Running("pending"), DecisionContext(NOW, 0.5, PACE))
    told = task_structure(task, DecisionContext(NOW + elapsed, 0.5, PACE, lesson=LESSON), USUAL)
    assert (told["progress"], told.get("eta_seconds")) == (progress, eta)
    assert ("It takes longer than usual." in told["next_step"]) == (eta is None)
