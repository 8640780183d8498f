"""A smolagents agent that makes a picture."""

import os

from mcp import StdioServerParameters
from smolagents import MCPClient, OpenAIModel, ToolCallingAgent

MODEL = "gpt-5"

command = os.environ.get("APIXO_MCP_COMMAND", "apixo-mcp")
server = StdioServerParameters(command=command, env=dict(os.environ))  # APIXO_API_KEY among them

with MCPClient(server) as tools:
    agent = ToolCallingAgent(tools=tools, model=OpenAIModel(MODEL))
    print(agent.run("Make a picture of a red fox in the snow."))
