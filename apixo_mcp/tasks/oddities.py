"""What is unusual: spending, failures, the time to a result, requests that are too many for a gateway.

APIXO's best practices guide (000) asks for these four to be watched: a high error rate, odd latencies, spending that
leaps, rate limits. It names no number; those below are ours, inferred from what would be worth a look, and nothing is
ever refused by them. Each decision is a pure function of what is in the store.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from statistics import median

from apixo_mcp.catalog.prices import dollars
from apixo_mcp.generation import Category
from apixo_mcp.tasks.alerts import Alert, AlertKind
from apixo_mcp.tasks.budget import DAY, day_start

USUAL_DAYS = 14  # before the present one
_DAYS_AT_LEAST = 3  # on which anything was spent; before that nothing is usual
_TIMES_USUAL = 3.0
_USD_AT_LEAST = 5.0

RECENT = 3600.0  # seconds
NEWEST = 20  # of those that ended in this time
_ENDED_AT_LEAST = 5
_FAILED_AT_LEAST = 3
_FAILED_SHARE = 0.2  # as in docs/operation/alerts.yml

LOOKED_BACK = 7 * DAY
LOOKED_AT = 70  # paid requests of a model, the newest of which are compared with the others
_EARLIER_AT_LEAST = 10
_SLOW_AT_LEAST = 3
_TIMES_SLOWER = 2.0  # as in docs/operation/alerts.yml, and so is the next
SLOW_SECONDS = 60.0

PACE_WITHIN = 300.0  # seconds
_ASKED_AT_MOST = 5  # times in that time to be slower; as in docs/operation/alerts.yml

_OWN_DOING: frozenset[Category] = frozenset(
    {"content_policy", "invalid_input", "media_input", "insufficient_credits", "auth"}
)
"""Failures that tell of what was asked for, or of the account, and not of how a model does."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A paid request that came to an end.

    Attributes:
        at: when, Unix seconds.
        seconds: since it left.
        failure: why it failed; None: it did not.
        code: of that failure.
    """

    at: float
    seconds: float
    failure: Category | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class DaySums:
    """What was spent, by estimates.

    Attributes:
        today: dollars of this day (UTC).
        before: of each earlier day on which anything was spent, in no order.
    """

    today: float
    before: tuple[float, ...]


def spending_alert(owner: str, sums: DaySums, now: float) -> Alert | None:
    """Returns what is to be told where a day has seen much more spending than is usual: once a day.

    What is usual is the median of the days before on which anything was spent: a single dear one changes it little. A
    first day raises nothing, nor does a sum that is small in itself.

    Args:
        owner: whose; empty: of all together.
        sums: what was spent.
        now: Unix seconds.
    """
    if sums.today <= odd_above(sums):
        return None
    usual = median(sums.before)
    whose = f"by {owner}" if owner else "by all owners together"
    return _today(
        AlertKind.UNUSUAL_SPENDING,
        owner,
        now,
        f"{dollars(sums.today)} are spent today {whose}, where {dollars(usual)} are usual.",
        owner=owner,
        details={"spent_usd": round(sums.today, 4), "usual_usd": round(usual, 4)},
    )


def odd_above(sums: DaySums) -> float:
    """Returns the sum of a day above which it is unusual; infinite where nothing is usual yet."""
    if len(sums.before) < _DAYS_AT_LEAST:
        return inf
    return max(_USD_AT_LEAST, _TIMES_USUAL * median(sums.before))


def is_telling(category: Category | None) -> bool:
    """Tells whether a failure says anything of how a model does."""
    return category not in _OWN_DOING


def failures_alert(gateway: str, model: str, ended: Sequence[Ended], now: float) -> Alert | None:
    """Returns what is to be told where many of a model's newest paid requests failed: once a day for each model.

    Args:
        gateway: that makes it.
        model: its id.
        ended: its paid requests, the newest first.
        now: Unix seconds.
    """
    newest = [one for one in ended if one.at > now - RECENT and is_telling(one.failure)][:NEWEST]
    failed = [one for one in newest if one.failure]
    if len(newest) < _ENDED_AT_LEAST or len(failed) < _FAILED_AT_LEAST or len(failed) <= _FAILED_SHARE * len(newest):
        return None
    (code, _), *_ = Counter(one.code for one in failed).most_common(1)
    return _today(
        AlertKind.MANY_FAILURES,
        model,
        now,
        f"{len(failed)} of the last {len(newest)} tasks of {model} failed.",
        gateway=gateway,
        details={"model": model, "failed": len(failed), "ended": len(newest), "code": _plain(code)},
    )


def latency_alert(
    gateway: str, model: str, ended: Sequence[Ended], documented: float | None, now: float
) -> Alert | None:
    """Returns what is to be told where a model takes much longer than it usually does: once a day for each model.

    Args:
        gateway: that makes it.
        model: its id.
        ended: its paid requests, the newest first.
        documented: the longest usual time, in seconds; None: none is documented, and its earlier ones tell it.
        now: Unix seconds.
    """
    made = [one for one in ended if one.failure is None]
    newest = [one.seconds for one in made if one.at > now - RECENT][:NEWEST]
    earlier = [one.seconds for one in made[len(newest) :]]
    usual = documented
    if usual is None:
        usual = median(earlier) if len(earlier) >= _EARLIER_AT_LEAST else None
    if usual is None or len(newest) < _SLOW_AT_LEAST:
        return None
    taken = median(newest)
    if not is_slow(taken, usual):
        return None
    return _today(
        AlertKind.SLOW_RESULTS,
        model,
        now,
        f"{model} takes {taken:.0f} s just now, where {usual:.0f} s are usual.",
        gateway=gateway,
        details={"model": model, "seconds": round(taken), "usual_seconds": round(usual)},
    )


def is_slow(seconds: float, usual: float) -> bool:
    """Tells whether a result took much longer than usual."""
    return seconds > max(SLOW_SECONDS, _TIMES_SLOWER * usual)


def pace_alert(gateway: str, owner: str, asked_at: Sequence[float], now: float) -> Alert | None:
    """Returns what is to be told where a gateway asks for fewer requests again and again: once a day for each payer.

    Args:
        gateway: that asks.
        owner: whose own key it is; empty: the server's.
        asked_at: when it did (429), Unix seconds.
        now: Unix seconds.
    """
    asked = sum(now - PACE_WITHIN < at <= now for at in asked_at)
    if asked <= _ASKED_AT_MOST:
        return None
    message = f"{gateway} asks for fewer requests ({asked} times in {PACE_WITHIN / 60:.0f} min): they are held back."
    return _today(
        AlertKind.RATE_LIMITED,
        f"{gateway}/{owner}",
        now,
        message,
        owner=owner,
        gateway=gateway,
        details={"times": asked},
    )


def _today(
    kind: AlertKind,
    about: str,
    now: float,
    message: str,
    *,
    details: dict[str, object],
    owner: str = "",
    gateway: str = "",
) -> Alert:
    """Returns an alert that is raised once a day (UTC)."""
    day = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
    return Alert(
        kind=kind,
        once=f"{kind}/{about}/{day}",
        message=message,
        owner=owner,
        gateway=gateway,
        details={**details, "since": day},
        until=day_start(now) + DAY,
    )


def _plain(code: str) -> str:
    """Returns a gateway's code, if it is one: no words of it are told."""
    return code if code.replace("_", "").replace("-", "").isalnum() and len(code) <= 40 else ""
