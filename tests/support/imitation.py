"""An imitation of the APIXO and Ruxa AI gateways: one small HTTP server on loopback.

Both gateways live on one port. APIXO is under `<url>/api/v1/generateTask/<model>` and
`<url>/api/v1/statusTask/<model>?taskId=`, Ruxa AI under `<url>/api/v1/tasks/create` and
`<url>/api/v1/tasks/query/<id>`. The files they make are under `<url>/files/`.

A test holds an `Imitation`, turns its knobs and reads its log:

    with Imitation() as gateway:
        gateway.on_create.append(Refuse(429, "Rate limit exceeded"))
        ...
        assert len(gateway.posts()) == 2
"""

import json
import re
import secrets
import socket
import struct
import threading
import time
import zlib
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

FAIL_MESSAGES = {
    "CONTENT_VIOLATION": "Content does not meet safety guidelines",
    "INVALID_IMAGE_URL": "Cannot access provided image URL",
    "PROCESSING_TIMEOUT": "Processing took too long",
    "INSUFFICIENT_CREDITS": "Insufficient credits",
}


def png(seed: int = 0, width: int = 24, height: int = 16) -> bytes:
    """A whole PNG of one colour, different for each seed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixel = bytes(((seed * 37) % 256, (seed * 91 + 60) % 256, (seed * 151 + 120) % 256))
    rows = (b"\0" + pixel * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    note = b"seed\0" + str(seed).encode()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"tEXt", note)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


# What may happen to a request instead of the usual answer.


@dataclass(frozen=True)
class Refuse:
    """An answer with this status, in the gateway's own envelope; the task is not made."""

    code: int
    message: str
    status: int | None = None  # HTTP status if it is not the code
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Raw:
    """An answer that no documentation knows, e.g. a proxy's HTML page."""

    body: bytes
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    accept: bool = False  # the task was made nevertheless
    length: int | None = None  # a Content-Length other than the true one


@dataclass(frozen=True)
class Cut:
    """The connection ends without an answer; `accept` says whether the task was made all the same."""

    accept: bool = True
    after: bytes = b""


@dataclass(frozen=True)
class Hang:
    """No answer until the gateway is closed or `seconds` have passed."""

    seconds: float = 60
    accept: bool = True


Action = Refuse | Raw | Cut | Hang


@dataclass(frozen=True)
class Fail:
    """How a task ends when it does not succeed."""

    code: str
    message: str = ""


@dataclass
class Entry:
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float


@dataclass
class Task:
    id: str
    gateway: str
    model: str
    input: dict[str, Any]
    created: float
    fail: Fail | None
    looks: int = 0
    files: list[bytes] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    done_at: float | None = None


class Imitation:
    """Both gateways on a free port of 127.0.0.1. All knobs may be turned while it runs."""

    def __init__(self, prefix: str = "", *, apixo_key: str | None = None, ruxa_key: str | None = None) -> None:
        self.prefix = prefix
        self.keys = {"apixo": apixo_key, "ruxa": ruxa_key}
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self.reset()
        gateway = self

        class Handler(_Handler):
            owner = gateway

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def reset(self) -> None:
        """Every knob back, the log and the tasks forgotten."""
        with self.lock:
            self.log: list[Entry] = []
            self.tasks: dict[str, Task] = {}
            self.on_create: deque[Action | None] = deque()  # None: the usual answer
            self.on_status: deque[Action | None] = deque()
            self.on_file: deque[Action | None] = deque()
            self.outcomes: deque[Fail | None] = deque()  # one for each task made
            self.looks_needed = 2  # status answers before the final one
            self.held = False  # True: nothing gets ready
            self.create_delay = 0.0
            self.result_urls: deque[list[str]] = deque()  # URLs given out instead of our own
            self.credits = 100.0
            self.arrived = threading.Condition(self.lock)

    def __enter__(self) -> "Imitation":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL to hand to a client."""
        return self.root + self.prefix

    # Reading the log

    def posts(self) -> list[Entry]:
        with self.lock:
            return [entry for entry in self.log if entry.method == "POST"]

    def requests(self) -> list[Entry]:
        with self.lock:
            return list(self.log)

    def looks(self, task_id: str) -> int:
        with self.lock:
            return self.tasks[task_id].looks

    def last(self) -> Task:
        with self.lock:
            return list(self.tasks.values())[-1]

    def wait_for_post(self, count: int = 1, timeout: float = 90) -> None:
        self._wait(lambda: len(self.posts()) >= count, timeout)

    def wait_for_look(self, count: int = 1, timeout: float = 90) -> None:
        self._wait(lambda: sum(task.looks for task in self.tasks.values()) >= count, timeout)

    def _wait(self, met: Any, timeout: float) -> None:
        with self.arrived:
            if not self.arrived.wait_for(met, timeout):
                raise TimeoutError("the request did not come")

    # What the gateways do

    def make(self, gateway: str, model: str, given: dict[str, Any]) -> Task:
        with self.lock:
            number = len(self.tasks) + 1
            name = f"{'task_' if gateway == 'apixo' else 'rx'}{secrets.token_hex(11)}"  # no gateway gives an id twice
            task = Task(name, gateway, model, given, time.time(), self.outcomes.popleft() if self.outcomes else None)
            count = given.get("max_images") or given.get("num_images") or given.get("n") or 1
            for index in range(count if isinstance(count, int) else 1):
                task.files.append(png(number * 16 + index))
                task.urls.append(f"{self.root}{self.prefix}/files/{name}/{index}.png")
            if self.result_urls:
                task.urls = self.result_urls.popleft()
            self.tasks[name] = task
            return task

    def look(self, task: Task) -> str:
        """running, done or failed, after one more look at it."""
        with self.lock:
            task.looks += 1
            if self.held or task.looks <= self.looks_needed:
                return "running"
            task.done_at = task.done_at or time.time()
            return "failed" if task.fail else "done"


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error here."""


class _Handler(BaseHTTPRequestHandler):
    owner: Imitation
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._handle(None)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        self._handle(body)

    def _handle(self, body: Any) -> None:
        owner = self.owner
        with owner.arrived:
            headers = {key.lower(): value for key, value in self.headers.items()}
            owner.log.append(Entry(self.command, self.path, headers, body, time.monotonic()))
            owner.arrived.notify_all()
        parts = urlsplit(self.path)
        path = parts.path
        if not path.startswith(owner.prefix):
            return self._reply(404, b"<html>no such site</html>", "text/html")
        path = path[len(owner.prefix) :]
        if found := re.fullmatch(r"/files/([^/]+)/(\d+)\.png", path):
            return self._file(found[1], int(found[2]))
        for pattern, gateway, act in (
            (r"POST /api/v1/generateTask/(.+)", "apixo", self._create),
            (r"GET /api/v1/statusTask/(.+)", "apixo", self._status),
            (r"POST /api/v1/tasks/(create)", "ruxa", self._create),
            (r"GET /api/v1/tasks/query/(.+)", "ruxa", self._status),
        ):
            if found := re.fullmatch(pattern, f"{self.command} {path}"):
                key = owner.keys[gateway]
                given = self.headers.get("Authorization", "")
                if not given.startswith("Bearer ") or (key and given != f"Bearer {key}"):
                    return self._envelope(401, "Invalid or missing API Key", None)
                return act(gateway, found[1], body if self.command == "POST" else parse_qs(parts.query))
        return self._envelope(404, "Not found", None)

    def _create(self, gateway: str, model: str, body: Any) -> None:
        owner = self.owner
        if owner.create_delay:
            owner.closing.wait(owner.create_delay)
        with owner.lock:
            action = owner.on_create.popleft() if owner.on_create else None
        if gateway == "ruxa":
            model = body.get("model", "") if isinstance(body, dict) else ""
        if not isinstance(body, dict) or not isinstance(body.get("input"), dict) or not model:
            code = 400 if gateway == "apixo" else 422
            return self._envelope(code, "Invalid parameters or request error", None)
        if action is None or getattr(action, "accept", False):
            task = owner.make(gateway, model, body["input"])
            if action is None:
                return self._envelope(200, "success", {"taskId": task.id})
        return self._act(action)

    def _status(self, gateway: str, model: str, query: Any) -> None:
        owner = self.owner
        name = query.get("taskId", [""])[0] if gateway == "apixo" else model
        with owner.arrived:
            action = owner.on_status.popleft() if owner.on_status else None
            task = owner.tasks.get(name)
            state = owner.look(task) if task and action is None else ""
            owner.arrived.notify_all()
        if action is not None:
            return self._act(action)
        if task is None or task.gateway != gateway or (gateway == "apixo" and task.model != model):
            return self._envelope(400, "Task not found", None)
        return self._envelope(200, "success", (_apixo if gateway == "apixo" else _ruxa)(task, state))

    def _file(self, name: str, index: int) -> None:
        owner = self.owner
        with owner.lock:
            action = owner.on_file.popleft() if owner.on_file else None
            task = owner.tasks.get(name)
        if action is not None:
            return self._act(action)
        if task is None or index >= len(task.files):
            return self._reply(404, b"<html>Not found</html>", "text/html")
        return self._reply(200, task.files[index], "image/png")

    def _act(self, action: Action) -> None:
        if isinstance(action, Refuse):
            return self._envelope(action.code, action.message, None, action.status, action.headers)
        if isinstance(action, Raw):
            return self._reply(action.status, action.body, action.content_type, action.headers, action.length)
        if isinstance(action, Hang):
            self.owner.closing.wait(action.seconds)
        elif action.after:
            self.wfile.write(action.after)
            self.wfile.flush()
        self.close_connection = True
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        return None

    def _envelope(
        self,
        code: int,
        message: str,
        data: Any,
        status: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        body = json.dumps({"code": code, "message": message, "data": data}).encode()
        self._reply(status or code, body, "application/json", headers)

    def _reply(
        self,
        status: int,
        body: bytes,
        content_type: str,
        headers: tuple[tuple[str, str], ...] = (),
        length: int | None = None,
    ) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            for key, value in headers:
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
        except OSError:
            self.close_connection = True
        if length is not None:
            self.close_connection = True


def _apixo(task: Task, state: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"taskId": task.id, "createTime": int(task.created * 1000)}
    if state == "running":
        return answer | {"state": "pending" if task.looks == 1 else "processing"}
    done = task.done_at or time.time()
    answer |= {"completeTime": int(done * 1000), "costTime": int((done - task.created) * 1000)}
    if task.fail:
        message = task.fail.message or FAIL_MESSAGES.get(task.fail.code, "Failed")
        return answer | {"state": "failed", "failCode": task.fail.code, "failMsg": message}
    return answer | {"state": "success", "resultJson": json.dumps({"resultUrls": task.urls})}


def _ruxa(task: Task, state: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"taskId": task.id, "model": task.model}
    if state == "running":
        return answer | {"state": "generating"}
    if task.fail:
        message = task.fail.message or FAIL_MESSAGES.get(task.fail.code, "Failed")
        return answer | {"state": "fail", "failMsg": message}
    return answer | {"state": "completed", "resultUrls": task.urls}
