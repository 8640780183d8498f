"""When to look: the arithmetic, for any model and any moment."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from apixo_mcp.tasks import schedule
from apixo_mcp.tasks.schedule import CAP, GIVE_UP_AFTER, JITTER, OVERDUE_EVERY, POLLS_AT_LEAST, PollSchedule

HOUR = 3600.0
NEAR = 1e-9

seconds = st.floats(0.5, 1000)
paces = st.builds(PollSchedule, first_wait=seconds, interval=st.floats(0.5, 30), maximum=st.floats(10, 5000))
scales = st.floats(0.001, 100)
chances = st.floats(0, 1)
looks = st.integers(0, 10_000)
elapsed = st.floats(-HOUR, 200 * HOUR)
usual = st.tuples(st.integers(0, 600), st.integers(0, 2000))


@given(paces, looks, elapsed, chances)
def test_every_wait_is_positive_and_no_longer_than_the_longest(
    poll_schedule: PollSchedule, looks: int, elapsed: float, chance: float
):
    wait = schedule.wait_before_poll(poll_schedule, looks, elapsed, chance)
    assert (
        wait is None
        or 0
        < wait
        <= max(poll_schedule.cap, poll_schedule.first_wait, poll_schedule.overdue_every) * (1 + JITTER) + NEAR
    )


@given(paces, looks, elapsed, chances)
def test_jitter_stays_within_its_bounds(poll_schedule: PollSchedule, looks: int, elapsed: float, chance: float):
    middle = schedule.wait_before_poll(poll_schedule, looks, elapsed)
    wait = schedule.wait_before_poll(poll_schedule, looks, elapsed, chance)
    assert (wait is None) == (middle is None)
    if wait is not None and middle is not None:
        assert middle * (1 - JITTER) - NEAR <= wait <= middle * (1 + JITTER) + NEAR


@given(paces)
def test_waits_grow_by_half_until_the_cap(poll_schedule: PollSchedule):
    waits = [schedule.wait_before_poll(poll_schedule, looks, 0.0) or 0.0 for looks in range(1, 40)]
    assert waits[0] == min(poll_schedule.interval, CAP)
    for before, after in pairwise(waits):
        assert abs(after - min(CAP, before * 1.5)) < NEAR
    assert waits[-1] == CAP


@given(paces)
def test_the_first_look_waits_as_the_model_says(poll_schedule: PollSchedule):
    assert schedule.wait_before_poll(poll_schedule, 0, 0.0) == poll_schedule.first_wait


@given(paces, scales, looks, st.floats(0, 48 * HOUR))
def test_scaling_scales_every_wait_but_not_the_day_of_looking(
    poll_schedule: PollSchedule, scale: float, looks: int, elapsed: float
):
    scaled = poll_schedule.scaled(scale)
    wait = schedule.wait_before_poll(poll_schedule, looks, 0.0)
    assert wait is not None
    assert abs((schedule.wait_before_poll(scaled, looks, 0.0) or 0) - wait * scale) < NEAR * scale + NEAR
    assert scaled.overdue_every == OVERDUE_EVERY * scale
    assert scaled.cap == CAP * scale
    stops = schedule.wait_before_poll(scaled, looks, elapsed) is None
    assert stops == (elapsed >= scaled.maximum + GIVE_UP_AFTER and looks >= POLLS_AT_LEAST)


@given(paces, looks, st.floats(0, GIVE_UP_AFTER - 1))
def test_an_overdue_task_is_looked_at_every_minute_for_a_day(poll_schedule: PollSchedule, looks: int, over: float):
    assert schedule.is_late(poll_schedule, poll_schedule.maximum + over)
    assert schedule.wait_before_poll(poll_schedule, looks, poll_schedule.maximum + over) == 60.0


@given(paces, looks, st.floats(0, 1000 * HOUR))
def test_looking_stops_a_day_after_the_maximum_once_it_was_looked_at_often(
    poll_schedule: PollSchedule, looks: int, more: float
):
    wait = schedule.wait_before_poll(poll_schedule, looks, poll_schedule.maximum + 24 * HOUR + more)
    assert wait == (None if looks >= POLLS_AT_LEAST else poll_schedule.overdue_every)


@given(paces, st.floats(0, 0.999))
def test_nothing_is_overdue_before_the_maximum(poll_schedule: PollSchedule, share: float):
    assert not schedule.is_late(poll_schedule, poll_schedule.maximum * share)


@given(paces, st.integers(0, 10_000), chances)
def test_errors_back_off_to_a_minute(poll_schedule: PollSchedule, errors: int, chance: float):
    wait = schedule.wait_after_error(poll_schedule, errors, None, chance)
    assert 0 < wait <= OVERDUE_EVERY * (1 + JITTER) + NEAR
    assert schedule.wait_after_error(poll_schedule, errors + 1, None) >= schedule.wait_after_error(
        poll_schedule, errors, None
    )


@given(st.integers(0, 10_000), chances)
def test_a_submit_that_cost_nothing_is_sent_again_after_1_to_60_seconds(tries: int, chance: float):
    wait = schedule.wait_before_resend(tries, None, chance)
    assert 1 - JITTER - NEAR <= wait <= 60 * (1 + JITTER) + NEAR
    assert schedule.wait_before_resend(tries + 1, None) >= schedule.wait_before_resend(tries, None)


@given(paces, st.integers(0, 50), st.floats(0, HOUR), chances)
def test_nothing_is_asked_again_earlier_than_the_gateway_wants(
    poll_schedule: PollSchedule, tries: int, asked: float, chance: float
):
    assert schedule.wait_after_error(poll_schedule, tries, asked, chance) >= asked
    assert schedule.wait_before_resend(tries, asked, chance) >= asked


@given(paces, st.floats(HOUR, 1e9))
def test_no_gateway_can_put_a_task_to_sleep_for_more_than_an_hour(poll_schedule: PollSchedule, asked: float):
    assert schedule.wait_after_error(poll_schedule, 0, asked) == HOUR
    assert schedule.wait_before_resend(0, asked) == HOUR


@given(usual, st.lists(st.floats(-10, 1e7), min_size=2, max_size=20).map(sorted))
def test_progress_never_falls_and_never_claims_the_end(usual: tuple[int, int], moments: list[float]):
    shown = [schedule.progress(usual, context) for context in moments]
    assert shown == sorted(shown)
    assert all(0 <= value <= 0.99 for value in shown)


@given(usual, st.floats(-10, 1e7))
def test_there_is_something_left_to_wait_until_it_takes_longer_than_usual(usual: tuple[int, int], elapsed: float):
    eta = schedule.eta_seconds(usual, elapsed)
    assert eta is None if elapsed >= usual[1] else eta is not None and 1 <= eta <= max(1, usual[1])


@given(usual, st.lists(st.floats(-10, 1e7), min_size=2, max_size=20).map(sorted))
def test_what_is_left_to_wait_never_counts_upwards(usual: tuple[int, int], moments: list[float]):
    told = [schedule.eta_seconds(usual, context) for context in moments]
    left = [0 if eta is None else eta for eta in told]
    assert left == sorted(left, reverse=True)


def polls_of(poll_schedule: PollSchedule, until: float) -> list[float]:
    """When a task is polled that ends at a moment, in seconds since it was taken."""
    moments = [schedule.wait_before_poll(poll_schedule, 0, 0.0) or 0.0]
    while moments[-1] < until:
        wait = schedule.wait_before_poll(poll_schedule, len(moments), moments[-1])
        assert wait is not None
        moments.append(moments[-1] + wait)
    return moments


@given(paces, st.floats(0, 3000), st.floats(0, 1000))
def test_the_net_beneath_callbacks_finds_every_end_with_fewer_polls(
    poll_schedule: PollSchedule, end: float, usual: float
):
    net = poll_schedule.net(usual)
    caught, usually = polls_of(net, end), polls_of(poll_schedule, end)
    assert caught[-1] >= end
    assert len(caught) <= len(usually)
    longest = max(net.first_wait, net.cap, net.overdue_every)
    assert caught[-1] - end <= longest + NEAR


@given(paces, st.floats(0, 1), st.floats(1, 1000))
def test_what_ends_in_its_usual_time_is_not_polled_before_its_callback(
    poll_schedule: PollSchedule, share: float, usual: float
):
    net = poll_schedule.net(usual)
    assert net.first_wait >= max(usual, schedule.NET * poll_schedule.first_wait)
    assert polls_of(net, usual * share) == [net.first_wait], "its callback comes first"


@given(paces)
def test_the_net_has_four_times_every_wait_and_the_models_maximum(poll_schedule: PollSchedule):
    net = poll_schedule.net()
    waits = ("first_wait", "interval", "cap", "overdue_every")
    assert all(getattr(net, name) == 4 * getattr(poll_schedule, name) for name in waits)
    assert net.maximum == poll_schedule.maximum


@given(st.floats(0.01, 60), st.lists(st.floats(0, 50), max_size=200))
def test_calls_make_no_more_polls_than_the_schedule(interval: float, gaps: list[float]):
    now, turns = 0.0, list[float]()
    for gap in gaps:
        now += gap
        turn = schedule.turn_of_call(interval, len(turns), turns[-1] if turns else -1.0, now)
        if turn is None:
            assert turns[-1] > now, "a poll that is still to come covers it"
            continue
        assert turn >= now
        turns.append(turn)
    later = turns[schedule.CALLS_AT_ONCE - 1 :]
    usual = [min(CAP if interval < CAP else interval, interval * 1.5**number) for number in range(len(later))]
    for (before, after), wait in zip(pairwise(later), usual, strict=False):
        assert after - before >= wait - NEAR * (1 + after)


def test_a_clock_that_was_set_back_holds_no_call_up():
    assert schedule.turn_of_call(3.0, 1, 10_000.0, 50.0) == 50.0
