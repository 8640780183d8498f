"""A tunnel through the front door: a local picture reaches the gateway through it, and nothing else does."""

import io
import os
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest
from PIL import Image
from support.amounts import here, in_time
from support.asking import submit
from support.desk import QUICK, Sit
from support.program import happens, text_of, told_once

from apixo_mcp.errors import Unreachable
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.running.parts import StepLimits
from apixo_mcp.tasks.task import TUNNELLED, State

pytestmark = pytest.mark.anyio


async def test_a_local_picture_reaches_the_gateway_through_it(sit: Sit, box: Sandbox) -> None:
    async with sit(limits=replace(QUICK, lingers=120.0)) as desk:
        assert desk.url == "", "it is not open before something needs it"
        answer = await told_once(desk.client, await desk.told(wait_seconds=0), is_saved)
        (fetched,) = desk.fetched()
        sent = box.submits()[0]
        assert sent["input"]["image_urls"] == [fetched["url"]]
        address, _, _ = fetched["url"].partition("/inputs/")
        assert fetched["bytes"] == desk.picture.stat().st_size
        assert sent["body"]["callback_url"].startswith(f"{address}/callbacks/")
        with Image.open(io.BytesIO(Path(answer["results"][0]["path"]).read_bytes())) as made:
            red, green, blue = made.convert("RGB").getpixel((made.width // 2, made.height // 3))  # pyright: ignore
            assert (red > 240, green < 16, blue < 16) == (True, True, True), "it is an edit of what was fetched"
        # One that finds no room, or comes before the answer to the submit is known, comes again a while later.
        with in_time(60):
            while not await desk.app.store.arrivals.arrive("apixo", address):
                await anyio.sleep(0.01)


def is_saved(told: dict[str, Any]) -> bool:
    return told["state"] == "success" and "path" in told["results"][0]


async def test_a_gateway_of_this_machine_is_given_where_the_tunnel_leads_to(sit: Sit, box: Sandbox) -> None:
    code = "import time; print('http://127.0.0.1:{port}', flush=True); time.sleep(60)"
    async with sit(tunnel=shlex.join([sys.executable, "-c", code])) as desk:
        assert (await desk.told())["state"] == "success"
        assert desk.fetched()[0]["bytes"] == desk.picture.stat().st_size
        assert box.submits()[0]["input"]["image_urls"] == [desk.fetched()[0]["url"]]


async def test_a_file_that_was_changed_since_is_not_paid_for(sit: Sit, box: Sandbox) -> None:
    async with sit() as desk:
        asked = await desk.told(prompt="a fox [http:503x1][took:0]", wait_seconds=0)
        await happens(lambda: any(entry["route"] == "submit" for entry in box.log()))
        Image.new("RGB", (64, 48), "blue").save(desk.picture)
        told = await desk.ended(asked)
    assert (told["state"], told["error"]["code"], told["error"]["charged"]) == ("failed", "INPUT_CHANGED", "no")
    assert len([entry for entry in box.log() if entry["route"] == "submit"]) == 1


async def test_nothing_else_is_reached_through_it(sit: Sit, box: Sandbox, tmp_path: Path) -> None:
    async with sit() as desk, httpx2.AsyncClient(timeout=60) as http:
        await desk.told(prompt="a fox [never]", wait_seconds=0)
        await happens(lambda: bool(desk.fetched()))
        url, file = desk.url, desk.fetched()[0]["url"]
        token = file.split("/")[-2]
        here = await http.get(file, headers={"host": "whatever.example"})
        assert here.content == desk.picture.read_bytes()
        assert here.headers["x-content-type-options"] == "nosniff"
        for path in (
            "/",
            "/mcp",
            "/sse",
            "/healthz",
            "/inputs",
            "/inputs/",
            f"/inputs/{token}",
            f"/inputs/{token}/",
            f"/inputs/{token}/other.png",
            f"/inputs/{token}/image.png/",
            f"/inputs/{token[:-1]}{'1' if token[-1] == '0' else '0'}/image.png",
            f"/inputs/{'0' * 64}/proof",
            "/inputs/..%2F..%2Ftasks.sqlite3/image.png",
            f"/inputs/{token}/..%2F..%2Fmine.png",
            "/callbacks/x.y",
        ):
            answer = await http.get(url + path)
            assert answer.status_code in (404, 405), path
            assert desk.picture.read_bytes() not in answer.content
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            assert (await http.request(method, file)).status_code == 405, method
        told = box.submits()[0]["body"]["callback_url"]
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            assert (await http.request(method, told)).status_code == 405, method
        assert (await http.post(told)).status_code == 200


async def test_a_file_is_handed_out_while_a_task_needs_it(sit: Sit, tmp_path: Path) -> None:
    async with sit() as desk, httpx2.AsyncClient(timeout=60) as http:
        await desk.told(prompt="a fox [never]", wait_seconds=0)
        await happens(lambda: bool(desk.fetched()))
        other = tmp_path / "pictures" / "other.png"
        Image.new("RGB", (64, 48), "blue").save(other)
        assert (await desk.told(prompt="a hare [took:0]", image_urls=[str(other)]))["state"] == "success"
        needed, ended = (entry["url"] for entry in desk.fetched())
        for grant in (tmp_path / "home" / "served").iterdir():
            long_ago = time.time() - 2 * 24 * 3600
            os.utime(grant, (long_ago, long_ago))
        with in_time(10):
            while (await http.get(ended)).status_code != 404:
                await anyio.lowlevel.checkpoint()
        answer = await http.get(needed)
        assert (answer.status_code, answer.content) == (200, desk.picture.read_bytes())
        assert (await desk.told(prompt="a cat [took:0]", image_urls=[str(other)]))["state"] == "success"
        assert desk.fetched()[-1]["url"] == ended, "the same file keeps its URL"


async def test_it_is_gone_a_while_after_it_was_needed(sit: Sit, box: Sandbox) -> None:
    async with sit() as desk:
        first = await desk.told(prompt="a fox [never]", wait_seconds=0)
        await happens(lambda: bool(desk.fetched()))
        url = desk.url
        hare = await desk.told(prompt="a hare [took:0]", wait_seconds=0)
        await told_once(desk.client, hare, is_saved)
        assert box.submits()[1]["input"]["image_urls"][0].startswith(f"{url}/"), "one is opened for both"
        with anyio.move_on_after(2 * QUICK.lingers):
            await happens(lambda: not desk.url)
        assert desk.url == url, "a task that runs needs it"
        await ended_now(desk.app.store, first["task_id"])
        await happens(lambda: not desk.url)
        async with httpx2.AsyncClient(timeout=60) as http:
            with pytest.raises(httpx2.TransportError):  # refused, or cut where it is just going
                await http.get(f"{url}/inputs/x/y")


async def ended_now(store: Store, task_id: str) -> None:
    """Ends a task, whatever the gateway would say of it later."""
    with in_time(30):
        while (task := await store.get(task_id)) is not None:
            # Refused where the program has just claimed it for a poll.
            if await store.commit(task, replace(task, state=State.FAILED, due=None, completed_at=time.time())):
                return
            await anyio.sleep(0.01)


async def test_a_task_without_local_files_opens_none(sit: Sit, box: Sandbox) -> None:
    async with sit() as desk:
        assert (await desk.told(image_urls=["https://example.com/a.png"]))["state"] == "success"
        assert desk.url == ""
        assert "callback_url" not in box.submits()[0]["body"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("exit", "ended by itself (exit code 3) before it gave an address that leads here"),
        ("silent", "gave no address within {within:g} s"),
        ("wrong", "which does not lead to this server"),
        ("http", "gave the address http://tunnel.example.invalid, which does not lead to this server (only https"),
    ],
)
async def test_where_it_cannot_be_had_nothing_is_sent_and_it_is_told_why(
    sit: Sit, box: Sandbox, how: str, words: str
) -> None:
    within = 90.0 if how == "exit" else here(4.0)
    limits = replace(QUICK, opens_within=within, quiet_for=0.5)
    async with sit(how, limits=limits) as desk:
        answer = await desk.told()
        assert answer["state"] == "failed"
        assert answer["error"]["code"] == "NO_TUNNEL"
        assert answer["error"]["charged"] == "no"
        assert words.format(within=within) in answer["error"]["message"]
        assert "2abCdEf" not in str(answer), "what looks like a secret is not told"
        assert box.submits() == []
        spent = await desk.app.store.spent(LOCAL)
        assert (spent.usd, spent.posts) == (0, 0)


async def test_a_program_that_is_not_there_is_told_at_once(sit: Sit, box: Sandbox) -> None:
    async with sit(tunnel="no-such-program-here {port}") as desk:
        answer = await desk.made()
        assert answer.is_error
        assert "there is no program 'no-such-program-here' on this machine" in text_of(answer)
        assert "APIXO_MCP_TUNNEL" in text_of(answer)
        assert box.submits() == []


async def test_an_equal_request_is_known_though_the_address_is_another(sit: Sit, box: Sandbox) -> None:
    how: list[str] = []
    for _ in range(2):
        async with sit() as desk:
            asked = {"prompt": "a fox [took:0]", "image_urls": [str(desk.picture)], "mode": "image-to-image"}
            request = GenerationRequest(owner=LOCAL, model="nano-banana", arguments=asked, idempotency_key="mine")
            submission = await submit(desk.app, request)
            assert isinstance(submission, Submission)
            assert submission.task.inputs["image_urls"][0].startswith(TUNNELLED)
            await happens(lambda: len(box.submits()) == 1)
            how.append(submission.how)
    assert how == ["new", "same_key"]
    assert len(box.submits()) == 1
    assert TUNNELLED not in str(box.submits())


async def test_a_tunnel_that_dies_is_opened_again_while_something_needs_it(
    sit: Sit, box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    async with sit() as desk:
        answer = await desk.told(prompt="a fox [never]", wait_seconds=0)
        await happens(lambda: bool(desk.fetched()))
        before = desk.url
        async with httpx2.AsyncClient(timeout=60) as http:
            with pytest.raises(httpx2.TransportError):
                await http.get(f"{before}/end")
        await happens(lambda: desk.url not in ("", before))
        assert "ended by itself" in caplog.text
        assert f"What was sent before keeps the old address, and cannot be fetched any more: {answer['task_id']}" in (
            caplog.text
        )
        assert (await desk.told(prompt="a hare [took:0.1]"))["state"] == "success"
        assert box.submits()[1]["input"]["image_urls"][0].startswith(f"{desk.url}/")


async def test_it_is_told_that_a_task_waits_for_it(sit: Sit, box: Sandbox) -> None:
    async with sit("silent") as desk:
        answer = await desk.told(wait_seconds=0)
        assert answer["state"] == "submitting"
        assert answer["waiting_for"] == "the tunnel that the gateway fetches its files through"
        cancelled = await desk.client.call_tool("cancel_task", {"task_id": answer["task_id"]})
        assert cancelled.structured_content is not None
        assert cancelled.structured_content["state"] == "cancelled"
    assert box.submits() == []


@pytest.mark.parametrize("tools", ["general", "models"])
async def test_the_schemas_say_what_becomes_of_local_files(sit: Sit, tools: str) -> None:
    async def told(**settings: Any) -> str:
        async with sit(tools=tools, models=("nano-banana",), **settings) as desk:
            for tool in (await desk.client.list_tools()).tools:
                if "image_urls" in tool.input_schema["properties"]:
                    return str(tool.input_schema["properties"]["image_urls"]["description"])
        return ""

    assert "paths in allowed folders." in await told()
    assert "sent inside the request" in await told(tunnel="", data_urls=True)
    assert "no other local file" in await told(tunnel="")


async def test_many_at_once_share_one(sit: Sit, box: Sandbox) -> None:
    async with sit() as desk:
        answers: list[dict[str, Any]] = []

        async def make(number: int) -> None:
            answers.append(await desk.told(prompt=f"fox {number} [took:0.1]"))

        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(make, number)
        assert [answer["state"] for answer in answers] == ["success"] * 5
        assert len({entry["input"]["image_urls"][0] for entry in box.submits()}) == 1


async def test_a_task_of_another_process_is_left_to_it(sit: Sit, box: Sandbox) -> None:
    async with sit("silent") as desk:
        asked = {"prompt": "a fox", "image_urls": [str(desk.picture)], "mode": "image-to-image"}
        request = GenerationRequest(owner=LOCAL, model="nano-banana", arguments=asked)
        submission = await submit(desk.app, request)
        assert isinstance(submission, Submission)
        async with sit(tunnel="") as other:
            await other.app.runner.advance(submission.task.task_id)
            now = await other.app.service.find(LOCAL, submission.task.task_id)
            assert now.state is State.SUBMITTING
    assert box.submits() == []


async def test_it_is_tried_without_a_task(sit: Sit) -> None:
    async with sit() as desk:
        tunnel = desk.app.tunnel
        assert tunnel is not None
        url = await tunnel.address("a look")
        assert url == desk.url
        tunnel.let_go("a look")
        await happens(lambda: not desk.url)
    async with sit("exit") as desk:
        assert desk.app.tunnel is not None
        with pytest.raises(Unreachable, match="authentication failed: your authtoken …"):
            await desk.app.tunnel.address("a look")


@pytest.mark.parametrize("lacks", ["APIXO_MCP_ALLOWED_ROOTS", "APIXO_MCP_TUNNEL"])
async def test_a_task_is_left_to_a_server_that_can_have_its_files_fetched(
    sit: Sit, box: Sandbox, tmp_path: Path, lacks: str
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    Image.new("RGB", (64, 48), "red").save(mine / "own.png")
    async with sit("silent", allowed_roots=(mine,)) as desk:
        asked = await desk.told(image_urls=[str(mine / "own.png")], wait_seconds=0)
    without: dict[str, Any] = {"tunnel": "", "allowed_roots": (mine,)} if lacks == "APIXO_MCP_TUNNEL" else {}
    async with sit(steps=StepLimits(left_alone_for=0.1), **without) as other:
        told = await told_once(other.client, asked, lambda told: lacks in told.get("waiting_for", ""))
        assert told["state"] == "submitting"
        assert "the server that it was asked of" in told["waiting_for"]
    assert box.submits() == []
    async with sit(allowed_roots=(mine,)) as desk:
        assert (await desk.ended(asked))["state"] == "success"
