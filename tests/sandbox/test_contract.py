"""The documented answers of both gateways."""

import json
from typing import Any

import httpx2
import pytest

from apixo_mcp.sandbox import Sandbox
from apixo_mcp.sandbox.facts import find
from apixo_mcp.sandbox.tasks import RemoteTask, duration

pytestmark = pytest.mark.anyio

INPUT = {"mode": "text-to-image", "prompt": "a fox [took:0]"}


def task(**changes: Any) -> RemoteTask:
    plain: dict[str, Any] = {
        "remote_id": "abc",
        "gateway": "apixo",
        "model": "nano-banana",
        "kind": "image",
        "key": "k",
        "input": {"prompt": "a fox"},
        "body": {},
        "base_url": "http://box",
        "created": 1000.0,
        "seconds": 10.0,
        "files": 1,
        "price": 0.01,
    }
    return RemoteTask(**{**plain, **changes})


async def test_a_picture_from_submit_to_file(client: httpx2.AsyncClient):
    answer = await client.post("/api/v1/generateTask/nano-banana", json={"input": INPUT})
    body = answer.json()
    assert (answer.status_code, body["code"], body["message"], list(body["data"])) == (200, 200, "success", ["taskId"])
    looked = await client.get("/api/v1/statusTask/nano-banana", params={"taskId": body["data"]["taskId"]})
    data = looked.json()["data"]
    assert data["state"] == "success"
    assert isinstance(data["resultJson"], str)
    assert data["completeTime"] - data["createTime"] == data["costTime"] == 0
    urls = json.loads(data["resultJson"])["resultUrls"]
    file = await client.get(urls[0])
    assert file.headers["content-type"] == "image/jpeg"


async def test_a_ruxa_picture_from_create_to_file(client: httpx2.AsyncClient):
    body = {"model": "google/nano-banana", "input": {"prompt": "a fox [took:0]", "output_format": "png"}}
    answer = await client.post("/api/v1/tasks/create", json=body)
    remote_id = answer.json()["data"]["taskId"]
    assert remote_id.startswith("task_gemini-2.5-flash-image_")
    data = (await client.get(f"/api/v1/tasks/query/{remote_id}")).json()["data"]
    assert set(data) == {"taskId", "state", "resultJson"}
    assert data["state"] == "success"
    file = await client.get(json.loads(data["resultJson"])["resultUrls"][0])
    assert file.headers["content-type"] == "image/png"


async def test_ruxa_may_end_as_completed_and_fails_without_a_code(client: httpx2.AsyncClient):
    seen = []
    for prompt in ("a [took:0] [completed]", "b [took:0] [fail:CONTENT_VIOLATION]"):
        answer = await client.post("/api/v1/tasks/create", json={"model": "sora-2", "input": {"prompt": prompt}})
        seen.append((await client.get(f"/api/v1/tasks/query/{answer.json()['data']['taskId']}")).json()["data"])
    assert seen[0]["state"] == "completed"
    assert seen[1]["state"] == "fail"
    assert set(seen[1]) == {"taskId", "state", "failMsg"}


@pytest.mark.parametrize(
    ("share", "phase"), [(0.0, "waiting"), (0.15, "queuing"), (0.3, "processing"), (0.99, "processing"), (1, "success")]
)
async def test_the_phases_of_a_task(share: float, phase: str):
    assert task().phase(1000 + 10 * share) == phase


async def test_states_have_each_gateways_words():
    from apixo_mcp.sandbox.gateways import apixo, ruxa

    words = [apixo.status_data(task(), 1000 + at)["state"] for at in (0.5, 1.5, 5, 10)]
    assert words == ["pending", "pending", "processing", "success"]
    other = task(gateway="ruxa", model="sora-2")
    assert [ruxa.state_of(other, 1000 + at) for at in (0.5, 1.5, 5, 10)] == [
        "waiting",
        "queuing",
        "generating",
        "success",
    ]
    assert apixo.status_data(task(model="grok-video"), 1000.1)["state"] == "processing"
    assert apixo.status_data(task(input={"prompt": "[state:processing_r2]"}), 1005)["state"] == "processing_r2"
    assert apixo.status_data(task(input={"prompt": "[never]"}), 1e12)["state"] == "processing"


async def test_a_failed_task_is_a_good_answer(client: httpx2.AsyncClient, submit, look):
    remote_id = (await submit("x [took:0] [fail:CONTENT_VIOLATION]")).json()["data"]["taskId"]
    answer = await look(remote_id)
    assert answer.status_code == 200
    assert answer.json() == {
        "code": 200,
        "message": "success",
        "data": {
            "taskId": remote_id,
            "state": "failed",
            "failCode": "CONTENT_VIOLATION",
            "failMsg": "Content does not meet safety guidelines",
        },
    }


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer sk-bad-1"}, {"Authorization": "Basic sk-1"}])
async def test_a_wrong_key_is_refused(box: Sandbox, header: dict[str, str]):
    async with httpx2.AsyncClient(base_url=box.url, headers=header, trust_env=False, timeout=60) as client:
        submitted = await client.post("/api/v1/generateTask/nano-banana", json={"input": INPUT})
        created = await client.post("/api/v1/tasks/create", json={"model": "sora-2", "input": {"prompt": "x"}})
        balance = await client.get("/api/v1/apikeys/current-balance")
    assert [one.status_code for one in (submitted, created, balance)] == [401, 401, 401]
    assert "data" not in submitted.json()
    assert box.submits() == []


@pytest.mark.parametrize(
    ("model", "given", "status"),
    [
        ("nano-banana", INPUT, 400),
        ("vidu-q3", {"mode": "text-to-video", "prompt": "x"}, 402),
        (
            "hailuo-2-3-fast",
            {"mode": "pro-image-to-video", "prompt": "x", "image_urls": ["https://example.com/a.png"]},
            402,
        ),
    ],
)
async def test_no_credits(box: Sandbox, model: str, given: dict[str, object], status: int):
    async with httpx2.AsyncClient(base_url=box.url, headers={"Authorization": "Bearer sk-poor"}, timeout=60) as client:
        answer = await client.post(f"/api/v1/generateTask/{model}", json={"input": given})
        ruxa = await client.post("/api/v1/tasks/create", json={"model": "sora-2", "input": {"prompt": "x"}})
    assert answer.status_code == status
    assert answer.json() == {"code": status, "message": "Insufficient credits", "data": None}
    assert (ruxa.status_code, ruxa.json()["message"]) == (402, "积分不足")
    assert box.submits() == []


async def test_the_balance_falls_by_what_was_accepted(client: httpx2.AsyncClient, submit):
    before = (await client.get("/api/v1/apikeys/current-balance")).json()
    assert before == {"code": 200, "message": "success", "data": 100.0}
    await submit()
    await submit("refused [http:503]")
    await submit("paid all the same", model="seedream-5-0", max_images=3)
    assert (await client.get("/api/v1/apikeys/current-balance")).json()["data"] == pytest.approx(99.96)


async def test_an_empty_purse_is_refused():
    async with (
        Sandbox(speed=1000, balance=0.015) as box,
        httpx2.AsyncClient(base_url=box.url, headers={"Authorization": "Bearer sk-1"}, timeout=60) as client,
    ):
        answers = [await client.post("/api/v1/generateTask/nano-banana", json={"input": INPUT}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 400]


async def test_unknown_things_are_not_found(client: httpx2.AsyncClient, submit, look):
    remote_id = (await submit()).json()["data"]["taskId"]
    assert (await submit(model="nano-banana-9")).status_code == 404
    assert (await look(remote_id, "flux-2")).status_code == 404
    assert (await look("nothing")).status_code == 404
    assert (await client.get(f"/api/v1/tasks/query/{remote_id}")).status_code == 404
    assert (await client.get("/api/v1/statusTask/nano-banana")).status_code == 400
    created = await client.post("/api/v1/tasks/create", json={"model": "kling", "input": {"prompt": "x"}})
    assert (created.status_code, created.json()["data"]) == (404, None)
    assert (await client.get("/api/v1/nowhere")).json()["code"] == 404


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": INPUT, "request_type": "sync"}, "request_type"),
        ({"input": INPUT, "request_type": "callback"}, "callback_url"),
        ({"input": INPUT, "provider": "cheap"}, "provider"),
    ],
)
async def test_the_body_of_a_submit_is_checked(client: httpx2.AsyncClient, body: dict[str, object], names: str):
    answer = await client.post("/api/v1/generateTask/nano-banana", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert names in answer.json()["data"]["error"]


async def test_what_is_not_json_is_refused(client: httpx2.AsyncClient):
    assert (await client.post("/api/v1/generateTask/nano-banana", content=b"{")).status_code == 400
    assert (await client.post("/api/v1/tasks/create", content=b"[]")).status_code == 422


async def test_the_special_answers_to_a_submit(client: httpx2.AsyncClient):
    async def data(model: str, **given: object) -> dict[str, str]:
        answer = await client.post(f"/api/v1/generateTask/{model}", json={"input": given})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    speech = await data("minimax-speech-2-8", mode="speech-hd", voice_id="v", prompt="hello")
    assert speech["state"] == "processing"
    voice = await data("minimax-voice", mode="design", voice_id_prefix="warm001", preview_text="hello")
    assert voice["voice_id"].startswith("warm001-")
    assert voice["voice_type"] == "preparing"
    assert list(await data("gemini-omni", mode="gemini-omni-audio", voice_key="calm")) == ["audioId"]
    assert list(await data("gemini-omni", mode="gemini-omni-character")) == ["characterId"]
    assert list(await data("gemini-omni", mode="gemini-omni-video", prompt="x")) == ["taskId"]


async def test_how_many_files_a_task_makes(made):
    assert len(await made(model="seedream-4-5", max_images=4)) == 4
    assert len(await made(model="wan-2-5-image")) == 4
    assert len(await made(model="wan-2-6-image", num_images=3)) == 3
    assert len(await made(model="midjourney")) == 4
    song = {"mode": "V5", "customMode": False, "instrumental": True}
    assert len(await made("a song", model="suno", **song)) == 2


async def test_a_song_has_covers(client: httpx2.AsyncClient, submit, look):
    answer = await submit("a song [took:0]", model="suno", mode="V5", customMode=False, instrumental=True)
    data = (await look(answer.json()["data"]["taskId"], "suno")).json()["data"]
    tracks = json.loads(data["resultJson"])["data"]
    cover = await client.get(tracks[1]["image_url"])
    assert cover.headers["content-type"] == "image/jpeg"
    assert (await client.get(tracks[1]["audio_url"])).headers["content-type"] == "audio/wav"


@pytest.mark.parametrize(
    ("model", "given", "low", "high"),
    [
        ("nano-banana", {}, 10, 15),
        ("nano-banana-pro", {"resolution": "4K"}, 45, 60),
        ("seedream-4-5", {}, 25, 35),
        ("ltx-2-19b", {"resolution": "480p"}, 40, 60),
        ("midjourney", {"speed": "turbo"}, 30, 30),
        ("suno", {}, 120, 180),
        ("kling-2-6", {}, 90, 150),
    ],
)
async def test_tasks_take_their_documented_time(model: str, given: dict[str, str], low: float, high: float):
    facts = find("apixo", model)
    assert facts is not None
    times = [duration(facts, {**given, "prompt": str(n)}, (), 1.0) for n in range(30)]
    assert low <= min(times) <= max(times) <= high
    assert duration(facts, given, (), 10.0) == pytest.approx(duration(facts, given, (), 1.0) / 10)


async def test_the_thousand_and_first_task_at_once_is_refused(box: Sandbox, client: httpx2.AsyncClient, submit):
    given = {"mode": "text-to-image", "prompt": "[never]"}
    facts = find("apixo", "nano-banana")
    assert facts is not None
    for number in range(1000):
        box.app.backend.accept(facts, "sk-test", given, {}, box.url, f"id{number}", "", ())
    answer = await submit()
    assert (answer.status_code, answer.json()["code"]) == (429, 429)
    async with httpx2.AsyncClient(base_url=box.url, headers={"Authorization": "Bearer sk-other"}, timeout=60) as other:
        assert (await other.post("/api/v1/generateTask/nano-banana", json={"input": INPUT})).status_code == 200


async def test_the_ten_thousand_and_first_request_in_a_minute_is_refused(box: Sandbox, client: httpx2.AsyncClient):
    for _ in range(10_000):
        box.app.backend.admit("Bearer sk-test")
    assert (await client.get("/api/v1/apikeys/current-balance")).status_code == 429


async def test_aliases_are_the_same_model(submit, look):
    answer = await submit(model="flux2", mode="pro-text-to-image", aspect_ratio="1:1", resolution="1K")
    assert answer.status_code == 200
    remote_id = answer.json()["data"]["taskId"]
    assert (await look(remote_id, "flux2")).status_code == 200
    assert (await look(remote_id, "flux-2")).status_code == 200
