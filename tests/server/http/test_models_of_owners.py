"""Owners who may use some models alone: they see and take these, by every way in, and are told so."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError
from mcp.types import ResourceTemplateReference
from support.house import ALICE, House, made, opened_house
from support.program import text_of, values_for

from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")]

BANANAS = replace(ALICE, models=("nano-*",))
OTHER = "seedream-4-5"


@pytest.fixture
def given() -> dict[str, Any]:
    """The settings of the program."""
    return {}


@pytest.fixture
async def house(box: Sandbox, tmp_path: Path, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    async with opened_house(read_settings(**values_for(box, tmp_path) | given)) as house:
        await house.app.owners.change("alice", lambda _: BANANAS)
        yield house


async def tools_of(house: House, owner: Owner) -> set[str]:
    async with house.client(owner) as client:
        return {tool.name for tool in (await client.list_tools()).tools}


async def test_they_see_and_take_these_alone(house: House, box: Sandbox) -> None:
    template = ResourceTemplateReference(uri="apixo://models/{+model}")
    async with house.client(BANANAS) as client:
        listed = text_of(await client.call_tool("list_models", {}))
        assert "nano-banana" in listed
        assert OTHER not in listed
        for ask in ("describe_model", "generate_image"):
            arguments = {"model": OTHER, **({"prompt": "a fox"} if ask == "generate_image" else {})}
            refused = await client.call_tool(ask, arguments)
            assert refused.is_error
            assert f"{OTHER} is not among the models that you may use (only nano-banana" in text_of(refused)
            assert "whoever runs this server can change that" in text_of(refused)
        with pytest.raises(MCPError, match="not among the models that you may use"):
            await client.read_resource(f"apixo://models/{OTHER}")
        assert (await client.complete(template, {"name": "model", "value": "seedream"})).completion.values == []
        assert (await client.complete(template, {"name": "model", "value": "nano"})).completion.values
        assert (await made(client))["state"] == "success"
        quote = await client.call_tool("generate_image", {"model": OTHER, "prompt": "a fox", "quote": True})
        assert quote.is_error
    assert len(box.submits()) == 1


@pytest.mark.parametrize("given", [{"tools": "models", "models": "nano-banana,seedream-4-5"}])
async def test_typed_tools_are_those_of_the_owner(house: House, box: Sandbox) -> None:
    typed = {"generate_nano_banana", "generate_seedream_4_5"}
    assert await tools_of(house, BANANAS) & typed == {"generate_nano_banana"}
    assert await tools_of(house, Owner("bob")) & typed == typed
    async with house.client(BANANAS) as client:
        refused = await client.call_tool("generate_seedream_4_5", {"prompt": "a fox"})
    assert refused.is_error
    assert "not among the models that you may use" in text_of(refused)
    assert not box.submits()
