"""Whoever may only read spends nothing and ends nothing, whatever they call, over every way in."""

from dataclasses import replace
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.types import CallToolResult, PromptReference, ResourceTemplateReference
from support.house import ALICE, House
from support.sign_in import bearer
from support.tasks_client import TakesHandles, cancel, update

from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.owner import Owner, Scope

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")]


def arguments_of(tool: Any, task_id: str) -> dict[str, Any]:
    """Arguments with which a tool does its work, as far as that can be told from its schema."""
    usual: dict[str, Any] = {
        "model": {"video": "ruxa/sora-2", "audio": "suno"}.get(tool.name.rpartition("_")[2], "nano-banana"),
        **{"prompt": "a hare [took:0]", "task_id": task_id, "confirm": True},
    }
    return {name: value for name, value in usual.items() if name in tool.input_schema["properties"]}


def only_read(owner: Owner) -> Owner:
    return replace(owner, scope=Scope.READ)


async def unsent_of_alice(house: House) -> str:
    """A task that Alice asked for, and that waits: its gateway is asked to be left alone."""
    async with house.client(ALICE) as client:
        tool = next(tool for tool in (await client.list_tools()).tools if tool.name.startswith("generate_"))
        asked = {**arguments_of(tool, ""), "prompt": "a fox [http:429]", "wait_seconds": 0}
        answer = await client.call_tool(tool.name, asked)
    assert isinstance(answer, CallToolResult)
    assert answer.structured_content is not None, answer
    return answer.structured_content["task_id"]


async def walk(client: Client, task_id: str) -> set[str]:
    """Calls all that there is to be called; returns the names of the tools that refused for the scope."""
    refused: set[str] = set()
    for tool in (await client.list_tools()).tools:
        try:
            answer = await client.call_tool(tool.name, arguments_of(tool, task_id))
        except MCPError:
            refused.add(tool.name)
            continue
        if isinstance(answer, CallToolResult) and "scope `generate`" in str(answer.content):
            refused.add(tool.name)
    for resource in (await client.list_resources()).resources:
        await client.read_resource(str(resource.uri))
    for template in (await client.list_resource_templates()).resource_templates:
        name = "model" if "model" in template.uri_template else "task_id"
        await client.complete(ResourceTemplateReference(uri=template.uri_template), {"name": name, "value": "n"})
    for prompt in (await client.list_prompts()).prompts:
        given = {argument.name: "nano-banana" for argument in prompt.arguments or ()}
        await client.get_prompt(prompt.name, given)
        for name in given:
            await client.complete(PromptReference(name=prompt.name), {"name": name, "value": "n"})
    return refused


@pytest.mark.parametrize(
    ("way", "given", "era"),
    [
        ("/mcp", {}, "auto"),
        ("/mcp", {}, "legacy"),
        ("/sse", {}, "auto"),
        ("/sse", {"tools": "models", "models": "nano-banana,suno,ruxa/sora-2"}, "auto"),
    ],
)
async def test_whoever_may_only_read_spends_and_ends_nothing(house: House, box: Sandbox, way: str) -> None:
    task_id = await unsent_of_alice(house)
    await house.app.owners.change("alice", only_read)
    if way == "/mcp":
        async with house.client(ALICE) as client:
            refused = await walk(client, task_id)
    else:
        async with Client(sse_client(f"{house.url}/sse", headers=bearer(ALICE))) as client:
            refused = await walk(client, task_id)
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert refused == {name for name in names if name.startswith("generate_") or name == "cancel_task"}
    assert {"cancel_task"} < refused
    assert not box.submits()
    assert not (await house.app.service.find(ALICE, task_id)).cancel_requested
    assert (await house.app.store.spent(ALICE)).posts <= 1


@pytest.mark.parametrize("era", ["auto"])
async def test_a_handle_is_not_changed_by_whoever_may_only_read(house: House) -> None:
    task_id = await unsent_of_alice(house)
    await house.app.owners.change("alice", only_read)
    async with house.client(ALICE, TakesHandles()) as client:
        for ask in (cancel(client, task_id), update(client, task_id, {})):
            with pytest.raises(MCPError):
                await ask
    assert not (await house.app.service.find(ALICE, task_id)).cancel_requested
