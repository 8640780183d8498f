"""Ways in over HTTP, as owners have them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from support.program import values_for

from apixo_mcp.app import App, open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.owners.tokens import TOKEN_PREFIX, secret_hash
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner


@asynccontextmanager
async def served(box: Sandbox, folder: Path, port: int = 0, **given: Any) -> AsyncIterator[tuple[App, str]]:
    """Serves the program over HTTP; tells its URL."""
    async with open_app(read_settings(**values_for(box, folder) | given)) as app:
        listener = listen("127.0.0.1", port)
        url = url_of(listener)
        async with serving(app, build_server(app), listener):
            yield app, url


def bearer(owner: Owner) -> dict[str, str]:
    """The header of an owner who was let in by `let_in`."""
    return {"authorization": f"Bearer {TOKEN_PREFIX}{owner.name}"}


async def let_in(app: App, *owners: Owner) -> None:
    """Gives owners a token each."""
    for owner in owners:
        assert await app.owners.add(owner, secret_hash(f"{TOKEN_PREFIX}{owner.name}"))


async def bearer_of(app: App, owner: Owner) -> dict[str, str]:
    """Gives an owner a token, and returns the header that goes with it."""
    await let_in(app, owner)
    return bearer(owner)
