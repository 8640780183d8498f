"""An Agno agent that makes a picture."""

import asyncio
import os

from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.tools.mcp import MCPTools
from mcp import StdioServerParameters

MODEL = "gpt-5"


async def main() -> None:
    command = os.environ.get("APIXO_MCP_COMMAND", "apixo-mcp")
    server = StdioServerParameters(command=command, env=dict(os.environ))  # APIXO_API_KEY among them
    async with MCPTools(server_params=server) as apixo:
        agent = Agent(model=OpenAIChat(id=MODEL), tools=[apixo])
        answer = await agent.arun("Make a picture of a red fox in the snow.")
    print(answer.content)


asyncio.run(main())
