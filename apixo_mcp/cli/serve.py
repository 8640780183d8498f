"""`serve --transport http` and `--transport sse`."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import NoReturn

from apixo_mcp.cli.start import errors_told, follower_of, settings_or_exit
from apixo_mcp.server.http.transport import listen_on_loopback, run_http
from apixo_mcp.settings import Settings


def serve_http(host: str, port: int, *, streamable: bool, sandbox: bool) -> NoReturn:
    """Serves on one port until the process is told to end, and ends it.

    Args:
        host: a loopback address.
        port: 0 for any free one.
        streamable: whether `/mcp` is served beside `/sse`.
        sandbox: whether a sandbox of its own takes the place of the gateways.
    """

    def tell(url: str) -> None:
        paths = ("/mcp", "/sse") if streamable else ("/sse",)
        print(f"apixo-mcp: serving at {' and '.join(url + path for path in paths)}", file=sys.stderr, flush=True)

    with (
        errors_told(),
        _settings(sandbox) as settings,
        suppress(KeyboardInterrupt),  # Windows: what Ctrl-C leaves behind once the server has ended
    ):
        leave = None if sandbox else follower_of(settings)
        run_http(settings, listen_on_loopback(host, port), tell, streamable=streamable, leave=leave)
    # Everything is closed: taking the interpreter apart would only keep whoever waits for the end.
    sys.stderr.flush()
    os._exit(0)


def _settings(sandbox: bool) -> AbstractContextManager[Settings]:
    if not sandbox:
        return nullcontext(settings_or_exit())
    from apixo_mcp.cli.sandbox import sandboxed

    return sandboxed()
