"""The probes and metrics of a process that serves nothing else, such as a worker."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware

from apixo_mcp.app import App
from apixo_mcp.net.uvicorn_server import listening
from apixo_mcp.owners.browsers import Browsers
from apixo_mcp.server.http.addresses import ServerAddresses
from apixo_mcp.server.http.health import health_routes
from apixo_mcp.server.http.limits import HttpLimits
from apixo_mcp.server.http.middleware.access import Access
from apixo_mcp.server.http.sign_in.routes import entrance_of
from apixo_mcp.server.http.transport import listen_on


@asynccontextmanager
async def probed(app: App, host: str, port: int) -> AsyncGenerator[None]:
    """Answers `/healthz`, `/readyz` and, as a server does, `/metrics` at an address of this machine.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    # Metrics tell what each owner spends: they are for owners with the scope admin here, too.
    access = Middleware(
        Access,
        entrance_of(app),
        Browsers(app.owners, app.sign_ins, app.seal),
        ServerAddresses(app.settings.public_url),
        app.telemetry,
        {},
        HttpLimits().looks_every,
    )
    async with listening(Starlette(routes=health_routes(app), middleware=[access]), listen_on(host, port)):
        yield
