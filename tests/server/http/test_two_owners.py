"""Walks all that is served over HTTP as one owner, and finds nothing of the other.

By enumeration: a route, a tool, a resource, a prompt or a method that is new is walked too, or has to be put in a table
here before these tests pass.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, PromptReference, ResourceTemplateReference
from starlette.routing import Mount, Route
from starlette.types import Message
from support.house import ALICE, BOB, REACHED_HERE, House, made
from support.media_wire import a_png
from support.program import text_of
from support.sign_in import bearer
from support.tasks_client import TakesHandles, cancel, get, update

from apixo_mcp.owners.tokens import TOKEN_PREFIX
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.extension import Generations, TasksExtension
from apixo_mcp.server.http.gallery.page import page_content
from apixo_mcp.server.http.paths import FILES, LINKS, PAGES
from apixo_mcp.server.links import UPLOADS
from apixo_mcp.tasks.task import Task

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning"),
]

EDIT = {"prompt": "a violet heron [took:0]", "mode": "image-to-image"}
NEVER_WAS = "tsk_" + "a" * 26
ACCEPT = {"accept": "application/json, text/event-stream"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}},
}


@pytest.fixture
def era() -> str:
    return "auto"


@pytest.fixture
def given() -> dict[str, Any]:
    return {"public_url": REACHED_HERE}


@dataclass
class Hers:
    """What is Alice's.

    Attributes:
        link: to her result.
        upload: the id of what she uploaded.
        upload_link: that has not been used.
        session: the id of a session of hers.
        callback: where the gateway calls about her task.
        input_url: where the gateway fetched her upload.
    """

    task: Task
    link: str
    upload: str
    upload_path: Path
    upload_link: str
    session: str
    callback: str
    input_url: str

    @property
    def marks(self) -> list[str]:
        """What must stand in no answer to anybody else."""
        [result] = self.task.results
        return [
            *(self.task.task_id, self.task.task_id.removeprefix("tsk_"), self.task.remote_id, "violet heron"),
            *(result.url, result.path, Path(result.path).stem, result.sha256, self.upload, str(self.upload_path)),
            *(path.rsplit("/", 2)[-2] for path in (self.link, self.input_url)),
            *(self.upload_link.rpartition("/")[2], self.session, self.callback.rpartition("/")[2]),
        ]

    def references(self) -> Iterator[tuple[str, str]]:
        """Each way to name what is hers, and the same of what never was, which looks alike."""
        [result] = self.task.results
        for one in (self.task.task_id, self.task.remote_id):
            yield one, altered(one)
        yield f"task:{self.task.task_id}/0", f"task:{altered(self.task.task_id)}/0"
        yield f"upload:{self.upload}", f"upload:{altered(self.upload)}"
        yield result.path, f"{result.path[:-5]}{altered(result.path[-5])}{result.path[-4:]}"


@pytest.fixture
async def hers(house: House, box: Sandbox) -> Hers:
    async with house.client(ALICE) as alice, house.http(ALICE) as http:
        links: list[str] = []
        for _ in range(2):
            refused = await alice.call_tool(
                "generate_image", {**EDIT, "model": "nano-banana", "image_urls": ["/home/alice/a.png"]}
            )
            links += re.findall(r"/uploads/[\w-]+", text_of(refused))
        reference = (await http.put(links[0], content=a_png())).json()["url"]
        told = await made(alice, **EDIT, image_urls=[reference])
        task = await house.app.service.find(ALICE, told["task_id"])
        submit = box.submits()[-1]
        begun = await http.post("/mcp", json=HELLO, headers=ACCEPT)
        path = house.app.uploads.find(ALICE.name, reference.partition(":")[2])
        assert path is not None
        return Hers(
            task=task,
            link=urlsplit(told["results"][0]["link"]).path,
            upload=reference.partition(":")[2],
            upload_path=path,
            upload_link=links[1],
            session=begun.headers["mcp-session-id"],
            callback=urlsplit(submit["body"]["callback_url"]).path,
            input_url=urlsplit(submit["input"]["image_urls"][0]).path,
        )


def altered(text: str) -> str:
    """A secret in which one character is another."""
    at = len(text) // 2
    return f"{text[:at]}{'b' if text[at] != 'b' else 'c'}{text[at + 1 :]}"


Pairs = Sequence[tuple[str, str]]


def of_files(hers: Hers) -> Pairs:
    return [(f"{FILES}{named}/0", f"{FILES}{never}/0") for named, never in list(hers.references())[:2]]


def of_links(hers: Hers) -> Pairs:
    """She alone gives her link away; whoever knows what is in it cannot make another."""
    token, name = hers.link.split("/")[2:]
    task_id, index, minute, proof = token.split("-", 3)
    never = f"{LINKS}{'a' * 26}-0-{minute}-{proof}/{name}"
    made_up = (f"{task_id}-{index}-{minute}-{altered(proof)}", f"{task_id}-1-{minute}-{proof}", altered(token))
    return [(f"{LINKS}{one}/{name}", never) for one in made_up]


def of_uploads(hers: Hers) -> Pairs:
    secret = hers.upload_link.rpartition("/")[2]
    return [(f"{UPLOADS}{one}", f"{UPLOADS}{'A' * 43}") for one in (altered(secret), secret[:-1], hers.upload)]


def of_callbacks(hers: Hers) -> Pairs:
    token = hers.callback.rpartition("/")[2]
    proof = token.partition(".")[2]
    made_up = (hers.task.task_id, f"{hers.task.task_id}.{altered(proof)}")
    return [(f"/callbacks/{one}", f"/callbacks/{NEVER_WAS}.{proof}") for one in made_up]


def of_inputs(hers: Hers) -> Pairs:
    token, name = hers.input_url.split("/")[2:]
    return [(f"/inputs/{altered(token)}/{name}", f"/inputs/{'0' * 64}/{name}"), (f"/inputs/{hers.upload}/{name}", "")]


def of_invitations(hers: Hers) -> Pairs:
    return [(f"/sign-in/{hers.task.task_id}", f"/sign-in/{'A' * 43}")]


def of_tasks(hers: Hers) -> Pairs:
    return [(f"/api/tasks/{named}", f"/api/tasks/{never}") for named, never in list(hers.references())[:2]]


def of_folders(hers: Hers) -> Pairs:
    return [(f"{named}/reveal", f"{never}/reveal") for named, never in of_tasks(hers)]


def of_inputs_again(hers: Hers) -> Pairs:
    return [(f"{named}/inputs", f"{never}/inputs") for named, never in of_tasks(hers)]


def of_thumbnails(hers: Hers) -> Pairs:
    return [(f"/thumbnails/{named}/0", f"/thumbnails/{never}/0") for named, never in list(hers.references())[:2]]


WITH_PARAMETERS: dict[str, Callable[[Hers], Pairs]] = {
    "/files/{task_id}/{index}": of_files,
    "/links/{token}/{name}": of_links,
    "/uploads/{secret}": of_uploads,
    "/callbacks/{token}": of_callbacks,
    "/inputs/{token}/{name}": of_inputs,
    "/sign-in/{secret}": of_invitations,
    "/api/tasks/{task_id}": of_tasks,
    "/api/tasks/{task_id}/inputs": of_inputs_again,
    "/api/tasks/{task_id}/reveal": of_folders,
    "/thumbnails/{task_id}/{index}": of_thumbnails,
}
"""What of hers each route is asked about that takes something from its path, and the same of what never was."""

WITHOUT = {
    *("/healthz", "/readyz", "/metrics", "/mcp", "/sse", "/messages"),
    *("/authorize", "/token", "/register", "/revoke", "/sign-in", "/sign-in/consent", "/sign-in/out"),
    *("/api/tasks", "/api/usage", "/api/events", "/api/told", "/api/models", "/api/quote", "/api/make", "/api/uploads"),
    "/.well-known/openid-configuration",
    *(f"/.well-known/oauth-protected-resource{path}" for path in ("", "/mcp", "/sse")),
    *(f"/.well-known/oauth-authorization-server{path}" for path in ("", "/mcp", "/sse")),
}
"""Routes that take nothing from their path."""


async def test_every_route_is_walked(house: House) -> None:
    known = {*WITH_PARAMETERS, *WITHOUT, *(path for path in PAGES if page_content(path))}
    paths = {route.path for route in house.web.routes if isinstance(route, Route | Mount)}
    assert len(paths) == len({route.path for route in house.web.routes}), "a kind of route that is not known here"
    assert paths == known, "say here what of an owner's a new route may tell, and to whom"
    assert {path for path in paths if "{" in path} == set(WITH_PARAMETERS)


def methods_of(house: House) -> Iterator[tuple[str, str]]:
    for route in house.web.routes:
        methods = getattr(route, "methods", None) or {"GET", "POST", "DELETE"}
        yield from ((route.path, method) for method in sorted(methods))


async def asked(http: httpx2.AsyncClient, method: str, path: str, **given: Any) -> tuple[int, str]:
    """The status of an answer and what it tells; of an event stream the beginning."""
    async with http.stream(method, path, **given) as answer:
        told = str(sorted(entry for entry in answer.headers.items() if entry[0] != "date"))
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            with suppress(StopAsyncIteration):
                told += await anext(answer.aiter_text())
        else:
            told += (await answer.aread()).decode(errors="replace")
    return answer.status_code, told


def assert_nothing_of(hers: Hers, told: str, what: object, *given: str) -> None:
    for one in given:
        told = told.replace(one, "")
    assert not [mark for mark in hers.marks if mark in told], what


@pytest.mark.parametrize("who", ["bob", "nobody"])
async def test_no_route_tells_of_another(house: House, hers: Hers, who: str) -> None:
    async with house.http(BOB if who == "bob" else None, **ACCEPT) as http:
        for route, method in methods_of(house):
            body = {"json": HELLO | {"method": "ping"}} if method in ("POST", "PUT") else {}
            for about_hers, never in WITH_PARAMETERS[route](hers) if route in WITH_PARAMETERS else ():
                status, told = await asked(http, method, about_hers, **body)
                assert status >= 400, (method, about_hers)
                assert_nothing_of(hers, told, (method, about_hers))
                if never:
                    assert (await asked(http, method, never, **body))[0] == status, (method, about_hers)
            if route in WITHOUT:
                for ours, never in hers.references():
                    query = {"task_id": ours, "client_id": ours, "token": ours, "request": ours}
                    query |= {"like": ours, "query": ours, "model": ours} if route.startswith("/api/") else {}
                    status, told = await asked(http, method, route, params=query, **body)
                    assert_nothing_of(hers, told, (method, route), ours, str(httpx2.QueryParams({"a": ours}))[2:])
                    other = dict.fromkeys(query, never)
                    assert (await asked(http, method, route, params=other, **body))[0] == status, (method, route)
    assert await house.app.service.find(ALICE, hers.task.task_id) == hers.task


async def test_a_session_and_a_stream_are_for_their_owner_alone(house: House, hers: Hers) -> None:
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_tasks", "arguments": {}}}
    async with house.http(ALICE, **ACCEPT) as alice, house.http(BOB, **ACCEPT) as bob:
        for method, body in (("POST", {"json": call}), ("GET", {}), ("DELETE", {})):
            status, told = await asked(bob, method, "/mcp", headers={"mcp-session-id": hers.session}, **body)
            never = await asked(bob, method, "/mcp", headers={"mcp-session-id": altered(hers.session)}, **body)
            assert (status, never[0]) == (404, 404), method
            assert_nothing_of(hers, told, method)
        status, told = await asked(alice, "POST", "/mcp", headers={"mcp-session-id": hers.session}, json=call)
        assert (status, hers.task.task_id in told) == (200, True), "it goes on for her"
        async with alice.stream("GET", "/sse") as stream:
            at = re.findall(r"data: (\S+)", await anext(stream.aiter_text()))[0]
            never = re.sub(r"[0-9a-f]{32}", "0" * 32, at)
            assert never != at
            mine, other = [await asked(bob, "POST", path, json=call) for path in (at, never)]
            assert (mine[0], mine) == (404, other)


def reference_calls(tool: Any, ours: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A call of a tool for each of its arguments that can name something, with a reference in it."""
    usual = {"model": {"video": "ruxa/sora-2", "audio": "suno"}.get(tool.name.rpartition("_")[2], "nano-banana")}
    usual["prompt"] = "a hare [took:0]"
    schema = tool.input_schema
    properties = schema["properties"]
    for name, entry in properties.items():
        if entry.get("enum"):
            continue
        value = {"string": ours, "array": [ours], "object": {"image_urls": [ours], "taskId": ours}}.get(entry["type"])
        if value is None:
            continue
        arguments: dict[str, Any] = {one: usual.get(one, ours) for one in schema.get("required", ())}
        if "quote" in properties:
            arguments |= {"prompt": usual["prompt"], "quote": True}
        if name == "prompts":
            arguments.pop("prompt", None)
        yield name, {**arguments, name: value}


async def told_of(ask: Callable[[], Awaitable[Any]]) -> str:
    try:
        answer = await ask()
    except MCPError as error:
        return f"{error.error.code} {error.error.message} {error.error.data}"
    return f"{text_of(answer)} {answer.structured_content}" if isinstance(answer, CallToolResult) else str(answer)


def leveled(told: str, reference: str) -> str:
    """What was told without the reference that was given, and without a new secret."""
    told = told.replace(reference, "REFERENCE")
    for length in range(len(reference) - 1, 8, -1):  # it may be cut
        told = told.replace(f"{reference[:length]}…", "REFERENCE").replace(f"{reference[:length]}...", "REFERENCE")
    return re.sub(r"/uploads/[\w-]+", "", told)


async def test_no_tool_tells_of_another_whatever_it_is_given(house: House, hers: Hers, box: Sandbox) -> None:
    submits = len(box.submits())
    calls = 0
    async with house.client(BOB) as bob:
        for tool in (await bob.list_tools()).tools:
            if not tool.input_schema.get("required"):
                told = await told_of(lambda name=tool.name: bob.call_tool(name, {}))
                assert_nothing_of(hers, told, tool.name)
            for ours, never in hers.references():
                both = zip(reference_calls(tool, ours), reference_calls(tool, never), strict=True)
                for (name, about_hers), (_, about_never) in both:
                    calls += 1
                    mine = await told_of(lambda given=about_hers, tool=tool: bob.call_tool(tool.name, given))
                    assert_nothing_of(hers, leveled(mine, ours), (tool.name, about_hers))
                    if name in ("model", "query") and "model" in tool.name + name:
                        continue  # what is like the name of a model is proposed: of any text another one
                    other = await told_of(lambda given=about_never, tool=tool: bob.call_tool(tool.name, given))
                    assert leveled(mine, ours) == leveled(other, never), (tool.name, about_hers)
    assert calls > 100, "the walk is no longer one"
    assert len(box.submits()) == submits
    assert await house.app.service.find(ALICE, hers.task.task_id) == hers.task


VALUES: dict[str, Callable[[Hers], list[tuple[str, str]]]] = {
    "task_id": lambda hers: list(hers.references())[:2],
    "index": lambda hers: [("0", "0")],
    "model": lambda hers: [("nano-banana", "nano-banana")],
}
"""What stands for each parameter of a resource: of hers, and of what never was."""


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_no_resource_completion_or_prompt_tells_of_another(house: House, hers: Hers, era: str) -> None:
    async with house.client(BOB) as bob:
        assert_nothing_of(hers, str(await bob.list_resources()), "the list of resources")
        for template in (await bob.list_resource_templates()).resource_templates:
            names = re.findall(r"\{\+?(\w+)\}", template.uri_template)
            ours = never = template.uri_template
            for name in names:
                one, other = VALUES[name](hers)[0]
                ours, never = (re.sub(rf"\{{\+?{name}\}}", value, uri) for uri, value in ((ours, one), (never, other)))
                reference = ResourceTemplateReference(uri=template.uri_template)
                completed = await bob.complete(reference, {"name": name, "value": one[:4]})
                assert_nothing_of(hers, str(completed), (template.uri_template, name), one[:4])
            ways: list[Callable[[str], Awaitable[Any]]] = [bob.read_resource]
            if era == "legacy":
                ways.append(bob.subscribe_resource)
            for way in ways if "task_id" in names else ():
                told = await told_of(lambda way=way, uri=ours: way(uri))
                other = await told_of(lambda way=way, uri=never: way(uri))
                assert told.replace(hers.task.task_id, altered(hers.task.task_id)) == other, template.uri_template
        for prompt in (await bob.list_prompts()).prompts:
            given = {argument.name: hers.task.task_id for argument in prompt.arguments or ()}
            told = await told_of(lambda name=prompt.name, given=given: bob.get_prompt(name, given))
            assert_nothing_of(hers, told, prompt.name, hers.task.task_id)
            for name in given:
                argument = {"name": name, "value": "tsk_"}
                assert_nothing_of(hers, str(await bob.complete(PromptReference(name=prompt.name), argument)), name)


HANDLES: dict[str, Callable[[Client, str], Awaitable[object]]] = {
    "tasks/get": get,
    "tasks/cancel": cancel,
    "tasks/update": lambda client, task_id: update(client, task_id, {}),
}


async def test_no_method_of_handles_tells_of_another(house: House, hers: Hers) -> None:
    methods = {binding.method for binding in TasksExtension(Generations(house.app)).methods()}
    assert methods == set(HANDLES)
    async with house.client(BOB, TakesHandles()) as bob:
        for ask in HANDLES.values():
            mine, never = [
                await told_of(lambda one=one, ask=ask: ask(bob, one)) for one in (hers.task.task_id, NEVER_WAS)
            ]
            assert mine == never


async def test_ten_thousand_guesses_find_nothing(house: House, hers: Hers) -> None:
    """Of links, where all but the proof is known, of uploads, and of tokens."""
    statuses: dict[str, set[int]] = {"links": set(), "uploads": set(), "files": set()}

    async def guess(path: str, *headers: tuple[bytes, bytes]) -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses[path.split("/")[1]].add(message["status"])

        host = (b"host", urlsplit(house.url).netloc.encode())
        scope = {
            **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"},
            **{"path": path, "raw_path": path.encode(), "root_path": "", "query_string": b""},
            **{"headers": [host, *headers], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1)},
        }
        await house.web(scope, receive, send)

    token, name = hers.link.split("/")[2:]
    known = token[: -len("-" + token.split("-", 3)[3])]
    own = f"{FILES}{hers.task.task_id}/0"
    for _ in range(3_400):
        await guess(f"{LINKS}{known}-{secrets.token_urlsafe(16)}/{name}")
        await guess(f"{UPLOADS}{secrets.token_urlsafe(32)}")
        await guess(own, (b"authorization", f"Bearer {TOKEN_PREFIX}{secrets.token_urlsafe(32)}".encode()))
    assert statuses == {"links": {404}, "uploads": {404}, "files": {401}}
    await guess(hers.link)
    await guess(hers.upload_link)
    await guess(own, (b"authorization", bearer(ALICE)["authorization"].encode()))
    assert statuses == {"links": {404, 200}, "uploads": {404, 200}, "files": {401, 200}}, (
        "what is hers is found by that"
    )
