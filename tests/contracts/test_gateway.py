"""What every gateway's client has to do, against the sandbox: one suite, run for each."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from support.amounts import in_time
from support.tcp import refused

from apixo_mcp.gateways.apixo import Apixo
from apixo_mcp.gateways.gateway import (
    Accepted,
    Balance,
    Failed,
    Gateway,
    Later,
    NoAnswer,
    Polled,
    Refused,
    Running,
    Submitted,
    Succeeded,
    Unclear,
)
from apixo_mcp.gateways.ruxa import Ruxa
from apixo_mcp.generation import Failure
from apixo_mcp.net.http import Http
from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

KINDS = {
    "apixo": (Apixo, "nano-banana", {"mode": "text-to-image"}),
    "ruxa": (Ruxa, "google/nano-banana", {}),
}
KEY = "sk-contract-0123456789"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Bench:
    """A gateway's client and the sandbox behind it."""

    box: Sandbox
    http: Http
    name: str

    def gateway(self, key: str = KEY, path: str = "") -> Gateway:
        return KINDS[self.name][0](self.http, key, self.box.url + path)

    async def submit(self, prompt: str, gateway: Gateway | None = None, **given: Any) -> Submitted:
        _, model, inputs = KINDS[self.name]
        return await (gateway or self.gateway()).submit(model, {**inputs, "prompt": prompt}, **given)

    async def accepted(self, prompt: str) -> str:
        got = await self.submit(prompt)
        assert isinstance(got, Accepted), got
        return got.remote_id

    async def poll(self, remote_id: str) -> Polled:
        return await self.gateway().poll(KINDS[self.name][1], remote_id)

    async def ended(self, remote_id: str) -> Polled:
        with in_time(20):
            while isinstance(got := await self.poll(remote_id), Running | NoAnswer):
                pass
        return got

    def sent(self) -> int:
        return sum(entry["route"] == "submit" for entry in self.box.log())


@pytest.fixture(params=KINDS)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with Sandbox(speed=500.0) as box, Http(allow_private_hosts=True) as http:
        yield Bench(box, http, request.param)


async def test_a_task_from_submit_to_file(bench: Bench) -> None:
    remote_id = await bench.accepted("a red fox [took:0.2]")
    first = await bench.poll(remote_id)
    assert isinstance(first, Running)
    last = await bench.ended(remote_id)
    assert isinstance(last, Succeeded)
    [one] = last.produced
    async with bench.http.fetch(one.url) as download:
        body = b"".join([chunk async for chunk in download.chunks])
    assert download.content_type.startswith("image/")
    assert len(body) == download.length
    assert len(bench.box.submits()) == bench.sent() == 1


@pytest.mark.parametrize(
    ("mark", "category"),
    [
        ("[http:400]", "invalid_input"),
        ("[http:401]", "auth"),
        ("[http:402]", "insufficient_credits"),
        ("[http:403]", "auth"),
        ("[http:404]", "invalid_input"),
        ("[http:422]", "invalid_input"),
        ("[code:401]", "auth"),
        ("[code:402]", "insufficient_credits"),
        ("[http:403:html]", "auth"),
        ("[http:413:html]", "invalid_input"),
        ("[http:405:html]", "unavailable"),
    ],
)
async def test_a_refusal_costs_nothing(bench: Bench, mark: str, category: str) -> None:
    got = await bench.submit(f"fox {mark}")
    assert isinstance(got, Refused)
    assert (got.failure.category, got.failure.charged, got.failure.retryable) == (category, "no", False)
    assert (bench.sent(), len(bench.box.submits())) == (1, 0)


@pytest.mark.parametrize(
    ("mark", "after"),
    [
        ("[http:429]", None),
        ("[http:429:html]", None),
        ("[http:503]", None),
        ("[code:429]", None),
        ("[code:503]", None),
        ("[http:429:after=3]", 3.0),
    ],
)
async def test_later_is_not_tried_again_by_the_client(bench: Bench, mark: str, after: float | None) -> None:
    got = await bench.submit(f"fox {mark}")
    assert isinstance(got, Later)
    assert (got.retry_after, got.failure.retryable, got.failure.charged) == (after, True, "no")
    assert (bench.sent(), len(bench.box.submits())) == (1, 0)


@pytest.mark.parametrize(
    ("mark", "paid"),
    [
        ("[cut]", 1),
        ("[null-data]", 1),
        ("[cut-early]", 0),
        ("[http:500]", 0),
        ("[http:502]", 0),
        ("[http:504]", 0),
        ("[code:500]", 0),
        ("[http:500:html]", 0),
        ("[http:503:html]", 0),
        ("[http:409:html]", 0),
    ],
)
async def test_what_may_have_been_paid_is_unclear_and_sent_once(bench: Bench, mark: str, paid: int) -> None:
    got = await bench.submit(f"fox {mark}")
    assert isinstance(got, Unclear)
    assert got.reason
    assert (bench.sent(), len(bench.box.submits())) == (1, paid)


async def test_a_gateway_that_is_not_there(bench: Bench) -> None:
    with refused() as url:
        gateway = KINDS[bench.name][0](bench.http, KEY, url)
        got = await bench.submit("fox", gateway)
        assert isinstance(got, Later)
        assert (got.failure.category, got.failure.charged) == ("unavailable", "no")
        assert isinstance(await gateway.poll("m", "t"), NoAnswer)


@pytest.mark.parametrize("mark", ["[object-result]", "[completed]", "[state:weird]", "[state:processing_r2]"])
async def test_odd_answers_that_still_succeed(bench: Bench, mark: str) -> None:
    assert isinstance(await bench.ended(await bench.accepted(f"fox {mark}")), Succeeded)


@pytest.mark.parametrize("mark", ["[empty-result]", "[no-result]", "[broken-result]"])
async def test_success_without_a_result_is_a_failure(bench: Bench, mark: str) -> None:
    got = await bench.ended(await bench.accepted(f"fox {mark}"))
    assert isinstance(got, Failed)
    assert (got.failure.code, got.failure.charged, got.transient) == ("EMPTY_RESULT", "unknown", False)


@pytest.mark.parametrize("mark", ["500", "502", "429", "404", "html", "null", "cut", "code:500"])
async def test_trouble_while_looking_never_ends_a_task(bench: Bench, mark: str) -> None:
    remote_id = await bench.accepted(f"fox [look:{mark}x2]")
    for _ in range(2):
        got = await bench.poll(remote_id)
        assert isinstance(got, NoAnswer)
        assert got.failure is None
    assert isinstance(await bench.ended(remote_id), Succeeded)


@pytest.mark.parametrize(("code", "category"), [(401, "auth"), (402, "insufficient_credits"), (403, "auth")])
async def test_a_look_that_the_key_does_not_allow_says_so(bench: Bench, code: int, category: str) -> None:
    got = await bench.poll(await bench.accepted(f"fox [look:{code}]"))
    assert isinstance(got, NoAnswer)
    assert got.failure is not None
    assert got.failure.category == category


@pytest.mark.parametrize(
    ("code", "category", "transient"),
    [
        ("CONTENT_VIOLATION", "content_policy", False),
        ("InputImageSensitiveContentDetected", "content_policy", False),
        ("PROCESSING_TIMEOUT", "timeout", True),
        ("MODEL_UNAVAILABLE", "unavailable", True),
        ("SomethingNew", "", False),
    ],
)
async def test_a_failed_task(bench: Bench, code: str, category: str, transient: bool) -> None:
    got = await bench.ended(await bench.accepted(f"fox [fail:{code}]"))
    assert isinstance(got, Failed)
    assert got.failure.charged == "unknown"
    assert got.failure.message
    assert got.failure.advice
    if bench.name == "apixo":  # Ruxa AI has no fail codes
        assert (got.failure.code, got.transient) == (code, transient)
        assert got.failure.category == (category or got.failure.category)
    else:
        assert not got.transient


@pytest.mark.parametrize(("key", "category"), [("sk-bad-1", "auth"), ("sk-poor-1", "insufficient_credits")])
async def test_a_key_that_is_wrong_or_poor(bench: Bench, key: str, category: str) -> None:
    got = await bench.submit("fox", bench.gateway(key))
    assert isinstance(got, Refused)
    assert got.failure.category == category
    assert key not in got.failure.message


@pytest.mark.parametrize("key", ["", " ", "sk-a b", "sk-a\nb", "sk-ä"])
async def test_a_key_that_no_header_can_carry_is_not_sent(bench: Bench, key: str) -> None:
    gateway = bench.gateway(key)
    got = await bench.submit("fox", gateway)
    assert isinstance(got, Refused)
    assert got.failure.category == "auth"
    looked = await gateway.poll("m", "t")
    assert isinstance(looked, NoAnswer)
    assert looked.failure is not None
    assert bench.box.log() == []


@pytest.mark.parametrize("value", [float("nan"), "\ud800", b"x", {1, 2}])
async def test_an_input_that_no_json_can_carry_is_not_sent(bench: Bench, value: Any) -> None:
    got = await bench.gateway().submit("m", {"prompt": [value]})
    assert isinstance(got, Refused)
    assert (got.failure.category, got.failure.charged) == ("invalid_input", "no")
    assert bench.box.log() == []


async def test_an_input_that_the_gateway_refuses_is_told_by_its_words(bench: Bench) -> None:
    got = await bench.submit("")
    assert isinstance(got, Refused)
    assert got.failure.category == "invalid_input"
    assert "input.prompt" in got.failure.message


@pytest.mark.parametrize("path", ["", "/", "/api/v1", "/api/v1/"])
async def test_base_urls(bench: Bench, path: str) -> None:
    gateway = bench.gateway(path=path)
    assert isinstance(await bench.submit("fox", gateway), Accepted)
    assert gateway.base_url == (bench.box.url + path).rstrip("/")
    assert gateway.name == bench.name


@pytest.mark.parametrize("odd", ["../../x", "..", ".", "a/b", "a?b=c&d#e", "ä b", "%2e"])
async def test_ids_stay_one_segment(bench: Bench, odd: str) -> None:
    got = await bench.gateway().poll(odd, odd)
    assert isinstance(got, NoAnswer)
    assert isinstance(await bench.gateway().submit(odd, {"prompt": "x"}), Refused | Unclear)
    assert bench.box.submits() == []


async def test_what_is_sent(bench: Bench) -> None:
    await bench.submit("one", provider="value", callback_url="https://me.example/hook?a=1")
    await bench.submit("two")
    asked, plain = (entry["body"] for entry in bench.box.submits())
    if bench.name == "apixo":
        assert asked == {
            "request_type": "callback",
            "callback_url": "https://me.example/hook?a=1",
            "provider": "value",
            "input": {"mode": "text-to-image", "prompt": "one"},
        }
        assert plain == {"request_type": "async", "input": {"mode": "text-to-image", "prompt": "two"}}
    else:
        assert asked == {
            "model": "google/nano-banana",
            "callBackUrl": "https://me.example/hook?a=1",
            "input": {"prompt": "one"},
        }
        assert plain == {"model": "google/nano-banana", "input": {"prompt": "two"}}


async def test_the_balance(bench: Bench) -> None:
    await bench.submit("fox")
    got = await bench.gateway().balance()
    if bench.name == "ruxa":
        assert got is None
        return
    assert isinstance(got, Balance)
    assert got.currency == "USD"
    assert 0 < got.amount < 100
    refused = await bench.gateway("sk-bad-1").balance()
    assert isinstance(refused, Failure)
    assert refused.category == "auth"
    for mark in ("500", "cut", "500:html"):
        bench.box.scenario({"route": "balance", "do": f"http:{mark}" if mark[0] == "5" else mark})
        assert isinstance(await bench.gateway().balance(), Failure)
    assert isinstance(await bench.gateway().balance(), Balance)


@pytest.mark.parametrize("bench", ["apixo"], indirect=True)
async def test_models_that_answer_at_once(bench: Bench) -> None:
    gateway = bench.gateway()
    voice = await gateway.submit(
        "minimax-voice", {"mode": "design", "voice_id_prefix": "warm001", "prompt": "warm", "preview_text": "hi"}
    )
    assert isinstance(voice, Accepted)
    assert voice.remote_id
    assert not voice.done
    assert [one.label for one in voice.produced] == ["voice"]
    sound = await gateway.submit("gemini-omni", {"mode": "gemini-omni-audio", "voice_key": "k"})
    assert isinstance(sound, Accepted)
    assert (sound.remote_id, sound.done, [one.label for one in sound.produced]) == ("", True, ["audio"])


@pytest.mark.parametrize("bench", ["apixo"], indirect=True)
async def test_songs_come_as_tracks_and_covers(bench: Bench) -> None:
    gateway = bench.gateway()
    got = await gateway.submit("suno", {"mode": "V5", "customMode": False, "instrumental": False, "prompt": "rain"})
    assert isinstance(got, Accepted)
    with in_time(20):
        while not isinstance(look := await gateway.poll("suno", got.remote_id), Succeeded):
            pass
    assert [one.kind for one in look.produced] == ["audio", "audio", "image", "image"]
    assert [one.label for one in look.produced][2:] == ["cover", "cover"]
