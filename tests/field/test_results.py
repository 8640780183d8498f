"""Results in any shape, ending words, and what is told where nothing can be read."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.checks import EVERY
from support.door import Enter, content, sample
from support.scripted_gateway import Gateway, failed, polled, succeeded, whole
from support.wire import answer, envelope

pytestmark = pytest.mark.anyio
PNG = sample("ok.png")

# What `resultJson` may be; U stands for the URL of one file, V for that of another.
ONE: dict[str, Any] = {
    "documented": {"resultUrls": ["U"]},
    "a JSON string in it": {"resultUrls": '["U"]'},
    "a string": {"resultUrls": "U"},
    "a string with a line end": {"resultUrls": "U\n"},
    "images": {"images": ["U"]},
    "output": {"output": "U"},
    "outputs": {"outputs": [{"url": "U", "type": "image"}]},
    "objects": {"resultUrls": [{"url": "U"}]},
    "image_url": {"image_url": "U"},
    "imageUrl": {"imageUrl": "U"},
    "result_urls": {"result_urls": ["U"]},
    "resultUrl": {"resultUrl": "U"},
    "video_url": {"video_url": "U"},
    "an object of objects": {"data": {"result": {"images": [{"url": "U", "width": 8}]}}},
    "a list of lists": {"resultUrls": [["U"]]},
    "a bare list": ["U"],
    "a bare string": "U",
    "a list of objects": [{"file": {"href": "U"}}],
    "nulls beside": {"resultUrls": [None, "", "U", 0]},
    "spaces around": {"resultUrls": ["  U \n"]},
    "a key of nobody": {"frobnicated": "U"},
    "a sentence": {"text": "Your picture is ready: U"},
    "markdown": {"content": "![a fox](U)"},
    "html": {"content": '<img src="U">'},
    "in angle brackets": {"text": "<U>"},
}
SEVERAL: dict[str, Any] = {
    "documented": {"resultUrls": ["U", "V"]},
    "a JSON string in it": {"resultUrls": '["U", "V"]'},
    "newlines": {"resultUrls": "U\nV"},
    "newlines of windows": {"resultUrls": "U\r\nV\r\n"},
    "commas": {"resultUrls": "U,V"},
    "commas and spaces": {"resultUrls": "U, V"},
    "images and more images": {"images": [{"url": "U"}, {"url": "V"}]},
    "numbered": {"resultUrls": {"0": "U", "1": "V"}},
    "strings of lists": {"resultUrls": ['["U"]', '["V"]']},
}


def put(shape: Any, **urls: str) -> Any:
    """The shape with its letters replaced where they stand alone or in a text."""
    text = json.dumps(shape)
    for letter, url in urls.items():
        for before, after in (
            ('"', '"'),
            ('\\"', '\\"'),
            ("(", ")"),
            ("<", ">"),
            (": ", '"'),
            ("  ", " "),
            ('"', "\\n"),
            ('"', "\\r"),
            ("\\n", '"'),
            ("\\n", "\\r"),
            ('"', ","),
            (",", '"'),
            (", ", '"'),
        ):
            text = text.replace(f"{before}{letter}{after}", f"{before}{url}{after}")
    return json.loads(text)


async def saved(gateway: Gateway, enter: Enter, reply: Callable[[str], bytes], **arguments: Any) -> list[bytes]:
    gateway.outcome = reply
    async with enter() as door:
        task = await door.made(**arguments)
    assert task["state"] == "success", task
    assert len(gateway.posts) == 1
    return [content(result) for result in task["results"]]


@pytest.mark.parametrize("as_text", [True, False], ids=["in a string", "as it is"])
@pytest.mark.parametrize("shape", ONE)
async def test_one_result_in_any_shape(gateway: Gateway, enter: Enter, shape: str, as_text: bool):
    found = put(ONE[shape], U=gateway.serve("/out/a.png", whole(PNG)))
    result = json.dumps(found) if as_text else found
    assert await saved(gateway, enter, lambda task: succeeded(task, result)) == [PNG]


@pytest.mark.parametrize("shape", SEVERAL)
async def test_several_results_in_any_shape(gateway: Gateway, enter: Enter, shape: str):
    jpeg = sample("noeoi.jpg")
    found = put(SEVERAL[shape], U=gateway.serve("/out/a.png", whole(PNG)), V=gateway.serve("/out/b.jpg", whole(jpeg)))
    assert await saved(gateway, enter, lambda task: succeeded(task, json.dumps(found))) == [PNG, jpeg]


@pytest.mark.parametrize("field", ["resultUrls", "result", "output", "results", "images", "urls", "info"])
async def test_results_beside_the_documented_field(gateway: Gateway, enter: Enter, field: str):
    url = gateway.serve("/out/a.png", whole(PNG))
    value: Any = {"resultUrls": [url]} if field == "info" else [url]
    assert await saved(gateway, enter, lambda task: polled(task, state="success", **{field: value})) == [PNG]


async def test_a_result_encoded_twice(gateway: Gateway, enter: Enter):
    inner = json.dumps(json.dumps({"resultUrls": [gateway.serve("/out/a.png", whole(PNG))]}))
    assert await saved(gateway, enter, lambda task: succeeded(task, inner)) == [PNG]


async def test_a_broken_result_with_a_url_in_it(gateway: Gateway, enter: Enter):
    url = gateway.serve("/out/a.png", whole(PNG))
    assert await saved(gateway, enter, lambda task: succeeded(task, f'{{"resultUrls":["{url}"')) == [PNG]


@pytest.mark.parametrize(
    ("path", "as_told"),
    [
        ("/out/a b.png", "{root}/out/a b.png"),
        ("/out/画.png", "{root}/out/画.png"),
        ("/out/a(1).png", "{root}/out/a(1).png"),
        ("/out/a,b.png", "{root}/out/a,b.png"),
        ("/out/a|b.png", "{root}/out/a|b.png"),
        ("/out/a.png", "{root}/out/a.png?X-Amz-Expires=9&X-Amz-Signature=a%2Fb#part"),
        ("/out/a.png", "/out/a.png"),
        ("/out/a.png", "//{host}/out/a.png"),
        ("/out/a.png", "{upper}/out/a.png"),
        ("/out/a.png", "{root}/out/./x/../a.png"),
    ],
)
async def test_urls_as_gateways_write_them(gateway: Gateway, enter: Enter, path: str, as_told: str):
    gateway.serve(path, whole(PNG))
    url = as_told.format(
        root=gateway.url, host=gateway.url.removeprefix("http://"), upper=gateway.url.replace("http", "HTTP")
    )
    result = json.dumps({"resultUrls": [url]})
    assert await saved(gateway, enter, lambda task: succeeded(task, result)) == [PNG]


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64," + base64.b64encode(PNG).decode(),
        "DATA:image/png;BASE64," + base64.b64encode(PNG).decode(),
        "data:image/png;name=a.png;base64," + base64.b64encode(PNG).decode(),
        "data:;base64," + base64.b64encode(PNG).decode(),
        "data:image/png;base64," + base64.b64encode(PNG).decode().rstrip("="),
        "data:image/png;base64," + base64.urlsafe_b64encode(PNG).decode(),
        "data:image/png;base64," + base64.encodebytes(PNG).decode(),
        "data:image/png," + quote(PNG, safe=""),
    ],
    ids=["usual", "capitals", "a name", "no type", "unpadded", "for urls", "in lines", "percent"],
)
@pytest.mark.parametrize("place", ["resultUrls", "images"])
async def test_a_result_inside_the_answer(gateway: Gateway, enter: Enter, url: str, place: str):
    assert await saved(gateway, enter, lambda task: succeeded(task, json.dumps({place: [url]}))) == [PNG]


BESIDE = (
    "docs_url",
    "status_url",
    "webhook_url",
    "callback_url",
    "callBackUrl",
    "cancel_url",
    "polling_url",
    "docsUrl",
    "documentation",
    "statusUrl",
    "webhook",
    "dashboard_url",
    "help",
    "homepage",
    "terms_url",
    "support_url",
)


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("key", ["images", "output", "frobnicated"])
async def test_other_urls_are_no_results(gateway: Gateway, enter: Enter, beside: str, key: str):
    url = gateway.serve("/out/a.png", whole(PNG))
    other = gateway.serve("/other", answer("<html>a page</html>", kind="text/html"))
    found = {beside: other, key: url, "meta": {beside: other}}
    assert await saved(gateway, enter, lambda task: succeeded(task, json.dumps(found))) == [PNG]
    assert not gateway.asked_for("/other")


async def test_inputs_that_are_told_again_are_no_results(gateway: Gateway, enter: Enter):
    url, given_first = gateway.serve("/out/a.png", whole(PNG)), f"{gateway.url}/in/fox.png"
    found = {"request": {"image_urls": [given_first], "prompt": f"as in {given_first}"}, "picture": url}
    reply = lambda task: succeeded(task, json.dumps(found), param=json.dumps({"image_urls": [given_first]}))  # noqa: E731
    assert await saved(gateway, enter, reply, image_urls=[given_first]) == [PNG]


async def test_more_than_a_hundred_results(gateway: Gateway, enter: Enter):
    urls = [gateway.serve(f"/out/{at}.png", whole(PNG)) for at in range(130)]
    gateway.results(*urls)
    async with enter() as door:
        task = await door.made()
        said = task["next_step"] + " ".join(task.get("notes", ()))
    assert len(task["results"]) == 130 or "130" in said or "30" in said
    assert all(result["file"] == "saved" for result in task["results"])


# Nothing to read.

NOTHING: dict[str, Callable[[str], bytes]] = {
    "no results": lambda task: succeeded(task, "{}"),
    "an empty list": lambda task: succeeded(task, '{"resultUrls":[]}'),
    "not JSON": lambda task: succeeded(task, "{resultUrls"),
    "null": lambda task: polled(task, state="success", resultJson=None),
    "no field": lambda task: polled(task, state="success"),
    "words": lambda task: succeeded(task, json.dumps({"message": "see your dashboard for the picture, ref 8812"})),
    "only other URLs": lambda task: succeeded(task, json.dumps({"docs_url": "https://docs.example.com/x"})),
}


@pytest.mark.parametrize("nothing", NOTHING)
async def test_what_cannot_be_read_at_first_is_asked_for_again(gateway: Gateway, enter: Enter, nothing: str):
    url = gateway.serve("/out/a.png", whole(PNG))
    async with enter() as door:
        gateway.submits.append(envelope({"taskId": "task_odd"}))
        gateway.polls.extend([NOTHING[nothing]("task_odd")] * 2)
        gateway.results(url)
        task = await door.made()
    assert task["state"] == "success"
    assert content(task["results"][0]) == PNG
    assert len(gateway.posts) == 1


@pytest.mark.parametrize("nothing", NOTHING)
async def test_what_can_never_be_read_is_told_and_kept(gateway: Gateway, enter: Enter, nothing: str):
    gateway.outcome = NOTHING[nothing]
    async with enter() as door:
        task = await door.made()
        for _ in range(8):
            if task["state"] == "failed":
                break
            task = await door.ended(task)
    assert task["state"] == "failed"
    assert "apixo-mcp tasks reread" in json.dumps(task)
    assert len(gateway.looks) >= 2
    assert len(gateway.posts) == 1


# How a task ends.


@pytest.mark.parametrize("result", ["", "{}", '{"resultUrls":[]}', None, "null", "[]"])
@pytest.mark.parametrize(
    ("code", "message", "category"),
    [
        ("CONTENT_VIOLATION", "Content does not meet safety guidelines", "content_policy"),
        ("NSFW_DETECTED", "The picture was withheld", "content_policy"),
        ("GENERATION_FAILED", "It did not work out", "generation_failed"),
    ],
)
async def test_a_failure_inside_a_success(
    gateway: Gateway, enter: Enter, result: Any, code: str, message: str, category: str
):
    gateway.outcome = lambda task: polled(task, state="success", resultJson=result, failCode=code, failMsg=message)
    async with enter() as door:
        task = await door.made()
    assert task["state"] == "failed"
    assert (task["error"]["code"], task["error"]["message"]) == (code, message)
    assert task["error"]["category"] == category
    assert len(gateway.looks) == 1


@pytest.mark.parametrize("code", [None, "", "0", "null", "SUCCESS", 0])
async def test_no_failure_inside_a_success(gateway: Gateway, enter: Enter, code: Any):
    url = gateway.serve("/out/a.png", whole(PNG))
    assert await saved(gateway, enter, lambda task: succeeded(task, urls=[url], failCode=code, failMsg="")) == [PNG]


@pytest.mark.parametrize(
    "word",
    [
        "canceled",
        "cancelled",
        "timeout",
        "rejected",
        "error",
        "expired",
        "aborted",
        "CANCELED",
        "Timeout",
        "blocked",
        "terminated",
        "timed_out",
        "FAILURE",
    ],
)
async def test_a_word_for_a_failure_with_its_reason(gateway: Gateway, enter: Enter, word: str):
    gateway.outcome = lambda task: polled(task, state=word, failMsg="It was taken from the queue")
    async with enter() as door:
        task = await door.made()
    assert task["state"] == "failed"
    assert task["error"]["message"] == "It was taken from the queue"
    assert len(gateway.posts) == 1


@pytest.mark.parametrize(
    "word",
    ["done", "finished", "completed", "complete", "succeeded", "succeed", "ready", "SUCCESS", "Done", "ok", "finish"],
)
async def test_a_word_for_a_success_with_its_results(gateway: Gateway, enter: Enter, word: str):
    url = gateway.serve("/out/a.png", whole(PNG))
    assert await saved(gateway, enter, lambda task: succeeded(task, urls=[url], state=word)) == [PNG]


@pytest.mark.parametrize("word", ["thinking", "queued", "reviewing", "canceling", "blub", "unknown", "moderating", ""])
async def test_an_unknown_word_alone_goes_on(gateway: Gateway, enter: Enter, word: str):
    url = gateway.serve("/out/a.png", whole(PNG))
    gateway.submits.append(envelope({"taskId": "task_odd"}))
    gateway.polls.extend([polled("task_odd", state=word)] * 4)
    assert await saved(gateway, enter, lambda task: succeeded(task, urls=[url])) == [PNG]
    assert len(gateway.looks) == 5


@pytest.mark.parametrize(
    "code",
    [
        "CALLBACK_TIMEOUT",
        "USER_BILLING_UNAVAILABLE",
        "MODERATION_TIMEOUT",
        "TIMEOUT",
        "SERVICE_UNAVAILABLE",
        "UNAVAILABLE",
        "PROCESSING_TIMEOUT_REFUNDED",
        "MODEL_UNAVAILABLE_IN_REGION",
        "UPSTREAM_PROCESSING_TIMEOUT",
        "SERVER_BUSY",
        "OVERLOADED",
        "GPU_CAPACITY",
        "RATE_LIMITED",
        "INTERNAL_ERROR",
        "",
        "503",
        "IMAGE_DOWNLOAD_FAILED",
    ],
)
async def test_only_two_codes_are_sent_again(gateway: Gateway, enter: Enter, code: str):
    gateway.outcome = lambda task: failed(task, code, "timeout: model is temporarily unavailable, please retry")
    async with enter(auto_retry=2) as door:
        task = await door.made()
    assert task["state"] == "failed"
    assert len(gateway.posts) == 1


@pytest.mark.parametrize("code", ["PROCESSING_TIMEOUT", "MODEL_UNAVAILABLE", "ProcessingTimeout", "ModelUnavailable"])
async def test_two_codes_are_sent_again(gateway: Gateway, enter: Enter, code: str):
    url = gateway.serve("/out/a.png", whole(PNG))
    gateway.submits.append(envelope({"taskId": "task_first"}))
    gateway.outcome = lambda task: failed(task, code) if task == "task_first" else succeeded(task, urls=[url])
    async with enter(auto_retry=2) as door:
        task = await door.made()
    assert task["state"] == "success"
    assert len(gateway.posts) == 2
    assert task["attempts"]


# By generation: any nesting of lists, objects and strings of JSON around one URL.


def nested(url: str) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(["images", "data", "result", "output", "url", "files", "items", "x", "value"])
    other = st.none() | st.integers() | st.text(alphabet="abc ", max_size=5) | st.booleans()

    def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.one_of(
            st.tuples(st.lists(other, max_size=2), inner).map(lambda both: [*both[0], both[1]]),
            st.tuples(keys, inner, other).map(lambda three: {"note": three[2], three[0]: three[1]}),
            inner.map(lambda value: value if isinstance(value, str) else json.dumps(value)),
        )

    shape = st.just(url)
    for _ in range(4):
        shape = st.one_of(shape, deeper(shape))
    return shape


async def test_any_nesting(gateway: Gateway, enter: Enter):
    url = gateway.serve("/out/a.png", whole(PNG))
    shapes: list[Any] = []

    @settings(max_examples=60, suppress_health_check=EVERY, deadline=None, derandomize=True)
    @given(nested(url), st.booleans())
    def collect(shape: Any, as_text: bool) -> None:
        shapes.append(json.dumps(shape) if as_text else shape)

    collect()
    async with enter("cursor") as door:
        for number, shape in enumerate(shapes):
            gateway.outcome = lambda task, shape=shape: succeeded(task, shape)
            task = await door.made(prompt=f"fox {number}")
            assert task["state"] == "success", shape
            assert [content(result) for result in task["results"]] == [PNG], shape
