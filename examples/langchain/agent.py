"""A LangChain agent that makes a picture."""

import asyncio
import os

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient

MODEL = "openai:gpt-5"  # any chat model of LangChain


async def main() -> None:
    client = MultiServerMCPClient(
        {
            "apixo": {
                "transport": "stdio",
                "command": os.environ.get("APIXO_MCP_COMMAND", "apixo-mcp"),
                "args": [],
                "env": dict(os.environ),  # APIXO_API_KEY among them
            }
        }
    )
    agent = create_agent(MODEL, await client.get_tools())
    answer = await agent.ainvoke({"messages": [("user", "Make a picture of a red fox in the snow.")]})
    print(answer["messages"][-1].content)


asyncio.run(main())
