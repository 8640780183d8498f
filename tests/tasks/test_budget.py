"""Whether one more paid request is within the owner's limits, for any amounts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.media_wire import a_task

from apixo_mcp.tasks.budget import (
    CENT_FRACTION,
    Agreement,
    Allowance,
    Budget,
    Spent,
    decide,
    fitting,
    reason,
    together,
)

amounts = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 100)
limits = st.none() | st.floats(0, 100)
budgets = st.builds(Budget, limits, st.none() | st.integers(0, 20), limits, limits)
days = st.builds(Spent, st.floats(0, 100), st.integers(0, 20), st.floats(0, 100))


@given(budgets, days, amounts, st.booleans())
def test_what_is_within_is_within_every_limit(budget: Budget, spent: Spent, usd: float | None, confirmed: bool):
    if decide([Allowance(budget, spent)], usd, confirmed=confirmed) != "within":
        return
    known = usd if usd is not None and usd >= 0 else None
    if budget.daily_usd is not None:
        assert known is not None
        assert spent.usd + known <= budget.daily_usd + CENT_FRACTION
    if budget.monthly_usd is not None:
        assert known is not None
        assert spent.month_usd + known <= budget.monthly_usd + CENT_FRACTION
    if budget.daily_tasks is not None:
        assert spent.posts < budget.daily_tasks
    if budget.confirm_above_usd is not None and not confirmed:
        assert known is not None
        assert known <= budget.confirm_above_usd


@given(budgets, days, amounts)
def test_a_yes_lifts_no_other_limit(budget: Budget, spent: Spent, usd: float | None):
    verdict = decide([Allowance(budget, spent)], usd, confirmed=False)
    with_yes = decide([Allowance(budget, spent)], usd, confirmed=True)
    assert with_yes == ("within" if verdict == "ask_first" else verdict)


@given(budgets, days, amounts)
def test_without_limits_all_is_within_and_each_refusal_says_why(budget: Budget, spent: Spent, usd: float | None):
    assert decide([Allowance(Budget(), spent)], usd, confirmed=False) == "within"
    verdict = decide([Allowance(budget, spent)], usd, confirmed=False)
    assert (verdict == "within") or "APIXO_MCP_" in reason(verdict, [Allowance(budget, spent)], usd, a_task())


@given(st.floats(0, 100), st.integers(1, 11), st.lists(st.tuples(st.floats(0, 5), st.integers(1, 4)), max_size=20))
def test_whatever_comes_the_day_never_passes_its_limits(usd: float, tasks: int, asked: list[tuple[float, int]]):
    """Each asks for a first POST and then for its further attempts, and is counted when it may."""
    budget, spent = Budget(usd, tasks), Spent()
    for price, attempts in asked:
        for _ in range(attempts):
            if decide([Allowance(budget, spent)], price, confirmed=True) != "within":
                break
            spent = Spent(spent.usd + price, spent.posts + 1)
    assert spent.usd <= usd + CENT_FRACTION
    assert spent.posts <= tasks


@given(budgets, days, st.lists(amounts, min_size=1, max_size=12), st.booleans())
def test_several_are_within_together_only_if_each_after_the_other_would_be(
    budget: Budget, spent: Spent, prices: list[float | None], confirmed: bool
):
    if decide([Allowance(budget, spent)], together(prices), posts=len(prices), confirmed=confirmed) != "within":
        return
    for price in prices:
        assert decide([Allowance(budget, spent)], price, confirmed=confirmed) == "within"
        spent = Spent(spent.usd + (price or 0.0), spent.posts + 1, spent.month_usd + (price or 0.0))


@given(budgets, days, st.lists(amounts, min_size=1, max_size=12))
def test_so_many_fit_and_not_one_more(budget: Budget, spent: Spent, prices: list[float | None]):
    count = fitting([Allowance(budget, spent)], prices)
    for more in range(1, len(prices) + 1):
        verdict = decide([Allowance(budget, spent)], together(prices[:more]), posts=more, confirmed=True)
        assert (verdict == "within") or more != count
        assert (verdict != "within") or more <= count


@pytest.mark.parametrize(
    ("prices", "sum_of_them"),
    [([0.5, 0.25], 0.75), ([], 0.0), ([1.0, None], None), ([1.0, -0.5], None), ([1.0, math.nan], None)],
)
def test_what_has_no_price_leaves_the_sum_without_one(prices: list[float | None], sum_of_them: float | None):
    assert together(prices) == sum_of_them


@pytest.mark.parametrize(
    ("agreed", "asked", "covers"),
    [
        (0.04, 0.04, True),
        (0.04, 0.03, True),
        (0.0, 0.0, True),
        (None, None, True),
        (0.04, 0.05, False),
        (0.04, None, False),
        (0.04, math.nan, False),
        (0.04, math.inf, False),
        (None, 1.0, False),
    ],
)
def test_a_yes_covers_the_price_it_was_given_for_and_lower_ones(
    agreed: float | None, asked: float | None, covers: bool
):
    assert Agreement(agreed, 1).covers(asked) is covers


@pytest.mark.parametrize(
    ("usd", "most", "spent", "told"),
    [
        (0.004, 0.001, 0.0, "about $0.0040, and $0.0010 of your day's $0.0010 are left"),
        (0.5, 1.0, 0.9900000000000001, "about $0.50, and $0.01 of your day's $1.00 are left"),
        (0.5, 0.3, 0.30000000000000004, "about $0.50, and $0.00 of your day's $0.30 are left"),
    ],
)
def test_what_a_refusal_tells_of_small_amounts_is_not_nothing(usd: float, most: float, spent: float, told: str):
    limits = [Allowance(Budget(daily_usd=most), Spent(spent), "owner")]
    assert decide(limits, usd, confirmed=True) == "over_budget"
    assert told in reason("over_budget", limits, usd, a_task())
