"""What is wrong with the variables of a process is told to whoever uses it."""

from pathlib import Path

import pytest
from mcp import Client
from support.program import text_of, values_for

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}


async def test_a_budget_that_nothing_filled_in_is_told_with_the_first_task(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("APIXO_MCP_DAILY_BUDGET_USD", "${user_config.budget}")
    warning = "APIXO_MCP_DAILY_BUDGET_USD holds a placeholder"
    async with open_app(read_settings(**values_for(box, tmp_path))) as app, Client(build_server(app)) as client:
        first = await client.call_tool("generate_image", FOX)
        second = await client.call_tool("generate_image", {**FOX, "prompt": "a hare [took:0]"})
        listed = await client.call_tool("list_tasks", {})
    assert warning in text_of(first)
    assert warning not in text_of(second)
    assert warning in text_of(listed)


async def test_a_key_under_a_name_that_is_nearly_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APIXO_KEY", "sk-mine")
    settings = read_settings(home=tmp_path, download_dir=tmp_path)
    async with open_app(settings) as app, Client(build_server(app)) as client:
        answer = await client.call_tool("generate_image", FOX)
    assert answer.is_error
    assert "APIXO_KEY is no setting and is ignored. Did you mean APIXO_API_KEY?" in text_of(answer)
    assert "sk-mine" not in text_of(answer)


async def test_a_proxy_that_cannot_be_used_ends_the_task_at_once(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", "foo://u:hunter2@proxy")
    monkeypatch.delenv("http_proxy", raising=False)
    values = {**values_for(box, tmp_path), "apixo_base_url": "http://gateway.invalid"}
    async with open_app(read_settings(**values)) as app, Client(build_server(app)) as client:
        answer = await client.call_tool("generate_image", FOX)
    assert not answer.is_error
    assert answer.structured_content["state"] == "failed"
    assert answer.structured_content["error"]["charged"] == "no"
    assert "HTTP_PROXY" in answer.structured_content["error"]["advice"]
    assert "by itself" not in text_of(answer)
    assert "hunter2" not in text_of(answer)
