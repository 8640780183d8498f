"""The task id in a submit's answer that is broken in any way."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amounts import examples

from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.gateway import Accepted, Unclear
from apixo_mcp.gateways.interpret_submit import interpret_submit
from apixo_mcp.gateways.named_ids import named_ids
from apixo_mcp.net.response import Answered, Broken

APIXO = Credential.of("apixo")

ID = "task_gemini-2.5-flash-image_1766304530229_cf4dafd2"
WHOLE = json.dumps({"code": 200, "message": "grün", "data": {"taskId": ID, "state": "pending"}}, ensure_ascii=False)


@pytest.mark.parametrize("space", ["\x0c", "\x0b", "\x00", "\x1c", "\xa0", "\n\x0c\t"])
def test_any_white_space_may_stand_about_a_value(space: str):
    for body in (f'{{"state": {{"taskId":{space}"{ID}"}}}}', f'{{"taskId"{space}:{space}"{ID}"{space}}}'):
        assert named_ids(body.encode()) == (ID,)


@pytest.mark.parametrize(
    "body",
    [
        WHOLE.encode(),
        json.dumps({"code": 200, "data": json.dumps({"taskId": ID})}).encode(),
        json.dumps(json.dumps({"data": json.dumps({"task_id": ID})})).encode(),
        f"{WHOLE} // cached by a proxy".encode(),
        f"/* first */ {WHOLE}".encode(),
        WHOLE.encode("latin-1"),
        WHOLE.encode("utf-16"),
        WHOLE.encode("utf-16-le"),
        WHOLE.encode("utf-8-sig"),
        f"<pre>{WHOLE}</pre>".encode(),
        b"{'code': 200, 'data': {'taskId': '%s'}}" % ID.encode(),
        f"<response><taskId>{ID}</taskId></response>".encode(),
        f"code=200&taskId={ID}&x=1".encode(),
        f"taskId: {ID}\ncode: 200\n".encode(),
        b"\x00\xff" + WHOLE.encode() + b"\xff",
        json.dumps([{"data": [{"TaskID": ID}]}]).encode(),
        json.dumps({"data": {"taskId": ID, "result": {"taskId": ID}}}).encode(),
        json.dumps({"data": {"taskId": ID, "input": {"taskId": "earlier-1"}}}).encode(),
        WHOLE.encode() + b" " * 6_000_000,
    ],
    ids=range(19),
)
def test_an_id_is_found_whatever_is_around_it(body):
    assert named_ids(body) == (ID,)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"data": {"taskId": ""}}',
        b'{"data": {"taskId": null}}',
        b'{"data": {"taskId": {}}}',
        b'{"data": {"id": "t-1"}}',
        b'{"data": {"parentTaskId": "t-1"}}',
        b'{"message": "the taskId is missing"}',
        b'{"message": "taskId: required"}',
        b'{"data": [{"taskId": "t-1"}, {"taskId": "t-2"}]}',
        b'{"input": {"taskId": "t-1"}}',
        b'{"data": {"taskId": "' + b"x" * 300 + b'"}}',
    ],
)
def test_no_id_is_made_up(body):
    assert len(named_ids(body)) != 1


def test_an_id_that_was_sent_is_not_the_new_tasks():
    assert named_ids(b'{"taskId": "mj-1"}', inputs={"taskId": "mj-1"}) == ()


def test_where_an_answer_redirects_to_may_name_the_task():
    assert named_ids(b"", {"location": f"/api/v1/statusTask/nano-banana?taskId={ID}"}) == (ID,)


@settings(max_examples=examples(200), deadline=None, database=None)
@given(st.integers(0, len(WHOLE.encode())), st.sampled_from([200, 302, 409, 500, 502]))
def test_cut_at_any_byte_it_is_whole_or_not_there(at, status):
    cut = WHOLE.encode()[:at]
    end = WHOLE.encode().index(ID.encode()) + len(ID) + 1
    for got in (
        interpret_submit(Broken("cut", cut), APIXO, 0.0),
        interpret_submit(Answered(status, {}, cut), APIXO, 0.0),
    ):
        if isinstance(got, Accepted):
            assert (at, got.remote_id) == (len(WHOLE.encode()), ID)
        else:
            assert isinstance(got, Unclear)
            assert got.named_id == (ID if at >= end else "")


@pytest.mark.parametrize("status", [301, 400, 403, 404, 413, 429, 500, 501, 503, 511])
def test_a_status_that_refuses_is_in_doubt_where_the_answer_names_a_task(status):
    for body in (WHOLE.encode("latin-1"), f"<p>{WHOLE}</p>".encode()):
        got = interpret_submit(Answered(status, {}, body), APIXO, 0.0)
        assert isinstance(got, Unclear)
        assert got.named_id == ID
