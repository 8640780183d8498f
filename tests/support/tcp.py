"""A TCP server on loopback that answers with exactly the bytes a test gives it."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import anyio
import pytest
from anyio.abc import ByteStream, SocketStream
from support.listening import listening

Talk = Callable[[SocketStream, bytes], Awaitable[None]]


@contextmanager
def refused() -> Iterator[str]:
    """A URL where every connection is refused: its port is held, so that nobody else listens there meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@dataclass
class Wire:
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


async def read_request(stream: ByteStream) -> bytes:
    """One whole request, empty at the end of the connection."""
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            data += await stream.receive()
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        while lengths and len(body) < int(lengths[0]):
            body += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return data
    return head + b"\r\n\r\n" + body


@asynccontextmanager
async def run_wire(talk: Talk, *, http: bool = True) -> AsyncIterator[Wire]:
    wire = Wire()

    async def handle(stream: SocketStream) -> None:
        wire.connections += 1
        async with stream:
            while request := await (read_request(stream) if http else stream.receive()):
                wire.requests.append(request)
                await talk(stream, request)

    async with listening(handle) as wire.port:
        yield wire


@pytest.fixture
def wire() -> Callable[..., object]:
    """Runs a server: `async with wire(talk) as server`, or `wire(b"...")` for one and the same answer."""

    def start(talk: Talk | bytes, **options: bool):
        async def send(stream: SocketStream, request: bytes) -> None:
            assert isinstance(talk, bytes)
            await stream.send(talk)

        return run_wire(send if isinstance(talk, bytes) else talk, **options)

    return start
