"""What the server says to a client, each on a connection of its own, without any early stage."""

import json
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter
from mcp.types.jsonrpc import JSONRPCRequest
from support.amounts import in_time

from apixo_mcp.server.sdk import lowlevel_of


async def asked(server: MCPServer[Any], *lines: bytes) -> Any:
    """The answer to the last of some lines; None where it is not one of the protocol. Notifications go unanswered."""
    lowlevel = lowlevel_of(server)
    try:
        messages = [jsonrpc_message_adapter.validate_json(entry, by_name=False) for entry in lines]
    except ValueError:
        return None
    ask, heard = anyio.create_memory_object_stream[SessionMessage | Exception](1)
    say, answers = anyio.create_memory_object_stream[SessionMessage](1)
    answer: Any = None
    async with anyio.create_task_group() as group, ask, answers:
        group.start_soon(lowlevel.run, heard, say, lowlevel.create_initialization_options())
        for message in messages:
            await ask.send(SessionMessage(message))
            if isinstance(message, JSONRPCRequest):
                with in_time(10):
                    answer = (await answers.receive()).message
        group.cancel_scope.cancel()
    return json.loads(answer.model_dump_json(by_alias=True, exclude_unset=True))
