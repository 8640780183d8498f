"""The server on stdio in this process: the early stage and what follows it, at the end of raw pipes."""

import json
import logging
import os
import queue
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import anyio
from anyio.from_thread import BlockingPortal
from support.pipe import PATIENCE, line

from apixo_mcp.app import open_app
from apixo_mcp.server.build import build_server
from apixo_mcp.server.stdio.early import Early
from apixo_mcp.server.stdio.known import Known
from apixo_mcp.server.stdio.transport import serve_client
from apixo_mcp.server.tools.receipts import Receipts
from apixo_mcp.settings import read_settings

LOG = logging.getLogger("apixo_mcp")


class Inside:
    """Is spoken to as a `Pipe` is; the server is loaded when a test says so, and not before."""

    def __init__(self, portal: BlockingPortal, home: Path) -> None:
        self._portal = portal
        self._settings = read_settings(home=home, download_dir=home / "files", apixo_api_key="sk-test")
        heard, self._in = os.pipe()
        self._out, said = os.pipe()
        self._server_ends = [heard, said]
        known = Known(key_set=True, folders=(str(home / "files"),), home=str(home))
        self._early = Early(known, (heard, said))
        self._ended: Any = None
        self._serving = threading.Event()
        self._told = _Told(self._serving)
        self._lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with os.fdopen(self._out, "rb") as stream:
            for entry in stream:
                self._lines.put(entry)
        self._lines.put(b"")

    def load(self) -> None:
        """Lets the server load, and returns once it serves."""
        if self._ended is None:
            self._ended = self._portal.start_task_soon(self._serve)
            assert self._serving.wait(PATIENCE)

    loaded = load

    async def _serve(self) -> None:
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(open_app(self._settings))
            receipts = Receipts()
            stack.push_async_callback(receipts.close)
            await serve_client(build_server(app, receipts=receipts), self._early, receipts, anyio.Event())

    def send(self, *messages: Any) -> None:
        """Sends messages in one write; bytes go as they are."""
        self.write(b"".join(entry if isinstance(entry, bytes) else line(entry) for entry in messages))

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._in, data) :]

    def next(self) -> Any:
        """The next message; None at the end."""
        entry = self._lines.get(timeout=PATIENCE)
        return json.loads(entry) if entry else None

    def end(self) -> tuple[int, list[Any], bytes]:
        """Closes the input: no exit code but 0, what was still said, and what was logged as wrong."""
        self.load()
        os.close(self._in)
        self._ended.result(PATIENCE)
        while self._server_ends:
            os.close(self._server_ends.pop())
        messages = list(iter(self.next, None))
        return 0, messages, "\n".join(self._told.wrong).encode()

    def __enter__(self) -> Self:
        self._level = LOG.level
        LOG.addHandler(self._told)
        LOG.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if self._server_ends:
                self.end()
        finally:
            LOG.removeHandler(self._told)
            LOG.setLevel(self._level)


class _Told(logging.Handler):
    """Hears that the server serves, and what goes wrong."""

    def __init__(self, serving: threading.Event) -> None:
        super().__init__()
        self._serving = serving
        self.wrong: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "serving on standard input and output":
            self._serving.set()
        if record.levelno >= logging.WARNING:
            self.wrong.append(record.getMessage())
