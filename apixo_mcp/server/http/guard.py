"""What every request over HTTP passes first: its Host and Origin, and its body, bounded."""

import time
from collections.abc import Sequence

from mcp.server.transport_security import DEFAULT_MAX_REQUEST_BODY_SIZE
from mcp.types.jsonrpc import JSONRPCError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apixo_mcp.foreign import read_aside
from apixo_mcp.net.uvicorn_server import Pulse
from apixo_mcp.server.caller import note_arrival
from apixo_mcp.server.http.hosts import Hosts
from apixo_mcp.server.http.paths import BY_SECRET
from apixo_mcp.server.messages import bounded_body, refusal_of_body
from apixo_mcp.telemetry.facts import RequestRefused, Telemetry

_SHOWN = 2  # parts of a path that are told: what follows may be a secret
_LONGEST = 100  # characters of what a client sent

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
        pulse: of the loop: it tells when a request can have come; None: when it is read.
    """

    def __init__(
        self,
        app: ASGIApp,
        telemetry: Telemetry,
        messages: Sequence[str],
        hosts: Hosts,
        pulse: Pulse | None,
    ) -> None:
        self._app = app
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

        if not scope["path"].startswith(BY_SECRET):
            if (refused := self._refusal(Headers(scope=scope))) is not None:
                await refused(scope, receive, tell)
                return
            if scope["method"] == "POST":
                receive, refusal = await _bounded(receive)
                if refusal is not None and scope["path"] in self._messages:
                    await JSONResponse(refusal.model_dump(exclude_unset=True), 400)(scope, receive, tell)
                    return
        await self._app(scope, receive, tell)

    def _refusal(self, headers: Headers) -> Response | None:
        if not self._hosts.is_known(headers.get("host", "")):
            return PlainTextResponse(_FOREIGN_HOST, 421)
        if (origin := headers.get("origin")) and not self._hosts.lets_in(origin):
            return PlainTextResponse(_FOREIGN_ORIGIN, 403)
        return None


async def _bounded(receive: Receive) -> tuple[Receive, JSONRPCError | None]:
    """Returns what a client sends, once its body has come and is made small, and the answer where it is no message."""
    body = bytearray()
    last: Message = {"type": "http.request", "more_body": True}
    while last["type"] == "http.request" and last.get("more_body") and len(body) <= DEFAULT_MAX_REQUEST_BODY_SIZE:
        last = await receive()
        body += last.get("body", b"")
    waiting: list[Message] = [last]
    refusal: JSONRPCError | None = None
    if last["type"] == "http.request":
        content = bytes(body)
        if not last.get("more_body"):
            content, refusal = await read_aside(len(body), _read, content)
        waiting = [{**last, "body": content}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay, refusal


def _read(body: bytes) -> tuple[bytes, JSONRPCError | None]:
    content = bounded_body(body)
    return content, refusal_of_body(content)


def _refused(scope: Scope, status: int) -> RequestRefused:
    """Returns the fact that a request was refused; never a token that stands in its path, nor its query."""
    headers = {name: value.decode("latin-1")[:_LONGEST] for name, value in scope["headers"]}
    path = "/".join(scope["path"].split("/")[:_SHOWN])[:_LONGEST]
    host, origin = headers.get(b"host", ""), headers.get(b"origin", "")
    return RequestRefused(scope["method"][:_LONGEST], path, status, host, origin)
