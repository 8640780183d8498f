"""The polls that tell soonest of a task's end, for as many as there may be: the best of a grid, found from its end.

For a price of a poll in seconds of lag, the best polls after a moment do not depend on those before it. So from the
last moment of the grid to the first, each learns its best successor, and the cost from there on. The price is raised
until there are few enough.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from apixo_mcp.tasks.learning.distribution import Distribution

_LIKELY = 56
"""Moments of the grid that are as likely to be reached one as the other; those behind them are rare."""
_ROUNDS = 12
_NEAR = 1e-9


@dataclass(frozen=True, slots=True)
class Bounds:
    """What polls are held to, in seconds.

    Attributes:
        first: none is made earlier.
        closest: two follow each other no closer.
        farthest: nor farther apart; nor is the first that much later than it may be. Durations teach of successes,
            and a refusal comes long before them.
        last: until when there are any.
    """

    first: float
    closest: float
    farthest: float
    last: float


@dataclass(frozen=True, slots=True)
class PollCost:
    """What polls cost in the mean.

    Attributes:
        polls: that are made of a task.
        lag: seconds from its end to the poll that sees it.
    """

    polls: float
    lag: float


def poll_cost(times: Sequence[float], distribution: Distribution) -> PollCost:
    """Returns what polls at these moments cost.

    A task that takes longer than the last of them is taken to be seen there.
    """
    polls = lag = below = moment = 0.0
    for time in times:
        polls += 1 - below
        below_now, moment_now = distribution.at(time)
        lag += time * (below_now - below) - (moment_now - moment)
        below, moment = below_now, moment_now
    return PollCost(polls, lag)


class PollGrid:
    """The moments that polls are chosen from.

    Args:
        distribution: of how long tasks take.
        bounds: that the polls are held to.
    """

    def __init__(self, distribution: Distribution, bounds: Bounds) -> None:
        self._distribution = distribution
        self._times = times = _grid(distribution, bounds)
        at = [distribution.at(time) for time in times]
        self._below, self._moments = [below for below, _ in at], [moment for _, moment in at]
        reached = [
            (bisect_left(times, time + bounds.closest - _NEAR), bisect_left(times, time + bounds.farthest + _NEAR))
            for time in times
        ]
        # Where nothing is far enough, the last one follows all the same: the grid ends there.
        last = len(times) - 1
        self._reached = [(min(start, last), max(min(start, last) + 1, end)) for start, end in reached]
        self._firsts = max(1, bisect_left(times, bounds.first + bounds.farthest + _NEAR))

    def within(self, most_polls: float, least_price: float) -> tuple[float, ...]:
        """Returns the polls with the least lag of those that are at most so many in the mean.

        Args:
            most_polls: in the mean.
            least_price: seconds of lag that a poll is worth at least.
        """
        times = self.cheapest(least_price)
        low, high = least_price, max(self._times[-1], 2 * least_price)
        if self._polls(times) <= most_polls:
            return times
        times = self.cheapest(high)
        for _ in range(_ROUNDS):
            price = (low * high) ** 0.5
            tried = self.cheapest(price)
            if self._polls(tried) <= most_polls:
                times, high = tried, price
            else:
                low = price
        return times

    def _polls(self, times: Sequence[float]) -> float:
        return poll_cost(times, self._distribution).polls

    def cheapest(self, price: float) -> tuple[float, ...]:
        """Returns the polls that cost least, where one costs as much as so many seconds of lag."""
        times, below, moments = self._times, self._below, self._moments
        last = len(times) - 1
        onward, successors = [0.0] * (last + 1), [last] * (last + 1)
        # What it costs to wait for a moment: its time for all that end before, less when they do.
        for here in range(last - 1, -1, -1):
            passed, least = below[here], float("inf")
            start, end = self._reached[here]
            for there in range(start, end):
                cost = onward[there] + times[there] * (below[there] - passed) - moments[there]
                if cost < least:
                    least, successors[here] = cost, there
            onward[here] = least + moments[here] + price * (1 - passed)
        here = min(range(self._firsts), key=lambda one: onward[one] + times[one] * below[one] - moments[one])
        chosen = [times[here]]
        while here < last:
            here = successors[here]
            chosen.append(times[here])
        return tuple(chosen)


def _grid(distribution: Distribution, bounds: Bounds) -> list[float]:
    end = max(bounds.first, min(distribution.edges[-1], bounds.last))
    likely = [distribution.quantile(step / _LIKELY) for step in range(1, _LIKELY)]
    rare = (edge for edge in distribution.edges if edge > likely[-1])
    grid: list[float] = []
    for time in sorted({bounds.first, end, *likely, *rare}):
        if bounds.first <= time <= end:
            while grid and time - grid[-1] > bounds.farthest / 2:  # a hole must be crossed, too
                grid.append(grid[-1] + bounds.farthest / 2)
            grid.append(time)
    return grid
