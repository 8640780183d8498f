"""What stands between a program and its Postgres: forwards, until it is told to cut or to hang."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_COMMIT = b"commit\0"


@dataclass
class Between:
    """A proxy on loopback.

    Attributes:
        port: that it listens on.
        cuts: how the next commits are met: `before` they reach the server, or `after`, so that its answer is lost.
        is_hanging: whether nothing is forwarded any more, and nothing is closed.
    """

    port: int
    cuts: list[str] = field(default_factory=list)
    is_hanging: bool = False
    sockets: list[socket.socket] = field(default_factory=list)

    def url(self, url: str) -> str:
        head, _, tail = url.rpartition("@127.0.0.1:")
        return f"{head}@127.0.0.1:{self.port}/{tail.partition('/')[2]}"

    def forward(self, source: socket.socket, target: socket.socket, *, is_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if self.is_hanging:
                    continue
                cut = self.cuts.pop(0) if is_client and self.cuts and _COMMIT in data else ""
                if cut == "after":
                    source.shutdown(socket.SHUT_RDWR)  # first: its answer is not to arrive
                if cut != "before":
                    target.sendall(data)
                if cut:
                    break
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_WR if one is target else socket.SHUT_RDWR)


@contextmanager
def between(port: int) -> Iterator[Between]:
    """Stands before the server at a port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Between(listener.getsockname()[1])
        listener.settimeout(0.1)
        is_over = threading.Event()

        def accept() -> None:
            while not is_over.is_set():
                try:
                    client, _ = listener.accept()
                except OSError:
                    continue
                server = socket.create_connection(("127.0.0.1", port))
                client.setblocking(True)
                proxy.sockets += [client, server]
                for source, target in ((client, server), (server, client)):
                    given = {"is_client": source is client}
                    threading.Thread(target=proxy.forward, args=(source, target), kwargs=given, daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield proxy
        finally:
            is_over.set()
            accepting.join()
            for one in proxy.sockets:
                one.close()
