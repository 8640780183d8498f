"""The page of pictures for whoever uses this machine: on loopback, opened by a key that works once.

The key comes with the address that a browser is opened at; what it gets for it is a cookie that no script reads. Others
who use this machine, and pages of other servers on it, have neither; and where the system tells whose program asks, one
of another user gets nothing for them (`same_user`).
"""

import hmac
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from socket import socket

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from apixo_mcp.app import App
from apixo_mcp.net.uvicorn_server import listening
from apixo_mcp.owners.tokens import new_secret
from apixo_mcp.server.caller import note_owner
from apixo_mcp.server.http.files.results import file_routes
from apixo_mcp.server.http.gallery.routes import gallery_routes
from apixo_mcp.server.http.gallery.same_user import is_of_another_user
from apixo_mcp.server.http.hosts import Hosts
from apixo_mcp.server.http.limits import HttpLimits
from apixo_mcp.server.http.middleware.guard import Guard
from apixo_mcp.server.http.neighbours import is_neighbour
from apixo_mcp.server.http.sign_in.routes import entrance_of

OPENED_AT = "/open/"

_NO_WAY_IN = "This page is opened by the address that `apixo-mcp gallery` prints, which works once. Run it again.\n"
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class OwnWay:
    """Lets in whoever has the cookie, or comes with the key for the first time.

    Attributes:
        key: that works once.
        cookie: the name of the cookie. Browsers send cookies to every port of a machine, so that it names ours.
    """

    def __init__(self, port: int) -> None:
        self.key = new_secret()
        self.cookie = f"apixo_gallery_{port}"
        self._is_used = False
        self._secret = new_secret()

    def opened(self, request: Request) -> Response:
        """Takes the key, and gives the browser its cookie."""
        is_it = hmac.compare_digest(request.path_params["key"].encode(), self.key.encode())
        if not is_it or (self._is_used and not self.is_known(request)):
            return PlainTextResponse(_NO_WAY_IN, 403, _PRIVATE)
        self._is_used = True
        response = RedirectResponse("/", 303, _PRIVATE)
        response.set_cookie(self.cookie, self._secret, path="/", httponly=True, samesite="strict")
        return response

    def is_known(self, request: Request) -> bool:
        """Tells whether a browser has the cookie."""
        return hmac.compare_digest(request.cookies.get(self.cookie, "").encode(), self._secret.encode())


class OwnDoor:
    """Stands before the page.

    Args:
        app: the page.
        way: how people come in.
    """

    def __init__(self, app: ASGIApp, way: OwnWay) -> None:
        self._app = app
        self._way = way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http":
            request = Request(scope)
            is_opening = scope["path"].startswith(OPENED_AT)
            is_own = is_neighbour(scope) and not is_of_another_user(scope)
            if not is_own or not (is_opening or self._way.is_known(request)):
                await PlainTextResponse(_NO_WAY_IN, 401, _PRIVATE)(scope, receive, send)
                return
            note_owner(scope, None)
        await self._app(scope, receive, send)


def own_gallery(app: App, way: OwnWay) -> Starlette:
    """Returns the page of pictures of whoever uses this machine."""

    async def opened(request: Request) -> Response:
        return way.opened(request)

    return Starlette(
        routes=[
            *gallery_routes(app),
            *file_routes(app, entrance_of(app)),
            Route(f"{OPENED_AT}{{key}}", opened, methods=["GET"]),
        ],
        middleware=[
            Middleware(Guard, app.telemetry, (), Hosts(), None, HttpLimits()),
            Middleware(OwnDoor, way),
        ],
    )


@asynccontextmanager
async def serving_own_gallery(app: App, listener: socket) -> AsyncGenerator[str]:
    """Serves the page while the context is open; tells the path that opens it."""
    way = OwnWay(listener.getsockname()[1])
    async with listening(own_gallery(app, way), listener):
        yield OPENED_AT + way.key
