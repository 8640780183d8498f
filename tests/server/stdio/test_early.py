"""The early stage: its answers are the SDK's own, and nothing is lost when it hands over."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from support.amounts import examples
from support.inside import Inside
from support.pipe import INITIALIZED, META, Pipe, call, discover, initialize, line, request
from support.sdk_answers import asked

from apixo_mcp.app import open_app
from apixo_mcp.cli.process.environment import PLAIN, known_of
from apixo_mcp.server.build import build_server
from apixo_mcp.server.server_info import instructions
from apixo_mcp.server.stdio.handshake import HANDSHAKE_VERSIONS, MODERN_VERSION, greet, read_opening
from apixo_mcp.settings import Settings, read_settings

# ---------------------------------------------------------------------------------------------------------------------
# What the SDK would have said


Ask = Callable[[bytes], Any]


@pytest.fixture(scope="module", params=[True, False], ids=["key", "no key"])
def sdk(
    request: pytest.FixtureRequest, portal: BlockingPortal, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ask]:
    home = tmp_path_factory.mktemp("home")
    key = {"apixo_api_key": "sk-test"} if request.param else {}
    with portal.wrap_async_context_manager(open_app(read_settings(home=home, download_dir=home, **key))) as app:
        server = build_server(app)
        ask: Any = lambda said: portal.call(asked, server, said)  # noqa: E731
        ask.key_set = request.param
        yield ask


def early(said: bytes, key: bool) -> Any:
    message = read_opening(said)
    greeting = greet(message, key_set=key) if message is not None else None
    return None if greeting is None else json.loads(greeting.line())


CAPABILITIES: tuple[dict[str, Any], ...] = (
    {},
    {"roots": {"listChanged": True}, "sampling": {}, "elicitation": {"form": {}, "url": {}}},
    {"roots": {}, "sampling": {"context": {}, "tools": {}}, "experimental": {"x": {"y": [1, None]}}},
    {"tasks": {"list": {}, "cancel": {}, "requests": {"sampling": {"createMessage": {}}, "elicitation": {}}}},
    {"extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}, "other": 1},
)
INFO: dict[str, Any] = {
    "name": "clïent",
    "title": "Client",
    "version": "1.2",
    "description": "d",
    "websiteUrl": "https://example.com",
    "icons": [{"src": "data:,", "mimeType": "image/png", "sizes": ["48x48"], "theme": "dark"}],
}


def test_the_instructions_are_short() -> None:
    assert len(instructions(key_set=False)) < 1500


def test_the_revisions_are_the_sdks() -> None:
    assert HANDSHAKE_VERSIONS == HANDSHAKE_PROTOCOL_VERSIONS
    assert (MODERN_VERSION,) == MODERN_PROTOCOL_VERSIONS


@pytest.mark.parametrize("version", HANDSHAKE_VERSIONS)
def test_initialize_is_answered_as_the_sdk_answers_it(version: str, sdk: Any) -> None:
    for capabilities in CAPABILITIES:
        said = line(initialize(version, "one", capabilities=capabilities, clientInfo=INFO))
        assert early(said, sdk.key_set) == sdk(said), "the answer belongs in apixo_mcp/server/server_info.py"


def test_discover_is_answered_as_the_sdk_answers_it(sdk: Any) -> None:
    for capabilities in CAPABILITIES:
        meta = {"io.modelcontextprotocol/clientCapabilities": capabilities}
        said = line(discover(7, **meta, **{"io.modelcontextprotocol/logLevel": "info"}))
        assert early(said, sdk.key_set) == sdk(said), "the answer belongs in apixo_mcp/server/server_info.py"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "2025-11-25", "2026-07-28"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "name", "src"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield here
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in entries:
        yield from paths(child, (*here, name))


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    if not path:
        return to
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], to)
    return copy


WHOLE = [
    message
    for capabilities in CAPABILITIES[1:]
    for message in (
        initialize("2025-06-18", capabilities=capabilities, clientInfo=INFO, _meta={"traceparent": "x"}),
        discover(
            **{
                "io.modelcontextprotocol/clientCapabilities": capabilities,
                "io.modelcontextprotocol/clientInfo": INFO,
                "io.modelcontextprotocol/logLevel": "error",
            }
        ),
    )
]


@given(data=st.data())
@settings(max_examples=examples(250), deadline=None)
def test_what_is_answered_early_is_never_answered_otherwise(data: st.DataObject, sdk: Any) -> None:
    """Any part of an opening may be anything: the early stage is silent, or says what the SDK says."""
    message = data.draw(st.sampled_from(WHOLE))
    for _ in range(data.draw(st.integers(1, 2))):
        message = changed(message, data.draw(st.sampled_from([*paths(message)][1:])), data.draw(ODD))
    said = line(message)
    answer = early(said, sdk.key_set)
    if answer is not None:
        assert answer == sdk(said)


@pytest.mark.parametrize(
    "said",
    [
        b"\n",
        b"[]\n",
        b"{\n",
        b"\xff\n",
        line([initialize()]),
        line(initialize("2020-01-01")),
        line(initialize("2026-07-28")),
        line(initialize(clientInfo={"name": "x"})),
        line(initialize(capabilities=None)),
        line(initialize(_meta={"progressToken": 1})),
        line(initialize() | {"id": None}),
        line(initialize() | {"id": True}),
        line(initialize() | {"id": 1.0}),
        line(initialize() | {"jsonrpc": "1.0"}),
        line(initialize() | {"result": {}}),
        line(initialize()).replace(b'"test"', b'"\\ud800"'),
        line(initialize()).replace(b'"id": 0', b'"id": 0, "id": 1'),
        line(initialize(extra=[]))[:-4] + b"[" * 300 + b"]" * 300 + b"}}\n",
        line(initialize(extra="NAN")).replace(b'"NAN"', b"NaN"),
        line(initialize()).replace(b", ", b",\r"),
        line(request("server/discover")),
        line(request("server/discover", {"_meta": {}})),
        line(discover(**{"io.modelcontextprotocol/protocolVersion": "2027-01-01"})),
        line(discover(0, **{"io.modelcontextprotocol/clientCapabilities": None})),
        line(request("ping")),
        line(request("tools/list", {"_meta": META})),
    ],
)
def test_what_is_not_plain_is_left_to_the_sdk(said: bytes) -> None:
    assert early(said, True) is None


# ---------------------------------------------------------------------------------------------------------------------
# The environment


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"PATH": "/bin", "APIXO_API_KEY": ""}, False),
        ({"APIXO_API_KEY": "k"}, True),
        ({"ruxa_api_key": "k", "APIXO_MCP_HOME": "/x"}, True),
        ({"APIXO_API_KEY": "k", "APIXO_BASE_URL": "gateway"}, None),
        ({"APIXO_API_KEY": "k", "APIXO_MCP_POLL_SCALE": "fast"}, None),
        ({"APIXO_API_KEY": "k", "APIXO_MCP_PRICES": "/prices.toml"}, None),
        ({"APIXO_API_KEY": "k", "APIXO_MCP_TUNNEL": "cloudflared"}, True),
        ({"APIXO_API_KEY": "k", "APIXO_MCP_TUNNEL": "/opt/homebrew/bin/ngrok"}, True),
        ({"APIXO_API_KEY": "k", "APIXO_MCP_TUNNEL": "ssh -R 80:127.0.0.1:{port} host.example"}, True),
        ({"APIXO_API_KEY": "k", "APIXO_MCP_TUNNEL": "frp"}, None),
        ({"APIXO_API_KEY": "k", "APIXO_MCP_NEWER_SETTING": "1"}, None),
    ],
)
def test_the_environment_is_read_without_the_settings(environment: dict[str, str], expected: bool | None) -> None:
    known = known_of(environment)
    assert (known and known.key_set) is expected


def field(variable: str) -> str:
    return next((name for name, entry in Settings.model_fields.items() if entry.alias == variable), variable.lower())


@pytest.mark.parametrize("variable", PLAIN)
@given(data=st.data())
@settings(max_examples=examples(30), deadline=None)
def test_a_plain_value_is_one_that_the_settings_take(variable: str, data: st.DataObject) -> None:
    letters = st.characters(codec="utf-8", exclude_characters="\0")
    value = data.draw(st.from_regex(PLAIN[variable], fullmatch=True, alphabet=letters))
    read_settings(**{field(variable): value})


# ---------------------------------------------------------------------------------------------------------------------
# Raw pipes, to this process and to one of its own


Open = Callable[..., Pipe | Inside]


def check_session(pipe: Pipe | Inside, *, modern: bool = False) -> None:
    """The rest of a session, after its opening: the tools are listed, one is called, and the end is clean."""
    pipe.load()
    meta = {"_meta": META} if modern else {}
    pipe.send(request("tools/list", meta, "list"))
    listed = pipe.next()
    assert listed["id"] == "list"
    assert "generate_image" in {tool["name"] for tool in listed["result"]["tools"]}
    pipe.send(call(3, **meta))
    called = pipe.next()
    assert called["id"] == 3
    assert "nano-banana" in called["result"]["content"][0]["text"]
    assert pipe.end() == (0, [], b"")


@pytest.mark.parametrize("version", HANDSHAKE_VERSIONS)
def test_a_session_of_each_handshake_revision(version: str, opened: Open) -> None:
    with opened() as pipe:
        pipe.send(initialize(version, number="first"))
        answer = pipe.next()
        assert (answer["id"], answer["result"]["protocolVersion"]) == ("first", version)
        pipe.send(INITIALIZED)
        check_session(pipe)


def test_a_probe_then_a_modern_session(opened: Open) -> None:
    with opened() as pipe:
        pipe.send(discover(1))
        assert pipe.next()["result"]["supportedVersions"] == ["2026-07-28"]
        check_session(pipe, modern=True)


def test_a_probe_then_a_handshake_on_one_pipe(opened: Open) -> None:
    with opened() as pipe:
        pipe.send(discover(0))
        assert pipe.next()["id"] == 0
        pipe.send(initialize(number=0))  # the id again, as a client that starts afresh counts
        assert pipe.next()["result"]["protocolVersion"] == "2025-11-25"
        pipe.send(INITIALIZED)
        check_session(pipe)


def test_everything_in_one_write_with_a_megabyte_behind_it(opened: Open) -> None:
    with opened() as pipe:
        big = request("tools/call", {"name": "list_models", "arguments": {"query": "x" * 2**20}}, 1)
        pipe.send(discover(8), initialize(number=0), INITIALIZED, big, request("tools/list", number=0))
        pipe.load()
        found = [pipe.next() for _ in range(4)]
        assert [entry["id"] for entry in found[:2]] == [8, 0]
        assert {entry["id"] for entry in found[2:]} == {1, 0}
        assert "tools" in next(entry for entry in found[2:] if entry["id"] == 0)["result"]
        check_session(pipe)


def test_byte_by_byte(opened: Open) -> None:
    said = line(initialize()).replace(b"\n", b"\r\n") + line(INITIALIZED) + line(call("ü"))
    with opened() as pipe:
        for number in range(len(said)):
            pipe.write(said[number : number + 1])
        assert pipe.next()["id"] == 0
        pipe.load()
        assert pipe.next()["id"] == "ü"
        check_session(pipe)


def test_a_message_that_is_cut_in_two_by_the_end_of_the_loading(opened: Open) -> None:
    first, second = line(call(2))[:40], line(call(2))[40:]
    with opened(APIXO_MCP_LOG_LEVEL="DEBUG") as pipe:
        pipe.send(initialize(), INITIALIZED, first)
        assert pipe.next()["id"] == 0
        pipe.loaded()
        pipe.send(second)
        assert pipe.next()["id"] == 2
        assert pipe.end()[:2] == (0, [])


@pytest.mark.process
def test_a_mark_of_the_byte_order_is_greeted_over(tmp_path: Path) -> None:
    alone = (
        "import threading; from apixo_mcp.server.stdio.early import Early\n"
        "from apixo_mcp.server.stdio.known import Known; early = Early(Known(key_set=True))\n"
        "[thread.join() for thread in threading.enumerate() if thread.name == 'early']"
    )
    with Pipe(tmp_path, ("-c", alone)) as pipe:
        pipe.write(b"\xef\xbb\xbf" + line(discover("probe")) + line(initialize()))
        assert [pipe.next()["id"], pipe.next()["id"]] == ["probe", 0]


def test_a_client_that_says_nothing_until_all_is_loaded(opened: Open) -> None:
    with opened(APIXO_MCP_LOG_LEVEL="DEBUG") as pipe:
        pipe.loaded()
        pipe.send(discover("probe"))
        assert pipe.next()["id"] == "probe"
        pipe.send(initialize(), INITIALIZED, call(2))
        assert [pipe.next()["id"], pipe.next()["id"]] == [0, 2]
        assert pipe.end()[:2] == (0, [])


def test_garbage_first(opened: Open) -> None:
    with opened() as pipe:
        pipe.send(b"garbage\n\n[]\n", initialize(), INITIALIZED)
        pipe.load()
        assert [pipe.next()["error"]["code"] for _ in range(2)] == [-32700, -32600]
        assert pipe.next()["id"] == 0
        check_session(pipe)


def test_other_requests_first(opened: Open) -> None:
    with opened() as pipe:
        pipe.send(request("no/such/method", number="?"), request("ping", number="ping"), initialize(), INITIALIZED)
        pipe.load()
        answers = {answer["id"]: answer for answer in (pipe.next(), pipe.next(), pipe.next())}
        assert answers["?"]["error"]["code"] == -32601
        assert answers["ping"]["result"] == {}
        assert "serverInfo" in answers[0]["result"]
        check_session(pipe)


def test_a_refused_probe_then_a_handshake(opened: Open) -> None:
    with opened() as pipe:
        pipe.send(discover(5, **{"io.modelcontextprotocol/protocolVersion": "2027-01-01"}), initialize(), INITIALIZED)
        pipe.load()
        assert pipe.next()["error"]["code"] == -32022
        assert pipe.next()["id"] == 0
        check_session(pipe)


@pytest.mark.process
@pytest.mark.parametrize("said", [[initialize()], [discover()], [initialize(), INITIALIZED]])
def test_the_end_of_input_while_loading(said: list[Any], tmp_path: Path) -> None:
    with Pipe(tmp_path) as pipe:
        pipe.send(*said)
        code, answers, errors = pipe.end()
        assert (code, [answer["id"] for answer in answers], errors) == (0, [0], b"")


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to catch")
def test_a_signal_while_loading(tmp_path: Path) -> None:
    with Pipe(tmp_path) as pipe:
        pipe.send(initialize())
        assert pipe.next()["id"] == 0
        pipe.process.send_signal(signal.SIGTERM)
        assert pipe.ended() == (0, [], b"")


@pytest.mark.process
def test_settings_that_cannot_be_used_are_not_greeted_over(tmp_path: Path) -> None:
    with Pipe(tmp_path, APIXO_MCP_POLL_SCALE="fast") as pipe:
        pipe.send(initialize())
        code, answers, errors = pipe.ended()
        assert (code, answers) == (1, [])
        assert b"APIXO_MCP_POLL_SCALE" in errors


@pytest.mark.process
@pytest.mark.parametrize("poll_scale", ["1", "fast"])
def test_a_client_that_never_says_anything(poll_scale: str, tmp_path: Path) -> None:
    """What is wrong is told all the same, as to a person who tries the command."""
    with Pipe(tmp_path, APIXO_MCP_POLL_SCALE=poll_scale) as pipe:
        code, answers, errors = pipe.end()
        assert (code, answers, b"APIXO_MCP_POLL_SCALE" in errors) == (
            (1, [], True) if poll_scale == "fast" else (0, [], False)
        )


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="there is no shell to close a stream")
def test_without_a_standard_error(tmp_path: Path) -> None:
    program = "import os, sys; os.close(2); os.execv(sys.executable, [sys.executable, '-m', 'apixo_mcp'])"
    with Pipe(tmp_path, ("-c", program)) as pipe:
        pipe.send(initialize(), INITIALIZED)
        assert pipe.next()["id"] == 0
        check_session(pipe)


STRAY = """
import os, sys
import apixo_mcp.errors

print("a stray print"); os.write(1, b"a stray write\\n"); os.system("echo a stray child")
assert sys.stdin.read() == ""
"""


@pytest.mark.process
def test_nothing_that_loads_reaches_the_wire(tmp_path: Path) -> None:
    program = f"""
import sys
from importlib.abc import MetaPathFinder

class Loud(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "apixo_mcp.settings":
            sys.meta_path.remove(self)
            exec({STRAY!r})
        return None

sys.meta_path.insert(0, Loud())
from apixo_mcp.cli.main import main
sys.argv = ["apixo-mcp"]
main()
"""
    with Pipe(tmp_path, ("-c", program)) as pipe:
        pipe.send(initialize(), INITIALIZED, call(2))
        assert [pipe.next()["id"], pipe.next()["id"]] == [0, 2]
        code, answers, errors = pipe.end()
        assert (code, answers) == (0, [])
        assert [part in errors for part in (b"stray print", b"stray write", b"stray child")] == [True] * 3
