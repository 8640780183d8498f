import json
import math
import threading
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amounts import examples

from apixo_mcp import foreign
from apixo_mcp.foreign import LARGE, clipped, read_aside, read_json, shorten

FILLER = "[" * 2_000 + "]" * 2_000
"""So deep that a text which holds it is read piece by piece."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)


def in_pieces(text: str) -> Any:
    """A text as it is read where something beside it is read piece by piece; None where it is not JSON."""
    found = read_json(f"[{text},{FILLER}]")
    return found[0] if isinstance(found, list) else None


@settings(max_examples=examples(150), deadline=None, database=None)
@given(JSON, st.sampled_from([None, 1]), st.booleans())
def test_what_is_read_piece_by_piece_is_what_the_library_reads(value: Any, indent: int | None, as_ascii: bool):
    text = json.dumps(value, indent=indent, ensure_ascii=as_ascii)
    assert in_pieces(text) == value
    assert read_json(text) == value
    assert read_json(text.encode("utf-8", "surrogatepass")) == value


@settings(max_examples=examples(150), deadline=None, database=None)
@given(JSON, st.data())
def test_what_is_not_json_is_not_read_piece_by_piece_either(value: Any, data: st.DataObject):
    text = json.dumps([value])
    place = data.draw(st.integers(0, len(text) - 1))
    broken = text[:place] + data.draw(st.sampled_from(["", ",", "]", "}", '"', ":", "x", "1", "-"])) + text[place + 1 :]
    try:
        expected = json.loads(f"[{broken},0]", strict=False)
    except ValueError:
        expected = None
    assert (in_pieces(broken) is None) == (expected is None or expected[0] is None)


DEEP = 100_000
BRACKETS = {
    "lists": ("[" * DEEP, "]" * DEEP),
    "objects": ('{"a":' * DEEP + "1", "}" * DEEP),
    "both": ('[{"a":' * DEEP + "1", "}]" * DEEP),
    "spread": ("[ \n" * DEEP, "\t]" * DEEP),
}


@pytest.mark.parametrize("kind", BRACKETS)
def test_what_stands_behind_deep_nesting_is_read(kind: str):
    start, end = BRACKETS[kind]
    found = read_json(f'{{"code":200,"data":{{"deep":{start}{end},"taskId":"t"}}}}')
    assert found["data"]["taskId"] == "t"
    assert read_json(f'{{"data":{start}{end[:-1]}}}') is None


MANY = {
    "numbers": "1," * 2_000_000,
    "lists": "[]," * 400_000,
    "objects": '{"a":{"b":[1,2]}},' * 100_000,
    "texts": '"[{,",' * 300_000,
}


@pytest.mark.parametrize("kind", MANY)
def test_what_stands_behind_a_million_values_is_read(kind: str):
    found = read_json(f'{{"junk":[{MANY[kind]}0],"data":{{"state":"success","urls":["a","b"],"o":{{"x":1}}}},"z":[]}}')
    assert found["data"] == {"state": "success", "urls": ["a", "b"], "o": {"x": 1}}
    assert found["z"] == []
    assert 1_000 < len(found["junk"]) <= 60_000


def test_an_object_of_a_million_names_is_cut():
    found = read_json("{" + ",".join(f'"k{number}":0' for number in range(400_000)) + "}")
    assert 1_000 < len(found) <= 60_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9" * 5_000, math.inf),
        ("-" + "9" * 5_000, -math.inf),
        ("1e999999", math.inf),
        ("[" + ",".join(["9" * 4_300] * 3) + "]", [math.inf] * 3),
        ("9" * 30, int("9" * 30)),
        ('{"a":1,"a":2}', {"a": 2}),
        ('"\\ud800"', "\ud800"),
        ('"a\nb\x00"', "a\nb\x00"),
        ("\ufeff{}", {}),
        (" \n{}\t", {}),
        ("-Infinity", -math.inf),
        ("", None),
        ("{} x", None),
        ("\x00", None),
    ],
)
def test_odd_values_are_read_in_one_go_and_piece_by_piece(text: str, value: Any):
    assert read_json(text) == value
    if not text.startswith("\ufeff"):
        assert in_pieces(text) == value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be"])
def test_every_encoding_of_json_is_read(encoding: str):
    assert read_json('{"a": "狐"}'.encode(encoding)) == {"a": "狐"}


@pytest.mark.parametrize("body", [b"\xff" * 9, b'{"a":"\xe9"}', b"\xff\xfe\x00", b"\x00\x00\x00"])
def test_bytes_that_are_no_text_are_no_json(body: bytes):
    assert read_json(body) is None


@pytest.mark.parametrize("behind", ["", " // done", "}", ",", "[" * 100_000, "1," * 100_000])
def test_a_beginning_is_read_whatever_stands_behind(behind: str):
    assert read_json('{"a": 1}' + behind, only_beginning=True) == {"a": 1}


@settings(max_examples=examples(100), deadline=None, database=None)
@given(JSON, st.integers(10, 200))
def test_the_beginning_of_a_value_is_that_of_its_repr(value: Any, longest: int):
    text = repr(value) if value is not None else ""
    assert shorten(value, longest) == (text if len(text) <= longest else text[: longest - 1] + "…")


@given(st.text("ab狐\u0301", max_size=30), st.integers(1, 30))
def test_a_text_is_clipped_as_it_is_measured(text: str, longest: int):
    def size(part: str) -> int:
        return len(part.encode())

    assert clipped(text, longest) == (text if len(text) <= longest else text[: longest - 1] + "…")
    shown = clipped(text, longest, size)
    assert size(shown) <= max(longest, size("…"))
    assert shown == text or (size(text) > longest and text.startswith(shown.removesuffix("…")))


def test_the_beginning_of_a_large_value_is_told():
    assert shorten([10**5_000], 60) == "[a number of hundreds of digits]"
    assert shorten({"a": [1] * 10**6}, 12) == "{'a': [1, 1…"
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert shorten(deep, 20) == "[" * 19 + "…"


@pytest.mark.anyio
async def test_large_bodies_are_read_beside_the_loop_one_at_a_time():
    here = threading.get_ident()
    assert await read_aside(LARGE, threading.get_ident) == here
    assert await read_aside(LARGE + 1, threading.get_ident) != here
    inside, most = 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        read_json("[" + "1," * 50_000 + "1]")
        with lock:
            inside -= 1

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(read_aside, LARGE + 1, work)
    assert most == 1


def test_a_loop_of_its_own_has_a_turn_of_its_own():
    for _ in range(2):
        assert anyio.run(read_aside, LARGE + 1, foreign.cut, "a") == "a"
