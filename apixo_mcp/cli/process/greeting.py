"""What a server on stdio says to a person who started it by hand."""

import json
import signal
import sys

from apixo_mcp.gateways.directory import main_gateway


def tell_what_is_awaited(words: list[str]) -> None:
    """Says on standard error that a client is waited for, and how one is set up."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the server listens to it: an end, and no traceback
    is_module = sys.argv[0].endswith("__main__.py")
    command, first = (sys.executable, ["-m", "apixo_mcp"]) if is_module else (sys.argv[0], [])
    key = {} if "--sandbox" in words else {"env": {main_gateway().key_variable: "sk-..."}}
    entry = {"command": command, "args": [*first, *words], **key}
    shown = json.dumps({"mcpServers": {"apixo": entry}}, indent=2)
    print(
        "apixo-mcp: waiting for an MCP client on standard input. A client (Claude Desktop, Claude Code, Cursor ...) "
        f"starts this by itself, with this in its configuration:\n{shown}\n"
        "To try it without a client: apixo-mcp demo. To look at the set-up: apixo-mcp doctor. Ctrl-C ends this.",
        file=sys.stderr,
        flush=True,
    )
