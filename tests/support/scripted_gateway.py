"""Both gateways and a file server on one port of loopback; every answer can be scripted byte by byte."""

import asyncio
import json
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from anyio.from_thread import start_blocking_portal
from support.wire import answer, envelope

Send = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Handler = Callable[[Asked, Send], Awaitable[None]]
Reply = bytes | Handler | None
"""The bytes of an answer; what sends them; or None: the connection is closed without one."""


@dataclass
class Gateway:
    """Each queue holds replies to give once, in order; after them the usual one is given.

    Attributes:
        outcome: the usual answer to a poll, by the gateway's task id.
        urls: the results of the usual outcome.
        ids: the task ids that prompts are given, where not the usual ones.
        files: what each path is served with: the first of a list once, then the next; the last for ever.
        tls: speaks so, where it does.
    """

    url: str = ""
    port: int = 0
    tls: ssl.SSLContext | None = None
    submits: deque[Reply] = field(default_factory=deque)
    polls: deque[Reply] = field(default_factory=deque)
    outcome: Callable[[str], Reply] | None = None
    urls: Sequence[str] = ()
    files: dict[str, list[Reply]] = field(default_factory=dict)
    seen: list[Asked] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    _handling: set[asyncio.Task[Any]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for handling in tuple(self._handling):
            handling.cancel()
        await asyncio.gather(*self._handling, return_exceptions=True)

    # What it was asked.

    @property
    def posts(self) -> list[Asked]:
        return [asked for asked in self.seen if asked.method == "POST"]

    @property
    def looks(self) -> list[str]:
        """The task ids that were asked about."""
        return [found for asked in self.seen if (found := _looked_at(asked)) is not None]

    def asked_for(self, path: str) -> list[Asked]:
        return [asked for asked in self.seen if urlsplit(asked.path).path == path]

    # What it serves.

    def serve(self, path: str, *replies: Reply) -> str:
        """Puts a file at a path.

        Returns:
            Its URL.
        """
        self.files[path] = list(replies)
        return self.url + path

    def results(self, *urls: str) -> None:
        """Lets every task succeed with these."""
        self.urls = urls

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handling = asyncio.current_task()
        assert handling
        self._handling.add(handling)

        async def send(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            start, *lines = head[:-4].split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            method, path, _ = start.split(" ", 2)
            self.seen.append(asked := Asked(method, path, headers, body))
            reply = self._choose(asked)
            if callable(reply):
                await reply(asked, send)
            elif reply is not None:
                await send(reply)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the other side has gone, or the test is over
        finally:
            self._handling.discard(handling)
            writer.close()

    def _choose(self, asked: Asked) -> Reply:
        path = unquote(urlsplit(asked.path).path)
        if path in self.files:
            replies = self.files[path]
            return replies.pop(0) if len(replies) > 1 else replies[0]
        if asked.method == "POST":
            if self.submits:
                return self.submits.popleft()
            usual = f"task_{90000 + len(self.given)}"
            self.given.append(self.ids.get(asked.json["input"].get("prompt"), usual) if self.ids else usual)
            return envelope({"taskId": self.given[-1]})
        if (remote_id := _looked_at(asked)) is not None:
            if self.polls:
                return self.polls.popleft()
            return self.outcome(remote_id) if self.outcome else succeeded(remote_id, urls=list(self.urls))
        return envelope(None, 404, "Not found", 404)


@asynccontextmanager
async def beside() -> AsyncIterator[Gateway]:
    """A gateway in a thread of its own, so that its work is not taken for the server's."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Gateway()) as gateway:
        yield gateway


def _looked_at(asked: Asked) -> str | None:
    parts = urlsplit(asked.path)
    if "/statusTask/" in parts.path:
        return parse_qs(parts.query).get("taskId", [""])[0]
    found = re.search("/tasks/query/(.+)", parts.path)
    return unquote(found[1]) if found else None


def polled(remote_id: Any, **fields: Any) -> bytes:
    """An answer to a poll with these fields."""
    return envelope({"taskId": remote_id, **fields})


def succeeded(remote_id: Any, result: Any = None, urls: Sequence[str] = (), **fields: Any) -> bytes:
    """The documented answer of APIXO to a poll of a task that is done, or one with any `resultJson`."""
    if result is None:
        result = json.dumps({"resultUrls": list(urls)})
    times = {"createTime": 4_000_000_000_000, "completeTime": 4_000_000_009_000, "costTime": 9000}
    return polled(remote_id, **{"state": "success", "resultJson": result} | times | fields)


def failed(remote_id: str, code: str, message: str = "", **fields: Any) -> bytes:
    return polled(remote_id, state="failed", failCode=code, failMsg=message, **fields)


# How a file is sent.


def whole(body: bytes, kind: str = "application/octet-stream", **headers: str) -> bytes:
    return answer(body, 200, kind, **headers)


def chunked(body: bytes, kind: str = "application/octet-stream", size: int = 5000, **headers: str) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return answer(sent, 200, kind, transfer_encoding="chunked", **headers)


def open_ended(body: bytes, kind: str = "application/octet-stream") -> bytes:
    """Its end is the end of the connection."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode() + body


def head(*lines: str, status: str = "200 OK") -> bytes:
    """The head of an answer, line by line as it is."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")
