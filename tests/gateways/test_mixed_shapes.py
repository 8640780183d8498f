"""Results beside addresses that are none, in the shape of a chat, and several files in one text."""

import base64
import json
from typing import Any

import pytest

from apixo_mcp.gateways.outputs import last_resort, products_of
from apixo_mcp.media.inline import decode_data_url

URL = "https://cdn.example/made"
ASK = "https://queue.example/requests/9f8e"
ENDINGS = ("", ".png")
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256))).decode()
FILE = f"data:image/png;base64,{PNG}"


def urls(result: Any) -> list[str]:
    return [one.url for one in products_of({"resultJson": json.dumps(result)})]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("whose", ["response", "queue", "task", "job", "view", "upload", "model", "user", "x"])
@pytest.mark.parametrize("made", [{"images": [{"url": URL}]}, {"url": URL}, {"video": {"url": URL}}, {"data": [URL]}])
def test_an_address_to_ask_at_is_no_result_beside_one(made: dict[str, Any], whose: str, ending: str):
    made = json.loads(json.dumps(made).replace(URL, URL + ending))
    for spelt in (f"{whose}_url", f"{whose}Url"):
        assert urls({spelt: ASK} | made) == [URL + ending]


def test_it_counts_where_nothing_else_does():
    assert urls({"response_url": URL}) == [URL]


def test_a_file_counts_whatever_its_name():
    assert urls({"images": [URL], "upload_url": f"{URL}.png"}) == [URL, f"{URL}.png"]


@pytest.mark.parametrize(
    "result",
    [
        {"choices": [{"message": {"images": [{"image_url": {"url": URL}}]}}]},
        {"choices": [{"message": {"role": "assistant", "content": f"![image]({URL}.png)"}}]},
        {"messages": [{"content": [{"type": "image_url", "image_url": {"url": URL}}]}]},
    ],
)
def test_the_shape_of_a_chat(result: Any):
    found = urls(result) or [one.url for one in last_resort({"resultJson": json.dumps(result)})]
    assert [one.removesuffix(".png") for one in found] == [URL]


def test_words_stay_words():
    assert urls({"message": f"see {URL}", "images": [f"{URL}/1"]}) == [f"{URL}/1"]


@pytest.mark.parametrize("between", [",", "\n", " ", ", ", ";", "|", "\r\n"])
def test_several_files_in_one_text(between: str):
    assert urls({"images": between.join([FILE, FILE.replace("png", "webp"), f"{FILE[:-8]}AAAA"])}) == [
        FILE,
        FILE.replace("png", "webp"),
        f"{FILE[:-8]}AAAA",
    ]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:100] + "!" + text[100:],
        lambda text: text[:-3],
        lambda text: text[:-5] + "=",
        lambda text: " ".join(text),
        lambda text: "\n".join(text[at : at + 10] for at in range(0, len(text), 10)),
        lambda text: text.replace("+", "-").replace("/", "_"),
    ],
)
def test_damaged_base64_keeps_what_there_is(damage: Any):
    _, data = decode_data_url(f"data:image/png;base64,{damage(PNG)}")
    whole = base64.b64decode(PNG)
    assert data[:70] == whole[:70]
    assert len(data) >= len(whole) - 4
