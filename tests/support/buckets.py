"""Places for results in a bucket, and a store that answers as it was told."""

import http.server
import threading
from pathlib import Path
from typing import Any, Self

from apixo_mcp.media.bucket.bucket import Bucket
from apixo_mcp.media.bucket.copies import Copies
from apixo_mcp.media.bucket.results import BucketFiles
from apixo_mcp.media.bucket.space import BucketSpace
from apixo_mcp.media.local import LocalFiles


def bucket_files(folder: Path, bucket: Bucket, prefix: str = "team/one", *, most: int = 1 << 30) -> BucketFiles:
    """A place in a bucket, as a machine has it whose own files are in `folder`."""
    space = BucketSpace(bucket, prefix, Copies(folder / "copies", most=most))
    return BucketFiles(space, arriving=folder / "arriving", earlier=LocalFiles(folder / "earlier"))


class Answering:
    """An object store that answers everything with one error of S3, or never.

    Attributes:
        asked: set once something was asked.
    """

    def __init__(self, code: str | None, status: int = 403, *, more: str = "") -> None:
        body = f"<Error><Code>{code}</Code><Message>no</Message>{more}</Error>".encode()
        asked, over = self.asked, self._over = threading.Event(), threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                asked.set()
                if code is None:
                    over.wait()
                    self.close_connection = True
                    return
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
