"""What a user of the server can count on, seen from outside: the real process, real HTTP, real files."""

import base64
import io
import json
import re
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.types import (
    BlobResourceContents,
    CallToolResult,
    ImageContent,
    PromptReference,
    ResourceLink,
    ResourceTemplateReference,
    TextContent,
    TextResourceContents,
)
from PIL import Image
from support.amounts import here
from support.driver import APIXO_KEY, RUXA_KEY, Process, Shared, connect, server_env
from support.imitation import Cut, Fail, Hang, Imitation, Raw, Refuse
from support.program import come_to_rest

pytestmark = [pytest.mark.anyio, pytest.mark.process]

TOOLS = {
    "generate_image",
    "generate_video",
    "generate_audio",
    "check_task",
    "list_tasks",
    "cancel_task",
    "download_results",
    "view_result",
    "list_models",
    "describe_model",
    "get_usage",
}


def text_of(answer: CallToolResult) -> str:
    assert answer.content[0].type == "text"
    return answer.content[0].text


def task_of(answer: CallToolResult) -> dict[str, Any]:
    """The task in an answer that is no error, having checked that text and structure say the same."""
    assert not answer.is_error, text_of(answer)
    assert answer.structured_content is not None
    assert json.loads(text_of(answer).splitlines()[-1]) == answer.structured_content
    return answer.structured_content


def read(path: str) -> bytes:
    return Path(path).read_bytes()


async def generate(client: Client, tool: str = "generate_image", **arguments: Any) -> dict[str, Any]:
    """What is told of a task: as it stands, or once there is nothing left to wait for where that is waited for."""
    task = task_of(await client.call_tool(tool, {"model": "nano-banana", "prompt": "a red fox"} | arguments))
    return await come_to_rest(client, task) if arguments.get("wait_seconds") else task


async def refusal(client: Client, tool: str = "generate_image", **arguments: Any) -> str:
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error
    assert "Traceback" not in text_of(answer)
    return text_of(answer)


# Making things


@pytest.mark.parametrize("model", ["nano-banana-pro", "ruxa/google/nano-banana"])
async def test_generated_image_is_saved_as_served(either: Shared, model: str):
    answer = await either.client.call_tool(
        "generate_image", {"model": model, "prompt": "a cat in the snow", "wait_seconds": 20}
    )
    task = task_of(answer)
    assert task["state"] == "success"
    [result] = task["results"]
    made = either.gateway.last()
    assert read(result["path"]) == made.files[0]
    assert Path(result["path"]).is_relative_to(either.downloads)
    assert result["mime_type"] == "image/png"
    assert result["url"] == made.urls[0]
    assert task["remote_id"] == made.id
    # A client that shows only the text still leads to the file.
    assert text_of(answer).count(json.dumps(result["path"])) == 1
    [post] = either.gateway.posts()
    assert post.path.startswith("/proxy/eu/api/v1/")
    assert post.headers["authorization"] == f"Bearer {RUXA_KEY if model.startswith('ruxa/') else APIXO_KEY}"
    assert post.body["input"]["prompt"] == "a cat in the snow"
    assert all(entry.path.startswith("/proxy/eu/") for entry in either.gateway.requests())


async def test_keys_go_to_the_gateway_only_not_with_the_files(shared: Shared):
    await generate(shared.client, wait_seconds=20)
    files = [entry for entry in shared.gateway.requests() if "/files/" in entry.path]
    assert files
    assert not any("authorization" in entry.headers for entry in files)


async def test_four_images_are_four_results(either: Shared):
    task = await generate(either.client, model="seedream-4-5", num_images=4, wait_seconds=20)
    assert [result["index"] for result in task["results"]] == [0, 1, 2, 3]
    paths = [Path(result["path"]) for result in task["results"]]
    assert len(set(paths)) == 4
    assert [path.read_bytes() for path in paths] == either.gateway.last().files
    assert either.gateway.posts()[0].body["input"]["max_images"] == 4


@pytest.mark.parametrize(
    ("tool", "model"), [("generate_video", "sora-2"), ("generate_audio", "suno"), ("generate_video", "ruxa/sora-2")]
)
async def test_video_and_audio_tasks_are_followed_by_id(shared: Shared, tool: str, model: str):
    shared.gateway.held = True
    task = await generate(shared.client, tool, model=model, wait_seconds=0)
    assert task["state"] in {"submitting", "pending", "processing"}
    shared.gateway.wait_for_post()
    assert task["task_id"] in task["next_step"] or "check_task" in task["next_step"]
    again = task_of(await shared.client.call_tool("check_task", {"task_id": task["task_id"], "wait_seconds": 0}))
    assert again["task_id"] == task["task_id"]
    assert len(shared.gateway.posts()) == 1
    shared.gateway.held = False


async def test_check_task_knows_both_ids(either: Shared):
    task = await generate(either.client, wait_seconds=0)
    either.gateway.wait_for_look()
    for name in (task["task_id"], either.gateway.last().id):
        asked = task_of(await either.client.call_tool("check_task", {"task_id": name, "wait_seconds": 20}))
        found = await come_to_rest(either.client, asked)
        assert found["task_id"] == task["task_id"]
        assert found["state"] == "success"


async def test_results_can_be_copied_into_allowed_folders_only(shared: Shared, tmp_path: Path):
    task = await generate(shared.client, model="seedream-4-5", num_images=2, wait_seconds=20)
    target = shared.elsewhere / "set one"
    copied = task_of(
        await shared.client.call_tool("download_results", {"task_id": task["task_id"], "directory": str(target)})
    )
    paths = [Path(result["path"]) for result in copied["results"]]
    assert all(path.parent == target for path in paths)
    assert [path.read_bytes() for path in paths] == shared.gateway.last().files

    outside = tmp_path / "outside"
    message = await refusal(shared.client, "download_results", task_id=task["task_id"], directory=str(outside))
    assert "directory" in message
    assert str(shared.elsewhere) in message
    assert not outside.exists()
    for sneaky in (str(shared.elsewhere / ".." / ".." / "x"), "../../x"):
        assert "directory" in await refusal(
            shared.client, "download_results", task_id=task["task_id"], directory=sneaky
        )


async def test_view_result_shows_the_picture(either: Shared):
    task = await generate(either.client, wait_seconds=20)
    answer = await either.client.call_tool("view_result", {"task_id": task["task_id"]})
    assert [part.type for part in answer.content] == ["text", "image"]
    picture = answer.content[1]
    assert isinstance(picture, ImageContent)
    with Image.open(io.BytesIO(base64.b64decode(picture.data))) as shown:
        shown.load()
        assert Image.MIME[shown.format or ""] == picture.mime_type
        assert shown.size == (24, 16)


async def test_everything_listed_answers(either: Shared):
    first = await generate(either.client, prompt="the only heron here", wait_seconds=20)
    listed = await either.client.call_tool("list_tasks", {})
    assert listed.structured_content
    assert listed.structured_content["tasks"][0]["task_id"] == first["task_id"]
    folder = listed.structured_content.get("folder", "")  # said once, where several share it
    assert Path(folder, listed.structured_content["tasks"][0]["paths"][0]) == Path(first["results"][0]["path"])
    only = await either.client.call_tool("list_tasks", {"state": "success", "modality": "image", "limit": 1})
    assert only.structured_content
    assert len(only.structured_content["tasks"]) == 1

    models = await either.client.call_tool("list_models", {"query": "seedream"})
    assert "seedream-4-5" in text_of(models)
    described = await either.client.call_tool("describe_model", {"model": "seedream-4-5"})
    properties = json.loads(text_of(described).splitlines()[-1])["input_schema"]["properties"]
    assert properties["max_images"]["maximum"] == 10
    assert properties["image_urls"]["maxItems"] == 14
    usage = await either.client.call_tool("get_usage", {"days": 1})
    assert not usage.is_error
    assert usage.structured_content
    assert usage.structured_content["totals"]["tasks"] >= 1


async def test_an_earlier_result_becomes_an_input(shared: Shared):
    first = await generate(shared.client, wait_seconds=20)
    second = await generate(
        shared.client, prompt="at night", image_urls=[f"task:{first['task_id']}/0"], wait_seconds=20
    )
    assert second["state"] == "success"
    given = shared.gateway.posts()[1].body["input"]
    assert given["mode"] == "image-to-image"
    [image] = given["image_urls"]
    assert image == first["results"][0]["url"] or image.startswith("data:image/")


async def test_progress_is_told_while_waiting(either: Shared):
    told: list[float] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    either.gateway.looks_needed = 8
    answer = await either.client.call_tool(
        "generate_image",
        {"model": "nano-banana", "prompt": "a slow fox", "wait_seconds": 50},
        progress_callback=progress,
    )
    assert task_of(answer)["state"] == "success"
    assert len(told) >= 2
    assert all(later > earlier for earlier, later in pairwise(told))


# Failing


async def test_a_refused_prompt_is_an_answer_not_an_error(either: Shared):
    either.gateway.outcomes.append(Fail("CONTENT_VIOLATION"))
    answer = await either.client.call_tool(
        "generate_image", {"model": "nano-banana", "prompt": "something bad", "wait_seconds": 20}
    )
    task = task_of(answer)
    assert task["state"] == "failed"
    error = task["error"]
    assert (error["code"], error["category"], error["retryable"]) == ("CONTENT_VIOLATION", "content_policy", False)
    assert error["message"] == "Content does not meet safety guidelines"
    assert "prompt" in error["advice"]
    assert len(either.gateway.posts()) == 1


async def test_ruxa_failures_carry_their_message(shared: Shared):
    shared.gateway.outcomes.append(Fail("", "The picture could not be drawn"))
    task = await generate(shared.client, model="ruxa/google/nano-banana", wait_seconds=20)
    assert task["state"] == "failed"
    assert task["error"]["message"] == "The picture could not be drawn"
    assert len(shared.gateway.posts()) == 1


@pytest.mark.parametrize(
    ("model", "refused", "category"),
    [
        ("nano-banana", Refuse(400, "Insufficient credits"), "insufficient_credits"),
        ("nano-banana", Refuse(400, "Insufficient credits", status=200), "insufficient_credits"),
        ("nano-banana", Refuse(401, "Invalid or missing API Key"), "auth"),
        ("nano-banana", Refuse(400, "Invalid parameters or request error"), "invalid_input"),
        ("ruxa/google/nano-banana", Refuse(402, "Insufficient credits"), "insufficient_credits"),
        ("ruxa/google/nano-banana", Refuse(422, "prompt is not valid"), "invalid_input"),
        ("ruxa/google/nano-banana", Refuse(401, "Unauthorized"), "auth"),
    ],
)
async def test_refusals_are_told_and_never_sent_again(shared: Shared, model: str, refused: Refuse, category: str):
    shared.gateway.on_create.append(refused)
    task = await generate(shared.client, model=model, wait_seconds=20)
    assert task["state"] == "failed"
    assert task["error"]["category"] == category
    assert task["error"]["message"].rstrip(".") == refused.message
    assert task["error"]["charged"] == "no"
    assert len(shared.gateway.posts()) == 1
    assert not shared.gateway.tasks


INVALID = {
    "unknown model": ({"model": "nano-banan-pro", "prompt": "x"}, ["model", "nano-banana-pro", "list_models"]),
    "unknown argument": (
        {"model": "nano-banana", "prompt": "x", "aspect_ration": "1:1"},
        ["aspect_ration", "aspect_ratio"],
    ),
    "outside the enum": (
        {"model": "seedream-4-5", "prompt": "x", "aspect_ratio": "16:10"},
        ["aspect_ratio", "16:9", "21:9", "16:10"],
    ),
    "no image to edit": (
        {"model": "seedream-4-5", "prompt": "x", "mode": "image-to-image"},
        ["image_urls", "image-to-image"],
    ),
    "too many images": (
        {"model": "seedream-4-5", "prompt": "x", "image_urls": [f"https://example.com/{n}.png" for n in range(15)]},
        ["image_urls", "14", "15"],
    ),
    "too many results": ({"model": "seedream-4-5", "prompt": "x", "num_images": 11}, ["num_images", "10", "11"]),
    "empty prompt": ({"model": "nano-banana", "prompt": ""}, ["prompt"]),
    "blank prompt": ({"model": "nano-banana", "prompt": " \n\t "}, ["prompt"]),
    "overlong prompt": ({"model": "nano-banana", "prompt": "x" * 5001}, ["prompt", "5,000", "5001"]),
    "wrong type": ({"model": "nano-banana", "prompt": {"a": 1}}, ["prompt"]),
    "wrong tool": ({"model": "sora-2", "prompt": "x"}, ["model", "generate_video"]),
    "long wait": ({"model": "nano-banana", "prompt": "x", "wait_seconds": 900}, ["wait_seconds", "50"]),
    "no model": ({"prompt": "x"}, ["model"]),
    "unknown option": ({"model": "seedream-4-5", "prompt": "x", "options": {"stylo": 1}}, ["stylo"]),
    "several at once": (
        {"model": "seedream-4-5", "prompt": "x" * 5001, "resolution": "9K", "aspect_ratio": "2:7", "foo": 1},
        ["prompt", "5,000", "resolution", "2K", "4K", "aspect_ratio", "21:9", "foo"],
    ),
}


@pytest.mark.parametrize("name", INVALID)
async def test_bad_input_is_refused_before_anything_is_sent(either: Shared, name: str):
    arguments, named = INVALID[name]
    message = await refusal(either.client, **arguments)
    assert [word for word in named if word not in message] == []
    assert either.gateway.posts() == []  # looks at tasks of earlier tests go on


async def test_unknown_tasks_are_said_to_be_unknown(shared: Shared):
    for tool in ("check_task", "cancel_task", "download_results", "view_result"):
        assert "task" in await refusal(shared.client, tool, task_id="tsk_doesnotexist")
    assert shared.gateway.posts() == []


# Money: what leaves for the gateway is counted


@pytest.mark.parametrize(
    "trouble",
    [
        Refuse(500, "Internal error"),
        Raw(b"<html>Bad gateway</html>", 502),
        Raw(b"<html>Sign in</html>", 200),
        Raw(b"", 200, "application/json"),
        Raw(b'{"code":200,"message":"success","data":null}', 200, "application/json"),
        Raw(b'{"code":200,"mess', 200, "application/json", accept=True),
        Cut(accept=True),
        Cut(accept=False),
        Cut(accept=True, after=b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"),
    ],
    ids=lambda trouble: type(trouble).__name__ + str(getattr(trouble, "status", "") or getattr(trouble, "code", "")),
)
@pytest.mark.parametrize("model", ["nano-banana", "ruxa/google/nano-banana"])
async def test_an_unclear_answer_is_never_paid_twice(shared: Shared, model: str, trouble: Any):
    shared.gateway.on_create.append(trouble)
    task = await generate(shared.client, model=model, wait_seconds=20)
    assert task["state"] == "unknown"
    assert task["error"]["retryable"] is False
    assert "not" in task["next_step"].lower()
    again = task_of(await shared.client.call_tool("check_task", {"task_id": task["task_id"], "wait_seconds": 1}))
    assert again["state"] == "unknown"
    assert len(shared.gateway.posts()) == 1


async def test_a_gateway_that_does_not_answer_is_asked_once(gateway: Imitation, tmp_path: Path):
    gateway.on_create.append(Hang(30))
    async with connect(server_env(gateway, tmp_path)) as client:
        task = await generate(client, wait_seconds=0)
        await anyio.to_thread.run_sync(gateway.wait_for_post)
        assert task["state"] == "submitting"
        gateway.closing.set()  # The connection ends without an answer.
        task = await come_to_rest(client, task)
        assert task["state"] == "unknown"
    assert len(gateway.posts()) == 1


@pytest.mark.parametrize("model", ["nano-banana", "ruxa/google/nano-banana"])
async def test_too_many_requests_are_sent_again_and_accepted_once(shared: Shared, model: str):
    refused = Refuse(429, "Rate limit exceeded", headers=(("Retry-After", "0"),))
    times = 2 if model == "nano-banana" else 1
    shared.gateway.on_create.extend([refused] * times)
    task = await generate(shared.client, model=model, wait_seconds=30)
    assert task["state"] == "success"
    assert len(shared.gateway.posts()) == times + 1
    assert len(shared.gateway.tasks) == 1


async def test_the_same_idempotency_key_is_one_request(shared: Shared):
    key = f"key-{time.monotonic_ns()}"
    tasks = [await generate(shared.client, idempotency_key=key, wait_seconds=wait) for wait in (0, 20)]
    assert tasks[0]["task_id"] == tasks[1]["task_id"]
    assert tasks[1]["state"] == "success"
    assert len(shared.gateway.posts()) == 1


async def test_the_same_idempotency_key_at_once_is_one_request(either: Shared):
    key = f"key-{time.monotonic_ns()}"
    seen: set[str] = set()
    either.gateway.create_delay = 0.2

    async def one() -> None:
        seen.add((await generate(either.client, idempotency_key=key, wait_seconds=0))["task_id"])

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(one)
    assert len(seen) == 1
    either.gateway.wait_for_post()
    [only] = seen
    asked = task_of(await either.client.call_tool("check_task", {"task_id": only, "wait_seconds": 20}))
    done = await come_to_rest(either.client, asked)
    assert done["state"] == "success"
    assert len(either.gateway.posts()) == 1


async def test_trouble_while_looking_does_not_lose_the_task(shared: Shared):
    shared.gateway.on_status.extend(
        [Refuse(500, "Internal error"), Cut(), Raw(b"<html>oops</html>"), Refuse(429, "Rate limit exceeded")]
    )
    task = await generate(shared.client, wait_seconds=30)
    assert task["state"] == "success"
    assert len(shared.gateway.posts()) == 1


def test_a_killed_server_neither_loses_nor_repeats_its_tasks(gateway: Imitation, tmp_path: Path):
    env = server_env(gateway, tmp_path)
    gateway.held = True
    gateway.on_create.extend([None, Hang(30)])
    sent = {"model": "nano-banana", "prompt": "a red fox", "wait_seconds": 0}
    sending = {"model": "nano-banana", "prompt": "a grey fox", "wait_seconds": 0, "idempotency_key": "once"}
    with Process(env) as first:
        first.start()
        followed = first.call("generate_image", sent)["structuredContent"]["task_id"]
        gateway.wait_for_look()
        first.send("tools/call", {"name": "generate_image", "arguments": sending})
        gateway.wait_for_post(2)
        first.kill()
    gateway.held = False
    with Process(env) as second:
        second.start()
        found = second.finished(followed)
        unclear = second.call("generate_image", sending)["structuredContent"]
        unclear = second.finished(unclear["task_id"])
        listed = second.call("list_tasks", {})["structuredContent"]["tasks"]
    assert found["state"] == "success"
    assert Path(found["results"][0]["path"]).read_bytes() == next(iter(gateway.tasks.values())).files[0]
    assert unclear["state"] == "unknown"
    assert [task["task_id"] for task in listed] == [unclear["task_id"], followed]
    assert len(gateway.posts()) == 2


async def test_a_file_that_is_missing_at_first_is_fetched_when_asked_again(shared: Shared):
    shared.gateway.on_file.extend([Raw(b"<html>not yet</html>", 404)])
    task = await generate(shared.client, wait_seconds=20)
    again = task_of(await shared.client.call_tool("download_results", {"task_id": task["task_id"]}))
    assert read(again["results"][0]["path"]) == shared.gateway.last().files[0]
    assert len(shared.gateway.posts()) == 1


# Clients that differ


async def test_an_unknown_client_has_its_task_id_soon_and_no_extras(gateway: Imitation, tmp_path: Path):
    env = server_env(gateway, tmp_path)
    async with connect(env, name="somebody-new") as client:
        made = await client.call_tool("generate_image", {"model": "nano-banana", "prompt": "a", "wait_seconds": 20})
        await come_to_rest(client, task_of(made))
        done = await client.call_tool("check_task", {"task_id": task_of(made)["task_id"], "wait_seconds": 20})
        assert task_of(done)["state"] == "success"
        assert [part.type for part in done.content] == ["text"]
        gateway.create_delay = 6
        started = time.monotonic()
        answer = await client.call_tool("generate_image", {"model": "nano-banana", "prompt": "a red fox"})
        assert time.monotonic() - started < here(3)
        assert task_of(answer)["task_id"].startswith("tsk_")
        assert task_of(answer)["task_id"] in text_of(answer)
        gateway.closing.set()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_claude_gets_a_preview_and_a_link(gateway: Imitation, tmp_path: Path, mode: str):
    async with connect(server_env(gateway, tmp_path), name="claude-ai", mode=mode) as client:
        answer = await client.call_tool("generate_image", {"model": "nano-banana", "prompt": "a", "wait_seconds": 20})
        task = task_of(answer)
        parts = {part.type: part for part in answer.content}
        assert set(parts) == {"text", "image", "resource_link"}
        picture, link = parts["image"], parts["resource_link"]
        assert isinstance(picture, ImageContent)
        assert isinstance(link, ResourceLink)
        with Image.open(io.BytesIO(base64.b64decode(picture.data))) as shown:
            assert shown.size[0] * 16 == shown.size[1] * 24
        assert str(link.uri) == f"apixo://results/{task['task_id']}/0"


# Resources, prompts, completions


async def test_eleven_tools(either: Shared):
    tools = (await either.client.list_tools()).tools
    assert {tool.name for tool in tools} == TOOLS
    assert len(tools) == 11
    for tool in tools:
        assert tool.description
        assert tool.input_schema["type"] == "object"


async def test_resources_hold_the_task_and_the_file(either: Shared):
    task = await generate(either.client, wait_seconds=20)
    [found] = (await either.client.read_resource(f"apixo://tasks/{task['task_id']}")).contents
    assert found.mime_type == "application/json"
    assert isinstance(found, TextResourceContents)
    assert json.loads(found.text)["task_id"] == task["task_id"]
    [found] = (await either.client.read_resource(f"apixo://results/{task['task_id']}/0")).contents
    assert found.mime_type == "image/png"
    assert isinstance(found, BlobResourceContents)
    assert base64.b64decode(found.blob) == either.gateway.last().files[0]
    [found] = (await either.client.read_resource("apixo://models/ruxa/google/nano-banana")).contents
    assert isinstance(found, TextResourceContents)
    assert json.loads(found.text)["id"] == "ruxa/google/nano-banana"
    for missing in ("apixo://tasks/tsk_none", f"apixo://results/{task['task_id']}/7", "apixo://models/none"):
        with pytest.raises(MCPError):
            await either.client.read_resource(missing)


async def test_prompts_and_completions(either: Shared):
    prompts = {prompt.name: prompt for prompt in (await either.client.list_prompts()).prompts}
    assert {"picture_from_idea", "variations", "edit", "video_shot", "storyboard", "product_shots", "song"} <= set(
        prompts
    )
    for name, prompt in prompts.items():
        given = {argument.name: "seven herons" for argument in prompt.arguments or [] if argument.required}
        got = await either.client.get_prompt(name, given)
        texts = [message.content for message in got.messages]
        assert "seven herons" in "".join(content.text for content in texts if isinstance(content, TextContent))
    for reference in (
        PromptReference(type="ref/prompt", name="picture_from_idea"),
        ResourceTemplateReference(type="ref/resource", uri="apixo://models/{+model}"),
    ):
        found = await either.client.complete(reference, {"name": "model", "value": "seedream"})
        assert "seedream-4-5" in found.completion.values
    task = await generate(either.client, wait_seconds=0)
    found = await either.client.complete(
        ResourceTemplateReference(type="ref/resource", uri="apixo://tasks/{task_id}"),
        {"name": "task_id", "value": task["task_id"][:8]},
    )
    assert task["task_id"] in found.completion.values


# The process


async def test_without_a_key_it_starts_and_says_how_to_set_one(gateway: Imitation, tmp_path: Path):
    async with connect(server_env(gateway, tmp_path, APIXO_API_KEY="", RUXA_API_KEY="")) as client:
        assert len((await client.list_tools()).tools) == 11
        for tool, model, variable in (
            ("generate_image", "nano-banana", "APIXO_API_KEY"),
            ("generate_video", "sora-2", "APIXO_API_KEY"),
            ("generate_audio", "suno", "APIXO_API_KEY"),
            ("generate_image", "ruxa/google/nano-banana", "RUXA_API_KEY"),
        ):
            answer = await client.call_tool(tool, {"model": model, "prompt": "a fox", "wait_seconds": 0})
            assert variable in text_of(answer)
        assert not (await client.call_tool("list_models", {})).is_error
        assert not (await client.call_tool("list_tasks", {})).is_error
    assert gateway.requests() == []


def test_only_protocol_on_stdout_and_no_key_anywhere(gateway: Imitation, tmp_path: Path):
    env = server_env(gateway, tmp_path, APIXO_MCP_LOG_LEVEL="DEBUG")
    gateway.on_create.extend([None, Refuse(401, f"Invalid API Key {APIXO_KEY}"), Raw(b"<html>no</html>"), Cut()])
    with Process(env) as server:
        server.start()
        for model in ("nano-banana", "nano-banana", "nano-banana", "nano-banana", "ruxa/google/nano-banana", "none"):
            server.call("generate_image", {"model": model, "prompt": "a fox", "wait_seconds": 20})
        server.call("get_usage", {})
        server.call("list_tasks", {})
        server.send_line(b"this is no JSON")
        server.ask("no/such/method")
        server.ask("resources/read", {"uri": "apixo://tasks/none"})
        server.close_input()
        server.process.wait(here(2))
        server.reader.join(60)
        written = b"".join(server.lines) + server.stderr()
        messages = [json.loads(line) for line in server.lines]
    assert messages
    assert all(message["jsonrpc"] == "2.0" for message in messages)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".png" for path in files)
    for key in (APIXO_KEY.encode(), RUXA_KEY.encode()):
        assert key not in written
        assert [path for path in files if key in path.read_bytes()] == []
    assert b"Traceback" not in b"".join(server.lines)


def end(server: Process, way: str) -> None:
    if way == "stdin":
        server.close_input()
    else:
        server.process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("way", ["stdin", "SIGTERM"])
def test_it_ends_within_two_seconds_while_tasks_are_followed(gateway: Imitation, tmp_path: Path, way: str):
    gateway.held = True
    with Process(server_env(gateway, tmp_path)) as server:
        call = {"model": "nano-banana", "prompt": "a fox", "wait_seconds": 50}
        server.start().send("tools/call", {"name": "generate_image", "arguments": call})
        gateway.wait_for_look(2)
        end(server, way)
        server.process.wait(here(2))
        server.reader.join(60)
        assert all(json.loads(line) for line in server.lines)
        assert b"Traceback" not in server.stderr()
    assert len(gateway.posts()) == 1


@pytest.mark.parametrize("way", ["stdin", "SIGTERM"])
def test_a_submit_under_way_is_finished_and_stored_before_it_ends(gateway: Imitation, tmp_path: Path, way: str):
    gateway.create_delay = 1.5
    with Process(server_env(gateway, tmp_path)) as server:
        call = {"model": "nano-banana", "prompt": "a fox", "wait_seconds": 50}
        server.start().send("tools/call", {"name": "generate_image", "arguments": call})
        gateway.wait_for_post()
        end(server, way)
        server.process.wait(60)
    with Process(server_env(gateway, tmp_path)) as server:
        task = server.start().call("list_tasks", {})["structuredContent"]["tasks"][0]
        done = server.finished(task["task_id"])
    assert done["state"] == "success"
    assert len(gateway.posts()) == 1


def test_files_are_named_after_the_prompt_but_stay_in_the_folder(gateway: Imitation, tmp_path: Path):
    prompts = [
        "../../etc/passwd",
        "CON",
        "emoji 🦊 and ünïcödé",
        "x" * 5000,
        'a/b\\c:d*e?f"g<h>|',
        "\u202egnp.exe",
        "...",
    ]
    with Process(server_env(gateway, tmp_path)) as server:
        server.start()
        for prompt in prompts:
            call = {"model": "nano-banana", "prompt": prompt, "wait_seconds": 0}
            task = server.finished(server.call("generate_image", call)["structuredContent"]["task_id"])
            assert task["state"] == "success"
            path = Path(task["results"][0]["path"])
            assert path.resolve().is_relative_to((tmp_path / "downloads").resolve())
            assert re.fullmatch(r"[^\x00-\x1f\"*/:<>?\\|\u202e]{1,120}\.png", path.name)
            assert path.name.split(".")[0].upper() not in {"CON", "NUL", "AUX", "PRN"}
