"""The key of a gateway is found in whatever disguise a foreign text holds it."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apixo_mcp.gateways.credential import HIDDEN, Credential
from apixo_mcp.gateways.interpret_poll import interpret_poll
from apixo_mcp.gateways.interpret_submit import interpret_submit
from apixo_mcp.net.response import Answered

KEY = "sk-Zq8LmWx3TtY7pB2vNc9RkDf5"
CREDENTIAL = Credential("APIXO", "APIXO_API_KEY", "https://apixo.ai", KEY)


def each(form: str, every: int = 1) -> Callable[[str], str]:
    return lambda text: "".join(form % ord(one) if not at % every else one for at, one in enumerate(text))


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper": str.upper,
    "lower": str.lower,
    "in turns": lambda text: "".join(one.upper() if at % 2 else one.lower() for at, one in enumerate(text)),
    "percent": each("%%%02x"),
    "some percent": each("%%%02X", 5),
    "percent twice": lambda text: quote(each("%%%02x")(text)),
    "JSON escapes": each("\\u%04x"),
    "some JSON escapes": each("\\u%04x", 5),
    "escapes in a text of JSON": lambda text: json.dumps(each("\\u%04x", 3)(text)),
    "hex escapes": each("\\x%02x"),
    "entities": each("&#%d;"),
    "hexadecimal entities": each("&#x%x;", 2),
    "zero width": lambda text: "\u200b".join(text),
    "spaces": lambda text: " ".join(text),
    "lines": lambda text: "\n".join(text),
    "dashes": lambda text: "-".join(text[at : at + 6] for at in range(0, len(text), 6)),
    "hex": lambda text: text.encode().hex(),
    "upper hex": lambda text: text.encode().hex().upper(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 behind a word": lambda text: base64.b64encode(f"Bearer {text}".encode()).decode(),
    "base64 in lines": lambda text: "\n".join(
        base64.b64encode(text.encode()).decode()[at : at + 8] for at in (0, 8, 16, 24, 32)
    ),
    "backwards": lambda text: text[::-1],
    "without its beginning": lambda text: text[3:],
    "without its beginning, upper": lambda text: text[3:].upper(),
}


def left_of(text: str) -> str:
    """What a reader could put the key together from."""
    return "".join(one for one in text.lower() if one.isalnum())


def tells(text: str) -> bool:
    plain = left_of(KEY)
    return any(plain[at : at + 12] in left_of(text) for at in range(len(plain) - 11))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", ["{}", "bad key {} given", "error={}&x=1", '{{"key":"{}"}}'])
def test_no_text_shows_it(form: str, around: str):
    text = around.format(FORMS[form](KEY))
    for shown in (CREDENTIAL.clean(text), CREDENTIAL.redact(text)):
        assert HIDDEN in shown
        assert not tells(shown)
        assert FORMS[form](KEY)[:24] not in shown
    assert CREDENTIAL.holds(text)


@given(st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789-%\\u&#; \n"), max_size=400))
def test_other_texts_stay_as_they_are(text: str):
    if left_of(KEY)[:8] not in left_of(text):
        assert CREDENTIAL.redact(text) == text
        assert not CREDENTIAL.holds(text)


@given(st.sampled_from(sorted(FORMS)), st.text(max_size=40), st.text(max_size=40))
def test_what_stands_around_it_stays(form: str, before: str, after: str):
    text = f"{before} :: {FORMS['plain'](KEY)} :: {after}"
    assert CREDENTIAL.redact(text) == f"{before} :: {HIDDEN} :: {after}"


@pytest.mark.parametrize("form", FORMS)
def test_no_answer_carries_it_on(form: str):
    disguised = FORMS[form](KEY)
    message = {"code": 400, "message": f"bad key {disguised}"}
    failed = {"code": 200, "data": {"state": "failed", "failCode": f"E_{disguised}", "failMsg": disguised}}
    empty = {"code": 200, "data": {"state": "success", "resultJson": "{}", "note": disguised}}
    voice = {"code": 200, "data": {"state": "success", "resultJson": json.dumps({"voiceId": disguised})}}
    for number, answer in enumerate((message, failed, empty, voice)):
        reply = Answered(200, {}, json.dumps(answer).encode())
        judge = interpret_poll if number else interpret_submit
        outcome = judge(reply, CREDENTIAL, 0.0)
        assert not tells(repr(outcome)), answer
        assert json.dumps(disguised)[1:-1] not in repr(outcome)


@pytest.mark.parametrize("key", ["", "sk-test", "sk-short1234"])
def test_a_short_key_changes_no_other_words(key: str):
    credential = Credential("APIXO", "APIXO_API_KEY", "https://apixo.ai", key)
    assert credential.redact("a task test of the sky, shortly") == "a task test of the sky, shortly"
