import base64
import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amounts import examples

from apixo_mcp.gateways.answers import KEPT_ANSWER, Question, task_in_callback, undocumented_state
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.envelope import retry_after, unix_time
from apixo_mcp.gateways.gateway import Accepted, Failed, Later, NoAnswer, Refused, Running, Succeeded, Unclear
from apixo_mcp.gateways.interpret_poll import interpret_again, interpret_poll
from apixo_mcp.gateways.interpret_submit import interpret_submit
from apixo_mcp.gateways.outputs import MOST_RESULTS
from apixo_mcp.generation import Produced
from apixo_mcp.net.response import Answered, Broken, NotReached

APIXO = Credential.of("apixo")

NOW = 1_767_965_610.0
PAGE = b"<!doctype html><h1>502 Bad Gateway</h1>"


def reply(status: int, body: Any, headers: dict[str, str] | None = None) -> Answered:
    return Answered(status, headers or {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def wrapped(code: int, data: Any = None, message: str = "m") -> dict[str, Any]:
    return {"code": code, "message": message, "data": data}


def submit(status: int, body: Any, headers: dict[str, str] | None = None):
    return interpret_submit(reply(status, body, headers), APIXO, NOW)


def look(status: int, body: Any, headers: dict[str, str] | None = None):
    return interpret_poll(reply(status, body, headers), APIXO, NOW)


REFUSED = [400, 401, 402, 403, 404, 405, 406, 407, 410, 411, 413, 414, 415, 416, 417, 421, 422, 426, 428, 431, 451]
LATER = [429, 503]


@pytest.mark.parametrize("code", REFUSED)
def test_a_refusal_as_http_status_as_body_code_or_both(code):
    for got in (submit(code, wrapped(code)), submit(200, wrapped(code)), submit(code, wrapped(code * 100))):
        assert isinstance(got, Refused)
        assert got.failure.charged == "no"


@pytest.mark.parametrize("code", LATER)
def test_later_as_http_status_as_body_code_or_both(code):
    for got in (submit(code, wrapped(code)), submit(200, wrapped(code)), submit(code, wrapped(code * 100))):
        assert isinstance(got, Later)
    got = submit(code, wrapped(code), {"retry-after": "12"})
    assert isinstance(got, Later)
    assert got.retry_after == 12.0


def test_what_never_left_may_be_sent_again():
    got = interpret_submit(NotReached("no network"), APIXO, NOW)
    assert isinstance(got, Later)
    assert (got.failure.category, got.failure.retryable, got.failure.charged) == ("unavailable", True, "no")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *(
            (status, PAGE)
            for status in (200, 300, 302, 303, 304, 408, 409, 412, 418, 420, 425, 444, 499, 500, 502, 503)
        ),
        *((status, PAGE) for status in (504, 506, 507, 508, 510, 520, 522, 524, 530, 599, 999)),
        *((status, wrapped(status)) for status in (500, 501, 502, 504, 505, 511, 302, 408, 409, 412, 418, 425, 499)),
        *((200, wrapped(code)) for code in (500, 502, 504, 0, 1, 201, -1)),
        *((status, wrapped(500)) for status in (301, 400, 402, 404, 413, 429, 503, 511)),
        *((500, wrapped(code)) for code in (400, 402, 404)),
        (400, b'{"code": 500, "message": "cut'),
        (404, b'{"code": 500, "data": null} // by a proxy'),
        (200, wrapped(301)),
        (200, wrapped(408)),
        *((status, wrapped(200)) for status in (429, 503, 500, 302)),
        (500, wrapped(429)),
        (502, wrapped(503)),
        (200, wrapped(200)),
        (200, wrapped(200, {})),
        (200, wrapped(200, {"taskId": ""})),
        (200, wrapped(200, {"taskId": None})),
        (200, wrapped(200, {"taskId": ["a"]})),
        (200, wrapped(200, {"taskId": "a\ud800"})),
        (200, wrapped(200, 12.5)),
        (200, wrapped(200, [{"taskId": "a"}])),
        (200, wrapped(500, {"taskId": "a"})),
        (200, b""),
        (200, b'{"code": 200, "data": {"taskId": "a"}'),
        (200, b"[" * 100_000),
        (200, b'{"code": ' + b"9" * 10_000 + b"}"),
        (200, b'{"code": 1e999}'),
        (200, b'{"code": NaN}'),
    ],
)
def test_everything_else_is_unclear(status, body):
    assert isinstance(submit(status, body), Unclear)


@pytest.mark.parametrize("body", [PAGE, b"", b"[]", {"detail": "no"}, {"error": {"message": "bad"}}, b"\xff\xfe\x00"])
@pytest.mark.parametrize("status", [301, 307, 308, *REFUSED, 501, 505, 511])
def test_a_refusal_by_the_meaning_of_http_needs_no_envelope(status, body):
    got = submit(status, body)
    assert isinstance(got, Refused)
    assert (got.failure.code, got.failure.charged) == (f"HTTP {status}", "no")
    assert "{" not in got.failure.advice


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ((301, 307, 308, 404, 405, 421), "APIXO_BASE_URL"),
        ((403,), "firewall"),
        ((413, 414, 431), "too large"),
        ((407,), "HTTPS_PROXY"),
        ((511,), "sign in"),
        ((451,), "legal"),
    ],
)
def test_its_advice_fits(statuses, words):
    for status in statuses:
        got = submit(status, PAGE)
        assert isinstance(got, Refused)
        assert words in got.failure.advice


@pytest.mark.parametrize("body", [PAGE, b"", {"detail": "Too many requests"}, b"\xff\xfe\x00"])
def test_too_fast_needs_no_envelope(body):
    got = submit(429, body, {"retry-after": "7"})
    assert isinstance(got, Later)
    assert got.retry_after == 7.0


def test_no_whole_answer_is_unclear():
    assert isinstance(interpret_submit(Broken("cut"), APIXO, NOW), Unclear)


@pytest.mark.parametrize("text", ["积分不足,需要 3.00", "余额不足", "模型不存在", "未找到支持模型 x 的渠道"])
@pytest.mark.parametrize(("status", "code"), [(200, 500), (500, 500), (200, 200), (200, 9), (429, 429)])
def test_texts_that_tell_a_refusal_whatever_the_code(text, status, code):
    assert isinstance(submit(status, wrapped(code, None, text)), Refused)
    assert isinstance(submit(status, {"code": code, "msg": text}), Refused)


@pytest.mark.parametrize(
    ("data", "accepted"),
    [
        ({"taskId": "task_12345678"}, Accepted("task_12345678")),
        ({"taskId": 12345}, Accepted("12345")),
        ({"taskId": "t", "state": "processing"}, Accepted("t")),
        (
            {"taskId": "t", "state": "processing", "voice_id": "warm-a1", "voice_type": "preparing"},
            Accepted("t", (Produced(asset_id="warm-a1", label="voice"),)),
        ),
        ({"audioId": "a1"}, Accepted("", (Produced(asset_id="a1", label="audio"),), True)),
        ({"characterId": "c1"}, Accepted("", (Produced(asset_id="c1", label="character"),), True)),
        ({"taskId": "t", "characterId": "c1"}, Accepted("t", (Produced(asset_id="c1", label="character"),), True)),
        (
            {"taskId": "t", "state": "success", "resultJson": '{"audioId": "a1"}'},
            Accepted("t", (Produced(asset_id="a1", label="audio"),), True),
        ),
        ({"taskId": "t", "state": "success", "resultJson": "{}"}, Accepted("t")),
        ({"taskId": "t", "state": "failed"}, Accepted("t")),
    ],
)
def test_an_accepted_submit(data, accepted):
    assert submit(200, wrapped(200, data)) == accepted
    assert submit(502, wrapped(200, data)) == accepted  # a task was named: it can be followed


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("pending", "pending"),
        ("waiting", "pending"),
        ("queuing", "pending"),
        ("Pending", "pending"),
        ("processing", "processing"),
        ("generating", "processing"),
        ("processing_r2", "processing"),
        ("cancelled", "processing"),
        ("timeout", "processing"),
        ("done", "processing"),
        ("odd", "processing"),
        ("processing_stage2", "processing"),
        ("", "processing"),
        (None, "processing"),
        (3, "processing"),
    ],
)
def test_a_running_task(state, expected):
    assert look(200, wrapped(200, {"taskId": "t", "state": state})) == Running(expected)


def test_an_undocumented_state_is_told_once_over():
    assert undocumented_state(reply(200, wrapped(200, {"state": "processing_r2"}))) == "'processing_r2'"
    assert undocumented_state(reply(200, wrapped(200, {}))) == "'(none)'"
    assert undocumented_state(reply(200, wrapped(200, {"state": "fail"}))) == ""
    assert undocumented_state(reply(500, wrapped(500, {"state": "odd"}))) == ""
    assert undocumented_state(Broken("cut")) == ""


@pytest.mark.parametrize("state", ["success", "completed", "succeeded", "SUCCESS"])
@pytest.mark.parametrize(
    "shape",
    [
        {"resultJson": '{"resultUrls": ["https://r/1.png", "https://r/2.png"]}'},
        {"resultJson": {"resultUrls": ["https://r/1.png", "https://r/2.png"]}},
        {"resultJson": ["https://r/1.png", "https://r/2.png"]},
        {"resultUrls": ["https://r/1.png", "https://r/2.png"]},
    ],
)
def test_a_finished_task(state, shape):
    data = {"taskId": "t", "state": state, "completeTime": 1767965652317, **shape}
    expected = Succeeded(
        (Produced(url="https://r/1.png", kind="image"), Produced(url="https://r/2.png", kind="image")), 1767965652.317
    )
    assert look(200, wrapped(200, data)) == expected
    assert look(200, data) == expected  # flat, without an envelope
    assert look(200, {"code": 200, **data}) == expected


@pytest.mark.parametrize(
    "result", ["", "{}", "{resultUrls:", '{"resultUrls": []}', '{"resultUrls": [null, 3]}', None, 7]
)
def test_success_with_nothing_in_it_is_a_failure(result):
    got = look(200, wrapped(200, {"state": "success", "resultJson": result}))
    assert isinstance(got, Failed)
    assert (got.failure.code, got.failure.category, got.failure.charged) == (
        "EMPTY_RESULT",
        "generation_failed",
        "unknown",
    )
    assert not got.transient


def test_a_failed_task():
    got = look(200, wrapped(200, {"state": "failed", "failCode": "PROCESSING_TIMEOUT", "failMsg": "too slow"}))
    assert isinstance(got, Failed)
    assert (got.failure.code, got.failure.message, got.transient) == ("PROCESSING_TIMEOUT", "too slow", True)
    got = look(200, wrapped(200, {"state": "fail", "failMsg": "任务超时"}))
    assert isinstance(got, Failed)
    assert (got.failure.category, got.transient) == ("timeout", False)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, PAGE),
        (403, PAGE),
        (500, wrapped(500)),
        (500, wrapped(200, {"state": "failed"})),
        (200, wrapped(500, {"state": "failed"})),
        (404, wrapped(404)),
        (429, wrapped(429)),
        (200, wrapped(200)),
        (200, wrapped(200, [])),
        (200, b""),
        (302, b""),
    ],
)
def test_a_look_that_tells_nothing(status, body):
    got = look(status, body, {"retry-after": "5"})
    assert isinstance(got, NoAnswer)
    assert (got.retry_after, got.failure) == (5.0, None)


@pytest.mark.parametrize(("code", "category"), [(401, "auth"), (402, "insufficient_credits"), (403, "auth")])
def test_a_look_that_no_look_with_this_key_will_do_better_than(code, category):
    for got in (look(code, wrapped(code)), look(200, wrapped(code))):
        assert isinstance(got, NoAnswer)
        assert got.failure is not None
        assert got.failure.category == category


def test_callbacks_wrapped_and_flat():
    data = {"taskId": "t", "state": "success", "resultJson": '{"resultUrls": ["https://r/1.mp4"]}'}
    assert task_in_callback(json.dumps(wrapped(200, data)).encode()) == "t"
    assert task_in_callback(json.dumps(data).encode()) == "t"
    nameless = b'{"state": "completed", "resultUrls": ["https://r/1.mp4"]}'
    for body in (nameless, b"", b"{}", b"[]", b"null", PAGE, b'{"code": 200, "data": null}'):
        assert not task_in_callback(body)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after": "-4"}, 0.0),
        ({"retry-after": "1e300"}, 86_400.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 09 Jan 2026 13:34:00 GMT", "date": "Fri, 09 Jan 2026 13:33:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 09 Jan 2026 13:34:00 GMT"}, 30.0),
        ({"retry-after": "Fri, 09 Jan 1970 13:34:00 GMT"}, 0.0),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(1767965652317, 1767965652.317), (1767965652, 1767965652.0), ("1767965652317", 1767965652.317), (0, None)]
    + [(value, None) for value in (None, True, "x", -1, float("nan"), float("inf"), 1e300, [], "9" * 400)],
)
def test_times_in_milliseconds_or_seconds(value, seconds):
    assert unix_time(value) == seconds


texts = st.text(max_size=20) | st.sampled_from(
    [
        "https://r/1.png",
        "success",
        "failed",
        "pending",
        '{"resultUrls": ["https://r/a"]}',
        "积分不足",
        "\ud800",
        "1e999",
    ]
)
keys = st.sampled_from(
    [
        "code",
        "message",
        "msg",
        "data",
        "state",
        "taskId",
        "resultJson",
        "resultUrls",
        "failCode",
        "failMsg",
        "voice_id",
        "audio_url",
        "image_url",
        "title",
        "error",
        "completeTime",
        "url",
        "characterId",
    ]
) | st.text(max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=25,
)
envelopes = st.fixed_dictionaries(
    {"code": st.sampled_from([200, 400, 429, 500, 402]) | values},
    optional={"data": st.dictionaries(keys, values, max_size=8) | values, "message": values, "msg": values},
)
bodies = st.binary(max_size=60) | st.builds(lambda value: json.dumps(value).encode(), values | envelopes)
statuses = st.sampled_from([200, 201, 302, 400, 401, 402, 403, 404, 422, 429, 500, 502, 503, 504]) | st.integers(
    100, 999
)
headers = st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text(max_size=30))


@settings(max_examples=examples(300), deadline=None, database=None)
@given(statuses, headers, bodies)
def test_whatever_comes_back_becomes_a_value(status, fields, body):
    answer = Answered(status, fields, body)
    submitted = interpret_submit(answer, APIXO, NOW)
    looked = interpret_poll(answer, APIXO, NOW)
    undocumented_state(answer)
    task_in_callback(body)
    if isinstance(submitted, Later):  # the one verdict that sends again
        assert status in (429, 503) or json.loads(body)["code"] in (429, 503)
    if isinstance(submitted, Accepted):
        assert submitted.remote_id or submitted.produced
        submitted.remote_id.encode()
    if isinstance(looked, Succeeded):
        assert looked.produced
        for one in looked.produced:
            assert bool(one.url) != bool(one.asset_id)
            (one.url + one.asset_id + one.label).encode()
    if isinstance(submitted, Unclear):
        submitted.reason.encode()
    if isinstance(looked, NoAnswer):
        looked.reason.encode()
    if isinstance(looked, Failed):
        (looked.failure.message + looked.failure.code).encode()


@pytest.mark.parametrize(
    "body",
    [
        {"taskId": "t-1"},
        {"task_id": "t-1", "state": "generating"},
        {"code": 200, "message": "success", "taskId": "t-1", "data": None},
        {"data": {"taskId": "t-1"}},
        {"code": "200", "data": {"taskId": "t-1"}},
        {"code": 0, "message": "ok", "data": {"taskId": "t-1"}},
        {"code": 201, "data": {"taskId": "t-1", "state": "waiting"}},
        {"success": True, "data": {"taskId": "t-1"}},
    ],
    ids=str,
)
def test_a_task_that_is_named_under_a_success_is_followed_however_it_is_wrapped(body):
    assert submit(200, body) == Accepted("t-1")


@pytest.mark.parametrize("code", [400, 402, 429, 500, 503])
def test_a_refusal_that_names_a_task_may_have_been_paid_for(code):
    for got in (submit(code, wrapped(code, {"taskId": "t-1"})), submit(200, wrapped(code, {"taskId": "t-1"}))):
        assert isinstance(got, Unclear)
        assert "t-1" in got.reason
        assert got.named_id == "t-1"


@pytest.mark.parametrize("status", [409, 500, 503])
def test_json_that_is_not_the_gateways_own_answer_settles_nothing(status):
    assert isinstance(submit(status, {"state": "failed", "detail": "from a proxy"}), Unclear)


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"state": "completed", "resultUrls": ["https://r/1.mp4"]}},
        {"code": "200", "data": {"state": "success", "resultUrls": ["https://r/1.mp4"]}},
        {"code": 0, "data": {"state": "success", "resultJson": '{"resultUrls": ["https://r/1.mp4"]}'}},
        {"success": True, "data": {"state": "success", "resultJson": '"{\\"resultUrls\\": [\\"https://r/1.mp4\\"]}"'}},
    ],
    ids=str,
)
def test_the_end_of_a_task_is_seen_however_it_is_wrapped(body):
    assert look(200, body) == Succeeded((Produced(url="https://r/1.mp4", kind="video"),))


@pytest.mark.parametrize(
    "state", ["canceled", "cancelled", "timeout", "rejected", "expired", "aborted", "error", "odd"]
)
@pytest.mark.parametrize(
    "told", [{"failMsg": "no luck"}, {"failCode": "NSFW_DETECTED"}, {"failMsg": "a", "failCode": "B"}]
)
def test_a_word_that_no_document_lists_ends_a_task_with_what_shows_that_it_failed(state, told):
    got = look(200, wrapped(200, {"taskId": "t", "state": state, **told}))
    assert isinstance(got, Failed)
    assert got.failure.message == told.get("failMsg", "The gateway gave no reason.")
    assert not got.transient


def test_a_bad_word_ends_a_task_with_the_time_that_it_ended():
    got = look(200, wrapped(200, {"state": "canceled", "completeTime": 1767965652317}))
    assert isinstance(got, Failed)
    assert "canceled" in got.failure.message
    assert look(200, wrapped(200, {"state": "odd", "completeTime": 1767965652317})) == Running("processing")


@pytest.mark.parametrize("state", ["done", "finished", "complete", "ready", "ok"])
def test_a_good_word_ends_a_task_with_its_results(state):
    got = look(200, wrapped(200, {"state": state, "resultUrls": ["https://r/1.png"]}))
    assert got == Succeeded((Produced(url="https://r/1.png", kind="image"),))


def test_an_unknown_word_ends_a_task_with_results_and_the_time_that_it_ended():
    data = {"state": "odd", "resultUrls": ["https://r/1.png"]}
    assert look(200, wrapped(200, data)) == Running("processing")
    assert isinstance(look(200, wrapped(200, {**data, "completeTime": 1767965652317})), Succeeded)


@pytest.mark.parametrize("nothing", ["", None, "0", "null", "success", 0])
def test_a_fail_code_that_says_nothing_fails_nothing(nothing):
    data = {"state": "success", "failCode": nothing, "failMsg": nothing, "resultUrls": ["https://r/1.png"]}
    assert isinstance(look(200, wrapped(200, data)), Succeeded)
    assert look(200, wrapped(200, {"state": "odd", "failCode": nothing, "failMsg": nothing})) == Running("processing")


@pytest.mark.parametrize("result", ["", "{}", None, "null", '{"resultUrls": []}'])
def test_a_failure_inside_a_success_is_that_failure(result):
    told = {"failCode": "CONTENT_VIOLATION", "failMsg": "prompt not allowed, see https://docs.example/rules.png"}
    got = look(200, wrapped(200, {"state": "success", "resultJson": result, **told}))
    assert isinstance(got, Failed)
    assert (got.failure.code, got.failure.category) == ("CONTENT_VIOLATION", "content_policy")
    assert got.failure.message == told["failMsg"]


def test_results_beside_a_fail_code_are_results():
    data = {"state": "success", "resultUrls": ["https://r/1.png"], "failCode": "PARTIAL"}
    assert isinstance(look(200, wrapped(200, data)), Succeeded)


def asked(body: Any, question: Question, headers: dict[str, str] | None = None):
    return interpret_poll(reply(200, body, headers), APIXO, NOW, question)


def test_an_answer_about_another_task_is_none():
    data = {"taskId": "other", "state": "success", "resultUrls": ["https://r/1.png"]}
    assert isinstance(asked(wrapped(200, data), Question("mine")), NoAnswer)
    assert isinstance(asked(data, Question("mine")), NoAnswer)
    assert isinstance(asked(wrapped(200, {**data, "taskId": "mine"}), Question("mine")), Succeeded)
    assert isinstance(asked(wrapped(200, {**data, "taskId": 7}), Question("7")), Succeeded)


@pytest.mark.parametrize(
    ("seconds", "date", "confirmed"),
    [
        (5, "", True),
        (-30, "", True),
        (-90, "", False),
        (-86400, "", False),
        (-600, "Fri, 09 Jan 2026 13:23:30 GMT", True),  # its clock is ten minutes behind, and says so
        (-30, "Fri, 09 Jan 2026 13:33:30 GMT", False),
    ],
)
def test_a_task_that_is_older_than_the_request_is_not_its_task(seconds, date, confirmed):
    data = {"taskId": "t", "state": "processing", "createTime": int((NOW + seconds) * 1000)}
    got = asked(wrapped(200, data), Question("t", since=NOW), {"date": date})
    assert isinstance(got, Running if confirmed else NoAnswer)
    assert isinstance(asked(wrapped(200, data), Question("t"), {"date": date}), Running)


def test_a_failure_confirms_only_the_task_that_it_names():
    data = {"state": "failed", "failMsg": "no such task"}
    assert isinstance(asked(wrapped(200, data), Question("t", since=NOW)), NoAnswer)
    assert isinstance(asked(wrapped(200, {**data, "taskId": "t"}), Question("t", since=NOW)), Failed)


def test_a_look_is_read_in_whatever_encoding_and_wrapping():
    data = {"taskId": "t", "state": "success", "resultUrls": ["https://r/1.png"]}
    text = json.dumps(wrapped(200, data))
    inner = json.dumps({"code": 200, "data": json.dumps(data)})
    bodies = [
        text.encode("utf-16"),
        text.encode("utf-8-sig"),
        text.replace('"m"', '"gr\xfcn"').encode("latin-1"),
        f"{text} // cached".encode(),
        inner.encode(),
        json.dumps(wrapped(200, [data])).encode(),
    ]
    for body in bodies:
        assert isinstance(look(200, body), Succeeded), body


class TestKey:
    """The key in any of the gateway's own fields is neither stored nor shown."""

    KEY = "sk-live+Zx81/pQ42mmB7=="

    @property
    def credential(self):
        return replace(APIXO, secret=self.KEY)

    def look(self, **data: Any):
        return interpret_poll(reply(200, wrapped(200, {"taskId": "t", **data})), self.credential, NOW, Question("t"))

    @pytest.mark.parametrize(
        "text",
        [
            KEY,
            f"Bearer {KEY}",
            f"key={quote(KEY, safe='')}",
            f"Basic {base64.b64encode(f'user:{KEY}'.encode()).decode()}",
            KEY[:14],
            KEY[::-1],
        ],
    )
    def test_in_words_and_codes(self, text):
        for got in (
            self.look(state="failed", failCode=text, failMsg=text),
            interpret_submit(reply(400, wrapped(400, None, text)), self.credential, NOW),
            interpret_submit(reply(500, wrapped(500, {"taskId": "t-1"}, text)), self.credential, NOW),
            interpret_poll(reply(500, wrapped(500, None, text)), self.credential, NOW),
            self.look(state="success", resultJson=text),
        ):
            assert not any(part in repr(got) for part in (self.KEY, self.KEY[:13], self.KEY[-13:], self.KEY[::-1]))

    def test_in_ids(self):
        assert isinstance(
            interpret_submit(reply(200, wrapped(200, {"taskId": self.KEY})), self.credential, NOW), Unclear
        )
        got = interpret_submit(reply(500, wrapped(500, {"taskId": self.KEY})), self.credential, NOW)
        assert got == Unclear(got.reason if isinstance(got, Unclear) else "")
        assert self.KEY not in repr(got)

    def test_in_addresses(self):
        safe = quote(self.KEY, safe="")
        urls = [
            f"https://r/1.png?key={safe}&v=2",
            f"https://{safe}@r/2.png",
            f"https://r/{safe}/3.png",
            "https://r/4.png",
        ]
        got = self.look(state="success", resultUrls=urls)
        assert isinstance(got, Succeeded)
        assert [one.url for one in got.produced] == ["https://r/1.png?v=2", "https://r/2.png", "https://r/4.png"]
        assert len(got.notes) == 2
        alone = self.look(state="success", resultUrls=[urls[2]])
        assert isinstance(alone, Failed)
        assert "API key" in alone.failure.message
        assert safe not in repr(alone)

    def test_in_the_answer_that_is_kept(self):
        got = self.look(state="success", note=f"Bearer {self.KEY}")
        assert isinstance(got, Failed)
        assert "note" in got.raw
        assert self.KEY not in got.raw
        long = self.look(state="success", note=["word"] * 50_000)
        assert isinstance(long, Failed)
        assert len(long.raw) <= KEPT_ANSWER


def test_many_results_are_kept_or_told():
    got = look(200, wrapped(200, {"state": "success", "resultUrls": [f"https://r/{n}.png" for n in range(3000)]}))
    assert isinstance(got, Succeeded)
    assert len(got.produced) == MOST_RESULTS
    assert "3000" in got.notes[0]


def test_a_kept_answer_is_read_again_even_where_it_was_cut():
    raw = json.dumps(wrapped(200, {"state": "success", "resultJson": {"oddly": {"named": "https://r/1.png"}}}))
    expected = (Produced(url="https://r/1.png", kind="image"),)
    for text in (raw, raw[: raw.index(".png") + 6]):
        assert interpret_again(text, APIXO, Question()) == Succeeded(expected)
    assert isinstance(interpret_again("{}", APIXO, Question()), Failed)
