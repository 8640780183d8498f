"""A client of the running program, for the table of faults."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.types import Implementation
from support.workers import worker_beside

from apixo_mcp.app import open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.server.build import build_server
from apixo_mcp.settings import read_settings


@asynccontextmanager
async def connected(url: str, folder: Path, limits: Limits = Limits(), **more: Any) -> AsyncIterator[Client]:
    values = {
        "apixo_base_url": url,
        "apixo_api_key": "sk-test",
        "ruxa_base_url": url,
        "ruxa_api_key": "sk-test",
        "home": folder / "home",
        "download_dir": folder / "pictures",
        "allow_private_hosts": True,
        "poll_scale": 0.002,
    } | more
    settings = read_settings(**values)
    async with worker_beside(settings, limits), open_app(settings, limits=limits) as app:
        async with Client(build_server(app), client_info=Implementation(name="apixo-mcp", version="1")) as client:
            yield client


async def told(client: Client, tool: str, given: dict[str, Any]) -> dict[str, Any]:
    called = await client.call_tool(tool, given)
    assert not called.is_error
    assert called.structured_content is not None
    return called.structured_content
