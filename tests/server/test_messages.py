"""Messages that are costly to read: each gets an answer, and nobody else is held up by them."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import JSONRPCRequest, jsonrpc_message_adapter
from pydantic import ValidationError
from support.pipe import INITIALIZED, META, Pipe, initialize, request
from support.process import started

from apixo_mcp.foreign import DEEPEST, LONGEST_GIVEN, MOST_GIVEN, excess
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.messages import bounded, bounded_body

DIGITS = "9" * 5_000


def called(arguments: str, tool: str = "list_tasks") -> str:
    """A call with arguments in JSON of any size, which `json` itself could not write."""
    return f'{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}\n'


COSTLY = {
    "a million lists": (called(f'{{"state":[{",".join(["[]"] * 1_000_000)}]}}'), "holds more than 5,000 values"),
    "names": (called("{" + ",".join(f'"k{n}":{n}' for n in range(100_000)) + "}"), "unknown argument"),
    "nested": (called('{"state":' + "[" * 300 + "]" * 300 + "}"), "is nested more than 60 deep"),
    "nested far": (called('{"state":' + "[" * 100_000 + "]" * 100_000 + "}"), "holds more than 5,000 values"),
    "objects": (called('{"state":' + '{"a":' * 500 + "1" + "}" * 500 + "}"), "is nested more than 60 deep"),
    "digits": (called(f'{{"limit":{DIGITS}}}'), "a whole number of more than 64 bits"),
    "digits in a list": (called(f'{{"state":[1,{{"a":{DIGITS}}}]}}'), "a whole number of more than 64 bits"),
    "a long text": (called('{"state":"' + "é" * 1_000_000 + '"}'), "a text of more than 100,000 characters"),
    "beside": (
        called('{"limit":5,"state":' + json.dumps(["x"] * 60_000) + ',"cursor":"x"}'),
        "holds more than 5,000 values",
    ),
}


@pytest.mark.parametrize("kind", COSTLY)
def test_a_costly_message_becomes_one_that_is_small_and_refused(kind: str):
    line, _ = COSTLY[kind]
    smaller = bounded(line)
    assert len(smaller) <= 6 * LONGEST_GIVEN + 1_000  # as escapes
    message = jsonrpc_message_adapter.validate_json(smaller)
    assert isinstance(message, JSONRPCRequest)
    assert message.params is not None
    assert (message.id, message.params["name"]) == (7, "list_tasks")


@pytest.mark.process
def test_on_stdio_it_is_answered(tmp_path: Path):
    with Pipe(tmp_path) as pipe:
        pipe.send(initialize(), INITIALIZED)
        assert pipe.next()["id"] == 0
        for kind, (line, words) in COSTLY.items():
            pipe.send(line.encode(), request("ping", number=8))
            answers = {entry["id"]: entry for entry in (pipe.next(), pipe.next())}
            assert answers[7]["result"]["isError"], kind
            assert words in answers[7]["result"]["content"][0]["text"], kind
            assert answers[8]["result"] == {}


async def asked(body: bytes, url: str) -> dict[str, Any]:
    """The answer to a body over Streamable HTTP, in the modern era."""
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "list_tasks",
    }
    async with httpx2.AsyncClient(timeout=60) as http:
        answer = await http.post(f"{url}/mcp", content=body, headers=headers)
    text = answer.text
    return json.loads(text.split("data: ", 1)[1] if "data: " in text else text)


@pytest.mark.process
@pytest.mark.anyio
async def test_over_http_it_is_answered(box: Sandbox, tmp_path: Path):
    with started(box, tmp_path) as process:
        for kind, (line, words) in COSTLY.items():
            meta = f'"params":{{"_meta":{json.dumps(META)},'
            answer = await asked(line.replace('"params":{', meta).encode(), process.url)
            assert answer["result"]["isError"], kind
            assert words in answer["result"]["content"][0]["text"], kind
        assert "error" in await asked(b"[" * 1_000_000, process.url)
        assert "error" in await asked(b"[" + b"[]," * 1_000_000 + b"[]]", process.url)


@pytest.mark.parametrize("line", ["[" * 100_000, "[" + "[]," * 100_000 + "[]]", '{"a":' * 50_000, "," * 10_000])
def test_what_is_no_message_stays_none(line: str):
    with pytest.raises(ValidationError):
        jsonrpc_message_adapter.validate_json(bounded(line))


def test_a_name_or_an_address_is_cut_as_it_is_told_again():
    for params in ({"uri": "apixo://tasks/" + "x" * 500_000}, {"name": "x" * 500_000, "arguments": {"state": "x"}}):
        line = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "resources/read", "params": params}) + "\n"
        assert len(bounded(line)) < 3_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=40,
)


@given(JSON, st.integers(0, 40), st.text('[{,\\"é', max_size=300))
def test_a_message_within_the_limits_stays_what_it_is(value: Any, depth: int, marks: str):
    for _ in range(depth):
        value = [value, "," * 200]
    message = {"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"arguments": {"a": value, "b": marks * 30}}}
    line = json.dumps(message) + "\n"
    if not excess(message):
        assert bounded(line) is line
        assert bounded_body(line.encode()) == line.encode()


def test_arguments_that_fit_alone_are_all_kept():
    lists = {f"a{number}": ["x"] * (MOST_GIVEN - 10) for number in range(4)}
    line = called(json.dumps(lists))
    assert json.loads(bounded(line))["params"]["arguments"] == lists


def test_no_argument_is_ever_shortened_to_one_that_fits():
    lists = {f"a{number}": ["x"] * (MOST_GIVEN - 10) for number in range(40)}
    smaller = json.loads(bounded(called(json.dumps(lists))))["params"]["arguments"]
    assert all(excess(value) or value == lists[name] for name, value in smaller.items())
    assert any(excess(value) for value in smaller.values())


def test_depth_is_counted_as_the_tools_count_it():
    fits, deep = (called('{"state":' + "[" * depth + "]" * depth + "}") for depth in (DEEPEST - 5, DEEPEST + 2))
    assert json.loads(bounded(fits)) == json.loads(fits)
    assert excess(json.loads(bounded(deep))["params"]["arguments"]["state"])
