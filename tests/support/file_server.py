"""A plain file server in a process of its own: `python file_server.py RATE` prints its port and serves pictures.

`GET /<bytes>/<anything>` answers a PNG of so many bytes. Of RATE bytes a second, shared by all connections, nothing is
sent faster; 0 is as fast as it goes.
"""

import asyncio
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache

PIECE = 64 * 1024
BURST = 0.01  # seconds' worth that is made up for after a late wake-up


@lru_cache
def picture(size: int) -> bytes:
    """A PNG of exactly so many bytes, most of them noise in a chunk that readers skip."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 6, 8, 2, 0, 0, 0))
    end = chunk(b"IDAT", zlib.compress((b"\0" + b"\xff\0\0" * 8) * 6)) + chunk(b"IEND", b"")
    return start + chunk(b"noIs", random.Random(1).randbytes(size - len(start) - len(end) - 12)) + end


class Server:
    """Sends at `rate` bytes a second to all together."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._next = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one connection's requests."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                body = picture(int(request.split()[1].split(b"/")[1]))
                head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(body)
                writer.write(head)
                for at in range(0, len(body), PIECE):
                    await self._turn(min(PIECE, len(body) - at))
                    writer.write(body[at : at + PIECE])
                    await writer.drain()
        writer.close()

    async def _turn(self, count: int) -> None:
        if not self._rate:
            return
        now = asyncio.get_running_loop().time()
        at = max(now - BURST, self._next)
        self._next = at + count / self._rate
        if at > now:
            await asyncio.sleep(at - now)


async def main(rate: float) -> None:
    """Serves until it is ended."""
    listening = await asyncio.start_server(Server(rate).serve, "127.0.0.1", 0, backlog=512)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


@contextmanager
def file_server(rate: float) -> Iterator[str]:
    """Runs one meanwhile; gives its URL."""
    with subprocess.Popen([sys.executable, __file__, str(rate)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
