"""An AutoGen agent that makes a picture."""

import asyncio
import os

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import TextMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams

MODEL = "gpt-5"


async def main() -> None:
    command = os.environ.get("APIXO_MCP_COMMAND", "apixo-mcp")
    server = StdioServerParams(command=command, env=dict(os.environ))  # APIXO_API_KEY among them
    async with McpWorkbench(server) as apixo:
        model = OpenAIChatCompletionClient(model=MODEL)
        painter = AssistantAgent("painter", model, workbench=apixo)
        # An agent calls a tool once a turn: a team of one has turns until it answers in words.
        team = RoundRobinGroupChat([painter], termination_condition=TextMessageTermination("painter"))
        answer = await team.run(task="Make a picture of a red fox in the snow.")
    print(answer.messages[-1].content)


asyncio.run(main())
