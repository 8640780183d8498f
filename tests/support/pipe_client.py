"""A client at the end of a pipe in this process, whose messages come when a test says that they came."""

import json
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server import MCPServer
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter
from support.amounts import in_time
from support.pipe import INITIALIZED, initialize

from apixo_mcp.server.stdio.transport import converse
from apixo_mcp.server.tools.receipts import Receipts

Message = dict[str, Any]


class PipeClient:
    """Speaks with a server as a host on a pipe does.

    Args:
        receipts: of the connection.
    """

    def __init__(
        self,
        to_server: MemoryObjectSendStream[SessionMessage | Exception],
        from_server: MemoryObjectReceiveStream[SessionMessage],
        arrivals: deque[float],
        receipts: Receipts,
    ) -> None:
        self._to_server = to_server
        self._from_server = from_server
        self._arrivals = arrivals
        self._receipts = receipts
        self._answers: dict[Any, Message] = {}

    async def send(self, message: Any, ago: float = 0.0) -> None:
        """Sends a message that came so many seconds ago."""
        self._arrivals.append(time.monotonic() - ago)
        await self._to_server.send(SessionMessage(jsonrpc_message_adapter.validate_python(message, by_name=False)))

    async def call(self, number: int, tool: str, arguments: Message, ago: float = 0.0) -> None:
        """Sends a tool call, and does not wait for its answer."""
        params = {"name": tool, "arguments": arguments}
        await self.send({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}, ago)

    async def cancel(self, number: int) -> None:
        """Cancels a call."""
        params = {"requestId": number}
        await self.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})

    async def read(self) -> str:
        """Reads the next line; the server notes that it has left once `left` of the receipts is called."""
        item = await self._from_server.receive()
        self._receipts.leaves()
        line = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        message = json.loads(line)
        self._answers[message.get("id")] = message
        return line

    async def answer(self, number: int) -> Message:
        """Returns the structure of the answer to a call, once it has come."""
        with in_time(20):
            while number not in self._answers:
                await self._receipts.left(await self.read())
        return self._answers[number]["result"].get("structuredContent", self._answers[number]["result"])


@asynccontextmanager
async def pipe_client(server: MCPServer[Any], receipts: Receipts, name: str = "claude-ai") -> AsyncIterator[PipeClient]:
    """Opens a connection of the handshake era; at its end what was not answered is lost."""
    to_server, heard = anyio.create_memory_object_stream[SessionMessage | Exception](100)
    said, from_server = anyio.create_memory_object_stream[SessionMessage](1000)
    arrivals: deque[float] = deque()
    client = PipeClient(to_server, from_server, arrivals, receipts)
    async with anyio.create_task_group() as group, to_server, from_server:
        group.start_soon(converse, server, heard, said, None, receipts, arrivals)
        await client.send(initialize(clientInfo={"name": name, "version": "1"}))
        await client.answer(0)
        await client.send(INITIALIZED)
        yield client
        group.cancel_scope.cancel()
    await receipts.close()
