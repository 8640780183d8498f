"""A Semantic Kernel agent that makes a picture."""

import asyncio
import os

from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.connectors.mcp import MCPStdioPlugin

MODEL = "gpt-5"


async def main() -> None:
    command = os.environ.get("APIXO_MCP_COMMAND", "apixo-mcp")
    # The environment has APIXO_API_KEY among the rest.
    async with MCPStdioPlugin("apixo", command, env=dict(os.environ)) as apixo:
        agent = ChatCompletionAgent(name="painter", service=OpenAIChatCompletion(MODEL), plugins=[apixo])
        answer = await agent.get_response("Make a picture of a red fox in the snow.")
    print(answer.content)


asyncio.run(main())
