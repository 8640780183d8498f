"""The MCP Inspector as a host of the app that is not ours: the released one, by npm, on this machine alone."""

import base64
import json
import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import anyio
from support.amounts import in_time
from support.app_page import UI, pages_build
from support.proxies import free_port

HERE = UI / "inspector"
PROGRAM = HERE / "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"


class Inspector:
    """A running Inspector.

    Attributes:
        url: of its page.
        token: that its page must bring.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def address(self, server: str, tool: str, given: Mapping[str, Any]) -> str:
        """Returns the address at which it connects to a server, and offers to call a tool whose answer an app shows."""
        arguments = base64.urlsafe_b64encode(json.dumps(given).encode()).decode().rstrip("=")
        asked = {"serverUrl": server, "transport": "http", "openApp": tool, "appArgs": arguments}
        return f"{self.url}/?{urlencode({**asked, 'autoConnect': self.token})}"


@asynccontextmanager
async def inspector(folder: Path) -> AsyncIterator[Inspector]:
    """Runs the Inspector, which keeps what it keeps in a folder."""
    build = pages_build()
    await anyio.to_thread.run_sync(build.install, HERE)
    port, token = free_port(), secrets.token_hex(16)
    settings = {
        "HOST": "127.0.0.1",
        "CLIENT_PORT": str(port),
        "MCP_SANDBOX_PORT": str(free_port()),
        "MCP_AUTO_OPEN_ENABLED": "false",
        "MCP_INSPECTOR_API_TOKEN": token,
        "MCP_INSPECTOR_SECRET_STORE": "memory",
        "MCP_STORAGE_DIR": str(folder),
        "HOME": str(folder),
    }
    # The line that says where it is comes last: from then on it answers.
    async with await anyio.open_process(
        [build.node(), str(PROGRAM), "--web"], env={**os.environ, **settings}, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout
        said = b""
        try:
            with in_time(60):
                while b"Auth token" not in said:
                    said += await process.stdout.receive()
            yield Inspector(f"http://127.0.0.1:{port}", token)
        finally:
            process.terminate()
