"""What events make of a task, in any order that they could come in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amounts import examples
from support.asked import NOW, asked, why

from apixo_mcp.gateways.gateway import (
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
from apixo_mcp.generation import Produced
from apixo_mcp.tasks.schedule import POLLS_AT_LEAST, PollSchedule
from apixo_mcp.tasks.task import FOLLOWED, MOVES, TERMINAL, FileState, State, Task, new_task_id
from apixo_mcp.tasks.transitions import delays, files, polls, submits, unsent
from apixo_mcp.tasks.transitions.context import DecisionContext

PACE = PollSchedule(first_wait=5, interval=3, maximum=120)
HOUR, DAY = 3600.0, 86400.0


def at(seconds: float = 0.0, auto_retry: int = 2, result_seconds: float | None = DAY) -> DecisionContext:
    return DecisionContext(NOW + seconds, 0.5, PACE, auto_retry, result_seconds)


def sent(task: Task, outcome: Submitted, context: DecisionContext) -> Task:
    return submits.after_submit(replace(task, sent_at=context.now), outcome, context)


PICTURE = Produced(url="https://files.example/a.png")
TRANSIENT = Failed(why("PROCESSING_TIMEOUT"), transient=True)

remote_ids = st.builds(new_task_id)
produced = st.lists(
    st.builds(Produced, url=st.sampled_from(("https://a", "https://b"))) | st.just(Produced(asset_id="x")),
    min_size=1,
    max_size=3,
).map(tuple)
waits = st.none() | st.floats(0, 7200)
submitted = st.one_of(
    st.builds(Accepted, remote_ids),
    st.builds(Accepted, remote_ids, st.just((Produced(asset_id="voice"),))),
    st.builds(Accepted, remote_ids, produced, st.just(True)),
    st.builds(Refused, st.just(why(charged="no"))),
    st.builds(Later, st.just(why("HTTP 429", "no")), waits),
    st.builds(Unclear, st.just("cut")),
)
looked = st.one_of(
    st.builds(Running, st.sampled_from(("pending", "processing"))),
    st.builds(Succeeded, produced, st.none() | st.just(NOW)),
    st.builds(Failed, st.just(why())),
    st.just(TRANSIENT),
    st.builds(NoAnswer, st.just("cut"), waits, st.none() | st.just(why("HTTP 401", "no"))),
)
saved = st.lists(st.sampled_from([FileState.SAVED, FileState.FAILED, FileState.EXPIRED]), min_size=8, max_size=8)


@dataclass(frozen=True)
class Event:
    """What would happen next, whichever step the task is at."""

    submitted: Submitted
    looked: Polled
    files: list[FileState]
    later: float
    cancel: bool


events = st.lists(
    st.builds(Event, submitted, looked, saved, st.floats(0, 2 * DAY) | st.floats(0, 60), st.booleans()), max_size=14
)


def step(task: Task, event: Event, context: DecisionContext) -> Task:
    """The task after its next step, as the engine would take it."""
    if task.state is State.SUBMITTING:
        return sent(task, event.submitted, context)
    if task.state in FOLLOWED:
        return polls.after_poll(task, event.looked, context)
    results = [
        replace(result, file=file) if result in files.unsaved(task) else result
        for result, file in zip(task.results, event.files, strict=False)
    ]
    return files.after_saving(task, results, context)


def lived(events: list[Event], auto_retry: int) -> tuple[list[Task], list[Submitted]]:
    """The task after each step, and what its submits came to."""
    task, now, posts = asked(), 0.0, list[Submitted]()
    tasks = [task]
    for event in events:
        if event.cancel and task.state not in TERMINAL:
            task = replace(task, cancel_requested=True)
        if task.due is None:
            break
        now = max(now, task.due - NOW) + event.later
        if task.state is State.SUBMITTING:
            posts.append(event.submitted)
        task = step(task, event, at(now, auto_retry))
        tasks.append(task)
    return tasks, posts


@settings(max_examples=examples(60))
@given(events, st.integers(0, 3))
def test_every_move_is_in_the_table_and_none_leaves_the_end(events: list[Event], auto_retry: int):
    tasks, _ = lived(events, auto_retry)
    for before, after in pairwise(tasks):
        assert after.state is before.state or after.state in MOVES[before.state]
        if before.state in TERMINAL:
            assert after.state is before.state


@settings(max_examples=examples(60))
@given(events, st.integers(0, 3))
def test_no_remote_id_is_ever_lost(events: list[Event], auto_retry: int):
    tasks, posts = lived(events, auto_retry)
    paid = [outcome.remote_id for outcome in posts if isinstance(outcome, Accepted)]
    assert [attempt.remote_id for attempt in tasks[-1].attempts if attempt.remote_id] == paid
    if tasks[-1].remote_id:
        assert tasks[-1].remote_id == paid[-1]


@settings(max_examples=examples(60))
@given(events, st.integers(0, 3))
def test_a_task_is_paid_for_no_more_often_than_agreed(events: list[Event], auto_retry: int):
    tasks, posts = lived(events, auto_retry)
    costly = [outcome for outcome in posts if not isinstance(outcome, Later | Refused)]
    assert len(costly) <= 1 + auto_retry
    assert len(tasks[-1].attempts) == len(costly)


@settings(max_examples=examples(60))
@given(events, st.integers(0, 3))
def test_nothing_is_sent_after_an_unclear_outcome(events: list[Event], auto_retry: int):
    tasks, posts = lived(events, auto_retry)
    assert not any(isinstance(outcome, Unclear | Refused) for outcome in posts[:-1])
    if posts and isinstance(posts[-1], Unclear):
        assert (tasks[-1].state, tasks[-1].due) == (State.UNKNOWN, None)


@settings(max_examples=examples(60))
@given(events, st.integers(0, 3))
def test_a_task_has_a_next_step_exactly_while_something_is_left_to_do(events: list[Event], auto_retry: int):
    for task in lived(events, auto_retry)[0]:
        if task.state is State.SUBMITTING:
            assert task.due is not None
            assert task.sent_at is None
            assert not task.remote_id
        elif task.state in FOLLOWED:
            assert task.remote_id
            is_over = task.updated_at - (task.accepted_at or 0) >= PACE.maximum + DAY
            assert (task.due is None) == (is_over and task.polls + task.tries >= POLLS_AT_LEAST)
        elif task.state is State.SUCCESS:
            assert task.due is None or files.unsaved(task)
            assert task.due is not None or task.is_settled
        else:
            assert task.due is None


@settings(max_examples=examples(60))
@given(events, st.integers(0, 3))
def test_a_step_gives_its_lease_back_and_is_never_in_the_past(events: list[Event], auto_retry: int):
    for before, after in pairwise(lived(events, auto_retry)[0]):
        assert (after.lease_holder, after.lease_until) == ("", 0.0)
        assert after.due is None or after.due >= after.updated_at >= before.updated_at


@settings(max_examples=examples(60))
@given(events, st.integers(0, 3))
def test_an_end_is_told_with_its_reason_and_its_time(events: list[Event], auto_retry: int):
    task = lived(events, auto_retry)[0][-1]
    assert (task.completed_at is not None) == (task.state in TERMINAL)
    assert task.failure is not None or task.state not in (State.FAILED, State.UNKNOWN)
    assert task.failure is None or task.state is not State.SUCCESS
    assert [result.index for result in task.results] == list(range(len(task.results)))
    assert all(result.url or result.asset_id for result in task.results)


@settings(max_examples=examples(60))
@given(events, st.integers(0, 3))
def test_the_key_is_free_again_exactly_after_a_refusal_that_cost_nothing(events: list[Event], auto_retry: int):
    task = lived(events, auto_retry)[0][-1]
    assert (task.idempotency_key == "") == (task.state is State.FAILED and not task.attempts)


@settings(max_examples=examples(60))
@given(events, st.integers(0, 3), st.one_of(st.builds(Accepted, remote_ids), st.just(Refused(why(charged="no")))))
def test_what_was_unknown_is_settled_by_a_late_answer(events: list[Event], auto_retry: int, late: Accepted | Refused):
    task = lived(events, auto_retry)[0][-1]
    if task.state is not State.UNKNOWN:
        return
    settled = submits.answered_late(task, late, at(5.0))
    assert settled.state in MOVES[State.UNKNOWN]
    assert [attempt.remote_id for attempt in settled.attempts[:-1]] == [a.remote_id for a in task.attempts[:-1]][
        : len(settled.attempts[:-1])
    ]
    if isinstance(late, Accepted):
        assert (settled.remote_id, settled.attempts[-1].remote_id) == (late.remote_id, late.remote_id)
        assert settled.due is not None
        assert settled.completed_at is None
        assert settled.failure is None


def test_a_late_answer_that_holds_the_result_ends_the_task():
    unknown = sent(asked(), Unclear("cut"), at())
    settled = submits.answered_late(unknown, Accepted("r", (PICTURE,), done=True), at(5))
    assert (settled.state, settled.due, settled.completed_at) == (State.SUCCESS, NOW + 5, NOW + 5)


@pytest.mark.parametrize("auto_retry", [0, 1, 2, 5])
def test_a_transient_failure_is_tried_again_as_often_as_set(auto_retry: int):
    task, context = asked(), at(auto_retry=auto_retry)
    for number in range(1, 2 + auto_retry):
        task = polls.after_poll(sent(task, Accepted(f"r{number}"), context), TRANSIENT, context)
        if number <= auto_retry:
            assert (task.state, task.due, task.remote_id) == (State.SUBMITTING, NOW + 5.0, "")
    assert task.state is State.FAILED
    assert [attempt.remote_id for attempt in task.attempts] == [f"r{n}" for n in range(1, 2 + auto_retry)]
    assert {attempt.failure_code for attempt in task.attempts} == {"PROCESSING_TIMEOUT"}


@pytest.mark.parametrize(
    ("look", "state"),
    [(Failed(why("NSFW_DETECTED")), State.FAILED), (Running("pending"), State.PENDING), (NoAnswer(""), State.PENDING)],
)
def test_nothing_else_is_tried_again(look: Polled, state: State):
    assert polls.after_poll(sent(asked(), Accepted("r"), at()), look, at()).state is state


def test_nobody_waits_for_a_further_attempt_of_a_cancelled_task():
    task = replace(sent(asked(), Accepted("r"), at()), cancel_requested=True)
    assert polls.after_poll(task, TRANSIENT, at()).state is State.FAILED


def test_a_gateway_that_counts_backwards_does_not_take_the_task_back():
    task = polls.after_poll(sent(asked(), Accepted("r"), at()), Running("processing"), at())
    assert polls.after_poll(task, Running("pending"), at()).state is State.PROCESSING


def test_a_submit_that_costs_nothing_is_sent_again_and_again():
    task, context = asked(), at()
    for _ in range(100):
        task = sent(task, Later(why("HTTP 429", "no")), context)
        assert (task.state, task.attempts, task.idempotency_key) == (State.SUBMITTING, (), "mine")
        assert 0 < (task.due or 0) - context.now <= 66
        context = at((task.due or context.now) - NOW)


def test_a_further_attempt_backs_off_for_itself():
    """The first attempt of a slow video may have run longer than that when it fails."""
    running = sent(asked(), Accepted("r1"), at())
    again = polls.after_poll(running, TRANSIENT, at(HOUR))
    task = sent(again, Later(why("HTTP 429", "no")), at(HOUR + 5))
    assert (task.state, task.due) == (State.SUBMITTING, NOW + HOUR + 6)


def test_a_submit_that_waited_long_for_its_turn_is_not_given_up_at_its_first_refusal():
    task = sent(asked(), Later(why("HTTP 503", "no")), at(HOUR))
    assert (task.state, task.due) == (State.SUBMITTING, NOW + HOUR + 1)


def test_a_long_retry_after_is_honoured():
    task = sent(asked(), Later(why("HTTP 429", "no"), 2000.0), at())
    assert (task.state, task.due) == (State.SUBMITTING, NOW + 2000)


def test_a_copy_of_a_task_is_never_sent_again():
    running = sent(asked(), Accepted("r1"), at())
    ended = polls.after_poll(replace(running, is_copy=True), TRANSIENT, at(60))
    assert ended.state is State.FAILED
    assert polls.after_poll(running, TRANSIENT, at(60)).state is State.SUBMITTING


def test_a_leap_of_the_clock_does_not_end_the_looking():
    running = sent(asked(), Accepted("r1"), at())
    task = polls.after_poll(running, Running("processing"), at(3 * DAY))
    assert task.due is not None
    looked_at_often = replace(running, polls=POLLS_AT_LEAST)
    assert polls.after_poll(looked_at_often, Running("processing"), at(3 * DAY)).due is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: asked(),
        lambda: sent(asked(), Later(why()), at()),
        lambda: polls.after_poll(sent(asked(), Accepted("r"), at()), TRANSIENT, at()),
    ],
    ids=["never sent", "refused for now", "between two attempts"],
)
def test_cancelling_what_is_not_sent_is_an_end(make: Callable[[], Task]):
    task = make()
    ended = unsent.cancelled(task, at(1).now)
    assert ended.state in MOVES[task.state]
    assert ended.state is (State.FAILED if task.attempts else State.CANCELLED)
    assert (ended.due, ended.completed_at) == (None, NOW + 1)


def test_an_id_that_the_submit_answer_named_outlives_the_final_answer():
    voice = Produced(asset_id="voice-1", label="voice")
    pending = sent(asked(), Accepted("r", (voice,)), at())
    assert [result.asset_id for result in pending.results] == ["voice-1"]
    both = polls.after_poll(pending, Succeeded((PICTURE,)), at()).results
    assert [(result.url, result.asset_id) for result in both] == [(PICTURE.url, ""), ("", "voice-1")]
    assert len(polls.after_poll(pending, Succeeded((voice,)), at()).results) == 1


@pytest.mark.parametrize(("told", "ended"), [(NOW - 3, NOW - 3), (NOW + 2e9, NOW), (None, NOW)])
def test_no_task_has_ended_after_it_was_found_ended(told: float | None, ended: float):
    pending = sent(asked(), Accepted("r"), at(-10))
    assert polls.after_poll(pending, Succeeded((PICTURE,), told), at()).completed_at == ended
    assert polls.after_poll(pending, Failed(why(), False, told), at()).completed_at == ended


def test_a_missing_file_is_tried_again_also_when_its_url_was_thought_to_have_died():
    task = polls.after_poll(sent(asked(), Accepted("r"), at()), Succeeded((PICTURE,)), at(0, 2, 700))
    assert (task.due, task.is_settled) == (NOW, False)
    waits: list[float] = []
    now = 0.0
    while task.due is not None:
        now = task.due - NOW
        task = files.after_saving(task, [replace(task.results[0], file=FileState.FAILED)], at(now))
        waits.append((task.due or 0) - NOW - now)
        assert task.is_settled
    assert waits[:-1] == [5.0, 30.0, 120.0, 600.0, 3600.0]
    assert now > 4000


def test_a_step_that_fails_is_put_off_ever_longer_and_says_so_until_one_works():
    task = sent(asked(), Accepted("r"), at())
    waits: list[float] = []
    for _ in range(12):
        task = delays.crashed(task, "ValueError", NOW, 10.0)
        assert task.failure is not None
        waits.append((task.due or 0) - NOW)
    assert waits[:3] == [10.0, 20.0, 40.0]
    assert waits[-1] == delays.LONGEST_CRASH_PAUSE
    assert task.failure is not None
    assert "ValueError, 12 times" in task.failure.message
    assert polls.after_poll(task, Running("processing"), at()).failure is None


def test_a_further_attempt_that_stumbles_keeps_why_the_last_one_failed():
    failure = why("PROCESSING_TIMEOUT")
    tried = replace(sent(asked(), Accepted("r"), at()), state=State.SUBMITTING, sent_at=None, failure=failure)
    assert delays.crashed(tried, "ValueError", NOW, 10.0).failure == failure


def test_a_saving_that_failed_is_forgotten_once_it_works():
    task = delays.crashed(
        polls.after_poll(sent(asked(), Accepted("r"), at()), Succeeded((PICTURE,)), at()), "OSError", NOW, 10.0
    )
    task = files.after_saving(task, [replace(task.results[0], file=FileState.SAVED)], at())
    assert (task.failure, task.due, task.tries) == (None, None, 0)


def test_a_saved_file_is_the_last_step():
    task = polls.after_poll(sent(asked(), Accepted("r"), at()), Succeeded((PICTURE,)), at())
    task = files.after_saving(task, [replace(task.results[0], file=FileState.SAVED)], at())
    assert (task.due, task.is_settled, files.unsaved(task)) == (None, True, ())


def test_a_file_is_hurried_a_few_times_and_keeps_count():
    task = polls.after_poll(sent(asked(), Accepted("r-1"), at()), Succeeded((PICTURE,), None), at())
    for tries in range(1, files.HURRIED + 2):
        task = files.after_saving(task, [replace(task.results[0], file=FileState.FAILED)], at())
        assert task.results[0].tries == tries
        hurried = files.save_again(task, (), at(0.1))
        assert (hurried is not task) == (tries <= files.HURRIED)
        if hurried is not task:
            assert (hurried.due, hurried.results[0].file, hurried.results[0].tries) == (
                at(0.1).now,
                FileState.SAVING,
                tries,
            )
            task = hurried
    assert files.save_again(task, (), at(files.HURRIED_EVERY)) is not task


def test_a_file_that_is_tried_again_is_being_saved():
    task = polls.after_poll(sent(asked(), Accepted("r-1"), at()), Succeeded((PICTURE,), None), at())
    assert files.saving(task) is task
    task = files.after_saving(task, [replace(task.results[0], file=FileState.FAILED)], at())
    assert task.is_settled
    assert not files.saving(task).is_settled
