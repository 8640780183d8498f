"""A worker beside a process that is asked for tasks, where these are kept in a database (`STORE=postgres`)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from apixo_mcp.app import open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.settings import Settings


@asynccontextmanager
async def worker_beside(settings: Settings, limits: Limits = Limits()) -> AsyncIterator[None]:
    """Follows what is asked for meanwhile; with a file each process does that itself."""
    if not settings.database_url:
        yield
        return
    async with open_app(settings, worker=True, limits=limits):
        yield
