"""Every touch of what the MCP SDK keeps to itself, each with the condition under which it can go.

The rest of the server uses the SDK's public names alone. A new release of the SDK is tried here first.
"""

import re
from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import anyio
from mcp.os.win32.utilities import rebind_std_handle_to_fd
from mcp.server import MCPServer, Server, ServerRequestContext
from mcp.server.connection import Connection
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage

RequestContext = ServerRequestContext[Any, Any]
"""The context of a request whose lifespan and transport do not matter to its reader."""

Heard = SessionMessage | Exception
"""What comes from a client: a message, or why a line is not one."""

ANSWER_LINE = re.compile(r'\{"jsonrpc":"2\.0","id":(-?\d+|"(?:[^"\\]|\\.)*"),"(result|error)":')
"""The beginning of an answer as the SDK writes it; a request of ours has a method behind its id.

Can go when the SDK tells a handler that its answer has been written.
"""


def lowlevel_of(server: MCPServer[Any]) -> Server[Any]:
    """Returns the server beneath an `MCPServer`, which takes handlers of any method and runs on any two streams.

    Can go when `MCPServer` has both itself: its resource list and completions are not told who asks, it has no
    subscriptions of the handshake era, and it runs only on streams that it opens.
    """
    return server._lowlevel_server  # pyright: ignore[reportPrivateUsage]


def connection_of(context: RequestContext) -> Connection:
    """Returns the connection of a request, which is the one place that knows when its client is gone.

    Can go when the session has it under a public name.
    """
    return context.session._connection  # pyright: ignore[reportPrivateUsage]


class _RawArguments(FuncMetadata):
    def validate_arguments(self, arguments_to_validate: dict[str, Any]) -> dict[str, Any]:
        return {"arguments": arguments_to_validate}


def raw_arguments(output_schema: dict[str, Any] | None) -> FuncMetadata:
    """Returns what makes a tool get its arguments as they came, as the one argument `arguments`.

    `read_arguments` checks them and writes better errors. Can go when a tool can be given a schema of its own and take
    a plain object.
    """
    return _RawArguments(arg_model=ArgModelBase, output_schema=output_schema)


def let_children_inherit_pipes() -> None:
    """Binds the handles of standard input and output on Windows to where their descriptors lead.

    A child inherits the handles, not the descriptors. The SDK does this only where it claims the pipes itself. Can go
    when it does so for streams that it is given.
    """
    for descriptor in (0, 1):
        with suppress(OSError):
            rebind_std_handle_to_fd(descriptor)


_Stream = TypeVar("_Stream", bound="ReadStream[Heard] | WriteStream[SessionMessage]")


class _Wrapped(Generic[_Stream]):
    """What the streams that the SDK takes have in common. Can go when their protocols are public."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()


class WrappedWriteStream(_Wrapped[WriteStream[SessionMessage]], ABC):
    """A stream of messages to a client, before they reach the one that it wraps."""

    @abstractmethod
    async def send(self, item: SessionMessage, /) -> None:
        """Takes a message of the server."""


class WrappedReadStream(_Wrapped[ReadStream[Heard]], ABC):
    """A stream of messages from a client, behind the one that it wraps."""

    @property
    def last_context(self) -> Any:
        """The context of the sender, which the SDK's streams carry and its reader asks for by this name."""
        return getattr(self._stream, "last_context", None)

    @abstractmethod
    async def receive(self) -> Heard:
        """Hands a message on to the server."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Heard:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None
