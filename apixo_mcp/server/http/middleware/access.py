"""Who a request is from: stands before the routes, and lets nobody further who is not known.

a path in `paths.OPEN` ─────────────────────────────────────► the route
a named token, an access token, one of a foreign issuer ───► its owner stands in the state of the request
no token, and this machine alone is served ────────────────► the owner of this machine, as on stdio
a browser that is signed in, for what browsers ask for ─────► its person
a token that cannot be judged now, as its issuer is silent ─► 503
anything else ──► 401; what the owner's scope does not cover ──► 403
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, cast
from urllib.parse import urlencode

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.types import INVALID_REQUEST
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apixo_mcp.owners.browsers import Browsers
from apixo_mcp.owners.entrance import Entrance, Guest, TokenRefused
from apixo_mcp.server.caller import note_owner
from apixo_mcp.server.extension import CHANGING
from apixo_mcp.server.http import paths
from apixo_mcp.server.http.addresses import ServerAddresses
from apixo_mcp.server.http.middleware.open_streams import serve_while_welcome
from apixo_mcp.server.http.neighbours import is_neighbour
from apixo_mcp.server.http.sign_in.cookies import gallery_cookie, kept
from apixo_mcp.tasks import owner as owners
from apixo_mcp.telemetry.facts import SignInRefused, Telemetry

CHALLENGE = "read generate"
"""The scopes that a challenge names, all at once: hosts take a second one for a token that has run out."""


class Access:
    """Lets in whoever is known.

    Args:
        app: what it stands before.
        entrance: tells whom a token lets in.
        browsers: knows whose a browser is.
        addresses: of this server, as its clients know them.
        scopes: what the caller of each tool must be allowed, by its name.
        looks_every: seconds between two looks whether what let an open request in was taken back.
    """

    def __init__(
        self,
        app: ASGIApp,
        entrance: Entrance,
        browsers: Browsers,
        addresses: ServerAddresses,
        telemetry: Telemetry,
        scopes: Mapping[str, owners.Scope],
        looks_every: float,
    ) -> None:
        self._app = app
        self._entrance = entrance
        self._browsers = browsers
        self._addresses = addresses
        self._telemetry = telemetry
        self._scopes = scopes
        self._looks_every = looks_every

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or paths.is_beneath(scope["path"], *paths.OPEN):
            await self._app(scope, receive, send)
            return
        token = _token(scope)
        is_asked = not token and paths.is_of_browser(scope["path"])
        browser = kept(Request(scope), gallery_cookie(self._addresses, scope)) if is_asked else ""
        if browser and (person := await self._browsers.find(browser)):
            guest = Guest(person.owner)
        elif not token and await self._entrance.is_open() and is_neighbour(scope):
            guest = Guest(note_owner(scope, None))
        elif scope["path"] in paths.PAGES and not token:
            where = scope.get("root_path", "") + paths.SIGN_IN + _way_back(scope)
            await RedirectResponse(where, 303, {"Cache-Control": "no-store"})(scope, receive, send)
            return
        else:
            found = await self._entrance.guest_of(token, self._addresses.resources(scope)) if token else None
            if not isinstance(found, Guest):
                await self._refuse(scope, receive, send, found)
                return
            guest = found
        owner = note_owner(scope, guest.owner)
        # The SDK lets nobody else into the sessions that they open.
        principal = AccessToken(token="", client_id=owner.name, scopes=[owner.scope], subject=owner.name)
        scope["user"] = AuthenticatedUser(principal)
        needed, asked, receive = await self._needed(scope, receive, owner)
        if not owner.scope.includes(needed):
            reason = f"this needs the scope {needed}"
            await self._answer(scope, receive, send, 403, "insufficient_scope", reason, needed, asked)
            return
        if not _is_stream(scope):
            await self._app(scope, receive, send)
            return
        is_over = partial(self._is_signed_out, browser) if browser else partial(self._entrance.is_over, guest)
        if not await serve_while_welcome(self._app, scope, receive, send, is_over, self._looks_every):
            await self._refuse(scope, receive, send, TokenRefused("the token was revoked"))

    async def _is_signed_out(self, browser: str) -> bool:
        return await self._browsers.find(browser) is None

    async def _needed(
        self, scope: Scope, receive: Receive, owner: owners.Owner
    ) -> tuple[owners.Scope, str | int | None, Receive]:
        """Returns what a request needs to be allowed, its id where it is a call of MCP, and what receives it still."""
        if paths.is_beneath(scope["path"], paths.METRICS):
            return owners.Scope.ADMIN, None, receive
        is_call = scope["method"] == "POST" and scope["path"] == paths.STREAMABLE
        if not is_call or owner.scope.includes(owners.Scope.GENERATE):
            return owners.Scope.READ, None, receive
        message = await receive()  # has the whole body, as that was bounded before
        waiting = [message]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        return *self._needed_by(message.get("body", b"")), again

    def _needed_by(self, body: bytes) -> tuple[owners.Scope, str | int | None]:
        try:
            told = cast("dict[str, Any]", json.loads(body))
            method, params, asked = told.get("method"), told.get("params"), told.get("id")
        except (ValueError, AttributeError):
            return owners.Scope.READ, None  # is answered as what it is: no message
        asked = asked if isinstance(asked, str | int) else None
        if method in CHANGING:
            return owners.Scope.GENERATE, asked
        if method != "tools/call" or not isinstance(params, dict):
            return owners.Scope.READ, asked
        return self._scopes.get(str(cast("dict[str, Any]", params).get("name")), owners.Scope.READ), asked

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, refused: TokenRefused | None) -> None:
        if refused is None:
            reason = "sign in, or send a token as `Authorization: Bearer …`"
            await self._answer(scope, receive, send, 401, "", reason)
            return
        if refused.wait:
            told = {"error": "temporarily_unavailable", "error_description": refused.reason}
            headers = {"Retry-After": f"{refused.wait:.0f}", "Cache-Control": "no-store"}
            await JSONResponse(told, 503, headers)(scope, receive, send)
            return
        status, error = (403, "insufficient_scope") if refused.is_known else (401, "invalid_token")
        await self._answer(scope, receive, send, status, error, refused.reason)

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        status: int,
        error: str,
        description: str,
        needed: owners.Scope = owners.Scope.GENERATE,
        asked: str | int | None = None,
    ) -> None:
        """Answers with a challenge.

        Args:
            error: as it is called in RFC 6750; empty where no token was sent.
            asked: the id of the call of MCP that it answers: clients show the error of a message, and no other body.
        """
        if error:
            path, peer = "/".join(scope["path"].split("/")[:2]), scope.get("client")
            self._telemetry.emit(SignInRefused(path, status, error, peer[0] if peer else ""))
        told = {
            **({"error": error, "error_description": description} if error else {}),
            "resource_metadata": self._addresses.resource_metadata(scope),
            "scope": owners.Scope.ADMIN if needed is owners.Scope.ADMIN else CHALLENGE,
        }
        challenge = "Bearer " + ", ".join(f'{name}="{value}"' for name, value in told.items())
        body: dict[str, Any] = {"error": error or "unauthorized", "error_description": description}
        if asked is not None:
            message = (
                f"Not done, nothing was sent or charged: {description}. Sign in again and allow it; where that does "
                "not help, whoever runs this server has to give it to you."
            )
            body = {"jsonrpc": "2.0", "id": asked, "error": {"code": INVALID_REQUEST, "message": message}}
        headers = {"WWW-Authenticate": challenge, "Cache-Control": "no-store"}
        await JSONResponse(body, status, headers)(scope, receive, send)


def _is_stream(scope: Scope) -> bool:
    """Tells whether the answer to a request may go on for hours."""
    is_heard = Request(scope).headers.get("mcp-method") == "subscriptions/listen"
    return is_heard or (scope["method"] == "GET" and scope["path"] in (paths.SSE, paths.STREAMABLE, paths.EVENTS))


def _way_back(scope: Scope) -> str:
    """Returns where a person is led after signing in, as a query; empty where that is the gallery itself."""
    query = scope["query_string"].decode("latin-1")
    page = f"{scope['path']}?{query}" if query else scope["path"]
    return "" if page == paths.GALLERY else f"?{urlencode({'to': page})}"


def _token(scope: Scope) -> str:
    """Returns the token that came with a request; empty where none did."""
    kind, _, token = Request(scope).headers.get("authorization", "").strip().partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
