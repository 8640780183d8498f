"""The task id in broken answers of odd forms and sizes."""

import gzip
import json
from urllib.parse import quote

import pytest

from apixo_mcp.gateways.named_ids import named_ids

ID = "task_9f8e7d6c5b4a"
ECHO = "A" * 400_000


def told(name: str = "taskId", **more: object) -> str:
    return json.dumps({"code": 500, "message": "busy", "data": {**more, name: ID, "x": 1}})


BODIES = {
    "behind 300 KB, cut": (f'{{"code":200,"echo":"{"e" * 300_000}","data":{{"taskId":"{ID}","x":').encode(),
    "behind the input": told(input={"image_urls": [f"data:image/png;base64,{ECHO}"]}).encode(),
    "before the input": f'{{"code":500,"data":{{"taskId":"{ID}","input":{{"a":"{ECHO}"}}}}}}'.encode(),
    "between two echoes": f'{{"a":"{ECHO}","taskId":"{ID}","b":"{ECHO}"'.encode(),
    "at the edge of a piece": (" " * (64 * 1024 - 4) + told()).encode(),
    "packed without a word": gzip.compress(told().encode()),
    "packed without a word, cut": gzip.compress((told() + ECHO).encode())[:-200],
    "entities": told().replace('"', "&quot;").encode(),
    "a page with entities": ("<html><pre>" + told().replace('"', "&quot;") + "</pre></html>").encode(),
    "escapes": told().replace(ID, "".join(f"\\u{ord(one):04x}" for one in ID)).encode(),
    "CDATA": f"<r><taskId><![CDATA[{ID}]]></taskId></r>".encode(),
    "two words": told("Task Id").encode(),
    "UTF-16": told().encode("utf-16"),
}


@pytest.mark.parametrize("kind", BODIES)
def test_it_is_found(kind: str):
    assert named_ids(BODIES[kind]) == (ID,)


def test_a_form_that_ends_with_it_counts_where_the_answer_is_whole():
    assert named_ids(f"code=200&taskId={ID}".encode(), is_whole=True) == (ID,)
    assert named_ids(f"code=200&taskId={ID}".encode()) == ()


def test_an_address_within_an_address_tells_it_too():
    assert named_ids(b"", {"location": f"/login?next={quote(f'/status?taskId={ID}', safe='')}"}) == (ID,)


@pytest.mark.parametrize("at", range(64 * 1024 - 30, 64 * 1024 + 5))
def test_wherever_a_piece_ends(at: int):
    assert named_ids((" " * at + f'{{"taskId":"{ID}"}}').encode()) == (ID,)


def test_an_id_that_was_sent_is_not_one():
    body = f'{{"code":500,"input":{{"a":"{ECHO}","task_id":"{ID}"}}}}'.encode()
    assert named_ids(body, inputs={"task_id": ID}) == ()
