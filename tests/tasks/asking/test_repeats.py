"""Which calls repeat an earlier one: decided by when they came, not by when they were seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apixo_mcp.tasks.asking.repeats import JOINS_AFTER, Origin, seconds_after


def came(at: float, *, since: float | None = None, connection: str = "pipe", client: str = "") -> Origin:
    return Origin(connection=connection, client=client, at=at, since=at if since is None else since)


@pytest.mark.parametrize(
    ("call", "earlier", "after"),
    [
        (came(5.0), [came(0.0)], 5.0),
        (came(2.0), [came(0.0)], 2.0),
        (came(1.9), [came(0.0)], None),
        (came(6.0), [came(0.0), came(5.0)], None),
        (came(9.0), [came(0.0), came(5.0)], 4.0),
        (came(5.0), [came(0.0, connection="another pipe")], None),
        (came(5.0, connection="", client="mcp"), [came(0.0, connection="", client="mcp")], 5.0),
        (came(5.0, connection="", client="mcp"), [came(0.0, connection="", client="other")], None),
        (came(5.0, connection=""), [came(0.0, connection="")], None),
        (came(0.0), [came(5.0)], 5.0),  # it was made again before it was read
        (came(6.0, since=0.5), [came(6.0, since=0.5)], 5.5),  # both came while nothing was seen: in doubt none is paid
    ],
)
def test_a_call_repeats_an_open_one_of_its_line_that_came_well_before(
    call: Origin, earlier: list[Origin], after: float | None
) -> None:
    assert seconds_after(call, earlier) == after


moments = st.floats(0, 100)


@given(first=moments, second=moments, seen=moments, late=moments)
def test_how_late_calls_are_seen_makes_none_a_second_purchase(
    first: float, second: float, seen: float, late: float
) -> None:
    """A call that repeats another as they came repeats it however late they are read."""
    exact = seconds_after(came(second), [came(first)])
    read_late = seconds_after(came(second + late, since=second), [came(first + seen, since=first)])
    assert exact is None or (read_late is not None and read_late >= JOINS_AFTER)
