"""Starts the server with what was filled in on the form of Claude Desktop.

    server.py --sandbox=true|false FOLDER…

The host puts a list into arguments alone, never into a variable, and leaves the placeholder of an empty field as it is
(`getMcpConfigForManifest` of @anthropic-ai/mcpb 2.1.2). A blank field is meant, so none is warned of.
"""

import os
import sys

_BLANK = "${user_config."


def main() -> None:
    """Runs the server on standard input and output."""
    for variable in [name for name, value in os.environ.items() if value.startswith(_BLANK)]:
        del os.environ[variable]
    words = [word for word in sys.argv[1:] if word and _BLANK not in word]
    folders = [word for word in words if not word.startswith("--sandbox")]
    if folders:
        os.environ["APIXO_MCP_ALLOWED_ROOTS"] = os.pathsep.join(folders)
    sys.argv[1:] = ["serve", "--sandbox"] if "--sandbox=true" in words else []
    from apixo_mcp.cli.main import main as apixo_mcp

    apixo_mcp()


if __name__ == "__main__":
    main()
