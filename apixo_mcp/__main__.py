"""`python -m apixo_mcp` is the command `apixo-mcp`."""

from apixo_mcp.cli.main import main

main()
