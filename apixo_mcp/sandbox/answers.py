"""The answers of the sandbox, and its ways to fail: envelopes, pages of HTML, cut and hanging connections."""

from __future__ import annotations

import json
from typing import Any, Protocol, cast

import anyio
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from apixo_mcp.sandbox.marks import Mark

RAW_SEND = "apixo_mcp.sandbox.send"
"""Where in the scope the server's own ``send`` is kept, before any middleware wraps it."""

MESSAGES = {
    400: "Bad request",
    401: "Invalid or missing API key",
    402: "Insufficient credits",
    403: "Forbidden",
    404: "Not found",
    422: "Validation failed",
    429: "Rate limit exceeded",
    500: "Internal server error",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
}

PAGE = "<!doctype html><html><head><title>{0}</title></head><body><h1>{0}</h1><hr>proxy</body></html>"


class _Transport(Protocol):
    def close(self) -> None: ...


class AsciiJson(JSONResponse):
    """JSON in ASCII: a prompt may hold half a character that no other encoding would take."""

    def render(self, content: Any) -> bytes:
        """Returns the encoded content."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")


def envelope(code: int, message: str, data: Any = None, *, status: int | None = None) -> JSONResponse:
    """Returns the gateways' common answer; the HTTP status is the code unless given."""
    return AsciiJson({"code": code, "message": message, "data": data}, status_code=status or code)


def page(status: int) -> HTMLResponse:
    """Returns what a proxy in front of the gateway would: a page of HTML."""
    return HTMLResponse(PAGE.format(f"{status} {MESSAGES.get(status, 'Error')}"), status_code=status)


async def until_gone(receive: Receive) -> None:
    """Returns once the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def linger(receive: Receive, seconds: float) -> bool:
    """Waits, and returns whether the client is still there."""
    with anyio.move_on_after(seconds):
        await until_gone(receive)
        return False
    return True


async def close_connection(scope: Scope, receive: Receive) -> bool:
    """Closes the TCP connection under a request, after what was already written; False where it cannot be reached."""
    raw_send = scope.get(RAW_SEND)
    transport = cast("_Transport | None", getattr(getattr(raw_send, "__self__", None), "transport", None))
    if transport is None:
        return False
    transport.close()
    await until_gone(receive)
    return True


class Cut(Response):
    """No answer at all: the connection ends where the answer should begin."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Closes the connection."""
        if not await close_connection(scope, receive):
            # Behind a wrapped send only an answer shorter than its declared length makes the server hang up.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4096")]})
            await send({"type": "http.response.body", "body": b'{"code"', "more_body": False})


class Hang(Response):
    """No answer, and no end, until the client gives up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Waits for the client to leave."""
        await until_gone(receive)


class Later(Response):
    """Another answer, after a while."""

    def __init__(self, seconds: float, answer: Response) -> None:
        super().__init__()
        self._seconds = seconds
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Waits, then answers if the client is still there."""
        if await linger(receive, self._seconds):
            await self._answer(scope, receive, send)


class After(Response):
    """Another answer, once something has happened; after half a minute without it."""

    def __init__(self, happened: anyio.Event, answer: Response) -> None:
        super().__init__()
        self._happened = happened
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Waits, then answers."""
        with anyio.move_on_after(30):
            await self._happened.wait()
        await self._answer(scope, receive, send)


def faulty(mark: Mark) -> Response | None:
    """Returns the answer that a fault asks for in place of a good one, or None if it leaves the answer alone."""
    match mark.name:
        case "http":
            return _refusal(mark)
        case "code":
            code = int(mark.number(500))
            return envelope(code, MESSAGES.get(code, "Error"), status=200)
        case "html":
            return page(200)
        case "null":
            return envelope(200, "success", None)
        case "cut" | "cut-early":
            return Cut()
        case "hang":
            return Hang()
        case _:
            return None


def _refusal(mark: Mark) -> Response:
    status = int(mark.number(500))
    if "html" in mark.args:
        return page(status)
    answer = envelope(status, MESSAGES.get(status, "Error"))
    after = next((word.removeprefix("after=") for word in mark.args if word.startswith("after=")), "")
    if after:
        answer.headers["Retry-After"] = after
    return answer


def word_for(answer: Response) -> int | str:
    """Returns what the log says of an answer: its HTTP status, or how it failed to come."""
    match answer:
        case Cut():
            return "cut"
        case Hang():
            return "hang"
        case _:
            return answer.status_code
