"""Starts the real server process and speaks to it, with the official client or line by line."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import Implementation
from support.imitation import Imitation

APIXO_KEY = "apixo-planted-Zq81mXw0"
RUXA_KEY = "ruxa-planted-Kv72pLd9"
PATIENT = "apixo-mcp"
"""The name of a client that is known to bear long calls, and to take no pictures."""
COMMAND = [sys.executable, "-m", "apixo_mcp"]


def server_env(gateway: Imitation, home: Path, **more: str) -> dict[str, str]:
    """Everything the server is told; a value of "" takes a variable away."""
    env = {
        "APIXO_API_KEY": APIXO_KEY,
        "RUXA_API_KEY": RUXA_KEY,
        "APIXO_BASE_URL": gateway.url,
        "RUXA_BASE_URL": gateway.url,
        "APIXO_MCP_HOME": str(home / "home"),
        "APIXO_MCP_DOWNLOAD_DIR": str(home / "downloads"),
        "APIXO_MCP_ALLOW_PRIVATE_HOSTS": "1",
        "APIXO_MCP_POLL_SCALE": "0.02",
        "APIXO_MCP_LINGER": "0",  # a test leaves no process behind
    } | more
    return {key: value for key, value in env.items() if value}


@asynccontextmanager
async def connect(
    env: dict[str, str], name: str = PATIENT, mode: str = "auto", **options: Any
) -> AsyncIterator[Client]:
    """A client of a fresh server process; what the server writes to stderr is thrown away."""
    options["client_info"] = Implementation(name=name, version="1")
    parameters = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], env=env)
    with Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230
        async with Client(stdio_client(parameters, errlog=nowhere), mode=mode, **options) as client:
            yield client


class Process:
    """A server process spoken to line by line, with everything it writes kept."""

    def __init__(self, env: dict[str, str]) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={"PATH": os.environ.get("PATH", "")} | env,
        )
        self.lines: list[bytes] = []
        self.queue: queue.Queue[bytes] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.number = 0
        self.answers: dict[Any, dict[str, Any]] = {}

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            self.queue.put(line)
        self.queue.put(b"")

    def send_line(self, line: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def send(self, method: str, params: dict[str, Any] | None = None, *, notify: bool = False) -> int:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        if not notify:
            self.number += 1
            message["id"] = self.number
        self.send_line(json.dumps(message).encode())
        return self.number

    def answer(self, number: int, timeout: float = 90) -> dict[str, Any]:
        until = time.monotonic() + timeout
        while True:
            if number in self.answers:  # calls that are open together are answered in any order
                return self.answers.pop(number)
            line = self.queue.get(timeout=max(0.01, until - time.monotonic()))
            if not line:
                raise EOFError("the server closed its stdout")
            message = json.loads(line)
            if "id" in message and "method" not in message:
                self.answers[message["id"]] = message

    def ask(self, method: str, params: dict[str, Any] | None = None, timeout: float = 90) -> dict[str, Any]:
        return self.answer(self.send(method, params), timeout)

    def start(self, name: str = PATIENT) -> "Process":
        """The 2025-11-25 handshake."""
        client = {"name": name, "version": "1"}
        self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client})
        self.send("notifications/initialized", notify=True)
        return self

    def call(self, tool: str, arguments: dict[str, Any], timeout: float = 90) -> dict[str, Any]:
        return self.ask("tools/call", {"name": tool, "arguments": arguments}, timeout)["result"]

    def finished(self, task_id: str, within: float = 90) -> dict[str, Any]:
        """Returns what check_task tells of a task in the end: one call waits less than a busy machine may need."""
        until = time.monotonic() + within
        while True:
            told = self.call("check_task", {"task_id": task_id, "wait_seconds": 20}, within)["structuredContent"]
            is_saving = any(result.get("file") == "saving" for result in told.get("results", ()))
            if time.monotonic() > until or not (told["state"] in ("submitting", "pending", "processing") or is_saving):
                return told

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)

    def close_input(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()

    def stderr(self) -> bytes:
        """Returns what it has written there so far; the place where it goes on writing is left as it is."""
        end = os.fstat(self.errors.fileno()).st_size
        if hasattr(os, "pread"):
            return os.pread(self.errors.fileno(), end, 0)
        self.errors.seek(0)  # Windows: each process has a place of its own there
        return self.errors.read()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)
        self.reader.join(60)
        for stream in filter(None, (self.process.stdin, self.process.stdout, self.errors)):
            with suppress(OSError):
                stream.close()


class Shared:
    """One server for the many tests that need no settings of their own."""

    def __init__(self, gateway: Imitation, home: Path, client: Client) -> None:
        self.gateway, self.home, self.client = gateway, home, client
        self.downloads = home / "downloads"
        self.elsewhere = home / "elsewhere"


@asynccontextmanager
async def share(home: Path, mode: str) -> AsyncIterator[Shared]:
    (home / "elsewhere").mkdir()
    with Imitation(prefix="/proxy/eu", apixo_key=APIXO_KEY, ruxa_key=RUXA_KEY) as gateway:
        env = server_env(gateway, home, APIXO_MCP_ALLOWED_ROOTS=str(home / "elsewhere"))
        async with connect(env, mode=mode) as client:
            yield Shared(gateway, home, client)
