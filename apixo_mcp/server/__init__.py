"""The MCP face: tools, answers, resources and prompts."""
