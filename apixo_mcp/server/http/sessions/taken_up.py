"""Takes up the sessions that clients still name once the server that opened them is gone, or has let them go.

The SDK keeps the sessions of the handshake revisions in memory, under ids of its own. A client is given another id,
which says who it is (`server.http.sessions.ids`):

    initialize ──► the SDK opens a session ──► the client is given a signed id that carries what it said of itself
    signed id ──► the session is there? its request goes to it
              └─► not (a restart, a replica, half an hour of silence)? what the client said is said again on its
                  behalf, a session opened by that, and the request goes to it: the client notices nothing
    DELETE, in whichever process (`server.http.sessions.ended`), or an id that was changed, is foreign, another owner's
    or too old ──► 404, as the protocol says

What a session had besides is gone: its subscriptions, and a question that waits for its answer.
"""

import json
import time
from collections.abc import Callable, Iterable

import anyio
from mcp.server.streamable_http import LAST_EVENT_ID_HEADER, MCP_SESSION_ID_HEADER
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp.types import INTERNAL_ERROR, INVALID_REQUEST
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apixo_mcp.server.caller import owner_of_request
from apixo_mcp.server.http.sessions.cancelled import without_cancelled
from apixo_mcp.server.http.sessions.ended import EndedSessions
from apixo_mcp.server.http.sessions.ids import HttpSession, SessionIds, client_of
from apixo_mcp.server.http.sessions.opened import OpenSessions

_UNAVAILABLE = 503
_FULL_FOR = 10  # seconds until it is worth trying again where others have to end their sessions first
_SESSION_ID = MCP_SESSION_ID_HEADER.encode()
_VERSION = MCP_PROTOCOL_VERSION_HEADER.encode()
_OF_ONE_REQUEST = (_SESSION_ID, _VERSION, LAST_EVENT_ID_HEADER.encode(), b"content-length", b"content-type", b"accept")
_Headers = list[tuple[bytes, bytes]]


class Sessions:
    """Stands before the SDK's Streamable HTTP, and lets each request find its session.

    Args:
        app: what it stands before.
        ids: makes and reads the ids that clients are given.
        ended: knows which sessions their clients have ended.
        path: where the SDK is.
        of_owner: how many sessions are kept open for one owner. The one that was silent for longest makes room for
            another: it is taken up again when it is named.
    """

    def __init__(self, app: ASGIApp, ids: SessionIds, ended: EndedSessions, path: str, of_owner: int) -> None:
        self._app = app
        self._ids = ids
        self._path = path
        self._open = OpenSessions(of_owner)
        self._ended = ended
        self._taking_up = anyio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        version = _header(scope, _VERSION) if scope["type"] == "http" and scope["path"] == self._path else None
        if (
            scope["type"] != "http"
            or scope["path"] != self._path
            or (version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS)
        ):
            await self._app(scope, receive, send)
        elif (session_id := _header(scope, _SESSION_ID)) is None:
            await self._let_open(scope, receive, send)
        else:
            await self._let_find(session_id, scope, receive, send)

    async def _let_open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request without a session: where it opens one, its client is given the id that lasts."""
        message = await receive()
        owner = owner_of_request(Request(scope)).name
        await self._make_room(owner, scope)

        def named(inner: str, status: int) -> str | None:
            if status >= 400:
                return None
            session = HttpSession(owner, client_of(_parameters(message.get("body", b""))))
            self._open.remember(session, inner)
            return self._ids.id_of(session)

        await self._app(scope, _again(message, receive), _renaming(_with_pause(send), named))

    async def _let_find(self, session_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request that names a session."""
        session = self._ids.session_of(session_id, time.time())
        is_theirs = session is not None and session.owner == owner_of_request(Request(scope)).name
        if session is None or not is_theirs:
            await _not_found(scope, receive, send)
            return
        if await self._ended.has(session):
            self._open.forget(session.nonce)  # it may have been ended elsewhere
            await _not_found(scope, receive, send)
            return
        with self._open.used(session):
            await self._let_use(session, session_id, scope, receive, send)

    async def _let_use(self, session: HttpSession, session_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()  # has the whole body, as that was bounded before
        if scope["method"] == "DELETE":
            await self._ended.note(session)  # before it is answered: the next request may reach another process
        inner = self._open.inner_of(session)
        is_served = inner is not None and await self._served(
            inner, session_id, scope, _again(message, receive), send, may_be_gone=True
        )
        if not is_served:
            opened = await self._taken_up(session, inner, scope)
            if isinstance(opened, int):
                await (_no_room if opened == _UNAVAILABLE else _not_found)(scope, receive, send)
                return
            await self._served(opened, session_id, scope, _again(message, receive), send)
        if scope["method"] == "DELETE":
            self._open.forget(session.nonce)

    async def _served(
        self, inner: str, outer: str, scope: Scope, receive: Receive, send: Send, *, may_be_gone: bool = False
    ) -> bool:
        """Hands a request to a session of the SDK; tells whether there was one.

        Args:
            inner: the SDK's id of it.
            outer: the id that its client was given.
            may_be_gone: whether a 404 is kept from the client, as the session can be taken up.
        """
        is_gone = False

        async def told(message: Message) -> None:
            nonlocal is_gone
            if message["type"] == "http.response.start" and message["status"] == 404:
                is_gone = may_be_gone
            if not is_gone:
                await send(message)

        # No event has an id here, so there is nothing to go on behind: a stream that is asked for so begins anew.
        headers = [(name, value) for name, value in _headers(scope) if name not in (_SESSION_ID, b"last-event-id")]
        state = {**scope.get("state", {}), "session": outer}
        forwarded = {**scope, "headers": [*headers, (_SESSION_ID, inner.encode())], "state": state}
        await self._app(forwarded, receive, _renaming(without_cancelled(told), lambda _, __: outer))
        return not is_gone

    async def _taken_up(self, session: HttpSession, gone: str | None, scope: Scope) -> str | int:
        """Opens a session of the SDK for what a client said when it opened its own; returns its id.

        Where that is refused, returns the status.

        Args:
            gone: the SDK's id of the session that is no longer there, where there was one.
        """
        async with self._taking_up:
            inner = self._open.inner_of(session)
            if inner not in (None, gone):
                return inner  # by a request that came a moment earlier
            self._open.forget(session.nonce)
            await self._make_room(session.owner, scope)
            opening = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": session.client}
            inner, status = await self._said(opening, scope)
            if inner is None:
                return status
            opened = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            await self._said(opened, scope, ((_SESSION_ID, inner.encode()),))
            self._open.remember(session, inner)
            return inner

    async def _make_room(self, owner: str, scope: Scope) -> None:
        """Lets sessions of an owner go until there is room for one more, or each that is left is in use."""
        while (inner := self._open.take_idle(owner)) is not None:
            await self._said(None, scope, ((_SESSION_ID, inner.encode()),), method="DELETE")

    async def _said(
        self, message: object, scope: Scope, more: Iterable[tuple[bytes, bytes]] = (), method: str = "POST"
    ) -> tuple[str | None, int]:
        """Says something on a client's behalf; returns the id of the session in the answer, and its status."""
        inner, status = None, 0

        async def told(answer: Message) -> None:
            nonlocal inner, status
            if answer["type"] != "http.response.start":
                return
            status = int(answer["status"])
            if status < 400:
                headers: _Headers = answer["headers"]
                inner = next((value.decode() for name, value in headers if name.lower() == _SESSION_ID), None)

        headers = [(name, value) for name, value in _headers(scope) if name not in _OF_ONE_REQUEST]
        headers += [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream"), *more]
        said = {**scope, "method": method, "headers": headers}
        body = {"type": "http.request", "body": json.dumps(message).encode(), "more_body": False}
        await self._app(said, _again(body, _never), told)
        return inner, status


def _renaming(send: Send, named: Callable[[str, int], str | None]) -> Send:
    """Returns what sends an answer on under another id of its session, or under none."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: _Headers = []
            for name, value in message.get("headers", ()):
                if name.lower() != _SESSION_ID:
                    headers.append((name, value))
                elif (outer := named(value.decode(), message["status"])) is not None:
                    headers.append((name, outer.encode()))
            message = {**message, "headers": headers}
        await send(message)

    return told


def _with_pause(send: Send) -> Send:
    """Returns what sends an answer on, with when to come again where there is no room for one more session."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == _UNAVAILABLE:
            message = {**message, "headers": [*message.get("headers", ()), (b"retry-after", str(_FULL_FOR).encode())]}
        await send(message)

    return told


def _again(message: Message, then: Receive) -> Receive:
    """Returns what receives a message once more, and then what comes behind it."""
    waiting = [message]

    async def receive() -> Message:
        return waiting.pop() if waiting else await then()

    return receive


async def _never() -> Message:
    await anyio.sleep_forever()
    raise AssertionError


def _parameters(body: bytes) -> object:
    match json.loads(body):
        case {"params": params}:
            return params
        case _:
            return None


def _headers(scope: Scope) -> _Headers:
    return list(scope["headers"])


def _header(scope: Scope, wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in _headers(scope) if name == wanted), None)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    error = {"code": INVALID_REQUEST, "message": "Session not found"}
    await JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, 404)(scope, receive, send)


async def _no_room(scope: Scope, receive: Receive, send: Send) -> None:
    error = {"code": INTERNAL_ERROR, "message": "Too many open sessions"}
    body = {"jsonrpc": "2.0", "id": None, "error": error}
    await JSONResponse(body, _UNAVAILABLE, {"retry-after": str(_FULL_FOR)})(scope, receive, send)
