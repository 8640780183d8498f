"""How long what was not sent is still wanted, for any ages, clocks and processes."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from support.asked import NOW, asked, why

from apixo_mcp.tasks.ports.leases import BEYOND_LEASES
from apixo_mcp.tasks.task import Attempt, State, Task
from apixo_mcp.tasks.transitions.unsent import WANTED_FOR, WANTED_WHILE_ALIVE, lapsed, still_wanted

MINE, THEIRS = "mine", "theirs"
ages = st.floats(-2 * 86400, 2 * 86400) | st.sampled_from((WANTED_FOR, WANTED_WHILE_ALIVE))
askers = st.sampled_from((f"{MINE}/1", f"{THEIRS}/1", ""))
signs = st.floats(-100, 100)  # the last sign of life of the process that was asked, from now on


def unsent(age: float, asker: str, sign: float) -> Task:
    return asked(created_at=NOW - age, asked_by=asker, wanted_until=NOW + sign)


@given(ages, askers, signs)
def test_within_ten_minutes_anybody_sends_it_and_after_an_hour_nobody(age: float, asker: str, sign: float):
    verdict = still_wanted(unsent(age, asker, sign), NOW, MINE)
    assert (abs(age) <= WANTED_FOR) <= (verdict == "yes")
    assert (abs(age) > WANTED_WHILE_ALIVE) == (verdict == "no" and abs(age) > WANTED_WHILE_ALIVE)


@given(ages, askers, signs)
def test_in_between_only_the_process_that_was_asked_sends_it(age: float, asker: str, sign: float):
    verdict = still_wanted(unsent(age, asker, sign), NOW, MINE)
    if WANTED_FOR < abs(age) <= WANTED_WHILE_ALIVE:
        assert (verdict == "yes") == asker.startswith(MINE)
        if verdict == "by_another":
            assert 0 < sign <= BEYOND_LEASES


@given(ages, askers, signs)
def test_a_process_that_was_never_asked_sends_only_what_is_fresh(age: float, asker: str, sign: float):
    assert (still_wanted(unsent(age, asker, sign), NOW, "") == "yes") == (abs(age) <= WANTED_FOR)


@given(ages, ages)
def test_an_equal_request_and_a_failure_count_from_their_own_moment(age: float, later: float):
    anew = replace(unsent(age, "", 0), asked_at=NOW - later)
    assert still_wanted(anew, NOW, "") == still_wanted(unsent(later, "", 0), NOW, "")
    failed_at = NOW - min(age, later)
    failed = replace(unsent(age, "", 0), attempts=(Attempt(sent_at=NOW - age, remote_id="r", failed_at=failed_at),))
    assert still_wanted(failed, NOW, "") == still_wanted(unsent(min(age, later), "", 0), NOW, "")


@given(st.booleans(), st.booleans())
def test_what_lapses_has_an_end_that_tells_what_it_cost(has_attempt: bool, has_failure: bool):
    attempts = (Attempt(sent_at=NOW, remote_id="r", failure_code="X", failed_at=NOW),) if has_attempt else ()
    failure = why() if has_failure or has_attempt else None
    ended = lapsed(asked(attempts=attempts, failure=failure), NOW + 1)
    assert ended.state is (State.FAILED if has_attempt else State.CANCELLED)
    assert (ended.due, ended.completed_at, ended.posts) == (None, NOW + 1, int(has_attempt))
    assert (ended.idempotency_key == "") == (not has_attempt)
    assert ("nothing was charged" in ended.notes[-1]) == (not has_attempt)
