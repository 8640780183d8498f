"""A PydanticAI agent that makes a picture."""

import asyncio
import os

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset

MODEL = "openai:gpt-5"  # any model of PydanticAI


async def main() -> None:
    command = os.environ.get("APIXO_MCP_COMMAND", "apixo-mcp")
    # The environment has APIXO_API_KEY among the rest.
    server = MCPToolset(StdioTransport(command, args=[], env=dict(os.environ)))
    agent = Agent(MODEL, toolsets=[server])
    async with agent:
        answer = await agent.run("Make a picture of a red fox in the snow.")
    print(answer.output)


asyncio.run(main())
