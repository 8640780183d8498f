"""Where what is served over HTTP stands."""

STREAMABLE = "/mcp"
SSE = "/sse"
MESSAGES = "/messages/"
HEALTHZ = "/healthz"
FILES = "/files/"
