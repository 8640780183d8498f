"""A gateway that answers with exactly these bytes: for answers that no gateway should give."""

import asyncio
import io
import json
from collections import deque
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from PIL import Image

Bytes = bytes | None
"""One whole HTTP answer; None: the connection is closed without one."""


def answer(body: bytes | str, status: int = 200, kind: str = "application/json", **headers: str) -> bytes:
    """An HTTP answer with any body."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in lines):
        lines.append(f"Content-Length: {len(raw)}")
    return "\r\n".join([*lines, "", ""]).encode() + raw


def envelope(data: Any, code: Any = 200, message: Any = "success", status: int = 200) -> bytes:
    """An answer in the gateways' envelope."""
    return answer(json.dumps({"code": code, "message": message, "data": data}), status)


def picture() -> bytes:
    """A small PNG."""
    found = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(found, "PNG")
    return found.getvalue()


class Wire:
    """Listens on loopback. Each queue holds answers to give once, in order; then the usual good one is given."""

    def __init__(self) -> None:
        self.submits: deque[Bytes] = deque()
        self.looks: deque[Bytes] = deque()
        self.files: deque[Bytes] = deque()
        self.seen: list[tuple[str, str, bytes]] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    @property
    def posts(self) -> list[bytes]:
        """The bodies of the submits."""
        return [body for method, _, body in self.seen if method == "POST"]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, _ = head.split(" ", 2)
            size = next(
                (int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0
            )
            body = await reader.readexactly(size)
            self.seen.append((method, path, body))
            found = self._choose(method, path)
            if found is not None:
                writer.write(found)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _choose(self, method: str, path: str) -> Bytes:
        if path.startswith("/file"):
            return self.files.popleft() if self.files else answer(picture(), kind="image/png")
        if method == "POST":
            return self.submits.popleft() if self.submits else envelope({"taskId": f"remote{len(self.posts)}"})
        if self.looks:
            return self.looks.popleft()
        result = json.dumps({"resultUrls": [f"{self.url}/file.png"]})
        asked = parse_qs(urlsplit(path).query).get("taskId", [path.rpartition("/")[2]])[0]
        return envelope({"taskId": asked, "state": "success", "resultJson": result})
