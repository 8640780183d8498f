"""A sandbox beneath, an MCP client on top, the real program between."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult, Implementation

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.server import build_server
from apixo_mcp.settings import read_settings

Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000.0) as running:
        yield running


@pytest.fixture
def connect(box: Sandbox, tmp_path: Path, era: str) -> Connect:
    """Opens the program and a client of it; keyword arguments are settings."""

    @asynccontextmanager
    async def opened(client_name: str = "claude-ai", **settings: Any) -> AsyncIterator[Client]:
        values: dict[str, Any] = {
            "apixo_base_url": box.url,
            "ruxa_base_url": box.url,
            "apixo_api_key": "sk-test",
            "ruxa_api_key": "sk-test",
            "home": tmp_path / "home",
            "download_dir": tmp_path / "pictures",
            "allow_private_hosts": True,
            "poll_scale": 0.002,
        }
        info = Implementation(name=client_name, version="1")
        async with open_app(read_settings(**values | settings)) as app:
            async with Client(build_server(app), mode=era, client_info=info) as client:
                yield client

    return opened


def text_of(answer: CallToolResult) -> str:
    first = answer.content[0]
    assert first.type == "text"
    return first.text
