"""What is told of limits and of keys, and what it is told as."""

from datetime import UTC, datetime
from typing import Any

import pytest

from apixo_mcp.generation import Failure
from apixo_mcp.tasks.alerts import Alert, budget_alerts, key_alert
from apixo_mcp.tasks.budget import Allowance, Budget, Spent, Verdict

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
DAY = Budget(daily_usd=1.0)


def due(
    usd: float | None,
    spent: float = 0.0,
    *,
    budget: Budget = DAY,
    verdict: Verdict = "within",
    posts: int = 1,
    whose: Any = "owner",
) -> list[Alert]:
    limits = [Allowance(budget, Spent(spent, 7, spent), whose)]
    return list(budget_alerts("alice", verdict, limits, usd, posts, NOW))


def told(alerts: list[Alert]) -> list[tuple[str, int]]:
    return [(alert.data["alert"], alert.data.get("percent", 0)) for alert in alerts]


@pytest.mark.parametrize(
    ("usd", "spent", "percents"),
    [
        (0.1, 0.0, []),
        (0.1, 0.39, []),
        (0.1, 0.4, [50]),
        (0.1, 0.69, [50]),
        (0.1, 0.7, [80]),
        (0.3, 0.5, [80]),
        (0.5, 0.5, [100]),  # what is passed on the way is not told by itself
        (0.1, 0.9, [100]),
        (None, 0.8, [80]),
        (-3.0, 0.8, [80]),  # no amount of money
    ],
)
def test_a_level_is_told_once_it_is_reached(usd: float | None, spent: float, percents: list[int]):
    assert told(due(usd, spent)) == [("budget_used", percent) for percent in percents]


def test_a_level_stands_for_those_below():
    (highest,) = due(0.5, 0.5)
    (lower,) = due(0.0, 0.8)
    (lowest,) = due(0.0, 0.5)
    assert (highest.includes, lower.includes) == ((lowest.once, lower.once), (lowest.once,))


def test_a_purchase_that_is_not_allowed_is_told_with_what_is_left():
    (refused,) = due(0.7, 0.4, verdict="over_budget")
    assert refused.data == {
        "alert": "purchase_refused",
        "owner": "alice",
        "whose": "owner",
        "period": "day",
        "limit_usd": 1.0,
        "spent_usd": 0.4,
        "left_usd": 0.6,
        "since": "2026-11-28",
        "message": "A purchase was refused: the limit of alice of $1.00 a day leaves $0.60. The day is one of UTC.",
    }
    assert told(due(0.5, 0.9, verdict="over_budget")) == [("purchase_refused", 0), ("budget_used", 80)]


@pytest.mark.parametrize("verdict", ["ask_first", "no_price", "not_allowed"])
def test_what_is_no_matter_of_how_much_is_spent_is_told_by_nothing(verdict: Verdict):
    assert due(0.5, 0.9, verdict=verdict) == []


def test_each_limit_has_its_own():
    every = Budget(daily_usd=1.0, monthly_usd=1.2, daily_tasks=10)
    alerts = due(0.2, 0.8, budget=every, posts=3, whose="all")
    assert [(one.data["period"], one.data["percent"]) for one in alerts] == [("day", 100), ("month", 80), ("day", 100)]
    assert alerts[1].data["since"] == "2026-11"
    assert (alerts[2].data["tasks"], alerts[2].data["left_tasks"]) == (10, 0)
    assert "owner" not in alerts[0].data
    assert alerts[0].message == (
        "100 % of the limit for all owners together of $1.00 a day are used: $1.00 are spent, $0.00 left "
        "(2026-11-28, UTC)."
    )
    assert len({one.webhook_id for one in alerts}) == 3


def test_a_limit_that_was_changed_is_another():
    assert due(0.1, 0.9)[0].once != due(0.1, 1.9, budget=Budget(daily_usd=2.0))[0].once


def test_where_nothing_may_be_spent_no_share_is_told():
    assert told(due(0.1, 0.0, budget=Budget(daily_usd=0.0), verdict="over_budget")) == [("purchase_refused", 0)]


@pytest.mark.parametrize(
    ("category", "kind"),
    [("auth", "key_refused"), ("insufficient_credits", "credits_used_up"), ("rate_limited", ""), ("unavailable", "")],
)
def test_a_key_that_is_refused_is_told_once_a_day(category: Any, kind: str):
    failure = Failure(code="HTTP_401", category=category, message="sk-secret", advice="", retryable=False, charged="no")
    alert = key_alert("apixo", "print", failure, "", NOW)
    assert (alert.data["alert"] if alert else "") == kind
    if alert:
        assert "sk-secret" not in str(alert)
        assert alert.once != getattr(key_alert("apixo", "print", failure, "", NOW + 86400), "once", "")
        own = key_alert("apixo", "another", failure, "alice", NOW)
        assert own is not None
        assert "alice's own API key" in own.message
