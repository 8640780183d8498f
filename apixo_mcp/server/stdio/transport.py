"""The server on standard input and output."""

import io
import logging
import os
import sys
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import anyio
import anyio.abc
from mcp.server import MCPServer, Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp.types import CONNECTION_CLOSED, PROTOCOL_VERSION_META_KEY
from mcp.types.jsonrpc import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from apixo_mcp.app import App, open_app
from apixo_mcp.server.build import build_server
from apixo_mcp.server.caller import FromPipe
from apixo_mcp.server.messages import refusal_of
from apixo_mcp.server.sdk import (
    Heard,
    ReadStream,
    WrappedReadStream,
    WrappedWriteStream,
    WriteStream,
    let_children_inherit_pipes,
    lowlevel_of,
)
from apixo_mcp.server.signals import ENDING
from apixo_mcp.server.stdio.early import Early
from apixo_mcp.server.stdio.framing import Lines
from apixo_mcp.server.stdio.handshake import Greeting
from apixo_mcp.server.tools.receipts import Receipts, Wire, WireClosed
from apixo_mcp.settings import Settings

log = logging.getLogger(__name__)

ENDING_TAKES = 1.0
"""Seconds that calls have to notice a signal. A client that no longer reads holds the wire for ever."""

_NOT_SERVED = (
    "APIXO_MCP_PUBLIC_URL does nothing for a server on standard input and output, which serves nothing there. Set "
    "APIXO_MCP_TUNNEL=cloudflared to have local files fetched, or take it out."
)


def run_stdio(settings: Settings, early: Early | None = None, leave: Callable[[], None] | None = None) -> None:
    """Serves until standard input closes or the process is told to end; submits under way are finished first.

    Does not return: a reader that still sits in a blocking read of standard input would keep the process alive.

    Args:
        settings: the settings of this process.
        early: what has listened to the client so far, if anything has.
        leave: called at the end where tasks are still open, to have somebody follow them on.

    Raises:
        StoreError: the task store cannot be used.
        SettingsError: a setting cannot be used.
    """
    anyio.run(_serve, settings, early or Early(None), leave)


async def _serve(settings: Settings, early: Early, leave: Callable[[], None] | None) -> None:
    over, ended = anyio.Event(), anyio.Event()
    answering = anyio.CancelScope()
    async with anyio.create_task_group() as group:
        if sys.platform != "win32":
            # Before the app: from here on a signal may find work under way, and the early stage would just leave.
            await group.start(_end_on_signal, over)
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(open_app(settings, leave=leave, owners=False))
            if settings.notify_url:
                from apixo_mcp.webhooks.sending import sending  # here: a start without it loads nothing of it

                await stack.enter_async_context(sending(opened))
            receipts, app = Receipts(), _warned(opened)

            async def answer() -> None:
                with answering:
                    await _answer(app, early, receipts, ended)
                ended.set()
                over.set()

            group.start_soon(answer)
            await over.wait()
            # Before the app closes: whose call is cut off must be noted, for the same request to adopt its task.
            answering.cancel()
            with anyio.move_on_after(ENDING_TAKES):
                await ended.wait()
            await receipts.close()
        _exit()


def _warned(app: App) -> App:
    """Returns the app with what there is to be said of settings that do nothing on stdio."""
    if not app.settings.public_url or app.settings.tunnel:
        return app
    log.warning(_NOT_SERVED)
    return replace(app, warnings=(*app.warnings, _NOT_SERVED))


async def _answer(app: App, early: Early, receipts: Receipts, ended: anyio.Event) -> None:
    try:
        server = build_server(app, receipts=receipts)
        await serve_client(server, early, receipts, ended)
    except* WireClosed:
        log.debug("the client closed its end of the connection")
    except* Exception:
        log.exception("the connection on standard input and output broke")


async def serve_client(server: MCPServer[Any], early: Early, receipts: Receipts, ended: anyio.Event) -> None:
    """Serves one client on standard input and output until it is gone.

    Args:
        server: the server.
        early: what has listened to the client so far.
        receipts: told which answers have left.
        ended: set once every call has ended; the wire itself may be held for longer, by a thread that reads it.
    """
    greeted = early.hand_over()
    if sys.platform == "win32":
        let_children_inherit_pipes()
    lines = Lines(early.stdin(), early.times)
    stdin = anyio.wrap_file(lines)
    stdout = Wire(io.TextIOWrapper(early.stdout(), encoding="utf-8"), receipts)
    async with stdio_server(stdin, stdout) as (reader, writer):
        log.debug("serving on standard input and output")
        try:
            await converse(server, reader, writer, greeted, receipts, lines.arrivals)
        finally:
            ended.set()


async def converse(
    server: MCPServer[Any],
    reader: ReadStream[Heard],
    writer: WriteStream[SessionMessage],
    greeted: Greeting | None = None,
    receipts: Receipts | None = None,
    arrivals: deque[float] | None = None,
) -> None:
    """Serves one client until what it sends ends.

    Args:
        server: the server.
        reader: from the client; an `initialize` that was answered already is read again.
        writer: to the client.
        greeted: what was answered early and fixed the era of the connection; the server's own answer is not sent.
        receipts: told of what the client cancels.
        arrivals: when each message came that `reader` hands out, in order.
    """
    lowlevel = lowlevel_of(server)
    answers = _Answers(writer, greeted)
    question = greeted.question if greeted is not None else None
    opening = _Opening(reader, answers, lowlevel, receipts, arrivals, question)
    await lowlevel.run(opening, answers, lowlevel.create_initialization_options())


class _Answers(WrappedWriteStream):
    """The messages of the server, but for those that nobody waits for.

    That is its answer to what was answered early and fixed the era; and what the SDK says of the requests that are open
    when a client leaves: some clients break over it at their own end.
    """

    def __init__(self, stream: WriteStream[SessionMessage], greeted: Greeting | None) -> None:
        super().__init__(stream)
        self._greeted = greeted

    async def send(self, item: SessionMessage, /) -> None:
        message, greeted = item.message, self._greeted
        if isinstance(message, JSONRPCError) and message.error.code == CONNECTION_CLOSED:
            return
        if (
            greeted is not None
            and isinstance(message, JSONRPCResponse | JSONRPCError)
            and message.id == greeted.request_id
        ):
            self._greeted = None
            if isinstance(message, JSONRPCError) or message.result != greeted.result:
                log.error("the early stage greeted in another way than the server: %s", message)
            return
        await self._stream.send(item)


class _Opening(WrappedReadStream):
    """The messages of the client, without what is none, and without the `server/discover` that it probes with at first.

    The SDK fixes the era of a connection with the first request. A client that probes, and then falls back to
    `initialize` on the same pipe, would be refused; so each probe is a connection of its own. Where the early stage has
    answered a request of the modern era, a question of ours fixes that era in its place.
    """

    def __init__(
        self,
        stream: ReadStream[Heard],
        answers: _Answers,
        server: Server[Any],
        receipts: Receipts | None,
        arrivals: deque[float] | None,
        question: dict[str, Any] | None,
    ) -> None:
        super().__init__(stream)
        self._question = question
        self._answers = answers
        self._server = server
        self._receipts = receipts
        self._arrivals = arrivals
        self._opening = True

    async def receive(self) -> Heard:
        if self._question is not None:  # of our own, before all that is the client's: it fixes the era
            question, self._question, self._opening = JSONRPCRequest(**self._question), None, False
            return SessionMessage(question)
        while True:
            item = await self._stream.receive()
            arrived = self._arrivals.popleft() if self._arrivals else None
            if isinstance(item, Exception) and (refusal := refusal_of(item)) is not None:
                await self._answers.send(SessionMessage(refusal))
                continue
            request = item.message if isinstance(item, SessionMessage) else None
            if isinstance(item, SessionMessage) and arrived is not None:
                item.metadata = ServerMessageMetadata(request_context=FromPipe(arrived))
            if isinstance(request, JSONRPCNotification) and request.method == "notifications/cancelled":
                if self._receipts is not None:
                    await self._receipts.unwanted((request.params or {}).get("requestId"))
                return item
            if not self._opening or not isinstance(request, JSONRPCRequest):
                return item
            if not _is_probe(request):
                self._opening = False
                return item
            await self._answer(request)

    async def _answer(self, probe: JSONRPCRequest) -> None:
        """Has the SDK answer a probe on a connection that ends with it."""
        ask, asked = anyio.create_memory_object_stream[Heard](1)
        answer, answered = anyio.create_memory_object_stream[SessionMessage](1)
        async with anyio.create_task_group() as group, ask, answered:
            group.start_soon(self._server.run, asked, answer, self._server.create_initialization_options())
            await ask.send(SessionMessage(probe))
            await self._answers.send(await answered.receive())
            group.cancel_scope.cancel()


def _is_probe(request: JSONRPCRequest) -> bool:
    meta = (request.params or {}).get("_meta")
    return request.method == "server/discover" and isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta


async def _end_on_signal(over: anyio.Event, *, task_status: anyio.abc.TaskStatus[None]) -> None:
    # Listens to the end: a second signal must not end the process while a submit's answer is on its way.
    with anyio.open_signal_receiver(*ENDING) as signals:
        task_status.started()
        async for number in signals:
            log.info("ending on signal %s", number)
            over.set()


def _exit() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            log.debug("a stream was closed before it was flushed, or never open")
    os._exit(0)
