"""A CrewAI agent that makes a picture."""

import os

from crewai import Agent
from crewai.mcp import MCPServerStdio

MODEL = "openai/gpt-5"  # any model of CrewAI

command = os.environ.get("APIXO_MCP_COMMAND", "apixo-mcp")
server = MCPServerStdio(command=command, env=dict(os.environ))  # APIXO_API_KEY among them
painter = Agent(
    role="Painter",
    goal="Make the pictures that are asked for",
    backstory="Knows every image model",
    llm=MODEL,
    mcps=[server],
)

answer = painter.kickoff("Make a picture of a red fox in the snow.")
print(answer.raw)
