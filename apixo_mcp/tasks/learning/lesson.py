"""What a model's tasks have taught: from its documented schedule and durations to the schedule they are polled by.

The documents' schedule is the start, and what every other is measured by: none is taken that would make more polls of
the durations seen, or tell of an end later, in the mean. The first poll is never earlier than documented, and its
maximum, its longest wait and what comes after that are as documented.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from apixo_mcp.tasks.durations import Duration
from apixo_mcp.tasks.learning.distribution import distribution_of
from apixo_mcp.tasks.learning.optimum import Bounds, PollGrid, poll_cost
from apixo_mcp.tasks.schedule import PollSchedule, documented_times

FEWEST_DURATIONS = 10
"""Before so many nothing is learned."""
ENOUGH_POLLS = 3.12
"""Polls of a task in the mean, where that many tell of its end as soon as polls at the documented interval would: three
and some for those that take longer than any before, of which there are fewer than is allowed for."""
FEWER_POLLS = 0.75
"""Of those that the documents' schedule makes: so many where three do not do."""
CLOSEST_POLLS = 0.25
"""Of the documented interval: no two polls follow each other closer. No guide names the least that is allowed."""
LEAST_PRICE = 0.05
"""Of the documented interval, in seconds: a poll that is to win less than that is not made."""
_BETTER = 0.98


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the durations of some tasks have taught.

    Attributes:
        tasks: that they were of.
        usual: seconds that one in ten, half and nine in ten tasks take at most.
        poll_schedule: that is polled by; the documents' own where none is better.
    """

    tasks: int
    usual: tuple[float, float, float]
    poll_schedule: PollSchedule

    @property
    def first_poll(self) -> float:
        """Seconds from the accepted submit to the first poll."""
        return self.poll_schedule.times[0] if self.poll_schedule.times else self.poll_schedule.first_wait


def learn(document: PollSchedule, durations: Sequence[Duration]) -> Lesson | None:
    """Returns what durations teach, None where they are too few.

    Args:
        document: the documents' schedule of the tasks' model, scaled.
        durations: of its newest tasks.
    """
    if len(durations) < FEWEST_DURATIONS:
        return None
    distribution = distribution_of(durations, document.maximum)
    # The polls do not depend on how long a task is overdue; what is told of its usual time does.
    as_seen = (
        distribution if all(one.most <= document.maximum for one in durations) else distribution_of(durations, inf)
    )
    low, middle, high = (as_seen.quantile(share) for share in (0.1, 0.5, 0.9))
    taught = Lesson(len(durations), (low, middle, high), document)
    documented = documented_times(document)
    as_documented = poll_cost(documented, distribution)
    bounds = Bounds(document.first_wait, document.interval * CLOSEST_POLLS, document.cap, document.maximum)
    grid = PollGrid(distribution, bounds)
    polls, lag = as_documented.polls, as_documented.lag
    for most_polls, latest in (
        (ENOUGH_POLLS, document.interval / 2),  # the mean lag of polls at the documented interval, without a back-off
        (polls * FEWER_POLLS, lag),
        (polls, lag),
    ):
        times = grid.within(min(most_polls, polls), document.interval * LEAST_PRICE)
        cost = poll_cost(times, distribution)
        is_better = cost.polls < polls * _BETTER or cost.lag < lag * _BETTER
        if is_better and cost.polls <= polls and cost.lag <= min(latest, lag):
            onward = _onward(times[-1], documented, document)
            return replace(taught, poll_schedule=replace(document, times=(*times, *onward)))
    return taught


def _onward(last: float, documented: Sequence[float], document: PollSchedule) -> Iterator[float]:
    """Returns to the documents' schedule behind the last poll that was learned."""
    for time in documented:
        if time - last >= document.interval:
            if time - last > document.cap:
                yield (last + time) / 2
            yield (last := time)
