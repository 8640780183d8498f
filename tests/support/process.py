"""The HTTP server in a process of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
from support.program import environment, values_for

from apixo_mcp.sandbox import Sandbox

_HANDS_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Process:
    """The server as people start it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stderr
        self.said = process.stderr.readline()
        found = re.search(r"http://(?:\[::1\]|[\d.]+):\d+", self.said)
        assert found, self.said + process.stderr.read()
        self.url = found[0]

    @property
    def pid(self) -> int:
        return self._process.pid

    def stores(self) -> list[str]:
        """The files of the task store that it has open."""
        links: list[str] = []
        for entry in Path(f"/proc/{self._process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                links.append(str(entry.readlink()))
        return [link for link in links if link.endswith(".sqlite3")]

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(number)

    def ended(self) -> tuple[int, str]:
        """The exit code, and what was said since the start."""
        assert self._process.stderr
        code = self._process.wait(90)
        return code, self._process.stderr.read()


@contextmanager
def started(
    box: Sandbox, folder: Path, *arguments: str, held: socket.socket | None = None, **more: Any
) -> Iterator[Process]:
    """Starts it, with more settings; a socket that is held for it is handed over as systemd does."""
    command = [sys.executable, "-m", "apixo_mcp", "serve", "--port", "0", *(arguments or ("--transport", "http"))]
    variables = {**os.environ, **environment(values_for(box, folder) | more)}
    files: tuple[int, ...] = ()
    if held is not None:
        files = (held.fileno(),)
        command = [sys.executable, "-c", _HANDS_OVER, str(held.fileno()), *command]
    with subprocess.Popen(
        command, env=variables, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, pass_fds=files
    ) as one:
        try:
            yield Process(one)
        finally:
            if one.poll() is None:
                one.kill()


@asynccontextmanager
async def started_beside(box: Sandbox, folder: Path, *arguments: str, **more: Any) -> AsyncGenerator[Process]:
    """The same, while what runs in the test goes on: one that stood still in a transaction would hold up the other."""
    with ExitStack() as stack:
        yield await anyio.to_thread.run_sync(lambda: stack.enter_context(started(box, folder, *arguments, **more)))
