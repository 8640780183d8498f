"""uvicorn's connections, bounded: how long a request may take to come, how large its head is, how many there are.

connected ──► head comes ──► body comes ──► answered ──► idle ──► head comes …
431, 408       408            what is left of a body that was refused is read for a moment,
for the answer to reach whoever still sends
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol
from uvicorn.server import ServerState

TellRefused = Callable[[int], None]
"""Is told the status of what is refused before there is a request."""


@dataclass(frozen=True, slots=True)
class WireLimits:
    """What a connection may take.

    Attributes:
        head: bytes of the line and the headers of a request.
        head_within: seconds that they may take to come, from the first byte on or from the connecting.
        body_within: seconds that a body may take to come, whatever its size.
        slowest: bytes a second that a larger one has to come with beyond that.
        lingers: seconds that what is left of a refused request is read and thrown away.
        connections: that may be open at once.
    """

    head: int = 32_768
    head_within: float = 20.0
    body_within: float = 30.0
    slowest: int = 1_000
    lingers: float = 2.0
    connections: int = 4_000


class _Phase(Enum):
    """What a connection waits for."""

    IDLE = auto()
    """A further request, or its answer."""
    HEAD = auto()
    """The rest of a head."""
    BODY = auto()
    """The rest of a body that somebody reads."""
    REST = auto()
    """The rest of a body whose request was answered already."""


class _Reading(h11.Connection):
    """Keeps the status by which h11 would answer what it cannot read."""

    hint = 400

    def next_event(self) -> Any:
        try:
            return super().next_event()
        except h11.RemoteProtocolError as error:
            self.hint = error.error_status_hint
            raise


class BoundedProtocol(H11Protocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: WireLimits,
        refused: TellRefused,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = _Reading(h11.SERVER, limits.head)
        self._limits = limits
        self._refused = refused
        self._phase = _Phase.IDLE
        self._began = 0.0
        self._received = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begins to wait for a head. With too many connections whatever is asked for is refused."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            self.app = _full(self._refused)
        self._enter(_Phase.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing any more."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, and looks what is to come."""
        if self._is_over:
            return
        self._received += len(data)
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Looks what is still to come."""
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Answers what is no request."""
        self._answer(self.conn.hint, msg)

    def shutdown(self) -> None:
        """Ends without waiting for the rest of what was refused, or for a request that is still on its way."""
        if self._is_over or self._phase is _Phase.HEAD:
            self.transport.abort()
        else:
            super().shutdown()

    def _look(self) -> None:
        if self.transport.is_closing() or self._is_over:
            return
        if self.conn.their_state is h11.SEND_BODY:
            is_answered = self.conn.our_state not in (h11.SEND_RESPONSE, h11.SEND_BODY)
            phase = _Phase.REST if is_answered else _Phase.BODY
        elif self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            phase = _Phase.HEAD
        else:
            phase = _Phase.IDLE
        if phase is not self._phase:
            self._enter(phase)

    def _enter(self, phase: _Phase) -> None:
        self._stop_timer()
        self._phase = phase
        self._began, self._received = self.loop.time(), 0
        if phase is not _Phase.IDLE:
            self._timer = self.loop.call_at(self._ends(), self._run_out)

    def _ends(self) -> float:
        if self._phase is _Phase.HEAD:
            return self._began + self._limits.head_within
        if self._phase is _Phase.REST:
            return self._began + self._limits.lingers
        return self._began + self._limits.body_within + self._received / self._limits.slowest

    def _run_out(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self._phase is _Phase.BODY and self.flow.read_paused:
            self._enter(_Phase.BODY)  # it is not its sender who is slow
        elif self.loop.time() < self._ends():
            self._timer = self.loop.call_at(self._ends(), self._run_out)
        elif self._phase is _Phase.REST or (self._phase is _Phase.HEAD and not self.conn.trailing_data[0]):
            self.transport.close()
        else:
            self._answer(408, "The request took too long to come.")

    def _answer(self, status: int, words: str) -> None:
        """Answers in place of the application, and ends the connection."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        self._refused(status)
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        head = h11.Response(status_code=status, headers=headers, reason=STATUS_PHRASES[status])
        for event in (head, h11.Data(data=words.encode()), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        cycle: Any = self.cycle  # None before the first request
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self._is_over = True
        self._stop_timer()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._timer = self.loop.call_later(self._limits.lingers, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _full(refused: TellRefused) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        refused(503)
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"5"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": b"Too many connections are open."})

    return app
