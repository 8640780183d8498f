"""The probes of a process that serves nothing else, such as a worker."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from apixo_mcp.app import App
from apixo_mcp.net.uvicorn_server import listening
from apixo_mcp.server.http.health import probes
from apixo_mcp.server.http.transport import listen_on


@asynccontextmanager
async def probed(app: App, host: str, port: int) -> AsyncGenerator[None]:
    """Answers `/healthz` and `/readyz` at an address of this machine while the context is open.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    async with listening(Starlette(routes=probes(app)), listen_on(host, port)):
        yield
