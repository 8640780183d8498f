"""What every request over HTTP passes first: its Host and Origin, and its body, bounded."""

import time
from collections.abc import Sequence
from typing import Any

from mcp.types.jsonrpc import JSONRPCError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apixo_mcp.foreign import read_aside
from apixo_mcp.net.uvicorn_server import Pulse
from apixo_mcp.server.caller import note_arrival
from apixo_mcp.server.http.hosts import Hosts
from apixo_mcp.server.http.limits import HttpLimits
from apixo_mcp.server.http.paths import BY_SECRET, TOLD_BY_FILE
from apixo_mcp.server.messages import bounded_body, refusal_of_body
from apixo_mcp.telemetry.facts import RequestRefused, Telemetry

_SHOWN = 2  # parts of a path that are told: what follows may be a secret
_LONGEST = 100  # characters of what a client sent
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
_DIGITS = 19  # of a length: more are no length that anybody means

_FOREIGN_HOST = (
    "Invalid Host header: this server answers to the host of APIXO_MCP_PUBLIC_URL, to APIXO_MCP_ALLOWED_HOSTS, and to "
    "the loopback names."
)
_FOREIGN_ORIGIN = "Invalid Origin header: pages of this origin may not speak to this server (APIXO_MCP_ALLOWED_HOSTS)."


class Guard:
    """Checks Host and Origin, in place of the SDK: its own check on `/sse` answers, and then raises as well.

    Args:
        messages: the paths that take messages of JSON-RPC.
        hosts: the names that this server answers to.
        limits: of heads and bodies.
        pulse: of the loop: it tells when a request can have come; None: when it is read.
    """

    def __init__(
        self,
        app: ASGIApp,
        telemetry: Telemetry,
        messages: Sequence[str],
        hosts: Hosts,
        pulse: Pulse | None,
        limits: HttpLimits,
    ) -> None:
        self._app = app
        self._limits = limits
        self._telemetry = telemetry
        self._messages = messages
        self._hosts = hosts
        self._pulse = pulse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        now = time.monotonic()
        note_arrival(Request(scope), now, self._pulse.since(now) if self._pulse else now)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                self._telemetry.emit(_refused(scope, message["status"]))
            await send(message)

        headers = Headers(scope=scope)
        refusal = _not_taken(headers, self._limits)
        if refusal is None and not scope["path"].startswith(BY_SECRET):
            refusal = self._foreign(headers)
            if refusal is None and scope["method"] in _WITH_BODY:
                received = await self._received(scope, headers, receive)
                if received is None:
                    return  # its client has gone
                receive, refusal = received
        await (refusal or self._app)(scope, receive, tell)

    def _foreign(self, headers: Headers) -> Response | None:
        if not self._hosts.is_known(headers.get("host", "")):
            return PlainTextResponse(_FOREIGN_HOST, 421)
        if (origin := headers.get("origin")) and not self._hosts.lets_in(origin):
            return PlainTextResponse(_FOREIGN_ORIGIN, 403)
        return None

    async def _received(
        self, scope: Scope, headers: Headers, receive: Receive
    ) -> tuple[Receive, Response | None] | None:
        """Returns what receives the whole body, made small where it is a message, and what it is refused with.

        Returns:
            None where it never came.
        """
        is_message = scope["path"] in self._messages
        most = self._limits.message if is_message else self._limits.form
        if scope["path"] == TOLD_BY_FILE:
            most = self._limits.told
        declared = headers.get("content-length", "0")
        if (int(declared) if declared.isdecimal() and len(declared) < _DIGITS else most + 1) > most:
            return receive, _too_large(most)
        body, last = bytearray(), dict[str, Any](more_body=True)
        while last.get("more_body"):
            last = dict(await receive())
            if last["type"] != "http.request":
                return None
            body += last.get("body", b"")
            if len(body) > most:
                return receive, _too_large(most)
        content, refusal = bytes(body), None
        if is_message and scope["method"] == "POST":
            content, refusal = await read_aside(len(body), _read, content)
        waiting: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        return replay, JSONResponse(refusal.model_dump(exclude_unset=True), 400) if refusal else None


def _not_taken(headers: Headers, limits: HttpLimits) -> Response | None:
    if "content-length" in headers and "transfer-encoding" in headers:
        # A proxy that goes by the other one takes what follows for a request of somebody else (RFC 9112, 6.1).
        words = "A body has its length told or comes in chunks, not both."
        return PlainTextResponse(words, 400, {"Connection": "close"})
    if len(headers.raw) > limits.headers:
        return PlainTextResponse(f"Too many headers: at most {limits.headers} are taken.", 431)
    if sum(len(name) + len(value) for name, value in headers.raw) > limits.wire.head:
        return PlainTextResponse(f"The headers are too large: at most {limits.wire.head} bytes are taken.", 431)
    return None


def _too_large(most: int) -> Response:
    return PlainTextResponse(f"Request body too large: at most {most} bytes are taken here.", 413)


def _read(body: bytes) -> tuple[bytes, JSONRPCError | None]:
    content = bounded_body(body)
    return content, refusal_of_body(content)


def _refused(scope: Scope, status: int) -> RequestRefused:
    """Returns the fact that a request was refused; never a token that stands in its path, nor its query."""
    headers = {name: value.decode("latin-1")[:_LONGEST] for name, value in scope["headers"]}
    path = "/".join(scope["path"].split("/")[:_SHOWN])[:_LONGEST]
    host, origin = headers.get(b"host", ""), headers.get(b"origin", "")
    return RequestRefused(scope["method"][:_LONGEST], path, status, host, origin)
