"""The id of a session: who may read it, and what it tells."""

import json

from hypothesis import given
from hypothesis import strategies as st

from apixo_mcp.server.http.sessions.ids import LASTS, HttpSession, SessionIds, client_of

NOW = 1_790_000_000.0
IDS = SessionIds(b"secret")
CLIENT = {
    "protocolVersion": "2025-06-18",
    "capabilities": {"elicitation": {}, "roots": {"listChanged": True}},
    "clientInfo": {"name": "claude-ai", "version": "1"},
}
SESSION = HttpSession("alice", CLIENT, NOW)
GIVEN = IDS.id_of(SESSION)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=2000),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=20,
)


def test_an_id_tells_its_session_to_whoever_has_the_secret() -> None:
    assert SessionIds(b"secret").session_of(GIVEN, NOW + 5) == SESSION
    assert SessionIds(b"another").session_of(GIVEN, NOW + 5) is None


def test_two_sessions_of_one_client_have_two_ids() -> None:
    assert IDS.id_of(HttpSession("alice", CLIENT, NOW)) != GIVEN


def test_an_id_is_taken_up_for_a_month() -> None:
    assert IDS.session_of(GIVEN, NOW + LASTS - 1) is not None
    assert IDS.session_of(GIVEN, NOW + LASTS) is None
    assert IDS.session_of(GIVEN, NOW - 3600) is not None, "a clock that was set back ends no session"


@given(st.integers(0, len(GIVEN) - 1), st.characters())
def test_an_id_of_which_anything_was_changed_is_none(place: int, other: str) -> None:
    changed = GIVEN[:place] + other + GIVEN[place + 1 :]
    assert IDS.session_of(changed, NOW) == (SESSION if changed == GIVEN else None)


@given(st.text(max_size=200))
def test_anything_else_is_none(text: str) -> None:
    assert IDS.session_of(text, NOW) is None


@given(
    st.dictionaries(st.sampled_from(["protocolVersion", "capabilities", "clientInfo", "x"]), json_values) | json_values
)
def test_whatever_a_client_says_its_id_fits_into_a_header(said: object) -> None:
    given = IDS.id_of(HttpSession("o" * 100, client_of(said), NOW))
    assert len(given) < 4096
    assert all("!" <= char <= "~" for char in given)
    assert IDS.session_of(given, NOW) is not None


def test_what_is_large_is_left_out_and_the_rest_kept() -> None:
    large = {"icons": ["x" * 5000], "name": "claude-ai", "version": "1"}
    said = CLIENT | {"clientInfo": large, "capabilities": {"experimental": {"x": "y" * 3000}, "elicitation": {}}}
    told = client_of(said)
    assert told["clientInfo"] == {"name": "claude-ai", "version": "1"}
    assert told["capabilities"] == {"elicitation": {}}
    assert len(json.dumps(told)) < 300


def test_a_revision_that_is_not_known_is_told_as_the_one_that_was_agreed_on() -> None:
    assert client_of(CLIENT | {"protocolVersion": "2099-01-01"})["protocolVersion"] == "2025-11-25"
