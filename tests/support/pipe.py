"""The real program at the end of raw pipes."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PATIENCE = 90.0
"""Seconds until a test gives up; nothing waits for them to pass."""


CLIENT = {"name": "test", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def request(method: str, params: Any = None, number: int | str = 1) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": number, "method": method}
    return message if params is None else message | {"params": params}


def initialize(version: str = "2025-11-25", number: int | str = 0, **more: Any) -> dict[str, Any]:
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT} | more
    return request("initialize", params, number)


def discover(number: int | str = 0, **more: Any) -> dict[str, Any]:
    return request("server/discover", {"_meta": META | more}, number)


def call(number: int | str, **more: Any) -> dict[str, Any]:
    return request("tools/call", {"name": "list_models", "arguments": {"query": "nano"}} | more, number)


def line(message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


class Pipe:
    """A server process that is spoken to byte by byte; every line of both its streams is kept."""

    def __init__(self, home: Path, arguments: Sequence[str] = ("-m", "apixo_mcp"), **environment: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("APIXO_", "RUXA_"))}
        own = {"APIXO_MCP_HOME": str(home), "APIXO_MCP_DOWNLOAD_DIR": str(home / "files"), "APIXO_API_KEY": "sk-test"}
        own["APIXO_MCP_LINGER"] = "0"
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=inherited | own | environment,
            cwd=Path(__file__).parents[2],
        )
        self._out, self._err = (queue.Queue[bytes](), queue.Queue[bytes]())
        for stream, lines in ((self.process.stdout, self._out), (self.process.stderr, self._err)):
            threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()

    @staticmethod
    def _read(stream: Any, lines: "queue.Queue[bytes]") -> None:
        for entry in stream:
            lines.put(entry)
        lines.put(b"")

    def send(self, *messages: Any) -> None:
        """Sends messages in one write; bytes go as they are."""
        self.write(b"".join(entry if isinstance(entry, bytes) else line(entry) for entry in messages))

    def write(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def next(self) -> Any:
        """The next message on standard output; None at its end."""
        found = self._out.get(timeout=PATIENCE)
        if not found:
            self._out.put(b"")
            return None
        return json.loads(found)

    def load(self) -> None:
        """Does nothing: a process loads by itself."""

    def loaded(self) -> None:
        """Waits until the server serves, which it tells at the level DEBUG."""
        self.await_error_line(b"serving on standard input and output")

    def await_error_line(self, part: bytes) -> None:
        """Waits until a line with `part` is on standard error."""
        while part not in (found := self._err.get(timeout=PATIENCE)):
            assert found, f"standard error ended without {part!r}"

    def end(self) -> tuple[int, list[Any], bytes]:
        """Closes standard input: the exit code, and what was still said on both streams."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.ended()

    def ended(self) -> tuple[int, list[Any], bytes]:
        code = self.process.wait(PATIENCE)
        messages = list(iter(self.next, None))
        return code, messages, b"".join(iter(lambda: self._err.get(timeout=PATIENCE), b""))

    def __enter__(self) -> "Pipe":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        assert self.process.stdin
        self.process.stdin.close()
