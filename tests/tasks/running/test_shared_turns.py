"""The turns of processes that take them from one line: how many requests leave, and whose."""

import heapq
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from support.amounts import examples
from support.pace import Line, Sharer, most_beyond

from apixo_mcp.tasks.running.turns import KeyTurns, ThrottleLimits

LIMITS = ThrottleLimits(per_minute=6_000, burst=50)
SOME = st.builds(ThrottleLimits, per_minute=st.sampled_from([60, 600, 10_000]), burst=st.sampled_from([1, 7, 200]))
STEPS = st.lists(
    st.tuples(
        st.integers(0, 3),  # which process
        st.sampled_from([0.0, 0.0, 0.3, 1.0, 5.0, 30.0, 300.0]),  # intervals that pass before
        st.sampled_from([1, 5, 300]),  # how many wait there
        st.sampled_from([1, 1, 5, 80]),  # how often it asks
        st.sampled_from(["", "", "", "dies", "gives back"]),  # and then
    ),
    max_size=60,
)


@settings(max_examples=examples(1000), deadline=None)
@given(SOME, STEPS, st.sampled_from([0.0, 0.0, 5.0]))
def test_no_window_sees_more_requests_than_one_process_would_make(
    limits: ThrottleLimits, steps: list[tuple[int, float, int, int, str]], slow: float
) -> None:
    """Whoever dies with turns, gives one back, or sleeps for a while; and whatever the database takes (`slow`)."""
    line, now, left = Line(limits), 1000.0, list[float]()
    sharers = [Sharer.of(line) for _ in range(4)]
    for number, (who, passes, waiting, asks, then) in enumerate(steps):
        now += passes * limits.interval
        lasts = slow * limits.interval * (number % 2)
        for _ in range(asks):
            if sharers[who].tries(now, waiting, lasts) > 0:
                break
            if then == "gives back":
                sharers[who].turns.give_back()
                break
            left.append(now)
        if then == "dies":
            sharers[who] = Sharer.of(line)
    assert most_beyond(left, limits) <= limits.burst + 1 + slow + 1e-3


def busy(line: Line, processes: int, seconds: float, dies: int | None = None) -> tuple[Counter[int], list[Sharer]]:
    """How many requests of each leave where all want more than they may; the one that dies does so half way."""
    sharers = [Sharer.of(line) for _ in range(processes)]
    awake, left = [(1000.0, who) for who in range(processes)], Counter[int]()
    while awake:
        now, who = heapq.heappop(awake)
        if now > 1000.0 + seconds or (who == dies and now > 1000.0 + seconds / 2):
            continue
        wait = sharers[who].tries(now, waiting=500)
        left[who] += wait == 0
        heapq.heappush(awake, (now + wait, who))
    return left, sharers


def test_all_together_use_the_limit_and_each_has_its_share() -> None:
    for processes in (1, 2, 8, 50):
        left, sharers = busy(Line(LIMITS), processes, 20.0)
        assert 0.9 * 2000 <= left.total() <= 2000 + LIMITS.burst + 1
        assert min(left.values()) >= 0.5 * left.total() / processes, left
        assert sum(one.asked for one in sharers) <= left.total() + 20 * processes


def test_few_statements_are_made_for_many_requests() -> None:
    left, (one,) = busy(Line(LIMITS), 1, 20.0)
    assert one.asked <= left.total() / 10


def test_of_one_that_dies_with_turns_in_hand_the_others_miss_no_more_than_those() -> None:
    left, _ = busy(Line(LIMITS), 3, 20.0, dies=1)
    assert left.total() >= 0.9 * 2000


def test_whoever_makes_few_requests_takes_a_turn_for_each() -> None:
    line, now = Line(LIMITS), 1000.0
    one = Sharer.of(line)
    for _ in range(20):
        now += 3.0
        before = line.next_turn
        assert one.tries(now) == 0
        assert line.next_turn <= max(before, now - LIMITS.saved) + LIMITS.interval + 1e-9
    assert one.asked == 20


def test_a_pause_is_heard_within_a_second_by_whoever_sends() -> None:
    line = Line(LIMITS)
    one, now = Sharer.of(line), 1000.0
    assert one.tries(now, waiting=500) == 0
    line.hold_back(now, 30.0, 2.0)
    while (wait := one.tries(now)) < 2:
        now += wait or 0.02
    assert now <= 1001.1
    assert one.turns.next_pause == 2.0


def test_the_wait_for_the_moment_of_a_turn_costs_nobody_their_turn() -> None:
    """Where the line is longer than the second after which it is asked anew."""
    line = Line(ThrottleLimits(per_minute=60, burst=1))
    sharers = [Sharer.of(line) for _ in range(5)]
    waits = [one.tries(1000.0) for one in sharers]
    assert sorted(round(wait) for wait in waits) == [0, 0, 1, 2, 3]
    for wait, one in zip(waits, sharers, strict=True):
        if wait:
            assert one.tries(1000.0 + wait) == 0


def test_a_turn_that_is_given_back_late_is_no_turn_of_the_next_block() -> None:
    turns = KeyTurns(LIMITS, shared=True)
    line = Line(LIMITS)
    turns.given(1000.0, line.take(1000.0, 1))
    assert turns.take(1000.0) == 0
    turns.given(1001.0, line.take(1001.0, 2))
    turns.give_back()
    assert [turns.take(1001.0) for _ in range(3)] == [0, 0, LIMITS.interval]
