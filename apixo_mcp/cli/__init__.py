"""The commands, and the only printing."""

import sys


def main() -> None:
    """The command `apixo-mcp`."""
    # The way hosts start it: straight to the server, without loading the command line.
    if sys.argv[1:] in ([], ["serve"]):
        from apixo_mcp.cli.start import serve_stdio

        serve_stdio()
    else:
        from apixo_mcp.cli.commands import commands

        commands()
