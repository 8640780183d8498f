"""A loopback server that sends whatever bytes a test wants, and small media files made by hand."""

import hashlib
import io
import struct
import wave
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
from support.listening import listening

from apixo_mcp.media.local import LocalFiles
from apixo_mcp.media.places import TransferLimits
from apixo_mcp.media.saver import Saver
from apixo_mcp.net.fetcher import Fetcher
from apixo_mcp.tasks.task import Result, State, Task


@dataclass
class Asked:
    path: str
    headers: dict[str, str]

    @property
    def offset(self) -> int:
        return int(self.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))


Send = Callable[[bytes], Awaitable[None]]
Handler = Callable[[Asked, Send], Awaitable[None]]


@dataclass
class Wire:
    """Answers each request by the next of `script`, and for ever by its last."""

    url: str = ""
    script: list[Handler] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def answers(self, *script: Handler) -> str:
        self.script = list(script)
        return f"{self.url}/file.png?sig=1"

    async def serve(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            try:
                raw = b""
                while b"\r\n\r\n" not in raw:
                    raw += await stream.receive()
                start, *lines = raw.decode().split("\r\n\r\n")[0].split("\r\n")
                asked = Asked(start.split()[1], {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)})
                self.asked.append(asked)
                handler = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                await handler(asked, stream.send)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass


@asynccontextmanager
async def serving() -> AsyncIterator[Wire]:
    """A wire on a port of loopback."""
    wire = Wire()
    async with listening(wire.serve) as port:
        wire.url = f"http://127.0.0.1:{port}"
        yield wire


def head(status: int = 200, **headers: object) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status} X", "connection: close", *lines, "", ""]).encode()


def whole(body: bytes, **headers: object) -> Handler:
    """The file, with its length."""

    async def handler(_: Asked, send: Send) -> None:
        await send(head(200, content_length=len(body), **headers) + body)

    return handler


def cut(body: bytes, at: int, etag: str = '"one"', *, ranges: bool = True) -> Handler:
    """A line that breaks `at` bytes after where the request started from."""

    async def handler(asked: Asked, send: Send) -> None:
        start = asked.offset if ranges else 0
        rest = body[start:]
        extra = {"content_range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        await send(head(206 if start else 200, content_length=len(rest), etag=etag, **extra) + rest[:at])

    return handler


def ranged(body: bytes, etag: str = '"one"') -> Handler:
    """The rest of the file where the etag still fits, all of it where not."""

    async def handler(asked: Asked, send: Send) -> None:
        start = asked.offset if asked.headers.get("if-range") == etag else 0
        if start >= len(body):
            await send(head(416, content_length=0))
            return
        extra = {"content_range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        await send(head(206 if start else 200, content_length=len(body) - start, etag=etag, **extra) + body[start:])

    return handler


def refusal(status: int) -> Handler:
    async def handler(_: Asked, send: Send) -> None:
        await send(head(status, content_length=0))

    return handler


def open_ended(body: bytes) -> Handler:
    """A body whose end is the end of the connection."""

    async def handler(_: Asked, send: Send) -> None:
        await send(head() + body)

    return handler


def endless(start: bytes) -> Handler:
    async def handler(_: Asked, send: Send) -> None:
        await send(head() + start)
        while True:
            await send(b"\0" * 65_536)

    return handler


def a_saver(fetcher: Fetcher, folder: Path, **limits: Any) -> Saver:
    """A saver that tries again at once."""
    return Saver(fetcher, LocalFiles(folder), replace(TransferLimits(pauses=(0.0, 0.0)), **limits))


def a_task(**changes: Any) -> Task:
    values: dict[str, Any] = {
        "task_id": "tsk_abcdefghijklmnopqrstuvwxyz",
        "owner": "local",
        "gateway": "apixo",
        "base_url": "http://127.0.0.1",
        "key_print": "kp-secret-print",
        "model": "nano-banana-pro",
        "wire_model": "nano-banana-pro",
        "modality": "image",
        "state": State.SUCCESS,
        "prompt": "A red fox, at dawn",
        "inputs": {"prompt": "A red fox, at dawn", "image_urls": ["data:image/png;base64," + "A" * 500]},
        "created_at": 1_700_000_000.0,
        "updated_at": 1_700_000_000.0,
        "remote_id": "r-1",
    }
    return Task(**(values | changes))


def a_result(url: str, **changes: Any) -> Result:
    return Result(**({"index": 0, "url": url} | changes))


def a_png(width: int = 8, height: int = 6, padding: int = 0) -> bytes:
    """A PNG that opens, with `padding` bytes of noise in a chunk that readers skip."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    noise = b"".join(hashlib.sha256(i.to_bytes(4)).digest() for i in range(padding // 32))
    rows = b"".join(b"\0" + b"\xff\0\0" * width for _ in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + (chunk(b"noIs", noise) if noise else b"")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def a_wav(seconds: float = 1.5) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * int(8000 * seconds))
    return buffer.getvalue()


def a_box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def an_mp4(width: int = 1280, height: int = 720, seconds: float = 5.0, *, brand: bytes = b"isom", turned: bool = False):
    """The boxes that readers look at, with `mdat` first as encoders leave it. No width: no picture track."""
    mvhd = a_box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, int(seconds * 1000)) + bytes(80))
    matrix = struct.pack(">9i", *((0, 1, 0, -1, 0, 0, 0, 0, 1) if turned else (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1)))
    tkhd = a_box(b"tkhd", bytes(40) + matrix + struct.pack(">II", width << 16, height << 16))
    moov = a_box(b"moov", mvhd + a_box(b"trak", tkhd))
    return a_box(b"ftyp", brand + b"\0\0\2\0" + brand) + a_box(b"mdat", bytes(2000)) + moov


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def content(result: Result) -> bytes:
    return Path(result.path).read_bytes()


def rewrite(result: Result, data: bytes) -> None:
    Path(result.path).write_bytes(data)


def remove(result: Result) -> None:
    Path(result.path).unlink()


def a_costly_jpeg(side: int = 2200, scans: int = 2000) -> bytes:
    """A grey progressive JPEG of zeros that every scan goes over once more: small, and slow to decode."""
    blocks = (-(-side // 8)) ** 2

    def segment(marker: int, body: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body

    def packed(bits: str) -> bytes:
        bits += "1" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")

    run, left = "", blocks  # runs of blocks without a coefficient: `0` begins one of 2^14 and more, `10` one of 2^13
    while left >= 1 << 14:
        more = min(left, (1 << 15) - 1)
        run, left = run + "0" + f"{more - (1 << 14):014b}", left - more
    while left >= 1 << 13:
        more = min(left, (1 << 14) - 1)
        run, left = run + "10" + f"{more - (1 << 13):013b}", left - more
    run += "110" * left  # and `110` a single block
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xDB, b"\0" + b"\1" * 64),
            segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0"),
            segment(0xC4, b"\0" + b"\1" + bytes(15) + b"\0"),
            segment(0xC4, b"\x10" + b"\1\1\1" + bytes(13) + b"\xe0\xd0\0"),
            segment(0xDA, b"\1\1\0\0\0\0") + packed("0" * blocks),
            *[segment(0xDA, b"\1\1\0\1\x3f\0") + packed(run)] * scans,
            b"\xff\xd9",
        ]
    )


def turned(video: bytes, quarters: int) -> bytes:
    """An MP4 file whose picture is to be shown turned, clockwise."""
    one = 1 << 16
    straight = struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    across, down = ((one, 0), (0, one), (-one, 0), (0, -one))[quarters]
    at = video.index(straight, video.index(b"tkhd"))
    return video[:at] + struct.pack(">9i", across, down, 0, -down, across, 0, 0, 0, 1 << 30) + video[at + 36 :]
