"""An MCP server for the APIXO and Ruxa AI generation APIs."""

try:
    # A build writes this file from the newest tag: to read the installed metadata instead costs 10 ms of each start.
    from apixo_mcp._version import __version__ as __version__
except ImportError:  # a checkout that was never installed
    __version__ = "0.1.0.dev0"
