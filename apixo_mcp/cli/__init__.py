"""The commands, and the only printing."""

import sys


def main() -> None:
    """The command `apixo-mcp`."""
    # The way hosts start it: straight to the server, without loading the command line.
    if sys.argv[1:] in ([], ["serve"]):
        _serve()
    else:
        from apixo_mcp.cli.commands import commands

        commands()


def _serve() -> None:
    import gc
    import os

    from apixo_mcp.cli.environment import key_set
    from apixo_mcp.server.early import Early

    # Before anything that takes long: some clients give up on their first question after a second.
    early = Early(key_set=key_set(os.environ))
    # Imports make many objects and drop none: without the collector the start takes a tenth less.
    gc.disable()
    from apixo_mcp.cli.start import serve_stdio

    serve_stdio(early=early)
