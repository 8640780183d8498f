"""A server of the SDK alone, with one tool that does nothing: what the start of ours is compared with."""

from mcp.server import MCPServer

server = MCPServer("bare", version="1")


@server.tool()
def nothing() -> str:
    return ""


if __name__ == "__main__":
    server.run()
