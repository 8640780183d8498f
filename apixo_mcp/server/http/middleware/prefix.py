"""The path of the public URL: every route is right under it, whether the proxy takes it off or not."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from apixo_mcp.server.http.paths import SSE, STREAMABLE

_WELL_KNOWN = re.compile(r"/\.well-known/[^/]{1,60}(?=/)")


class Prefix:
    """Takes the public URL's own path off a request, and notes it as `root_path`.

    Behind this layer `scope["path"]` is the path within the program, as `server.http.paths` names it; `root_path`
    stands before it in every address that a client is told.

    Args:
        app: what it stands before.
        prefix: the path of the public URL, empty where it has none.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http":
            path = path_within(scope["path"], self._prefix)
            scope = {**scope, "path": path, "raw_path": path.encode(), "root_path": self._prefix}
        await self._app(scope, receive, send)


def path_within(path: str, prefix: str) -> str:
    """Returns the path of a request within the program, with or without the prefix on it.

    Where the prefix stands in the address of metadata it is behind the well-known name (RFC 8414, RFC 9728). A slash at
    the end of an endpoint's path is passed over: some clients put one there, and few follow a redirect.
    """
    if prefix and (match := _WELL_KNOWN.match(path)) and f"{path[match.end() :]}/".startswith(f"{prefix}/"):
        path = match[0] + path[match.end() + len(prefix) :]
    elif prefix and path.startswith(f"{prefix}/"):
        path = path[len(prefix) :]
    elif prefix and path == prefix and prefix not in (STREAMABLE, SSE):
        path = "/"
    without = path.rstrip("/")
    return without if without in (STREAMABLE, SSE) else path
