"""A sandbox beneath, an MCP client on top, the real program between."""

import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.types import CallToolResult, Implementation

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.http import serving
from apixo_mcp.server.listening import listen, url_of
from apixo_mcp.server.server import build_server
from apixo_mcp.settings import read_settings

Connect = Callable[..., AbstractAsyncContextManager[Client]]
Dial = Callable[[], Any]


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


def values_for(box: Sandbox, folder: Path) -> dict[str, Any]:
    """The settings of a program above a sandbox."""
    return {
        "apixo_base_url": box.url,
        "ruxa_base_url": box.url,
        "apixo_api_key": "sk-test",
        "ruxa_api_key": "sk-test",
        "home": folder / "home",
        "download_dir": folder / "pictures",
        "allow_private_hosts": True,
        "poll_scale": 0.002,
        "linger": False,
    }


def environment(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings as the variables that a process of its own reads."""
    told: dict[str, str] = {}
    for name, value in values.items():
        variable = name.upper() if name.startswith(("apixo_", "ruxa_")) else f"APIXO_MCP_{name.upper()}"
        if isinstance(value, tuple):
            value = (os.pathsep if name == "allowed_roots" else ",").join(map(str, value))
        if value is not None:
            told[variable] = str(int(value) if isinstance(value, bool) else value)
    return told


@asynccontextmanager
async def program(transport: str, values: Mapping[str, Any]) -> AsyncIterator[Dial]:
    """Runs the program; each call of what this yields gives something for another client to connect to.

    Over stdio each client has a process of its own, and all of them one data folder.
    """
    if transport == "stdio":
        parameters = StdioServerParameters(command=sys.executable, args=["-m", "apixo_mcp"], env=environment(values))
        with Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230
            yield lambda: stdio_client(parameters, errlog=nowhere)
        return
    async with open_app(read_settings(**values)) as app:
        server = build_server(app)
        if transport == "memory":
            yield lambda: server
            return
        listener = listen("127.0.0.1", 0)
        url = url_of(listener)
        async with serving(server, listener):
            yield lambda: f"{url}/mcp" if transport == "http" else sse_client(f"{url}/sse")


def text_of(answer: CallToolResult) -> str:
    first = answer.content[0]
    assert first.type == "text"
    return first.text
