"""How long tasks take, as a distribution: from durations that are known, or known to lie between two polls.

An end between two polls is spread over the time between them as the other durations say (the self-consistent estimate
of B. Turnbull, 1976), not put where the poll was: else the moments of the polls would be learned, not those of the
ends. Of one that the first poll found ended half is spread evenly: where most are of that kind the first poll comes too
late, and nothing else would ever show it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from apixo_mcp.tasks.durations import Duration

_KNOWN_TO = 0.5
"""Seconds, or a fiftieth of the duration: one that is known so well counts as known."""
_NEIGHBOURS = 8
"""One in so many of those seen, on either side, tells how likely what lies between two is."""
_ROUNDS = 12
_BEYOND = 1.5
"""Times the longest that was seen: as far as one that is longer still is taken to be."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Probabilities of durations, even within each cell.

    Attributes:
        edges: of the cells, seconds, ascending.
        below: the probability of a shorter duration than each edge.
        moments: the mean of the durations below each edge, times their probability.
    """

    edges: tuple[float, ...]
    below: tuple[float, ...]
    moments: tuple[float, ...]

    def at(self, seconds: float) -> tuple[float, float]:
        """Returns the probability of a shorter duration, and the moment up to there."""
        edges = self.edges
        if seconds <= edges[0]:
            return 0.0, 0.0
        if seconds >= edges[-1]:
            return self.below[-1], self.moments[-1]
        cell = bisect_right(edges, seconds) - 1
        start, end = edges[cell], edges[cell + 1]
        mass = (self.below[cell + 1] - self.below[cell]) * (seconds - start) / (end - start)
        return self.below[cell] + mass, self.moments[cell] + mass * (start + seconds) / 2

    def quantile(self, share: float) -> float:
        """Returns the duration that so large a share of all stays below."""
        cell = min(max(bisect_left(self.below, share), 1), len(self.below) - 1)
        low, high = self.below[cell - 1], self.below[cell]
        part = min(1.0, max(0.0, (share - low) / (high - low))) if high > low else 1.0
        return self.edges[cell - 1] + (self.edges[cell] - self.edges[cell - 1]) * part


def distribution_of(durations: Sequence[Duration], longest: float) -> Distribution:
    """Returns the distribution that some durations are taken to be from.

    Args:
        durations: at least one.
        longest: seconds from which on it does not matter how long exactly.
    """
    spans = [_span(duration, longest) for duration in durations]
    edges = sorted({edge for span in spans for edge in span})
    spacing = max((edges[-1] - edges[0]) / len(spans), 0.01 * edges[-1], 0.001)
    steps = [edges[-1] + spacing]
    while steps[-1] < edges[-1] * _BEYOND:
        steps.append(edges[-1] + 2 * (steps[-1] - edges[-1]))
    edges = sorted({max(0.0, edges[0] - spacing), *edges, *steps})
    masses = _masses(spans, edges)
    # One that is longer than all is as likely as any that was seen: half of such within each step.
    first = len(masses) - len(steps)
    for step in range(len(steps)):
        masses[first + step] += 0.5 ** (step + 1)
    whole = sum(masses)
    middles = ((start + end) / 2 for start, end in pairwise(edges))
    parts = [mass / whole for mass in masses]
    below = tuple(accumulate(parts, initial=0.0))
    moments = tuple(accumulate((part * middle for part, middle in zip(parts, middles, strict=True)), initial=0.0))
    return Distribution(tuple(edges), below, moments)


def _span(duration: Duration, longest: float) -> tuple[float, float]:
    """Returns between what a duration lies; twice its middle where that is known well enough."""
    least, most = min(duration.least, longest), min(duration.most, longest)
    if most - least > max(_KNOWN_TO, most / 50):
        return least, most
    middle = round((least + most) / 2, 3)
    return middle, middle


def _masses(spans: Sequence[tuple[float, float]], edges: Sequence[float]) -> list[float]:
    """Returns how many of the durations lie in each cell."""
    sure = [0.0] * (len(edges) - 1)
    known = sorted(least for least, most in spans if least == most)
    for place, middle in enumerate(known):
        reach = _reach(known, place)
        _spread(sure, edges, middle - reach, middle + reach, 1.0)
    open_ones: list[tuple[range, float]] = []
    for least, most in spans:
        if least < most:
            share = 1.0 if least > 0 else 0.5
            _spread(sure, edges, least, most, 1.0 - share)
            open_ones.append((range(bisect_left(edges, least), bisect_left(edges, most)), share))
    width = edges[-1] - edges[0]
    masses = [mass + 1e-3 * (end - start) / width for mass, (start, end) in zip(sure, pairwise(edges), strict=True)]
    for _ in range(_ROUNDS if open_ones else 0):
        shared = list(sure)
        for cells, share in open_ones:
            whole = sum(masses[cell] for cell in cells)
            for cell in cells:
                shared[cell] += share * masses[cell] / whole
        masses = shared
    return masses


def _reach(known: Sequence[float], place: int) -> float:
    """Returns how far a duration is spread to either side: as far as its neighbours are, and not over a hole.

    What lies between two that were seen is as likely as they are: polls just behind each would be learned by heart.
    """
    near = max(2, len(known) // _NEIGHBOURS)
    below, above = known[max(0, place - near)], known[min(len(known) - 1, place + near)]
    return min(known[place] - below, above - known[place])


def _spread(masses: list[float], edges: Sequence[float], start: float, end: float, mass: float) -> None:
    """Adds a mass evenly between two moments; to both sides of a single one."""
    if end - start < 1e-6:
        cell = bisect_left(edges, start)
        for beside in (max(0, cell - 1), min(cell, len(masses) - 1)):
            masses[beside] += mass / 2
        return
    cell = max(0, bisect_right(edges, start) - 1)
    while cell < len(masses) and edges[cell] < end:
        masses[cell] += mass * (min(end, edges[cell + 1]) - max(start, edges[cell])) / (end - start)
        cell += 1
