"""The main job through real hosts, as `install` set them up: a scripted model asks for a picture, which is then there.

The model plays its maker's API on an address of this machine, and the gateway is the sandbox: nothing leaves it.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from anyio.to_thread import run_sync
from hosts_cli.desk import COMMAND, Desk
from hosts_cli.scripted_model import LAST_WORDS, ScriptedModel
from PIL import Image

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

PROMPT = "a fox in the snow"
ASKED = "Make a picture of a fox in the snow."


@asynccontextmanager
async def scene(desk: Desk, host: str) -> AsyncIterator[tuple[ScriptedModel, Sandbox]]:
    """A model, and a host that `install` led to a gateway of its own."""
    script = ScriptedModel("generate_image", {"model": "nano-banana", "prompt": PROMPT})
    async with Sandbox(speed=20) as box, script.open() as model:
        settings = {
            "APIXO_BASE_URL": box.url,
            "APIXO_MCP_ALLOW_PRIVATE_HOSTS": "1",
            "APIXO_MCP_POLL_SCALE": "0.05",
            "APIXO_MCP_DOWNLOAD_DIR": str(desk.home / "my pictures"),
            "APIXO_MCP_LINGER": "0",
        }
        words = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
        await run_sync(lambda: desk.run(COMMAND, "install", host, *words))
        yield model, box


async def is_done(desk: Desk, model: ScriptedModel, box: Sandbox, ask: Callable[[], str], *, sees: bool = True) -> None:
    """The job is done: the host told of it, one picture is there and paid for, and its model knows where it is.

    Args:
        desk: where the host runs.
        model: that it asks.
        box: that the server asks.
        ask: runs the host.
        sees: whether it shows its model the picture (docs/hosts.md tells of each).
    """
    said = await run_sync(ask)
    assert LAST_WORDS in said, said
    pictures = list((desk.home / "my pictures").rglob("*.jpg"))
    assert len(pictures) == 1, model.result
    picture = pictures[0]
    with Image.open(picture) as image:
        image.load()
    assert (model.calls, model.sees) == (1, sees)
    (paid,) = box.submits()
    assert PROMPT in json.dumps(paid)
    assert picture.name in model.result
    assert '\\"state\\":\\"success\\"' in model.result


async def test_claude_code(desk: Desk):
    async with scene(desk, "claude-code") as (model, box):
        words = ("claude", "-p", ASKED, "--allowedTools", "mcp__apixo__generate_image")
        given = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "none"}
        await is_done(desk, model, box, lambda: desk.run(*words, **given))


async def test_codex(desk: Desk):
    async with scene(desk, "codex") as (model, box):
        provider = f'{{ name = "scripted", base_url = "{model.url}/v1", wire_api = "responses" }}'
        changes = (
            'model="scripted"',
            'model_provider="scripted"',
            f"model_providers.scripted={provider}",
            # Without a person to ask, it refuses a tool that writes.
            'mcp_servers.apixo.default_tools_approval_mode="approve"',
        )
        words = [word for change in changes for word in ("-c", change)]
        command = ("codex", "exec", "--skip-git-repo-check", *words, ASKED)
        await is_done(desk, model, box, lambda: desk.run(*command), sees=False)


async def test_gemini(desk: Desk):
    # A folder that is not trusted gets no servers: that is left out here.
    desk.put(
        ".gemini/settings.json",
        '{ "security": { "folderTrust": { "enabled": false }, "auth": { "selectedType": "gemini-api-key" } },\n'
        '  "privacy": { "usageStatisticsEnabled": false } }\n',
    )
    async with scene(desk, "gemini") as (model, box):
        words = ("gemini", "--model", "gemini-2.5-flash", "--yolo", "--prompt", ASKED)
        given = {"GOOGLE_GEMINI_BASE_URL": model.url, "GEMINI_API_KEY": "none"}
        await is_done(desk, model, box, lambda: desk.run(*words, **given))


async def test_opencode(desk: Desk):
    async with scene(desk, "opencode") as (model, box):
        provider = {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": f"{model.url}/v1", "apiKey": "none"}}
        provider["models"] = {"scripted": {"modalities": {"input": ["text", "image"], "output": ["text"]}}}
        # Laid over what stands in its own file.
        more = {"provider": {"scripted": provider}, "model": "scripted/scripted", "share": "disabled"}
        given = {"OPENCODE_CONFIG_CONTENT": json.dumps(more)}
        await is_done(desk, model, box, lambda: desk.run("opencode", "run", ASKED, **given))
