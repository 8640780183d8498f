"""Tells of every HTTP request how it was answered and how soon, and of each sign-in that was refused.

Who came with a token that lets nobody in is told where that is seen (`server.http.middleware.access`).
"""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apixo_mcp.server.http import paths
from apixo_mcp.telemetry.facts import RequestServed, SignInRefused, Telemetry

_METHODS = ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT")
_ROUTES = frozenset(
    {value.split("/")[1] for name, value in vars(paths).items() if name.isupper() and isinstance(value, str)}
    | {beginning.split("/")[1] for beginning in paths.BY_SECRET}
)
_SIGN_IN = (paths.AUTHORIZE, paths.TOKEN, paths.REGISTER, paths.REVOKE, paths.SIGN_IN)
_REFUSED = (400, 401, 403, 429)


class Measured:
    """Stands before all that can refuse a request, and behind what says who its client is.

    Args:
        app: what it stands before.
        telemetry: told of each request.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        is_told = False

        async def tell(message: Message) -> None:
            nonlocal is_told
            if message["type"] == "http.response.start" and not is_told:
                is_told = True
                self._tell(scope, message["status"], time.monotonic() - began)
            await send(message)

        try:
            await self._app(scope, receive, tell)
        except Exception:
            if not is_told:  # what is beneath answers so for it
                self._tell(scope, 500, time.monotonic() - began)
            raise

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = scope["method"], route_of(scope["path"])
        self._telemetry.emit(RequestServed(method if method in _METHODS else "other", route, status, round(seconds, 4)))
        if status in _REFUSED and f"/{route}" in _SIGN_IN:
            address = (scope.get("client") or ("",))[0]
            self._telemetry.emit(SignInRefused(f"/{route}", status, "refused", address))


def route_of(path: str) -> str:
    """Returns the first part of a path if something is served there: of those there are few."""
    if path == paths.GALLERY:
        return "gallery"
    first = path.split("/")[1] if path.startswith("/") else ""
    return first if first and first in _ROUTES else "other"
