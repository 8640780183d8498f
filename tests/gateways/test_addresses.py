"""Results in any shape: known addresses in generated answers, all found, and none of those that are no result."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amounts import examples

from apixo_mcp.gateways.addresses import Sent, canonical, clean_url
from apixo_mcp.gateways.answers import Question
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.gateway import Failed, Succeeded
from apixo_mcp.gateways.interpret_poll import interpret_poll
from apixo_mcp.generation import NextAction
from apixo_mcp.net.response import Answered

APIXO = Credential.of("apixo")

BASE = "https://api.example"
U, V = "https://cdn.example/a/1.png", "https://cdn.example/a/2.png?X-Sig=ab%2Fc&e=1"
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(80)).decode()


def found(data: dict[str, Any], inputs: dict[str, Any] | None = None, whole: dict[str, Any] | None = None) -> list[str]:
    body = json.dumps({"code": 200, "message": "success", **(whole or {}), "data": {"taskId": "t", **data}}).encode()
    got = interpret_poll(Answered(200, {}, body), APIXO, 0.0, Question("t", BASE, inputs or {}))
    return [one.url for one in got.produced] if isinstance(got, Succeeded) else []


def success(result: Any, **beside: Any) -> list[str]:
    return found({"state": "success", "resultJson": result, **beside})


SHAPES: list[Any] = [
    {"resultUrls": [U, V]},
    {"resultUrls": json.dumps([U, V])},
    {"resultUrls": f"{U}\n{V}"},
    {"resultUrls": f"{U},{V}"},
    {"resultUrls": f"{U}, {V}\n"},
    {"resultUrls": f"[{U}, {V}]"},
    {"resultUrls": [[U], {"url": V}]},
    {"resultUrls": {"0": U, "1": V}},
    {"result_urls": [U, V]},
    {"images": [U, V]},
    {"images": [{"url": U, "width": 8}, {"url": V}]},
    {"output": [U, V]},
    {"outputs": [{"output": U}, {"output": V}]},
    {"url": U, "video": V},
    {"files": [{"href": U}, {"link": V}]},
    {"data": [{"url": U}, {"url": V}]},
    {"result": {"media": {"first": U, "second": V}}},
    {"choices": [{"message": {"content": f"Here: ![one]({U}) and ![two]({V})."}}], "content": f"![]({U}) ![]({V})"},
    {"oddly": {"named": [U, V]}},
    [U, V],
    [{"image": U}, {"image": V}],
    f"{U}\n{V}",
    f"{U} {V}",
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: json.dumps(shape)[:50])
@pytest.mark.parametrize("times", range(4))
def test_every_shape_as_an_object_and_encoded_again_and_again(shape, times):
    for _ in range(times):
        shape = json.dumps(shape)
    assert success(shape) == [U, V]


def test_beside_the_result_and_beside_data():
    assert found({"state": "success", "resultUrls": [U]}) == [U]
    assert found({"state": "success", "output": U}) == [U]
    assert found({"state": "success"}, whole={"resultUrls": [U]}) == [U]
    assert found({"state": "success"}, whole={"oddly": U}) == [U]


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://cdn.example/my cat.png", "https://cdn.example/my%20cat.png"),
        ("https://cdn.example/a b", "https://cdn.example/a%20b"),
        ("https://cdn.example/狐.png", "https://cdn.example/%E7%8B%90.png"),
        ('https://cdn.example/a"b{c}|d^.png', "https://cdn.example/a%22b%7Bc%7D%7Cd%5E.png"),
        ("https://cdn.example/100%.png", "https://cdn.example/100%25.png"),
        ("https://cdn.example/a.png?x=1&amp;y=2", "https://cdn.example/a.png?x=1&y=2"),
        ("https:\\/\\/cdn.example\\/a.png", "https://cdn.example/a.png"),
        ("  https://cdn.example/a.png\n", "https://cdn.example/a.png"),
        ("HTTPS://cdn.example/a.png", "https://cdn.example/a.png"),
        ("https://bücher.example/a.png", "https://xn--bcher-kva.example/a.png"),
        ("//cdn.example/a.png", "https://cdn.example/a.png"),
        ("/files/a.png", "https://api.example/files/a.png"),
        ("files/a.png", "https://api.example/files/a.png"),
        ("./a.png", "https://api.example/a.png"),
        (V, V),
    ],
)
def test_an_address_is_made_fetchable(given, url):
    assert success({"resultUrls": [given]}) == [url]
    assert success({"output": given}) == [url]


def test_a_file_in_the_answer_itself():
    url = f"data:image/png;base64,{PIXEL}"
    for shape in ({"resultUrls": [url]}, {"images": url}, {"data": [{"b64_json": PIXEL}]}, [url], url):
        assert success(shape) == [url]


def test_covers_and_thumbnails_are_told_and_come_last():
    body = {"thumbnail_url": "https://cdn.example/t.png", "cover": "https://cdn.example/c.png", "video": V}
    answer = json.dumps({"code": 200, "data": {"state": "success", "resultJson": body}}).encode()
    got = interpret_poll(Answered(200, {}, answer), APIXO, 0.0)
    assert isinstance(got, Succeeded)
    assert [one.label for one in got.produced] == ["", "thumbnail", "cover"]


NOT_RESULTS = {
    "docs_url": "https://docs.example/guide",
    "status_url": f"{BASE}/api/v1/statusTask/x?taskId=t",
    "statusUrl": "https://api.example/tasks/t/state.png",
    "webhook_url": "https://me.example/hook",
    "callBackUrl": "https://me.example/cb.png",
    "polling_url": "https://api.example/p/1",
    "cancel_url": "https://api.example/p/1/stop",
    "urls": {"get": "https://api.example/p/1", "cancel": "https://api.example/p/1/cancel"},
    "page": "https://site.example/view/1",
    "dashboard": "https://site.example/me",
    "link": "https://site.example/share.html",
    "prompt": "a fox like https://me.example/fox.png",
    "input": {"image_urls": ["https://me.example/in.png"]},
    "failMsg": "",
}


def test_what_is_beside_a_result_is_no_result():
    assert success({"output": U}, **NOT_RESULTS) == [U]
    assert success({"output": U, **NOT_RESULTS}) == [U]
    assert success({"resultUrls": [U], **NOT_RESULTS}) == [U]


def test_alone_it_is_none_either():
    assert success({}, **NOT_RESULTS) == []
    assert success(NOT_RESULTS) == []


@pytest.mark.parametrize(
    "url",
    [
        f"{BASE}/api/v1/statusTask/nano-banana?taskId=t",
        f"{BASE}/api/v1/tasks/query/t",
        "https://x.example/jobs/1/status",
        "https://x.example/webhooks/abc",
        "https://x.example/callback?id=1",
        "https://x.example/v1/cancel/1",
        "https://docs.x.example/a",
        "https://x.example/docs/a",
        "https://x.example/gallery/1.html",
        "https://x.example",
        "https://x.example/",
    ],
)
def test_no_address_that_looks_like_no_file_is_taken_as_a_last_resort(url):
    assert success({"oddly": url}) == []
    assert success({"url": url}) == []
    assert success({"url": url, "oddly": U}) == [U]


@pytest.mark.parametrize(
    "written",
    [
        "https://me.example/in%20put.png?a=%2F",
        "https://me.example/in put.png?a=/",
        "HTTPS://ME.example:443/in%20put.png?a=%2f#x",
        "http://me.example/in+put.png?a=%2F",
        "https:\\/\\/me.example\\/in%20put.png?a=%252F",
    ],
)
def test_an_input_is_no_result_however_it_is_written(written):
    inputs = {"image_urls": ["https://me.example/in put.png?a=/"], "prompt": "like https://me.example/b.png, but red"}
    for key in ("image_urls", "output", "oddly", "url"):
        assert found({"state": "success", key: written}, inputs) == []
        assert found({"state": "success", key: [written, U]}, inputs) == [U]
    assert found({"state": "success", "oddly": "https://me.example/b.png"}, inputs) == []


def test_a_broken_result_of_any_length_gives_what_is_whole():
    for cut in (
        f'{{"resultUrls":["{U}","https://cdn.example/a/2.p',
        f"{{'images': ['{U}']}}",
        f'{{"a":{{"image":"{U}"',
        f'{{"status_url":"https://x.example/s/1.png","output":"{U}", oops',
    ):
        assert success(cut) == [U]
    assert success("{" + "https://a" * 5000) == []


names = st.sampled_from(
    [
        "resultUrls",
        "result_urls",
        "images",
        "image",
        "output",
        "outputs",
        "url",
        "urls",
        "video",
        "audio_url",
        "files",
        "data",
        "result",
        "media",
        "link",
        "src",
    ]
)
plain = st.sampled_from(["id", "size", "meta", "info", "extra", "item", "list", "nested", "value", "node", "x"])
noise = st.none() | st.booleans() | st.integers() | st.sampled_from(["", "png", "done", "a fox", "1024x1024"])


@st.composite
def answers(draw: Any) -> tuple[Any, list[str]]:
    """A result with addresses in it, and those addresses."""
    endings = draw(st.lists(st.sampled_from([".png", ".mp4", ".mp3", "", "?sig=a%2Fb"]), min_size=1, max_size=6))
    urls = [f"https://cdn.example/r/{number}{ending}" for number, ending in enumerate(endings)]
    how = draw(st.sampled_from(["list", "objects", "json", "lines", "commas", "keys"]))
    node: Any = {
        "list": urls,
        "objects": [{draw(names): url, "id": 1} for url in urls],
        "json": json.dumps(urls),
        "lines": "\n".join(urls),
        "commas": ", ".join(urls),
        "keys": {f"{number}": url for number, url in enumerate(urls)},
    }[how]
    node = {draw(names): node}
    for _ in range(draw(st.integers(0, 5))):
        wrap = draw(st.sampled_from(["object", "list", "text"]))
        beside = draw(st.dictionaries(plain, noise, max_size=3))
        node = (
            {**beside, draw(plain | names): node}
            if wrap == "object"
            else [node]
            if wrap == "list"
            else json.dumps(node)
        )
    return node, urls


@settings(max_examples=examples(400), deadline=None, database=None)
@given(answers(), st.dictionaries(st.sampled_from(sorted(NOT_RESULTS)), st.none()), st.booleans())
def test_every_address_of_a_generated_result_is_found_and_no_other(answer, others, is_inside):
    result, urls = answer
    beside = {name: NOT_RESULTS[name] for name in others}
    result = {"made": result, **beside} if is_inside else result
    got = success(result, **({} if is_inside else beside))
    assert sorted(got) == sorted(urls)


@settings(max_examples=examples(200), deadline=None, database=None)
@given(st.text(max_size=60), st.sampled_from(["", BASE]))
def test_a_clean_address_stays_as_it_is_and_can_be_stored(text, base):
    url = clean_url(f"https://cdn.example/{text}", base)
    assert clean_url(url) == url
    url.encode("ascii")
    assert not url or Sent.of([url]).holds(url)
    canonical(text)


def test_nothing_readable_is_told_with_the_answer():
    body = json.dumps({"code": 200, "data": {"state": "success", "resultJson": '{"made": 1}'}})
    got = interpret_poll(Answered(200, {}, body.encode()), APIXO, 0.0)
    assert isinstance(got, Failed)
    assert (got.failure.code, got.raw) == ("EMPTY_RESULT", body)
    assert got.failure.next_action is NextAction.REREAD
