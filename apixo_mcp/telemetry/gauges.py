"""What is so at the moment in which the metrics are read, as gauges in the words of Prometheus."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily

from apixo_mcp import __version__

OTHER_LABEL = "other"
"""The value of a label that stands for all that have no series of their own."""

GAUGE_LABELS: dict[str, tuple[str, ...]] = {
    "apixo_build_info": ("version",),
    "apixo_store_up": (),
    "apixo_tasks_in_flight": ("gateway",),
    "apixo_tasks_queued": ("gateway",),
    "apixo_owner_spend_today_usd": ("owner",),
    "apixo_spend_today_usd": (),
    "apixo_owner_spend_month_usd": ("owner",),
    "apixo_spend_month_usd": (),
    "apixo_daily_budget_usd": (),
    "apixo_monthly_budget_usd": (),
    "apixo_owner_budget_left_usd": ("owner", "period"),
    "apixo_budget_left_usd": ("period",),
    "apixo_owner_tasks_left": ("owner",),
    "apixo_tasks_left": (),
    "apixo_sweep_age_seconds": (),
    "apixo_results_up": (),
    "apixo_workers": (),
    "apixo_most_overdue_seconds": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """What is so at the moment in which the metrics are read.

    Attributes:
        in_flight: tasks that a gateway has, by gateway.
        queued: tasks that wait to be sent, by gateway.
        spent_usd: estimated, today, by owner.
        spent_month_usd: the same of this month.
        daily_budget_usd: of all owners together, None where none is set.
        monthly_budget_usd: the same of a month.
        left_usd: what limits leave, by owner (empty: all together) and period (`day`, `month`).
        tasks_left: how many paid requests of today limits leave, by owner (empty: all together).
        sweep_age: seconds since the task store was last looked through for what is due; None before that.
        results_up: whether the bucket of results answers; None where there is none, or it was not asked yet.
        workers: processes that follow tasks, where several share a database; None where that is not known.
        most_overdue: seconds that a task waits beyond its next step, which nobody makes; of the one that waits longest.
    """

    in_flight: Mapping[str, int] = field(default_factory=dict[str, int])
    queued: Mapping[str, int] = field(default_factory=dict[str, int])
    spent_usd: Mapping[str, float] = field(default_factory=dict[str, float])
    spent_month_usd: Mapping[str, float] = field(default_factory=dict[str, float])
    daily_budget_usd: float | None = None
    monthly_budget_usd: float | None = None
    left_usd: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    tasks_left: Mapping[str, float] = field(default_factory=dict[str, float])
    sweep_age: float | None = None
    results_up: bool | None = None
    workers: int | None = None
    most_overdue: float | None = None


class PresentGauges:
    """Makes the gauges anew each time: what is not known is left out, and not told as it once was.

    Args:
        owner: returns the label of an owner.
    """

    def __init__(self, owner: Callable[[str], str]) -> None:
        self.gauges: Gauges | None = None
        self._owner = owner

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """See `prometheus_client.registry.Collector`."""
        gauges = self.gauges or Gauges()
        of_day, of_month = self._by_owner(gauges.spent_usd), self._by_owner(gauges.spent_month_usd)
        today, month = (sum(one.values()) if self.gauges else None for one in (of_day, of_month))
        left = {(self._owner(owner), period): usd for (owner, period), usd in gauges.left_usd.items() if owner}
        tasks = {(self._owner(owner),): count for owner, count in gauges.tasks_left.items() if owner}
        # What several leave that have no label of their own is no sum that says anything.
        left, tasks = ({to: value for to, value in of.items() if to[0] != OTHER_LABEL} for of in (left, tasks))
        left_of_all = {(period,): usd for (owner, period), usd in gauges.left_usd.items() if not owner}
        for name, words, values in (
            ("apixo_build_info", "The version that runs", {(__version__,): 1}),
            ("apixo_store_up", "Whether the task store answers", self.gauges is not None),
            ("apixo_tasks_in_flight", "Tasks that a gateway has", _labelled(gauges.in_flight)),
            ("apixo_tasks_queued", "Tasks that wait to be sent", _labelled(gauges.queued)),
            ("apixo_owner_spend_today_usd", "Estimated dollars of today (UTC), by owner", of_day),
            ("apixo_spend_today_usd", "Estimated dollars of today (UTC), of all owners", today),
            ("apixo_owner_spend_month_usd", "Estimated dollars of this month (UTC), by owner", of_month),
            ("apixo_spend_month_usd", "Estimated dollars of this month (UTC), of all owners", month),
            ("apixo_daily_budget_usd", "What all may spend a day (UTC)", gauges.daily_budget_usd),
            ("apixo_monthly_budget_usd", "What all may spend a month (UTC)", gauges.monthly_budget_usd),
            ("apixo_owner_budget_left_usd", "What an owner's own limits leave", left),
            ("apixo_budget_left_usd", "What the limits of all owners together leave", left_of_all),
            ("apixo_owner_tasks_left", "Paid requests that an owner's own limit leaves today", tasks),
            ("apixo_tasks_left", "Paid requests that the limit of all leaves today", gauges.tasks_left.get("")),
            ("apixo_sweep_age_seconds", "Since the store was last looked through for what is due", gauges.sweep_age),
            ("apixo_results_up", "Whether the bucket of results answers", gauges.results_up),
            ("apixo_workers", "Workers that follow tasks, where several processes share a database", gauges.workers),
            ("apixo_most_overdue_seconds", "How long the task waits that is overdue for longest", gauges.most_overdue),
        ):
            family = GaugeMetricFamily(name, words, labels=GAUGE_LABELS[name] or None)
            if isinstance(values, Mapping):
                for labels, value in values.items():
                    family.add_metric(labels, value)
            elif values is not None:
                family.add_metric([], values)
            yield family

    def _by_owner(self, amounts: Mapping[str, float]) -> dict[tuple[str, ...], float]:
        added: dict[tuple[str, ...], float] = {}
        for owner, amount in amounts.items():
            label = (self._owner(owner),)
            added[label] = added.get(label, 0.0) + amount
        return added


def _labelled(values: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(label,): value for label, value in values.items()}
