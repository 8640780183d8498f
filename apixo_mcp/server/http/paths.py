"""Where what is served over HTTP stands, and what of it is reached without signing in.

Paths are those within the program: the path of a public URL is taken off before (`server.http.prefix`).
"""

STREAMABLE = "/mcp"
SSE = "/sse"
MESSAGES = "/messages/"
HEALTHZ = "/healthz"
FILES = "/files/"

BY_SECRET = ("/callbacks/", "/inputs/")
"""Beginnings of paths that hold a secret of their own: under any Host, and their routes read the body themselves."""

OPEN = (*BY_SECRET, HEALTHZ)
"""Beginnings of paths that are reached without signing in."""
