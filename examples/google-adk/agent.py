"""An agent of Google's ADK that makes a picture."""

import asyncio
import os

from google.adk.agents import LlmAgent
from google.adk.runners import InMemoryRunner
from google.adk.tools.mcp_tool import McpToolset, StdioConnectionParams
from mcp import StdioServerParameters

MODEL = "gemini-2.5-flash"

command = os.environ.get("APIXO_MCP_COMMAND", "apixo-mcp")
server = StdioServerParameters(command=command, env=dict(os.environ))  # APIXO_API_KEY among them
apixo = McpToolset(connection_params=StdioConnectionParams(server_params=server))
root_agent = LlmAgent(name="painter", model=MODEL, tools=[apixo])


async def main() -> None:
    async with InMemoryRunner(agent=root_agent, app_name="painter") as runner:
        events = await runner.run_debug("Make a picture of a red fox in the snow.", quiet=True)
    print(events[-1].content.parts[0].text)


if __name__ == "__main__":
    asyncio.run(main())
