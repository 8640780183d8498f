"""The Starlette application that both gateways and their files are served by."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from apixo_mcp.sandbox import admin
from apixo_mcp.sandbox.answers import MESSAGES, RAW_SEND, envelope
from apixo_mcp.sandbox.backend import DAY, Backend, Settings
from apixo_mcp.sandbox.files import routes
from apixo_mcp.sandbox.files.results import Shelf
from apixo_mcp.sandbox.gateways import apixo, ruxa
from apixo_mcp.sandbox.gateways.callbacks import Callbacks
from apixo_mcp.sandbox.gateways.inputs import Inputs
from apixo_mcp.sandbox.store import Store


class SandboxApp(Starlette):
    """The application, with a way to its backend for tests in the same process."""

    backend: Backend
    shelf: Shelf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves, keeping the server's own ``send`` at hand: the way to the connection that a fault may cut."""
        if scope["type"] == "http":
            # Under a mount, addresses of files begin where this application does.
            scope = {**scope, RAW_SEND: send, "app_root_path": scope.get("root_path", "")}
        await super().__call__(scope, receive, send)


def build_app(
    *,
    speed: float = 1.0,
    data_dir: Path | None = None,
    expiry_seconds: float | None = None,
    public_url: str | None = None,
    balance: float = 100.0,
) -> SandboxApp:
    """Returns the sandbox as an application, to be served at a root or mounted under a path.

    Callbacks are delivered while the application's lifespan runs, so whoever mounts it enters that too.

    Args:
        speed: By what factor time runs faster: at 10, a picture of 20 s takes 2 s.
        data_dir: Where tasks and log are kept over a restart; in memory when left out.
        expiry_seconds: How long result URLs live after their task; 24 h when left out, never scaled.
        public_url: What result URLs begin with; where the submit arrived when left out.
        balance: What every key has to spend.
    """
    if speed <= 0:
        raise ValueError("speed must be above 0")
    expiry = DAY if expiry_seconds is None else expiry_seconds
    backend = Backend(Settings(speed, expiry, (public_url or "").rstrip("/"), balance), Store(data_dir))
    shelf = Shelf(backend.inputs, backend.store.get)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with Callbacks(backend).running(), Inputs(backend).running():
            yield

    app = SandboxApp(
        routes=[
            *apixo.routes(backend),
            *ruxa.routes(backend),
            *routes.routes(backend, shelf),
            *admin.routes(backend, shelf),
        ],
        exception_handlers={HTTPException: _in_envelope},
        lifespan=lifespan,
    )
    app.backend, app.shelf = backend, shelf
    return app


async def _in_envelope(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return envelope(status, MESSAGES.get(status, "Error"))
