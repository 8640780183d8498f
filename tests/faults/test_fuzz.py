"""Arguments and answers that nobody would write: none may crash the program, leak a traceback or cost money by mistake.

`FAULTS_EXAMPLES` says how many of each.
"""

import base64
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.types import CallToolResult, Implementation
from support.amounts import EXAMPLES, SEED
from support.checks import EVERY
from support.kills import all_ended, until
from support.wire import Wire, answer

from apixo_mcp.app import App, open_app
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.gateways.answers import task_in_callback, undocumented_state
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.gateway import Accepted, Failed, Later, NoAnswer, Refused, Running, Succeeded, Unclear
from apixo_mcp.gateways.interpret_poll import interpret_poll
from apixo_mcp.gateways.interpret_submit import interpret_submit
from apixo_mcp.net.response import Answered
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.sandbox.facts import find
from apixo_mcp.sandbox.rules import problems
from apixo_mcp.server.build import build_server
from apixo_mcp.server.tools.table import COMMON_TOOLS, GENERAL_TOOLS
from apixo_mcp.settings import read_settings
from apixo_mcp.stores.rows import from_row, to_row
from apixo_mcp.tasks.schedule import PollSchedule
from apixo_mcp.tasks.task import State, Task, may_move, new_task_id
from apixo_mcp.tasks.transitions import polls, submits
from apixo_mcp.tasks.transitions.context import DecisionContext
from apixo_mcp.views.sentences import sentence
from apixo_mcp.views.tasks import task_structure
from apixo_mcp.views.words import compact

AS_MANY = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=EVERY, print_blob=False)
MODELS = [model.id for model in Catalog()]
KEY = "sk-fuzz-planted-key"

# The program runs in a thread beside the one that makes the examples up.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

# Arguments.

ODD = st.sampled_from(
    ["", " ", "\0", "null", "[]", "{}", "-1", "1e999", "\ud800", "🦊" * 50, "x" * 6000, "../../etc/passwd"]
)
WORDS = st.one_of(st.text(max_size=20), ODD, st.sampled_from(["a red fox", "A fox in the snow, at dawn"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
URLS = st.sampled_from(
    [
        "https://example.com/a.png",
        "http://127.0.0.1/",
        "file:///etc/passwd",
        "/etc/passwd",
        "task:tsk_x/0",
        "data:,x",
        "ftp://x",
    ]
)
DONE = ["none yet"]
"""A task that has ended well, for whatever is done to one."""

LIKELY: Mapping[str, st.SearchStrategy[Any]] = {
    "model": st.sampled_from(MODELS),
    "task_id": st.sampled_from(["tsk_" + "a" * 26, "remote", "' or 1=1 --", "%"]) | st.none().map(lambda _: DONE[0]),
    "cursor": (JSON | st.tuples(JSON, JSON) | st.sampled_from([[1e300, "x"], [10**400, "x"]])).map(
        lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    )
    | st.sampled_from([base64.urlsafe_b64encode(b"[" * 100_000).decode(), "=", "é"]),
    "index": st.integers(-2, 3),
    "prompt": st.sampled_from(["a red fox", "x" * 5001, "two foxes"]),
    "mode": st.sampled_from(["text-to-image", "image-to-image", "text-to-video", "generate", "auto"]),
    "aspect_ratio": st.sampled_from(["1:1", "16:9", "9:16", "auto", "1920x1080"]),
    "resolution": st.sampled_from(["1K", "2k", "720p", "1080p", "8K"]),
    "output_format": st.sampled_from(["png", "jpeg", "gif"]),
    "duration": st.integers(-2, 40),
    "num_images": st.integers(-2, 20),
    "seed": st.integers(-2, 2**40),
    "provider": st.sampled_from(["auto", "value", "official", "cheapest"]),
    "directory": st.sampled_from(["/", "..", "~", "/proc/self"]),
    "image_urls": st.lists(URLS, max_size=15),
    "video_urls": st.lists(URLS, max_size=3),
    "audio_urls": st.lists(URLS, max_size=3),
}


def of_schema(name: str, entry: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """What the schema allows, what is likely, and anything else."""
    if name == "wait_seconds":  # a call that is refused, or that does not wait
        return st.sampled_from([0, "0", 0.0, 51, -2, "x", [], {}, True, 10**30])
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": WORDS,
        "integer": st.integers(-3, entry.get("maximum", 10**6)),
        "number": st.floats(allow_nan=False),
        "boolean": st.booleans(),
        "array": st.lists(WORDS, max_size=4),
        "object": st.dictionaries(st.text(max_size=8), JSON, max_size=3),
    }
    allowed = [kinds[entry["type"]]]
    if "enum" in entry:
        allowed = [st.sampled_from(entry["enum"])] * 3
    likely = [LIKELY[name]] * 6 if name in LIKELY else []
    return st.one_of(*allowed, *likely, JSON, st.just(None), st.just(entry.get("default")))


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    tool = draw(st.sampled_from([*GENERAL_TOOLS, *GENERAL_TOOLS, *COMMON_TOOLS]))
    properties = tool.input["properties"]
    if draw(st.integers(0, 9)) == 0:
        given = draw(
            st.dictionaries(st.one_of(st.sampled_from(sorted(properties)), st.text(max_size=8)), JSON, max_size=6)
        )
        return tool.name, given | {"wait_seconds": 0} if "wait_seconds" in properties else given
    required = list(tool.input.get("required", ()))
    plain = bool(tool.modality) and draw(st.booleans())  # no more than a model, a prompt and its own inputs
    chosen = [] if plain else draw(st.lists(st.sampled_from(sorted(properties)), max_size=4, unique=True))
    wanted = {*required, *chosen} | ({"wait_seconds"} if "wait_seconds" in properties else set())
    given = {name: draw(of_schema(name, properties[name])) for name in sorted(wanted)}
    if plain:
        given["wait_seconds"] = 0
    if plain or (tool.modality and draw(st.booleans())):
        same = [model for model in Catalog() if model.modality == tool.modality]
        model = draw(st.sampled_from(same))
        given["model"], given["prompt"] = model.id, draw(st.sampled_from(["a red fox"] * 6 + ["x" * 5001, ""]))
        fields = sorted(model.input.model_fields)
        options = {name: draw(own_value(model.input.model_fields[name], name)) for name in draw(some(fields))}
        if options:
            given["options"] = options
    return tool.name, given


def some(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), max_size=4, unique=True) if names else st.just([])


def own_value(field: Any, name: str) -> st.SearchStrategy[Any]:
    """A value for a model's own input: one of its literals, or what is likely, or anything."""
    literals = list(_literals(field.annotation))
    choices = [st.sampled_from(literals)] * 4 if literals else []
    likely = (
        [LIKELY[name]] * 2
        if name in LIKELY
        else [st.integers(-1, 20), st.booleans(), WORDS, st.lists(URLS, max_size=6)]
    )
    return st.one_of(*choices, *likely, JSON)


def _literals(annotation: Any) -> Iterator[Any]:
    from typing import Literal, get_args, get_origin

    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for inner in get_args(annotation):
            yield from _literals(inner)


@contextmanager
def running(folder: Path, url: str, **more: Any) -> Iterator[tuple[BlockingPortal, Client, App]]:
    values = {
        "apixo_base_url": url,
        "ruxa_base_url": url,
        "apixo_api_key": KEY,
        "ruxa_api_key": KEY,
        "home": folder / "home",
        "download_dir": folder / "pictures",
        "allow_private_hosts": True,
        "poll_scale": 0.002,
    } | more
    with start_blocking_portal() as portal:
        with portal.wrap_async_context_manager(open_app(read_settings(**values))) as app:
            client = Client(build_server(app), client_info=Implementation(name="apixo-mcp", version="1"))
            with portal.wrap_async_context_manager(client) as connected:
                yield portal, connected, app


def check_answer(called: CallToolResult) -> str:
    """What every answer must be, whatever was asked."""
    text = json.dumps(called.model_dump(mode="json"))
    assert "Traceback" not in text
    assert "failed inside the server" not in text, text
    assert KEY not in text
    assert called.content
    if called.is_error:
        assert called.structured_content is None
        return "refused"
    return (called.structured_content or {}).get("state", "told")


def is_invalid(entry: dict[str, Any]) -> bool:
    """Whether a submit was refused for what could be known: the gateway alone can judge an id that is its own."""
    if entry["outcome"] != "input":
        return False
    model = find(entry["gateway"], entry["model"])
    return (
        model is None or bool(problems(model, entry["input"])) or not any(one.task_of for one in model.fields.values())
    )


def test_no_arguments_crash_a_tool_or_submit_an_invalid_input(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    print(f"\nseed {SEED}")
    caplog.set_level(logging.ERROR)
    counts: Counter[str] = Counter()
    with start_blocking_portal() as ground:
        with ground.wrap_async_context_manager(Sandbox(speed=100_000, balance=1e9)) as box:
            with running(tmp_path, box.url) as (portal, client, app):
                given_first = {"model": "nano-banana", "prompt": "a fox", "wait_seconds": 20}
                done = portal.call(client.call_tool, "generate_image", given_first).structured_content
                assert done
                assert done["state"] == "success"
                DONE[:] = [done["task_id"]]
                # No more files are made: only what is submitted matters.
                ground.call(lambda: box.scenario({"route": "submit", "do": "fail:NSFW_DETECTED", "times": -1}))

                @seed(SEED)
                @AS_MANY
                @given(calls())
                def ask(call: tuple[str, dict[str, Any]]) -> None:
                    try:
                        json.dumps(call[1], ensure_ascii=False).encode()
                    except UnicodeEncodeError:
                        call = call[0], json.loads(json.dumps(call[1]))  # halves of a pair come as JSON escapes
                    called = portal.call(client.call_tool, *call)
                    assert isinstance(called, CallToolResult)
                    counts[check_answer(called)] += 1
                    counts["calls"] += 1

                ask()

                portal.call(all_ended, app)
            posts = [entry for entry in ground.call(box.log) if entry["route"] == "submit"]
    wrong = [entry for entry in posts if entry["outcome"] == "model" or is_invalid(entry)]
    cases = {json.dumps([entry["model"], entry["input"]])[:300] for entry in wrong}
    print(
        f"{dict(counts)}; {len(posts)} submits of {len({entry['model'] for entry in posts})} models, "
        f"{len(wrong)} of them invalid by the sandbox's own reading"
    )
    for case in sorted(cases):
        print("  invalid:", case)
    assert not [record for record in caplog.records if record.exc_info], caplog.text[:3000]
    assert posts
    assert not wrong


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


BLANK = {"model": "minimax-speech-2-8", "prompt": "a fox", "options": {"voice_id": " "}, "wait_seconds": 0}
FOUND_ONCE = (
    ("generate_audio", BLANK),
    ("list_tasks", {"cursor": cursor("[" * 100_000)}),
    ("list_tasks", {"cursor": cursor(f"[{10**400}, 1]")}),
    ("list_tasks", {"cursor": cursor('[1, "\\ud800"]')}),
    ("check_task", {"task_id": "\ud800"}),
    ("generate_image", {"model": "nano-banana", "prompt": "a fox", "idempotency_key": "\ud800", "wait_seconds": 0}),
    ("generate_audio", {"model": "suno", "prompt": "a fox", "options": {"negativeTags": "\ud800"}, "wait_seconds": 0}),
)


@pytest.mark.parametrize(("tool", "given"), FOUND_ONCE)
def test_arguments_that_once_crashed_a_tool_are_answered(tool: str, given: dict[str, Any], tmp_path: Path):
    with running(tmp_path, "http://127.0.0.1:9") as (portal, client, _):
        called = portal.call(client.call_tool, tool, given)
        assert isinstance(called, CallToolResult)
        assert check_answer(called) in ("refused", "submitting")


# Answers.

CONTACT = Credential("apixo", "APIXO_API_KEY", "https://apixo.ai", KEY)
STATUSES = st.sampled_from(
    [200, 200, 201, 204, 301, 400, 401, 402, 403, 404, 405, 409, 413, 422, 429, 500, 502, 503, 504, 599]
) | st.just(200)
REFUSED_BY_HTTP = (301, 400, 401, 402, 403, 404, 405, 413, 422)
"""Of these, the ones that are refusals by HTTP's own meaning."""

NAMES = st.sampled_from(
    ["taskId", "task_id", "state", "resultJson", "failCode", "failMsg", "completeTime", "createTime", "resultUrls"]
) | st.sampled_from(["error", "voice_id", "audio_id", "character_id", "data", "progress", "url", "id"])
STATES = st.sampled_from(
    ["pending", "waiting", "processing", "success", "completed", "failed", "fail", "SUCCESS ", "odd"]
)
RESULTS = (
    st.sampled_from(
        [
            '{"resultUrls":["https://x.invalid/1.png"]}',
            '{"resultUrls":[]}',
            '{"resultUrls":[null,1,"x"]}',
            "[",
            "null",
            '"x"',
            "{}",
        ]
    )
    | JSON
)
ECHO = st.just(f"bad key: Bearer {KEY}")
DATA = st.one_of(
    JSON,
    st.fixed_dictionaries({"state": STATES, "resultJson": RESULTS}),
    st.fixed_dictionaries({"taskId": st.text(max_size=40) | JSON}),
    st.dictionaries(NAMES, JSON | STATES | RESULTS, max_size=5),
    st.fixed_dictionaries(
        {"state": STATES},
        optional={
            "taskId": st.text(max_size=40) | JSON,
            "resultJson": RESULTS,
            "failCode": JSON | ECHO,
            "failMsg": JSON | ECHO,
        },
    ),
)
ENVELOPES = st.fixed_dictionaries(
    {"code": st.sampled_from([200] * 12 + [400, 402, 404, 429, 500, 503, -1, 10**400]) | JSON, "data": DATA},
    optional={"message": JSON | ECHO, "msg": JSON},
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    whole = draw(st.one_of(ENVELOPES, ENVELOPES, ENVELOPES, DATA))
    try:
        body = json.dumps(whole, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")
    except ValueError:  # an integer of too many digits
        body = b'{"code":' + b"9" * 5000 + b"}"
    how = draw(st.integers(0, 15))
    if how == 0 and body:
        place = draw(st.integers(0, len(body) - 1))
        return body[:place] + draw(st.binary(max_size=3)) + body[place + draw(st.integers(0, 3)) :]
    if how == 1:
        return body[: draw(st.integers(0, len(body)))]
    return draw(st.binary(max_size=60)) if how == 2 else body


HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "date", "content-type"]),
    st.sampled_from(["1", "-1", "1e999", "nan", "Wed, 21 Oct 2015 07:28:00 GMT", "x", "", "9" * 400, "0x10"]),
    max_size=2,
)
NOW = 1_800_000_000.0
MOMENT = DecisionContext(NOW, 0.5, PollSchedule(5, 3, 120))


def sent_task(state: State) -> Task:
    accepted = state is not State.SUBMITTING
    return Task(
        task_id=new_task_id(), owner="local", gateway="apixo", base_url="https://x", key_print="k", model="nano-banana",
        wire_model="nano-banana", modality="image", state=state, prompt="a fox", inputs={"prompt": "a fox"},
        created_at=NOW - 30, updated_at=NOW - 20, sent_at=NOW - 20, remote_id="r" if accepted else "",
        accepted_at=NOW - 19 if accepted else None,
    )  # fmt: skip


def check_task(before: Task, after: Task) -> None:
    """The task can be stored, read back and told."""
    assert after.state is before.state or may_move(before.state, after.state)
    row = to_row(after)
    for value in row.values():
        assert not isinstance(value, str) or value.encode() is not None
        assert not isinstance(value, int) or abs(value) < 2**63
    assert to_row(from_row(row)) == row
    told = sentence(after) + compact(task_structure(after, MOMENT, (20, 60)))
    assert KEY not in told
    assert KEY not in json.dumps(row)
    json.dumps(told)


def test_no_answer_crashes_a_gateway_or_takes_what_is_unclear_for_refused():
    print(f"\nseed {SEED}")
    counts: Counter[str] = Counter()

    @seed(SEED)
    @AS_MANY
    @given(STATUSES, HEADERS, bodies())
    def judge(status: int, headers: dict[str, str], body: bytes) -> None:
        reply = Answered(status, headers, body)
        submitted = interpret_submit(reply, CONTACT, NOW)
        counts[f"submit {type(submitted).__name__}"] += 1
        assert isinstance(submitted, Accepted | Refused | Later | Unclear)
        check_task(before := sent_task(State.SUBMITTING), submits.after_submit(before, submitted, MOMENT))
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        fields: dict[str, Any] = found if isinstance(found, dict) else {}
        code = fields.get("code")
        if not isinstance(code, int | float | str) or isinstance(code, bool):
            by_http = (Refused,) if status in REFUSED_BY_HTTP else (Later,) if status == 429 else ()
            assert isinstance(submitted, (Unclear, Accepted, *by_http)), "taken for a verdict without a reason"
        elif status in (500, 502, 504) and code in (500, 502, 504, 200):
            words = str(fields.get("message", "")) + str(fields.get("msg", ""))
            assert isinstance(submitted, Unclear | Accepted) or "积分" in words
        if isinstance(submitted, Accepted):
            assert code == 200 or 200 <= status < 300

        look = interpret_poll(reply, CONTACT, NOW)
        counts[f"look {type(look).__name__}"] += 1
        assert isinstance(look, Running | Succeeded | Failed | NoAnswer)
        for state in (State.PENDING, State.PROCESSING):
            before = sent_task(state)
            after = polls.after_poll(before, look, MOMENT)
            check_task(before, after)
            if status >= 400 and code != 200:
                assert after.state in (state, State.SUCCESS, State.FAILED, State.PROCESSING, State.SUBMITTING)
        undocumented_state(reply)
        task_in_callback(body)

    judge()
    print(dict(counts))


def test_odd_answers_over_the_wire_end_in_a_task_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.ERROR)
    counts: Counter[str] = Counter()
    with start_blocking_portal() as ground, ground.wrap_async_context_manager(Wire()) as wire:
        with running(tmp_path, wire.url) as (portal, client, app):

            @seed(SEED)
            @settings(AS_MANY, max_examples=min(500, EXAMPLES))
            @given(st.booleans(), STATUSES, bodies(), st.sampled_from([None, "4096", "1"]))
            def ask(at_submit: bool, status: int, body: bytes, length: str | None) -> None:
                more = {"content_length": length} if length else {}
                queue = wire.submits if at_submit else wire.looks
                ground.call(queue.append, answer(body, status, **more))
                prompt = {"model": "nano-banana", "prompt": "a fox", "wait_seconds": 0}
                called = portal.call(client.call_tool, "generate_image", prompt)
                counts[check_answer(called)] += 1
                task_id = (called.structured_content or {})["task_id"]

                async def stored() -> bool:
                    task = await app.store.get(task_id)
                    assert task is not None
                    return bool(task.attempts or task.failure)

                portal.call(until, stored, 60, 0.002)
                called = portal.call(client.call_tool, "check_task", {"task_id": task_id, "wait_seconds": 0})
                counts[check_answer(called)] += 1

            ask()
            texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
            assert not [text for text in texts if KEY.encode() in text], "the key was written"
    print(f"\nseed {SEED}: {dict(counts)}")
    assert not [record for record in caplog.records if record.exc_info], caplog.text[:3000]
