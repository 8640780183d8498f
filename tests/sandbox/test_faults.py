"""Everything that can be made to go wrong, seen from the client."""

import time

import anyio
import httpx2
import pytest
from support.amounts import here
from support.program import happens

from apixo_mcp.sandbox import MARKS, Sandbox
from apixo_mcp.sandbox.faults import BadScenario
from apixo_mcp.sandbox.marks import marks_in, parse, without_marks

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [400, 402, 403, 429, 500, 502, 503, 504])
async def test_refused_submits_have_an_envelope_and_cost_nothing(box: Sandbox, submit, status: int):
    answer = await submit(f"x [http:{status}]")
    assert answer.status_code == status
    assert (answer.json()["code"], answer.json()["data"]) == (status, None)
    assert box.submits() == []
    assert box.log()[0]["paid"] is False


async def test_a_page_of_html_a_body_code_and_a_retry_after(submit):
    html = await submit("x [http:502:html]")
    assert html.status_code == 502
    assert html.headers["content-type"].startswith("text/html")
    code = await submit("x [code:402]")
    assert (code.status_code, code.json()["code"]) == (200, 402)
    later = await submit("x [http:429:after=2]")
    assert later.headers["retry-after"] == "2"


async def test_counted_refusals_end(submit):
    assert [(await submit("x [429x2]")).status_code for _ in range(4)] == [429, 429, 200, 200]
    assert [(await submit("y [429x1] [http:503x2]")).status_code for _ in range(4)] == [429, 503, 503, 200]


async def test_a_cut_after_accepting_is_paid(box: Sandbox, submit):
    with pytest.raises(httpx2.RemoteProtocolError):
        await submit("x [cut]")
    assert len(box.submits()) == 1
    assert box.submits()[0]["status"] == "cut"


async def test_a_cut_before_accepting_is_not_paid(box: Sandbox, submit):
    with pytest.raises(httpx2.RemoteProtocolError):
        await submit("x [cut-early]")
    assert box.submits() == []
    assert box.log()[0]["status"] == "cut"


async def test_a_cut_is_one_connections_only(box: Sandbox, submit):
    async with anyio.create_task_group() as group:

        async def cut() -> None:
            with pytest.raises(httpx2.RemoteProtocolError):
                await submit("x [cut]")

        async def fine() -> None:
            assert (await submit("x [slow-submit:0.05]")).status_code == 200

        for _ in range(10):
            group.start_soon(cut)
            group.start_soon(fine)
    assert len(box.submits()) == 20


async def test_a_hanging_submit_is_paid(box: Sandbox, client: httpx2.AsyncClient):
    body = {"input": {"mode": "text-to-image", "prompt": "x [hang]"}}
    with pytest.raises(httpx2.ReadTimeout):
        await client.post("/api/v1/generateTask/nano-banana", json=body, timeout=httpx2.Timeout(60, read=here(0.1)))
    await happens(lambda: len(box.submits()) == 1)


async def test_a_slow_submit_is_accepted_before_it_is_answered(box: Sandbox, client: httpx2.AsyncClient, submit):
    body = {"input": {"mode": "text-to-image", "prompt": "x [slow-submit:5]"}}
    with pytest.raises(httpx2.ReadTimeout):
        await client.post("/api/v1/generateTask/nano-banana", json=body, timeout=httpx2.Timeout(60, read=here(0.1)))
    await happens(lambda: len(box.submits()) == 1)
    began = time.monotonic()
    assert (await submit("y [slow-submit:0.1]")).status_code == 200
    assert time.monotonic() - began >= 0.1


async def test_an_accepted_submit_with_null_data(box: Sandbox, submit):
    assert (await submit("x [null-data]")).json() == {"code": 200, "message": "success", "data": None}
    assert len(box.submits()) == 1


async def test_fail_once(submit, look):
    states = []
    for _ in range(3):
        data = (await submit("x [took:0] [fail-once:PROCESSING_TIMEOUT]")).json()["data"]
        looked = (await look(data["taskId"])).json()["data"]
        states.append((looked["state"], looked.get("failCode")))
    assert states == [("failed", "PROCESSING_TIMEOUT"), ("success", None), ("success", None)]


@pytest.mark.parametrize(
    ("mark", "seen"),
    [("look:500x3", [500, 500, 500, 200]), ("look:404x1", [404, 200]), ("look:503", [503, 503, 503])],
)
async def test_looks_fail_as_often_as_asked(submit, look, mark: str, seen: list[int]):
    remote_id = (await submit(f"x [{mark}]")).json()["data"]["taskId"]
    assert [(await look(remote_id)).status_code for _ in seen] == seen


async def test_looks_can_be_html_null_or_cut(submit, look):
    html = await look((await submit("x [look:html]")).json()["data"]["taskId"])
    assert html.headers["content-type"].startswith("text/html")
    null = await look((await submit("x [look:null]")).json()["data"]["taskId"])
    assert null.json()["data"] is None
    cut = (await submit("x [look:cutx1]")).json()["data"]["taskId"]
    with pytest.raises(httpx2.RemoteProtocolError):
        await look(cut)
    assert (await look(cut)).status_code == 200


@pytest.mark.parametrize(
    ("mark", "result"),
    [
        ("empty-result", '{"resultUrls":[]}'),
        ("no-result", None),
        ("broken-result", "{resultUrls:"),
    ],
)
async def test_odd_results(submit, look, mark: str, result: str | None):
    remote_id = (await submit(f"x [took:0] [{mark}]")).json()["data"]["taskId"]
    data = (await look(remote_id)).json()["data"]
    assert (data["state"], data.get("resultJson")) == ("success", result)


async def test_a_result_may_be_an_object(submit, look):
    remote_id = (await submit("x [took:0] [object-result]")).json()["data"]["taskId"]
    assert isinstance((await look(remote_id)).json()["data"]["resultJson"], dict)


async def test_a_scenario_strikes_what_it_matches_and_as_often(box: Sandbox, submit, look, client: httpx2.AsyncClient):
    box.scenario(
        {"route": "submit", "times": 2, "match": {"model": "flux-2"}, "do": "http:503"},
        {"route": "submit", "match": {"prompt": "fox"}, "do": "fail:NSFW_DETECTED"},
        {"route": "look", "times": -1, "match": {"prompt": "slow"}, "do": "500"},
        {"route": "balance", "do": "http:403"},
    )
    flux = {"mode": "pro-text-to-image", "aspect_ratio": "1:1", "resolution": "1K"}
    assert [(await submit("cat", "flux-2", **flux)).status_code for _ in range(3)] == [503, 503, 200]
    fox = (await submit("a fox [took:0]")).json()["data"]["taskId"]
    assert (await look(fox)).json()["data"]["failCode"] == "NSFW_DETECTED"
    slow = (await submit("a slow cat")).json()["data"]["taskId"]
    assert [(await look(slow)).status_code for _ in range(3)] == [500, 500, 500]
    statuses = [(await client.get("/api/v1/apikeys/current-balance")).status_code for _ in range(2)]
    assert statuses == [403, 200]


async def test_a_scenario_over_http_and_a_reset(box: Sandbox, client: httpx2.AsyncClient, submit):
    put = await client.post("/_sandbox/scenario", json={"faults": [{"route": "submit", "do": "cut", "times": -1}]})
    assert put.json() == {"faults": 1}
    with pytest.raises(httpx2.RemoteProtocolError):
        await submit()
    log = (await client.get("/_sandbox/log")).json()["log"]
    assert log == box.log()
    assert [entry["paid"] for entry in log] == [True]
    assert "sk-test" not in str(log)
    assert len((await client.get("/_sandbox/tasks")).json()["tasks"]) == 1
    await client.post("/_sandbox/reset")
    assert (await submit()).status_code == 200
    assert len(box.submits()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"route": "submits", "do": "cut"},
        {"route": "submit", "do": "explode"},
        {"route": "submit"},
        {"route": "look", "do": "cut", "times": "2"},
        {"route": "look", "do": "cut", "match": ["x"]},
    ],
)
async def test_a_scenario_that_is_not_understood_is_refused(box: Sandbox, client: httpx2.AsyncClient, fault):
    with pytest.raises(BadScenario):
        box.scenario(fault)
    assert (await client.post("/_sandbox/scenario", json={"faults": [fault]})).status_code == 400


async def test_log_entries_say_what_was_paid_for(box: Sandbox, submit, look):
    remote_id = (await submit("a fox")).json()["data"]["taskId"]
    await look(remote_id)
    (paid,), (looked,) = box.submits(), box.looks()
    assert paid["remote_id"] == looked["remote_id"] == remote_id
    assert (paid["model"], paid["gateway"], paid["outcome"]) == ("nano-banana", "apixo", "accepted")
    assert paid["input"] == {"mode": "text-to-image", "prompt": "a fox"}
    assert paid["body"] == {"input": paid["input"]}
    assert paid["key"] == looked["key"]
    assert paid["at"] <= looked["at"]


async def test_every_mark_of_the_table_is_understood():
    for word in MARKS:
        if not word.startswith("[..."):
            sample = word.replace("STATUS", "503").replace("CODE", "402").replace("NAME", "odd").replace("=S", "=2")
            sample = sample.replace(":S]", ":1]")
            assert len(marks_in({"prompt": f"a {sample} b"})) == 1, word
            assert without_marks(f"a {sample} b") == "a b"


async def test_other_brackets_are_text():
    assert marks_in({"prompt": "(laughs) [verse 1] [chorus] [look] [http] <#0.5#> [600]"}) == ()
    assert without_marks("[chorus] la [cut]") == "[chorus] la"
    assert parse("look:") is None
