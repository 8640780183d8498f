"""When tasks are polled once it was seen how long they take: simulated beside the documents' schedule."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amounts import examples
from support.store_tasks import NOW, make_followed

from apixo_mcp.tasks.durations import Duration, duration_seen
from apixo_mcp.tasks.learning.lesson import FEWEST_DURATIONS, learn
from apixo_mcp.tasks.learning.pooling import durations_for
from apixo_mcp.tasks.ports.durations import DURATIONS_KEPT
from apixo_mcp.tasks.schedule import PollSchedule, documented_times, wait_before_poll
from apixo_mcp.tasks.transitions import delays

PRO = PollSchedule(first_wait=20, interval=3, maximum=180)
FAST = PollSchedule(first_wait=5, interval=3, maximum=120)
Shape = Callable[[random.Random, int], float]

SHAPES: dict[str, Shape] = {
    "25 to 35": lambda chance, _: chance.uniform(25, 35),
    "log-normal": lambda chance, _: chance.lognormvariate(log(30), 0.35),
    "bimodal": lambda chance, _: chance.gauss(25, 1.5) if chance.random() < 0.6 else chance.gauss(60, 3),
    "heavy tail": lambda chance, _: 22 + chance.paretovariate(1.3) * 4,
    "drifting": lambda chance, number: chance.uniform(20, 26) * (1 + number / 200),
    "slower at once": lambda chance, number: chance.uniform(22, 30) if number < 150 else chance.uniform(45, 60),
    "faster at once": lambda chance, number: chance.uniform(45, 60) if number < 150 else chance.uniform(22, 30),
    "constant": lambda _, __: 28.0,
    "an outage": lambda chance, number: 7200.0 if 100 <= number < 103 else chance.uniform(25, 35),
    "quick": lambda chance, _: chance.uniform(3, 12),
}


@dataclass(frozen=True, slots=True)
class Followed:
    """How one task was followed."""

    polls: int
    lag: float
    seen: Duration


def follow(schedule: PollSchedule, ends: float, chance: random.Random) -> Followed:
    """Polls a task as the engine does, on a clock that stands still in between."""
    polls, before, now = 0, 0.0, 0.0
    while True:
        wait = wait_before_poll(schedule, polls, now, chance.random())
        assert wait is not None
        assert wait > 0
        before, now, polls = now, now + wait, polls + 1
        if now >= ends:
            return Followed(polls, now - ends, Duration(before if polls > 1 else 0.0, now))


def simulate(
    document: PollSchedule, shape: Shape, seed: int, *, is_told: bool
) -> tuple[list[Followed], list[Followed]]:
    chance, seen = random.Random(seed), list[Duration]()
    learned, documented = list[Followed](), list[Followed]()
    schedule = document
    for number in range(300):
        ends = max(0.5, shape(chance, number))
        learned.append(follow(schedule, ends, chance))
        documented.append(follow(document, ends, chance))
        seen = [*seen, Duration(ends - 0.1, ends + 0.1) if is_told else learned[-1].seen][-DURATIONS_KEPT:]
        if number % 5 == 0 and (lesson := learn(document, seen)):
            schedule = lesson.poll_schedule
    return learned, documented


def cost(followed: Sequence[Followed]) -> tuple[float, float]:
    return fmean(one.polls for one in followed), fmean(one.lag for one in followed)


@pytest.mark.parametrize("document", [PRO, FAST], ids=["pro", "fast"])
@pytest.mark.parametrize("name", SHAPES)
def test_it_is_never_worse_than_the_documents_by_more_than_a_tenth(name: str, document: PollSchedule):
    learned, documented = simulate(document, SHAPES[name], 1, is_told=True)
    polls, lag = cost(learned)
    polls_documented, lag_documented = cost(documented)
    assert polls <= 1.1 * polls_documented
    assert lag <= 1.1 * lag_documented


@pytest.mark.parametrize(
    ("name", "lag_limit"),
    [
        ("25 to 35", 1.1),
        ("log-normal", 1.3),
        ("bimodal", 1.1),
        ("slower at once", 1.1),
        ("faster at once", 1.1),
        ("constant", 1.1),
    ],
)
def test_nor_where_the_gateway_tells_no_times_but_for_the_lag_of_a_log_normal(name: str, lag_limit: float):
    """Holds the polls to a tenth more; so the lag, but of a log-normal, whose ends spread over a minute.

    There it was 0.89 to 1.29 times the documented schedule's in sixteen runs, 1.08 in the mean, with 0.69 to 0.79 times
    the polls: what is seen between two polls that lie far apart tells little of where in between a task ended.
    """
    learned, documented = simulate(PRO, SHAPES[name], 1, is_told=False)
    polls, lag = cost(learned)
    polls_documented, lag_documented = cost(documented)
    assert polls <= 1.1 * polls_documented
    assert lag <= lag_limit * lag_documented


def test_jobs_of_25_to_35_s_need_three_polls_and_are_seen_within_about_a_second_after_fifty():
    """Aims at a second of mean lag, and holds 1.05: by seed it is 0.94 to 1.06 s, on either side of the aim.

    No schedule of three polls in the mean has less than 0.89 s of ends that are spread evenly over ten seconds; what
    sixty durations leave unknown of these makes the rest. `benchmarks/test_schedule.py` has it through the real runner.
    """
    runs = [simulate(PRO, SHAPES["25 to 35"], seed, is_told=True)[0][50:] for seed in range(4)]
    polls, lag = cost([one for run in runs for one in run])
    assert polls <= 3.0
    assert lag <= 1.05


seen = st.lists(
    st.tuples(st.floats(0, 400), st.floats(0, 60)).map(lambda one: Duration(one[0], one[0] + one[1])), max_size=80
)
schedules = st.builds(
    PollSchedule, first_wait=st.floats(1, 120), interval=st.floats(1, 20), maximum=st.floats(121, 1800)
)


@settings(max_examples=examples(60), deadline=None)
@given(schedules, seen)
def test_what_is_learned_keeps_to_the_documents(document: PollSchedule, durations: list[Duration]):
    lesson = learn(document, durations)
    if len(durations) < FEWEST_DURATIONS:
        assert lesson is None
        return
    assert lesson is not None
    learned = lesson.poll_schedule
    waits = (learned.first_wait, learned.interval, learned.maximum, learned.cap, learned.overdue_every)
    assert waits == (document.first_wait, document.interval, document.maximum, document.cap, document.overdue_every)
    assert all(0 < after - before <= document.cap + 1e-6 for before, after in pairwise(learned.times))
    if learned.times:
        assert learned.times[0] >= document.first_wait
        assert learned.times[-1] >= document.maximum


def test_few_durations_teach_nothing():
    assert learn(PRO, [Duration(28, 28)] * (FEWEST_DURATIONS - 1)) is None
    lesson = learn(PRO, [Duration(28, 28)] * FEWEST_DURATIONS)
    assert lesson is not None
    assert 28 <= lesson.poll_schedule.times[0] < 29


def test_the_usual_time_of_tasks_that_take_longer_than_the_maximum_is_told_as_it_is():
    lesson = learn(PRO, [Duration(300, 300)] * 20)
    assert lesson is not None
    low, middle, high = lesson.usual
    assert PRO.maximum < 290 < low <= middle <= high < 310


def test_a_refusal_is_told_soon_however_long_results_take():
    video = PollSchedule(first_wait=60, interval=15, maximum=900)
    lesson = learn(video, [Duration(seconds - 0.1, seconds + 0.1) for seconds in range(580, 620)])
    assert lesson is not None
    assert lesson.first_poll <= video.first_wait + video.cap


FAILING: dict[str, Shape] = {
    "refused": lambda chance, _: chance.uniform(1, 8),
    "given up": lambda chance, _: chance.uniform(90, 200),
}
MORE_POLLS = {"refused": 0, "given up": 10}
"""Than documented, of one failed job: where few results are so late, polls stand close behind the usual ones."""


@pytest.mark.parametrize("failing", FAILING)
@pytest.mark.parametrize("name", ["25 to 35", "bimodal"])
def test_failures_change_nothing_of_how_results_are_seen_and_are_told_little_later(name: str, failing: str):
    """Why failures teach nothing is told in `tasks.durations`."""
    chance, fails, seen, schedule = random.Random(1), random.Random(2), list[Duration](), PRO
    results, failures = list[tuple[Followed, Followed]](), list[tuple[Followed, Followed]]()
    for number in range(200):
        has_failed = fails.random() < 0.3
        ends = FAILING[failing](fails, number) if has_failed else SHAPES[name](chance, number)
        jitter = fails.random()
        learned, documented = (follow(one, ends, random.Random(jitter)) for one in (schedule, PRO))
        (failures if has_failed else results).append((learned, documented))
        if not has_failed:
            seen = [*seen, Duration(ends - 0.1, ends + 0.1)][-DURATIONS_KEPT:]
        if number % 20 == 0 and (lesson := learn(PRO, seen)):
            schedule = lesson.poll_schedule
    for learned, documented in failures:
        assert learned.lag <= documented.lag + 1.1 * PRO.cap  # a tenth: waits are spread at random
        assert learned.polls <= documented.polls + MORE_POLLS[failing]
    (polls, lag), (polls_documented, lag_documented) = (cost(followed) for followed in zip(*results, strict=True))
    assert polls <= 1.1 * polls_documented
    assert lag <= 1.1 * lag_documented


def test_a_resolution_that_was_not_seen_learns_nothing_from_another_one():
    two, four = [Duration(28, 28)] * 20, [Duration(29, 29)] * 20
    assert not durations_for("resolution=4k", {"resolution=2k": two})
    seen = {"resolution=2k mode=text": two, "resolution=2k mode=image": four}
    assert not durations_for("resolution=4k mode=text", seen)
    assert len(durations_for("resolution=2k mode=edit", seen)) == 20
    assert not durations_for("resolution=2k mode=edit", {**seen, "resolution=2k mode=image": [Duration(60, 60)] * 20})


def test_a_clock_that_was_set_back_leaves_the_documented_waits():
    lesson = learn(PRO, [Duration(28, 28)] * 20)
    assert lesson is not None
    assert wait_before_poll(lesson.poll_schedule, 1, -3600.0) == PRO.interval
    assert documented_times(PRO)[:3] == (20, 23, 27.5)


def test_a_task_whose_polls_were_held_back_was_not_seen_running_meanwhile():
    task = make_followed(updated_at=NOW + 10, polls=1, due=NOW + 15)
    for hour in range(3):  # its key was refused
        task = delays.held_back(task, NOW + 15 + 3600 * hour, 3600)
    assert task.due is not None
    assert duration_seen(task, task.due + 1, None) == Duration(10, 3 * 3600 + 16)


def test_a_first_wait_far_below_the_interval_is_spread_by_a_part_of_itself():
    often = PollSchedule(first_wait=0.5, interval=60, maximum=300, times=(0.5, 60, 300))
    assert wait_before_poll(often, 0, 0.0, chance=0.0) == pytest.approx(0.95 * 0.5)
