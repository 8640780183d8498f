"""Whether the server is well, as whoever watches it asks."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apixo_mcp import __version__
from apixo_mcp.server.http.paths import HEALTHZ


def health_routes() -> list[Route]:
    """Returns the routes that tell of the server's health."""
    return [Route(HEALTHZ, _healthz)]


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok", "version": __version__})
