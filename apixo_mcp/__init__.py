"""An MCP server for the APIXO and Ruxa AI generation APIs."""

__version__ = "0.1.0"
