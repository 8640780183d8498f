"""How long a task took, as far as polls and the gateway bear it out."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.asked import NOW, asked

from apixo_mcp.tasks.durations import ACCEPTED_WITHIN, LATE_BY, Duration, duration_seen, variant_of
from apixo_mcp.tasks.task import State, Task

RUNS = asked(
    state=State.PROCESSING, sent_at=NOW - 1, accepted_at=NOW, updated_at=NOW + 23, due=NOW + 27.5, polls=2, tries=0
)
"""A task that a poll after 23 s has found running; the next one is due after 27.5 s."""


def test_an_end_lies_between_the_last_poll_that_found_it_running_and_the_first_that_found_it_ended():
    assert duration_seen(RUNS, NOW + 28, None) == Duration(23, 28)
    assert duration_seen(replace(RUNS, polls=0), NOW + 28, None) == Duration(0, 28), "no poll came before"


@pytest.mark.parametrize(
    ("took", "seen"),
    [
        (26.0, Duration(25, 26)),  # it began up to a second before it was known to be accepted
        (23.5, Duration(23, 23.5)),
        (28.5, Duration(27.5, 28)),
        (22.0, Duration(23, 28)),  # a poll found it running after that
        (29.5, Duration(23, 28)),  # a poll had found it ended before that
    ],
)
def test_the_gateway_is_believed_as_far_as_the_polls_bear_it_out(took: float, seen: Duration):
    assert duration_seen(RUNS, NOW + 28, took) == seen


def test_a_poll_that_came_late_tells_nothing_but_what_the_gateway_tells():
    late = NOW + 27.5 + LATE_BY + 1
    assert duration_seen(RUNS, late, None) is None
    assert duration_seen(RUNS, late, 26.0) == Duration(25, 26)
    assert duration_seen(replace(RUNS, due=None), NOW + 28, None) is None, "nobody knows when it was due"


@pytest.mark.parametrize(
    "changed",
    [
        {"state": State.SUBMITTING},
        {"state": State.UNKNOWN},
        {"state": State.SUCCESS},
        {"accepted_at": None},
        {"sent_at": None},
        {"sent_at": NOW - ACCEPTED_WITHIN - 1},  # settled later: nobody knows when it began
        {"accepted_at": NOW + 28},  # the clock was set back
    ],
    ids=str,
)
def test_nothing_is_told_of_a_task_whose_beginning_is_not_known(changed: dict[str, Any]):
    assert duration_seen(replace(RUNS, **changed), NOW + 28, 26.0) is None


@pytest.mark.parametrize("changed", [{"tries": 1}, {"cancel_requested": True}], ids=str)
def test_what_else_was_written_is_taken_for_no_poll(changed: dict[str, Any]):
    assert duration_seen(replace(RUNS, **changed), NOW + 28, None) == Duration(0, 28)


@given(
    st.builds(
        replace,
        st.just(RUNS),
        polls=st.integers(0, 5),
        tries=st.integers(0, 2),
        sent_at=st.floats(NOW - 20, NOW),
        updated_at=st.floats(NOW - 10, NOW + 100),
        due=st.none() | st.floats(NOW, NOW + 100),
    ),
    st.floats(-10, 200),
    st.none() | st.floats(0, 300),
)
def test_a_duration_is_never_longer_than_what_has_passed(task: Task, after: float, took: float | None):
    seen = duration_seen(task, NOW + after, took)
    if seen is not None:
        assert 0 <= seen.least <= seen.most <= after + 1e-6


def test_a_variant_has_the_inputs_that_change_how_long_it_takes_and_no_others():
    inputs = {"prompt": "secret", "mode": "Text-To-Image", "resolution": "2K", "n": 2, "quality": None, "duration": [5]}
    assert variant_of(inputs) == "resolution=2k mode=text-to-image n=2"
    assert variant_of({"prompt": "a fox"}) == ""
    assert len(variant_of({"mode": "x" * 1000})) == len("mode=") + 40
