"""A sandbox beneath, an MCP client on top, the real program between."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import Implementation
from support.program import Connect, program, values_for

from apixo_mcp.sandbox import Sandbox


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000.0) as running:
        yield running


@pytest.fixture
def transport() -> str:
    """Between program and client; a test that is parametrized over this goes over `stdio`, `http` and `sse` too."""
    return "memory"


@pytest.fixture
def connect(box: Sandbox, tmp_path: Path, era: str, transport: str) -> Connect:
    """Opens the program and a client of it; keyword arguments are settings, those in `own` go to the client."""

    @asynccontextmanager
    async def opened(
        client_name: str = "claude-ai", *, own: dict[str, Any] | None = None, **settings: Any
    ) -> AsyncIterator[Client]:
        info = Implementation(name=client_name, version="1")
        async with (
            program(transport, values_for(box, tmp_path) | settings) as dial,
            Client(dial(), mode=era, client_info=info, **own or {}) as client,
        ):
            yield client

    return opened
