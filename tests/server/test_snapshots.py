"""The contract with clients, pinned: a change of a tool, a prompt or a resource is seen in review.

`make snapshots` writes the files anew.
"""

import difflib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import TextContent, TextResourceContents
from pydantic import BaseModel
from support.program import Connect

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ["auto"])]

FOLDER = Path(__file__).resolve().parent / "snapshots"
TYPED = ("nano-banana-pro", "ruxa/sora-2", "suno", "runway-gen4-image")
"""One model of each kind: full rules, the other gateway, sound, and one whose inputs no page describes."""


def text_of(entry: BaseModel) -> str:
    values = entry.model_dump(by_alias=True, exclude_none=True, mode="json")
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


async def prompt_text(client: Client, name: str, arguments: list[str]) -> str:
    """A prompt as it is listed, then what it says."""
    listed = next(prompt for prompt in (await client.list_prompts()).prompts if prompt.name == name)
    answer = await client.get_prompt(name, {argument: f"<{argument}>" for argument in arguments})
    parts = [message.content.text for message in answer.messages if isinstance(message.content, TextContent)]
    return text_of(listed) + "\n" + "\n".join(parts) + "\n"


def compare(present: dict[str, str], folder: Path) -> None:
    """Holds texts to the files of a folder; writes them in place of that where the environment asks for it."""
    if os.environ.get("UPDATE_SNAPSHOTS"):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for name, text in present.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        return
    pinned = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}
    changes: list[str] = []
    for name in sorted(pinned.keys() | present.keys()):
        before, after = (texts.get(name, "").splitlines() for texts in (pinned, present))
        changes += difflib.unified_diff(before, after, f"pinned {name}", f"present {name}", lineterm="", n=1)
    assert not changes, "\n".join(["the contract has changed; if that is meant, run `make snapshots`:", *changes])


async def test_the_general_tools(connect: Connect, tmp_path: Path) -> None:
    async with connect() as client:
        tools = (await client.list_tools()).tools
    here = json.dumps(str(tmp_path))[1:-1]
    compare({f"{tool.name}.json": text_of(tool).replace(here, "<folder>") for tool in tools}, FOLDER / "tools")


async def test_some_typed_tools(connect: Connect) -> None:
    async with connect(tools="models", models=TYPED) as client:
        tools = [tool for tool in (await client.list_tools()).tools if tool.name.startswith("generate_")]
    assert len(tools) == len(TYPED)
    compare({f"{tool.name}.json": text_of(tool) for tool in tools}, FOLDER / "typed_tools")


async def test_the_prompts(connect: Connect) -> None:
    texts: dict[str, str] = {}
    async with connect() as client:
        for prompt in (await client.list_prompts()).prompts:
            needed = [argument.name for argument in prompt.arguments or () if argument.required]
            texts[f"{prompt.name}.txt"] = await prompt_text(client, prompt.name, needed)
    compare(texts, FOLDER / "prompts")


async def test_the_resources_and_the_instructions(connect: Connect) -> None:
    async with connect() as client:
        fixed: list[Any] = (await client.list_resources()).resources
        templates: list[Any] = (await client.list_resource_templates()).resource_templates
        texts = {f"{entry.name}.json": text_of(entry) for entry in (*fixed, *templates)}
        texts["instructions.txt"] = f"{client.instructions}\n"
        schema = (await client.read_resource("apixo://schemas/task")).contents[0]
        assert isinstance(schema, TextResourceContents)
        texts["task_schema.content.json"] = json.dumps(json.loads(schema.text), indent=2, ensure_ascii=False) + "\n"
    compare(texts, FOLDER / "resources")
