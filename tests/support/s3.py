"""A server of S3 in a process of its own: moto's, which keeps everything in memory."""

import http.client
import http.server
import itertools
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

needs_s3 = pytest.mark.skipif(
    find_spec("moto") is None and not os.environ.get("NEED_S3"), reason="moto's server is not installed: make s3"
)

_SERVE = """
import sys, threading
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(*server.get_host_and_port(), flush=True)
sys.stdin.read()
"""
"""Serves until whoever started it lets go of its standard input."""


@dataclass(frozen=True)
class S3:
    """A server that runs.

    Attributes:
        url: of it.
    """

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to be let in: moto asks for no more than that there is a key."""
        return {
            "AWS_ACCESS_KEY_ID": "AKIAPLANTED",
            "AWS_SECRET_ACCESS_KEY": "planted-secret-key",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": self.url,
        }

    def client(self) -> Any:
        """Another program's view of it."""
        boto3: Any = import_module("boto3")  # `make s3` brings it
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="AKIAPLANTED",
            aws_secret_access_key="planted-secret-key",
        )

    def bucket(self, name: str) -> str:
        """Makes a bucket and returns its name."""
        self.client().create_bucket(Bucket=name)
        return name

    def keys(self, bucket: str) -> list[str]:
        """Every key of a bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def body(self, bucket: str, key: str) -> bytes:
        """What an object holds."""
        return self.client().get_object(Bucket=bucket, Key=key)["Body"].read()


@contextmanager
def serving_s3() -> Iterator[S3]:
    """Runs a server."""
    environment = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        host, port = process.stdout.readline().split()
        yield S3(f"http://{host}:{port}")
    finally:
        process.stdin.close()
        process.stdout.close()
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    """A server of S3, one for all tests of a worker."""
    with serving_s3() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The server, which this process is let into."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server


def fetched(url: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of an address, as anybody fetches it."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, error.read(), {name.lower(): value for name, value in error.headers.items()}


@contextmanager
def relayed_s3(s3: S3, at: int, then: Callable[[], None], *, methods: str = "PUT") -> Iterator[str]:
    """Stands before a server of S3, and does something once, as the `at`-th request by one of some methods comes.

    Yields:
        Its URL.
    """
    asked, lock = itertools.count(1), threading.Lock()
    netloc = s3.url.removeprefix("http://")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.command in methods.split():
                with lock:
                    if next(asked) == at:
                        then()
            there = http.client.HTTPConnection(netloc, timeout=20)
            there.request(self.command, self.path, body, dict(self.headers.items()))
            answer = there.getresponse()
            content = answer.read()
            there.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            if answer.getheader("content-length") is None:
                self.send_header("content-length", str(len(content)))
            self.end_headers()
            with suppress(OSError):  # whoever asked was killed
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = relay

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
