"""How long a client is kept waiting, played with made-up clients in made-up time."""

import math
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apixo_mcp.server.patience import STEPS, WITHIN, Patience
from apixo_mcp.server.profiles import UNKNOWN, Profile, profile_of


@dataclass(frozen=True)
class Client:
    """A framework that makes something, and asks until it has it.

    Attributes:
        limit: seconds after which it gives a call up.
        says_so: whether it cancels the call then.
        thinks: seconds between two of its calls.
    """

    limit: float = math.inf
    says_so: bool = True
    thinks: float = 0.0


@dataclass
class Played:
    """What became of it.

    Attributes:
        turns: calls that were made.
        waits: for how long each may have lasted, in the server's eyes.
        lost: which of them had no answer.
    """

    turns: int
    waits: list[float]
    lost: list[int]


def played(client: Client, takes: float, profile: Profile = UNKNOWN) -> Played:
    """Plays a task that takes so many seconds, as the server sees it: a call is open until it is answered there."""
    patience, now, result = Patience(), 0.0, Played(0, [], [])
    open_until = open_since = -1.0
    while result.turns < 400:
        if result.turns > 1 and now <= open_until:
            patience = patience.repeated(now - open_since)
        is_first = not result.turns
        wait = patience.makes(profile) if is_first else patience.asks(profile)
        result.turns += 1
        result.waits.append(wait)
        answered_at = max(now, min(now + wait, takes))
        given_up_at = now + client.limit
        if answered_at < given_up_at:
            if not is_first and now + wait <= takes:
                patience = patience.answered(wait)
            if answered_at >= takes:
                return result
            now = answered_at + client.thinks
            continue
        result.lost.append(result.turns - 1)
        if client.says_so:
            patience = patience.cancelled(client.limit)
        else:
            open_since, open_until = now, answered_at
            if given_up_at + client.thinks > answered_at and not is_first:
                patience = patience.answered(wait)  # as far as the server sees, it was read
        now = given_up_at + client.thinks
    return result


def test_a_framework_without_a_limit_has_a_picture_in_six_calls_and_a_video_in_twelve() -> None:
    assert played(Client(), 40).turns <= 6
    assert played(Client(), 180).turns <= 12
    assert played(Client(thinks=3), 180).turns <= 12


@pytest.mark.parametrize("says_so", [True, False], ids=["says so", "silent"])
@pytest.mark.parametrize("thinks", [0, 1, 4, 10])
def test_one_that_gives_up_after_five_seconds_has_a_picture_in_nine_turns(says_so: bool, thinks: float) -> None:
    assert played(Client(5, says_so=says_so, thinks=thinks), 30).turns <= 9


@pytest.mark.parametrize("thinks", [0, 3])
@pytest.mark.parametrize("limit", [5, 8, 10, 30, 60])
def test_one_that_says_that_it_gave_up_loses_one_answer(limit: float, thinks: float) -> None:
    result = played(Client(limit, thinks=thinks), 600)
    assert len(result.lost) <= 1
    assert max(result.waits[lost + 1] for lost in result.lost or [0]) <= max(WITHIN * limit, STEPS[0])


@example(limit=45.90625, says_so=False, thinks=2.125, takes=487.0)
@given(limit=st.floats(4.8, 100), says_so=st.booleans(), thinks=st.floats(0, 20), takes=st.floats(0, 600))
def test_every_client_has_its_task_in_the_end(limit: float, says_so: bool, thinks: float, takes: float) -> None:
    result = played(Client(limit, says_so, thinks), takes)
    assert result.turns < 400
    assert result.turns - 1 not in result.lost
    # One that gives up just before the longest step ends, without a word, and asks just after it, looks as if it had
    # read every answer.
    is_unseen = not says_so and limit <= STEPS[-1] <= limit + thinks
    assert len(result.lost) <= len(STEPS) + (takes / STEPS[-1] if is_unseen else 0)


@given(limit=st.floats(1, 100), thinks=st.floats(0, 20), takes=st.floats(0, 300))
def test_no_call_lasts_longer_than_the_rest_of_what_broke(limit: float, thinks: float, takes: float) -> None:
    result = played(Client(limit, says_so=True, thinks=thinks), takes)
    broke = math.inf
    for turn, wait in enumerate(result.waits):
        assert wait <= WITHIN * broke
        if turn in result.lost:
            broke = min(broke, limit)


@given(st.lists(st.tuples(st.sampled_from(["answered", "cancelled", "repeated"]), st.floats(0, 200))))
def test_the_profile_of_a_client_is_the_upper_bound(events: list[tuple[str, float]]) -> None:
    patience = Patience()
    goose, adk = profile_of("goose"), profile_of("google-adk")
    for name, after in events:
        before, patience = patience, getattr(patience, name)(after)
        assert patience.most <= before.most
        assert patience.makes(UNKNOWN) <= UNKNOWN.wait_seconds
        assert patience.asks(UNKNOWN) <= STEPS[-1]
        assert max(patience.makes(goose), patience.asks(goose)) <= goose.wait_seconds
        assert patience.asks(adk) <= 4.0
        if name == "repeated":
            assert max(patience.makes(goose), patience.asks(goose)) <= max(WITHIN * after, 0)


def test_a_person_who_changes_its_mind_at_once_teaches_nothing() -> None:
    assert Patience().cancelled(0.2) == Patience()


def test_a_client_that_gives_up_without_a_word_is_kept_as_short_as_every_client_bears() -> None:
    patience = Patience(step=4).repeated(11)
    assert (patience.makes(profile_of("claude-ai")), patience.asks(profile_of("claude-ai"))) == (2.0, STEPS[0])
    assert patience.answered(STEPS[0]).asks(UNKNOWN) == STEPS[0]
