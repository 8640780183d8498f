"""A small site that clients' callbacks are on."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.abc
from support.certificates import authority
from support.listening import listening
from support.tcp import read_request

OF_ITSELF = ("/favicon.ico", "/.well-known/")
"""What a browser asks for without having been told to."""


class Site:
    """Answers with a page, or leads on.

    Attributes:
        port: on this machine.
        asked: what it was asked for so far, but for what a browser asks for by itself.
    """

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        self.page = "<!doctype html><html lang=en><title>The client</title><h1>Signed in</h1></html>"
        self.leads_to = ""
        self.heard = anyio.Event()

    def _answer(self, path: str) -> bytes:
        if not path.startswith(OF_ITSELF):
            self.asked.append(path)
            self.heard.set()
        head = f"HTTP/1.1 307 x\r\nlocation: {self.leads_to}" if self.leads_to else "HTTP/1.1 200 OK"
        body = self.page.encode()
        head += (
            f"\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        return head.encode() + body

    async def serve(self, stream: anyio.abc.ByteStream) -> None:
        """Answers one request."""
        async with stream:
            if b"\r\n\r\n" in (asked := await read_request(stream)):
                await stream.send(self._answer(asked.split(b" ")[1].decode()))


@asynccontextmanager
async def site(tls_in: Path | None = None, name: str = "client.example") -> AsyncIterator[Site]:
    """Runs a site; with a folder for its certificate over TLS, as what a name says."""
    one = Site()
    context = None
    if tls_in:
        _, chain = authority(tls_in, name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
    async with listening(one.serve, context) as one.port:
        yield one
