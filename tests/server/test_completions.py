"""What is completed while a person types."""

from dataclasses import replace
from pathlib import Path

import pytest
from mcp import Client, MCPError
from mcp.types import INVALID_PARAMS, PromptReference, ResourceTemplateReference
from support.program import Connect, values_for

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.terms import Terms
from apixo_mcp.tasks.task import new_task_id

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}
TASK = ResourceTemplateReference(uri="apixo://tasks/{task_id}")
MODEL = ResourceTemplateReference(uri="apixo://models/{+model}")


async def test_models_are_completed_by_any_part_of_their_id(connect: Connect) -> None:
    async with connect() as client:
        found = (await client.complete(MODEL, {"name": "model", "value": "Seedream"})).completion
        nothing = (await client.complete(MODEL, {"name": "colour", "value": "r"})).completion
    assert found.values
    assert all("seedream" in value for value in found.values)
    assert found.total == len(found.values)
    assert nothing.values == []


async def test_what_is_not_there_is_not_completed(connect: Connect) -> None:
    argument = {"name": "model", "value": "x"}
    async with connect() as client:
        known = await client.complete(PromptReference(name="video_shot"), argument)
        for unknown in (PromptReference(name="nope"), ResourceTemplateReference(uri="apixo://nope/{x}")):
            assert (await client.complete(unknown, argument)).completion.values == []
        with pytest.raises(MCPError, match="bogus: unknown argument of storyboard; known are story, frames") as error:
            await client.get_prompt("storyboard", {"story": "x", "bogus": "1"})
        assert error.value.code == INVALID_PARAMS
    assert known.completion.values


async def test_task_ids_are_completed_by_those_of_the_caller(box: Sandbox, tmp_path: Path) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        async with Client(build_server(app)) as client:
            made = (await client.call_tool("generate_image", FOX)).structured_content
            assert made is not None
            ours = await app.service.find(LOCAL, made["task_id"])
            await app.store.admit([replace(ours, task_id=new_task_id(), owner="somebody")], Terms(budget=Budget()))
            found = (await client.complete(TASK, {"name": "task_id", "value": "tsk_"})).completion
            nothing = (await client.complete(TASK, {"name": "task_id", "value": "tsk_!"})).completion
    assert found.values == [ours.task_id]
    assert nothing.values == []
