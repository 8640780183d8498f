"""An agent of the OpenAI Agents SDK that makes a picture."""

import asyncio
import os

from agents import Agent, Runner
from agents.mcp import MCPServerStdio

MODEL = "gpt-5"


async def main() -> None:
    parameters = {
        "command": os.environ.get("APIXO_MCP_COMMAND", "apixo-mcp"),
        "env": dict(os.environ),  # APIXO_API_KEY among them
    }
    async with MCPServerStdio(name="apixo", params=parameters, cache_tools_list=True) as server:
        agent = Agent(name="Painter", model=MODEL, mcp_servers=[server])
        answer = await Runner.run(agent, "Make a picture of a red fox in the snow.")
    print(answer.final_output)


asyncio.run(main())
