"""What the gateways reach from outside: callbacks that are confirmed by a look, and input files."""

import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.types import Implementation
from PIL import Image
from support.amounts import in_time
from support.asking import submit
from support.process import started
from support.program import happens, values_for

from apixo_mcp.app import App, open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.errors import InvalidInput, SettingsError
from apixo_mcp.media import kinds
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.outside.public import Proof
from apixo_mcp.outside.routes import public_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.running.parts import StepLimits
from apixo_mcp.tasks.task import State, Task

pytestmark = pytest.mark.anyio

HOURS = 100.0
"""A poll scale with which no look is made before the test has failed."""

NO_FILE = "/inputs/" + "0" * 64 + "/image.png"


@dataclass
class Program:
    """The program over HTTP, in this process, and the gateway beneath it."""

    app: App
    url: str
    box: Sandbox
    http: httpx2.AsyncClient

    async def ask(self, prompt: str, model: str = "nano-banana", **arguments: Any) -> Task:
        request = GenerationRequest(owner=LOCAL, model=model, arguments={"prompt": prompt, **arguments})
        submission = await submit(self.app, request)
        assert isinstance(submission, Submission)
        return submission.task

    async def until(self, task: Task, fits: Callable[[Task], bool]) -> Task:
        with in_time(15):
            while not fits(task):
                await self.app.changes.wait(task.task_id, 0.1)
                task = await self.app.service.find(LOCAL, task.task_id)
        return task

    async def reaches(self, task: Task, state: State) -> Task:
        return await self.until(task, lambda now: now.state is state and (state is State.UNKNOWN or now.is_settled))

    async def reaches_pending(self, task: Task) -> Task:
        return await self.until(task, lambda now: now.state is State.PENDING)

    async def seen(self, route: str, count: int, outcome: str = "") -> list[dict[str, Any]]:
        """The sandbox's log of a route, once it is so long."""
        await happens(lambda: len(self.logged(route, outcome)) >= count)
        return self.logged(route, outcome)

    def logged(self, route: str, outcome: str = "") -> list[dict[str, Any]]:
        return [entry for entry in self.box.log() if entry["route"] == route and outcome in ("", entry["outcome"])]

    def told(self) -> str:
        """The callback URL that the last submit named."""
        body = self.box.submits()[-1]["body"]
        return body.get("callback_url") or body["callBackUrl"]


@asynccontextmanager
async def running(
    box: Sandbox, folder: Path, *, path: str = "", public: bool = True, port: int = 0, **settings: Any
) -> AsyncIterator[Program]:
    listener = listen("127.0.0.1", port)
    url = url_of(listener)
    values = {**values_for(box, folder), "poll_scale": HOURS, "public_url": url + path, **settings}
    async with (
        open_app(read_settings(**values), public=public) as app,
        serving(app, build_server(app), listener),
        httpx2.AsyncClient(timeout=60) as http,
    ):
        yield Program(app, url, box, http)


@pytest.fixture
async def program(box: Sandbox, tmp_path: Path) -> AsyncIterator[Program]:
    async with running(box, tmp_path) as opened:
        yield opened


async def test_a_callback_ends_a_task_long_before_its_next_look(program: Program, box: Sandbox) -> None:
    async with Client(f"{program.url}/mcp", client_info=Implementation(name="claude-ai", version="1")) as client:
        asked = {"model": "nano-banana", "prompt": "a fox [took:0.3]", "wait_seconds": 20}
        answer = await client.call_tool("generate_image", asked)
    assert answer.structured_content is not None
    assert answer.structured_content["state"] == "success"
    assert answer.structured_content["results"][0]["file"] == "saved"
    assert box.submits()[0]["body"]["request_type"] == "callback"
    assert len(box.submits()) == len(box.looks()) == 1


@pytest.mark.parametrize("path", ["/gateway", "/gateway/"])
async def test_the_public_urls_own_path_is_kept(box: Sandbox, tmp_path: Path, path: str) -> None:
    async with running(box, tmp_path, path=path) as program:
        await program.reaches(await program.ask("a fox [took:0.3]"), State.SUCCESS)
        token = program.told().removeprefix(f"{program.url}/gateway/callbacks/")
        # A proxy may take the path off.
        assert (await program.http.post(f"{program.url}/callbacks/{token}")).status_code == 200


async def test_early_and_repeated_callbacks_do_no_harm(program: Program, box: Sandbox) -> None:
    task = await program.ask("a fox [took:0.4] [callback:early] [callback:twice]")
    done = await program.reaches(task, State.SUCCESS)
    await program.seen("callback", 2)
    looks = len(box.looks())
    answer = await program.http.post(program.told(), json={"data": {"taskId": "other", "state": "failed"}})
    assert answer.status_code == 200
    assert await program.app.service.find(LOCAL, task.task_id) == done
    assert (len(box.looks()), len(box.submits())) == (looks, 1)


async def test_nothing_in_a_callback_is_believed(program: Program, box: Sandbox) -> None:
    task = await program.reaches_pending(await program.ask("a fox [never] [callback:never]"))
    for count, body in enumerate((b"", b"junk", b'{"data": {"taskId": "x", "state": "failed"}}', b"\xff" * 9000), 1):
        assert (await program.http.post(program.told(), content=body)).status_code == 200
        await program.seen("look", count)
    now = await program.app.service.find(LOCAL, task.task_id)
    assert now.state in (State.PENDING, State.PROCESSING)
    assert now.remote_id == box.submits()[0]["remote_id"]


async def test_forged_addresses_are_not_found_and_cause_no_look(program: Program, box: Sandbox) -> None:
    first = await program.ask("a fox [never]")
    second = await program.ask("a hare [never]")
    await program.seen("submit", 2)
    await program.reaches_pending(second)
    proof = program.told().rpartition(".")[2]
    last = next(task for task in (first, second) if task.task_id in program.told())
    other = first if last is second else second
    for token in (
        "x",
        "x.y",
        last.task_id,
        f"{last.task_id}.",
        f"{last.task_id}.{proof[:-1]}",
        f"{other.task_id}.{proof}",
        f"{last.task_id}.{proof}%C3%A9",
    ):
        answer = await program.http.post(f"{program.url}/callbacks/{token}", json={"data": {"state": "success"}})
        assert (answer.status_code, answer.content) == (404, b""), token
    assert (await program.http.get(program.told())).status_code == 405
    assert (await program.http.post(program.told(), content=bytes(1_000_001))).status_code == 413
    assert box.looks() == []


async def test_only_the_public_routes_take_a_public_host(program: Program) -> None:
    strange = {"host": "mcp.example.com", "origin": "https://mcp.example.com"}
    assert (await program.http.post(f"{program.url}/callbacks/x", headers=strange)).status_code == 404
    assert (await program.http.get(f"{program.url}{NO_FILE}", headers=strange)).status_code == 404
    for path in ("/healthz", "/mcp", "/sse", "/callbacks", "/inputs", "/callbacksmcp"):
        assert (await program.http.get(program.url + path, headers=strange)).status_code == 421, path


async def test_without_its_callback_a_task_is_polled_to_its_end(box: Sandbox, tmp_path: Path) -> None:
    async with running(box, tmp_path, poll_scale=0.002) as program:
        await program.reaches(await program.ask("a fox [took:0.1] [callback:never]"), State.SUCCESS)
        assert program.logged("callback", "delivered") == []


async def test_a_callback_during_a_look_causes_another_look(program: Program, box: Sandbox) -> None:
    task = await program.reaches_pending(await program.ask("a fox [never] [callback:never] [look:slow:1x1]"))
    await program.http.post(program.told())
    await program.seen("look", 1)
    await program.http.post(program.told())
    await program.http.post(program.told())
    assert len(box.looks()) == 1, "the first look has not been answered yet"
    await program.seen("look", 2)
    await program.until(task, lambda now: now.polls >= 2)


async def test_a_lost_answer_is_settled_by_a_callback(program: Program, box: Sandbox) -> None:
    task = await program.reaches(await program.ask("a fox [took:0.3] [cut]"), State.UNKNOWN)
    done = await program.reaches(task, State.SUCCESS)
    assert done.remote_id == box.submits()[0]["remote_id"]
    assert len(done.attempts) == len(program.logged("submit")) == 1


async def test_what_cannot_be_confirmed_is_asked_for_again(program: Program, box: Sandbox) -> None:
    task = await program.ask("a fox [took:0.3] [cut] [look:500x1]")
    await program.reaches(task, State.SUCCESS)
    calls = await program.seen("callback", 2)
    assert [entry["status"] for entry in calls] == [503, 200]
    assert len(program.logged("submit")) == 1


async def test_a_callback_that_names_another_task_settles_nothing(program: Program, box: Sandbox) -> None:
    other = await program.reaches_pending(await program.ask("a hare [never] [callback:never]"))
    task = await program.reaches(await program.ask("a fox [took:0] [cut] [callback:never]"), State.UNKNOWN)
    for remote_id in (other.remote_id, "task_that_the_gateway_does_not_know", "a b"):
        body = {"code": 200, "data": {"taskId": remote_id, "state": "success"}}
        assert (await program.http.post(program.told(), json=body)).status_code == 503
    for content in (b"", b"[]", json.dumps({"state": "success", "resultUrls": ["https://a.example/1.png"]}).encode()):
        assert (await program.http.post(program.told(), content=content)).status_code == 200
    assert await program.app.service.find(LOCAL, task.task_id) == task


async def test_several_callbacks_settle_a_lost_answer_once(program: Program, box: Sandbox) -> None:
    task = await program.reaches(await program.ask("a fox [took:0] [cut] [callback:never]"), State.UNKNOWN)
    body = {"code": 200, "data": {"taskId": box.submits()[0]["remote_id"], "state": "success"}}
    statuses: list[int] = []

    async def call() -> None:
        statuses.append((await program.http.post(program.told(), json=body)).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(call)
    done = await program.reaches(task, State.SUCCESS)
    assert statuses == [200] * 5
    assert len(done.attempts) == len(program.logged("submit")) == 1


async def test_a_callback_before_the_submits_answer_comes_again(program: Program) -> None:
    await program.reaches(await program.ask("a fox [took:0] [after-callback]"), State.SUCCESS)
    await happens(lambda: program.logged("callback")[-1]["status"] == 200)
    assert program.logged("callback")[0]["status"] == 503


async def test_ruxa_calls_back_without_naming_a_task(program: Program, box: Sandbox) -> None:
    await program.reaches(await program.ask("a fox [took:0.3]", "ruxa/google/nano-banana"), State.SUCCESS)
    assert len(box.looks()) == 1
    task = await program.ask("a hare [took:0.3] [cut]", "ruxa/google/nano-banana")
    await program.reaches(task, State.UNKNOWN)
    assert (await program.seen("callback", 2))[-1]["status"] == 200
    assert (await program.app.service.find(LOCAL, task.task_id)).state is State.UNKNOWN


def a_picture(folder: Path, name: str = "my secret.png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    Image.new("RGB", (40, 30), "red").save(path)
    return path


async def served_url(program: Program, path: Path, **given: Any) -> str:
    """What the gateway is told in place of a file."""
    count = len(program.box.submits())
    await program.ask("a fox [took:0]", image_urls=[str(path)], mode="image-to-image", **given)
    await program.seen("submit", count + 1)
    return program.box.submits()[-1]["input"]["image_urls"][0]


async def test_the_gateway_fetches_an_input_file_from_us(program: Program, tmp_path: Path) -> None:
    path = a_picture(tmp_path / "pictures")
    url = await served_url(program, path)
    assert url.startswith(f"{program.url}/inputs/")
    assert url.endswith("/image.png")
    assert "secret" not in url
    answer = await program.http.get(url, headers={"host": "mcp.example.com"})
    assert answer.content == path.read_bytes()
    assert answer.headers["content-type"] == "image/png"
    head = await program.http.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == path.stat().st_size
    assert (await program.http.post(url)).status_code == 405


async def test_a_file_comes_before_a_data_url_and_keeps_its_url(box: Sandbox, tmp_path: Path) -> None:
    path = a_picture(tmp_path / "pictures")
    async with running(box, tmp_path, data_urls=True) as program:
        request = GenerationRequest(
            owner=LOCAL,
            model="nano-banana",
            arguments={"prompt": "a fox [took:0]", "image_urls": [str(path)], "mode": "image-to-image"},
            idempotency_key="mine",
        )
        first, again = await submit(program.app, request), await submit(program.app, request)
        assert isinstance(first, Submission)
        assert isinstance(again, Submission)
        assert (again.how, again.task.task_id) == ("same_key", first.task.task_id)
        url = first.task.inputs["image_urls"][0]
        assert url.startswith(program.url)
    async with running(box, tmp_path) as program:
        at = url.index("/inputs/")
        answer = await program.http.get(program.url + url[at:])
        assert answer.content == path.read_bytes(), "it outlives a restart"


async def test_garbled_and_expired_addresses_are_not_found(program: Program, tmp_path: Path) -> None:
    url = await served_url(program, a_picture(tmp_path / "pictures"))
    base, token, name = url.rsplit("/", 2)
    for wrong in (
        f"{base}/{token[:-1]}/{name}",
        f"{base}/{token.upper()}0/{name}",
        f"{base}/{'0' * 64}/{name}",
        f"{base}/..%2F..%2Ftasks.sqlite3/{name}",
        f"{base}/{token}/image.html",
    ):
        assert (await program.http.get(wrong)).status_code == 404, wrong
    grant = tmp_path / "home" / "served" / token
    old = time.time() - 31 * 24 * 3600
    os.utime(grant, (old, old))
    await served_url(program, a_picture(tmp_path / "pictures", "other.png"))
    assert not grant.exists(), "what has expired is cleared away"
    assert (await program.http.get(url)).status_code == 404


async def test_a_file_that_changed_is_not_served(program: Program, tmp_path: Path) -> None:
    path = a_picture(tmp_path / "pictures")
    url = await served_url(program, path)
    path.write_bytes(path.read_bytes() + b"more")
    assert (await program.http.get(url)).status_code == 404
    path.unlink()
    assert (await program.http.get(url)).status_code == 404


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
async def test_a_link_that_leads_outside_by_now_is_not_followed(program: Program, tmp_path: Path) -> None:
    path = a_picture(tmp_path / "pictures")
    url = await served_url(program, path)
    outside = tmp_path / "outside.png"
    path.rename(outside)
    path.symlink_to(outside)
    assert (await program.http.get(url)).status_code == 404


async def test_without_a_public_url_nothing_changes(box: Sandbox, tmp_path: Path) -> None:
    path = a_picture(tmp_path / "pictures")
    ways: tuple[dict[str, Any], ...] = ({"public_url": ""}, {"public": False})
    for options in ways:  # the second: stdio
        async with running(box, tmp_path, poll_scale=0.002, **options) as program:
            prompt = f"a fox without {', '.join(options)} [took:0]"
            await program.reaches(await program.ask(prompt), State.SUCCESS)
            assert "callback" not in str(box.submits()[-1]["body"])
            strange = {"host": "mcp.example.com"}
            assert (await program.http.post(f"{program.url}/callbacks/x")).status_code == 404
            assert (await program.http.post(f"{program.url}/callbacks/x", headers=strange)).status_code == 404
            assert (await program.http.get(f"{program.url}/healthz", headers=strange)).status_code == 421
            with pytest.raises(InvalidInput, match="APIXO_MCP_PUBLIC_URL"):
                await program.ask("a fox", image_urls=[str(path)], mode="image-to-image")


async def test_a_picture_too_large_for_gateways_is_refused_here(program: Program, tmp_path: Path) -> None:
    path = a_picture(tmp_path / "pictures")
    with path.open("ab") as file:
        file.truncate(10_000_001)
    with pytest.raises(InvalidInput, match="10,000,000 bytes at most"):
        await program.ask("a fox", image_urls=[str(path)], mode="image-to-image")


@pytest.mark.process
@pytest.mark.parametrize("transport", ["http", "sse"])
async def test_serve_has_a_public_face(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    monkeypatch.setenv("APIXO_MCP_PUBLIC_URL", "https://mcp.example.com/")
    with started(box, tmp_path, "--transport", transport) as server:
        async with httpx2.AsyncClient(headers={"host": "mcp.example.com"}, timeout=60) as http:
            assert (await http.post(f"{server.url}/callbacks/x")).status_code == 404
            assert (await http.get(f"{server.url}/callbacks/x")).status_code == 405
            assert (await http.get(f"{server.url}/healthz")).status_code == 200
            assert (await http.get(f"{server.url}/sse")).status_code == 401


def test_the_setting() -> None:
    assert read_settings().public_url == ""
    assert read_settings(public_url="https://a.example/mcp/").public_url == "https://a.example/mcp"
    with pytest.raises(SettingsError, match="APIXO_MCP_PUBLIC_URL: must start with https://"):
        read_settings(public_url="a.example")


async def test_a_file_is_handed_out_to_nobody_before_a_task_needs_it(program: Program, tmp_path: Path) -> None:
    path = a_picture(tmp_path / "pictures").resolve()
    served = program.app.public
    assert served is not None
    url = served.input_links.url_of(path, kinds.PNG)
    grant = tmp_path / "home" / "served" / url.split("/")[-2]
    at = program.url + url[url.index("/inputs/") :]
    assert (await program.http.get(at)).status_code == 200, "a call may be about to ask for a task"
    old = time.time() - 61
    os.utime(grant, (old, old))
    assert (await program.http.get(at)).status_code == 404
    await program.ask("a fox [never]", image_urls=[str(path)], mode="image-to-image")
    await program.seen("submit", 1)
    os.utime(grant, (old, old))
    assert (await program.http.get(at)).content == path.read_bytes()


async def test_a_callback_that_breaks_off_is_no_fault(program: Program, box: Sandbox) -> None:
    task = await program.reaches_pending(await program.ask("a fox [never]"))
    assert program.app.public is not None
    app = public_app(program.app.public, Proof())
    pieces = iter([{"type": "http.request", "body": b'{"code"', "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(pieces)

    async def send(message: Any) -> None:
        sent.append(message)

    path = program.told().removeprefix(program.url)
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
    }
    await app({**scope, "root_path": "", "http_version": "1.1", "scheme": "http"}, receive, send)
    assert sent[0]["status"] == 400
    assert (await program.app.service.find(LOCAL, task.task_id)).state is State.PENDING


async def test_no_other_process_pays_for_a_file_while_the_server_that_hands_it_out_is_gone(
    box: Sandbox, tmp_path: Path
) -> None:
    picture = a_picture(tmp_path / "pictures")
    edit: dict[str, Any] = {"image_urls": [str(picture)], "mode": "image-to-image"}
    async with running(box, tmp_path) as program:
        task = await program.ask("a fox [http:503x1] [took:0.3]", **edit)
        await program.seen("submit", 1)
        url = program.url
    limits = replace(Limits(), steps=StepLimits(left_alone_for=0.1))
    async with open_app(read_settings(**values_for(box, tmp_path)), limits=limits) as shell:
        await happens(lambda: url in shell.runner.missing(task.task_id))
        assert (await shell.service.find(LOCAL, task.task_id)).is_unsent
        assert len(program.logged("submit")) == 1
    async with running(box, tmp_path, port=int(url.rpartition(":")[2])) as program:
        await program.reaches(task, State.SUCCESS)
        assert [entry["outcome"] for entry in program.logged("input")] == ["fetched"]
