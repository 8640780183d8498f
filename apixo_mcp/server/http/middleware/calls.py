"""How much one owner may ask for, over all their clients: a program that runs wild must not keep the others waiting."""

import math
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from apixo_mcp.server.caller import owner_of_request, request_of
from apixo_mcp.server.http.limits import HttpLimits
from apixo_mcp.server.http.paths import EVENTS, MESSAGES, SSE, STREAMABLE

_MOST_KEPT = 1_000  # owners whose rate is kept: far more than there are
_BUSY_FOR = 1  # seconds until it is worth trying again where others have to end first
_TOO_MANY = -32_000  # of JSON-RPC: the server's own


@dataclass(slots=True)
class Rate:
    """What is left of a rate, which comes back as time passes.

    Attributes:
        a_minute: so many.
        at: by `time.monotonic()`, when it was looked at last.
    """

    a_minute: int
    at: float = field(default_factory=time.monotonic)
    left: float = -1.0

    def take(self, now: float) -> float:
        """Takes one; returns 0, or the seconds until there is one again."""
        full = float(self.a_minute)
        self.left = full if self.left < 0 else min(full, self.left + (now - self.at) * full / 60)
        self.at = now
        if self.left >= 1:
            self.left -= 1
            return 0.0
        return (1 - self.left) * 60 / full


class OpenCalls:
    """Counts the calls and the streams that are open."""

    def __init__(self) -> None:
        self._open: Counter[tuple[str, bool]] = Counter()
        self._calls = 0
        self._none = anyio.Event()

    def count(self, owner: str, *, is_stream: bool) -> int:
        """Returns how many an owner has open."""
        return self._open[owner, is_stream]

    @contextmanager
    def opened(self, owner: str, *, is_stream: bool) -> Generator[None]:
        """Counts one while the context is open."""
        kind = (owner, is_stream)
        self._open[kind] += 1
        self._calls += not is_stream
        try:
            yield
        finally:
            self._open[kind] -= 1
            self._calls -= not is_stream
            if not self._open[kind]:
                del self._open[kind]
            if not self._calls:
                self._none.set()

    async def ended(self, within: float) -> None:
        """Returns once no call is open any more, or after so many seconds."""
        with anyio.move_on_after(within):
            while self._calls:
                self._none = anyio.Event()
                await self._none.wait()


class CallsOverSse(ServerMiddleware[Any]):
    """Counts a call that came over SSE until it is answered: the POST that brought it has long ended then.

    Args:
        calls: counts them.
    """

    def __init__(self, calls: OpenCalls) -> None:
        self._calls = calls

    async def __call__(self, context: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """See `ServerMiddleware`."""
        request = request_of(context)
        if request is None or request.scope["path"] != MESSAGES or context.method.startswith("notifications/"):
            return await call_next(context)
        with self._calls.opened(owner_of_request(request).name, is_stream=False):
            return await call_next(context)


class Calls:
    """Lets as many calls and streams of each owner pass as they may have.

    Args:
        app: what it stands before.
        limits: of them.
        calls: counts them.
    """

    def __init__(self, app: ASGIApp, limits: HttpLimits, calls: OpenCalls) -> None:
        self._app = app
        self._limits = limits
        self._calls = calls
        self._rates: dict[str, Rate] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or scope["path"] not in (STREAMABLE, SSE, MESSAGES, EVENTS):
            await self._app(scope, receive, send)
            return
        owner, is_stream = owner_of_request(Request(scope)).name, scope["method"] == "GET"
        limits = self._limits
        most = limits.streams if is_stream else limits.calls_at_once
        seconds = float(_BUSY_FOR) if self._calls.count(owner, is_stream=is_stream) >= most else 0.0
        words = f"{most} {'streams' if is_stream else 'calls'} of yours are open already, the most for one owner"
        if not seconds and not is_stream:
            seconds = self._rate(owner).take(time.monotonic())
            words = f"more than {limits.calls_a_minute} calls in a minute, the most for one owner"
        if seconds:
            await _refuse(words, seconds)(scope, receive, send)
            return
        with self._calls.opened(owner, is_stream=is_stream):
            await self._app(scope, receive, send)

    def _rate(self, owner: str) -> Rate:
        rate = self._rates.pop(owner, None) or Rate(self._limits.calls_a_minute)
        self._rates[owner] = rate
        if len(self._rates) > _MOST_KEPT:
            del self._rates[next(iter(self._rates))]
        return rate


def _refuse(words: str, seconds: float) -> JSONResponse:
    wait = math.ceil(seconds)
    message = f"Too many calls: {words}. Nothing was done or charged; try again in {wait} s."
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": _TOO_MANY, "message": message}}
    return JSONResponse(body, 429, {"retry-after": str(wait)})
