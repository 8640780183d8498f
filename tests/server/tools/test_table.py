"""The list of tools: small, flat, and readable by every client."""

import json
from typing import get_args

import pytest
from support.program import Connect
from support.schemas import BANNED, nodes

from apixo_mcp import __version__
from apixo_mcp.generation import Category

pytestmark = pytest.mark.anyio

ELEVEN = [
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
]


async def test_the_list_holds_eleven_tools_in_under_11_kilobytes(connect: Connect) -> None:
    async with connect() as client:
        listed = await client.list_tools()
    assert [tool.name for tool in listed.tools] == ELEVEN
    wire = listed.model_dump(by_alias=True, exclude_none=True, mode="json")
    (download,) = [tool for tool in listed.tools if tool.name == "download_results"]
    folder = download.input_schema["properties"]["directory"]["description"]
    usual = "In /home/somebody/Pictures/apixo-mcp."
    text = json.dumps(wire, separators=(",", ":")).replace(__version__, "0.1.0")  # that of a checkout is longer
    size = len(text) - len(folder) + len(usual)
    assert size <= 11 * 1024 - 150, "further folders need room"


async def test_wait_seconds_of_what_is_made_tells_its_bound(connect: Connect) -> None:
    async with connect() as client:
        tools = (await client.list_tools()).tools
    told = {tool.name: tool.input_schema["properties"].get("wait_seconds", {}).get("description") for tool in tools}
    for name in ELEVEN[:3]:
        assert told[name] == "0 to 50, at most what this client bears."


async def test_every_schema_is_flat(connect: Connect) -> None:
    async with connect() as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        for node in (*nodes(tool.input_schema), *nodes(tool.output_schema or {})):
            assert not BANNED.intersection(node), f"{tool.name}: {node}"
            assert not isinstance(node.get("type"), list), f"{tool.name}: {node}"
        assert tool.input_schema["additionalProperties"] is False


async def test_every_optional_argument_has_a_neutral_default_and_takes_null(connect: Connect) -> None:
    async with connect() as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        for name, entry in tool.input_schema["properties"].items():
            if name in tool.input_schema.get("required", ()):
                continue
            assert entry["nullable"] is True, f"{tool.name}.{name}"
            assert entry["default"] in ("", [], {}, -1, False), f"{tool.name}.{name}"


@pytest.mark.parametrize("tools", ["general", "models"])
async def test_every_argument_of_every_tool_has_a_description(connect: Connect, tools: str) -> None:
    async with connect(tools=tools) as client:
        listed = (await client.list_tools()).tools
    bare = [
        f"{tool.name}.{name}"
        for tool in listed
        for name, entry in tool.input_schema["properties"].items()
        if not entry.get("description", "").strip()
    ]
    assert bare == []


async def test_output_schemas_stay_under_300_bytes(connect: Connect) -> None:
    async with connect() as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        assert len(json.dumps(tool.output_schema or {}, separators=(",", ":"))) <= 300, tool.name


async def test_no_prompt_resource_or_tool_shares_a_name(connect: Connect) -> None:
    async with connect() as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        names += [prompt.name for prompt in (await client.list_prompts()).prompts]
        names += [resource.name for resource in (await client.list_resources()).resources]
        names += [entry.name for entry in (await client.list_resource_templates()).resource_templates]
    assert len(names) == len(set(names))


async def test_the_instructions_are_short_and_name_every_category(connect: Connect) -> None:
    async with connect() as client:
        said = client.instructions or ""
    assert 0 < len(said) < 1500
    for category in get_args(Category):
        assert category in said


async def test_the_instructions_say_that_no_key_is_set(connect: Connect) -> None:
    async with connect(apixo_api_key=None, ruxa_api_key=None) as client:
        assert "APIXO_API_KEY" in (client.instructions or "")
