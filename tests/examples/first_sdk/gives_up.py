# pyright: basic, reportAttributeAccessIssue=false, reportArgumentType=false
"""A client on the first line of the Python SDK, which drops a call after 5 s without a word, and makes it again.

Runs in an environment of its own: `gives_up.py (stdio | http | sse) TARGET`. Prints the structure of each answer.
"""

import asyncio
import json
import os
import sys
from datetime import timedelta

from mcp import ClientSession, McpError, StdioServerParameters, types
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client

LIMIT = timedelta(seconds=5)
FOX = {"model": "nano-banana", "prompt": "a fox [never]", "wait_seconds": 50}


async def main() -> None:
    transport, target = sys.argv[1:]
    if transport == "stdio":
        server = StdioServerParameters(command=target, args=["-m", "apixo_mcp"], env=dict(os.environ))
        opened = stdio_client(server)
    else:
        opened = streamablehttp_client(target) if transport == "http" else sse_client(target)
    async with opened as streams:
        client = types.Implementation(name="claude-ai", version="1")
        async with ClientSession(streams[0], streams[1], client_info=client) as session:
            await session.initialize()
            for _ in range(4):
                try:
                    answer = await session.call_tool("generate_image", FOX, read_timeout_seconds=LIMIT)
                    print(json.dumps(answer.structuredContent), flush=True)
                except McpError:
                    print(json.dumps(None), flush=True)


asyncio.run(main())
