"""Serves the real server with the suite's fixtures mounted, beside a sandbox; its URL is the first line it prints."""

import sys
import tempfile
from pathlib import Path

import anyio
from fixtures import add_fixtures
from jobs import FixtureJobs, add_long_tools
from rounds import add_rounds

from apixo_mcp.app import open_app
from apixo_mcp.cli.process.sandboxed import sandbox_settings
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.extension import Generations
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings


async def main(home: Path) -> None:
    """Runs until standard input ends."""
    listener = listen("127.0.0.1", 0)
    async with Sandbox() as box, anyio.create_task_group() as group:
        settings = read_settings(home=home, download_dir=home / "files", **sandbox_settings(box.url))
        async with open_app(settings) as app:
            server = build_server(app, FixtureJobs(Generations(app), group))
            add_fixtures(server)
            add_rounds(server)
            add_long_tools(server)
            async with serving(app, server, listener):
                print(url_of(listener), flush=True)
                await anyio.to_thread.run_sync(sys.stdin.read)
        group.cancel_scope.cancel()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        anyio.run(main, Path(folder))
