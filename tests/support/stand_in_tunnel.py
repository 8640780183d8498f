"""A stand-in for the program of a tunnel: `stand_in_tunnel.py PORT [HOW]`. What reaches its own port goes to that one.

A request for `/end` through it ends it; after one for `/deaf` it stays, and nothing goes through any more.

HOW: `silent` prints no address, `wrong` prints one that leads elsewhere, `http` one that is neither https nor of this
machine, `exit` ends at once, `stubborn` does not end when it is told to, `child` has a process of its own.
"""

import asyncio
import os
import shlex
import signal
import subprocess
import sys


def stand_in(how: str = "") -> str:
    """The command line that starts it, as the setting has it."""
    words = [sys.executable, __file__]
    return f"{shlex.join(words) if os.name != 'nt' else ' '.join(words)} {{port}} {how}".strip()


is_deaf = asyncio.Event()


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    start = await reader.read(1 << 16)
    if start.startswith(b"GET /end "):
        os.kill(os.getpid(), signal.SIGTERM)
    if start.startswith(b"GET /deaf "):
        is_deaf.set()
    if is_deaf.is_set():
        writer.close()
        return
    try:
        there, back = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    back.write(start)

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(1 << 16):
                target.write(data)
                await target.drain()
        except OSError:
            pass
        finally:
            target.close()

    await asyncio.gather(carry(reader, back), carry(there, writer))


async def main(port: int, how: str) -> None:
    server = await asyncio.start_server(lambda reader, writer: forward(reader, writer, port), "127.0.0.1", 0)
    own = server.sockets[0].getsockname()[1]
    elsewhere = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    print(f"forwarding to http://127.0.0.1:{port}", file=sys.stderr, flush=True)
    match how:
        case "silent":
            pass
        case "wrong":
            print(f"at http://127.0.0.1:{elsewhere.sockets[0].getsockname()[1]}", flush=True)
        case "http":
            print("at http://tunnel.example.invalid", flush=True)
        case _:
            print(f"your address is http://127.0.0.1:{own}.", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    how = sys.argv[2] if len(sys.argv) > 2 else ""
    if how == "exit":
        print('{"lvl": "eror", "err": "authentication failed: your authtoken 2abCdEfGhIjKlMnOpQrStUvWxYz0123456789"}')
        sys.exit(3)
    if how == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how == "child":
        subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    asyncio.run(main(int(sys.argv[1]), how))
