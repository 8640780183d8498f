"""The program of a tunnel never outlives the server that started it, however that ends."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from mcp import StdioServerParameters
from mcp.client.session import ClientSession
from mcp.client.stdio import stdio_client
from PIL import Image
from support.amounts import in_time
from support.program import environment, happens, values_for
from support.stand_in_tunnel import stand_in

from apixo_mcp.sandbox import Sandbox

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks processes up in /proc"),
]


def processes(mark: str) -> list[int]:
    """The processes that live and have this in their environment."""
    return [pid for pid in _pids() if _has(pid, mark)]


def _pids() -> Iterator[int]:
    yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _has(pid: int, mark: str) -> bool:
    with suppress(OSError):
        is_zombie = "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
        return not is_zombie and mark.encode() in Path(f"/proc/{pid}/environ").read_bytes()
    return False


@asynccontextmanager
async def asked(box: Sandbox, folder: Path, tunnel: str) -> AsyncIterator[None]:
    """A server of its own that was asked for an edit of a local picture; its processes bear a mark."""
    (folder / "pictures").mkdir()
    Image.new("RGB", (8, 8), "red").save(folder / "pictures" / "mine.png")
    variables = {**environment({**values_for(box, folder), "tunnel": tunnel}), "TUNNEL_TEST_MARK": str(folder)}
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "apixo_mcp"], env=variables)
    with Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230
        async with (
            stdio_client(parameters, errlog=nowhere) as (reader, writer),
            ClientSession(reader, writer) as session,
        ):
            await session.initialize()
            edit = {"model": "nano-banana", "prompt": "a fox [never]", "mode": "image-to-image"}
            await session.call_tool("generate_image", {**edit, "image_urls": ["mine.png"], "wait_seconds": 0})
            yield


@pytest.mark.parametrize("how", ["", "stubborn", "child"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, None], ids=["term", "kill", "closed"])
async def test_it_ends_with_the_server(box: Sandbox, tmp_path: Path, how: str, number: signal.Signals | None) -> None:
    mark = f"TUNNEL_TEST_MARK={tmp_path}"
    async with asked(box, tmp_path, stand_in(how)):
        await happens(lambda: any(entry["route"] == "input" for entry in box.log()))
        # The server, the keeper, the program, and its child where it has one.
        await happens(lambda: len(processes(mark)) == (4 if how == "child" else 3))
        server = next(pid for pid in processes(mark) if b"apixo_mcp\0" in Path(f"/proc/{pid}/cmdline").read_bytes())
        if number is not None:
            os.kill(server, number)
            with in_time(10):
                await happens(lambda: not processes(mark))
    with in_time(10):
        await happens(lambda: not processes(mark))


@pytest.mark.parametrize("how", ["", "stubborn", "child"])
async def test_it_ends_with_its_keeper(box: Sandbox, tmp_path: Path, how: str) -> None:
    mark = f"TUNNEL_TEST_MARK={tmp_path}"
    async with asked(box, tmp_path, stand_in(how)):
        await happens(lambda: any(entry["route"] == "input" for entry in box.log()))
        await happens(lambda: len(processes(mark)) == (4 if how == "child" else 3))
        before = processes(mark)
        keeper = next(pid for pid in before if b"keeper.py\0" in Path(f"/proc/{pid}/cmdline").read_bytes())
        server = next(pid for pid in before if b"apixo_mcp\0" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(keeper, signal.SIGKILL)
        with in_time(10):
            await happens(lambda: set(processes(mark)) & set(before) == {server})
            await happens(lambda: len(processes(mark)) == len(before))  # its task still needs it
    with in_time(10):
        await happens(lambda: not processes(mark))


async def test_it_is_given_no_key(box: Sandbox, tmp_path: Path) -> None:
    mark = f"TUNNEL_TEST_MARK={tmp_path}"
    async with asked(box, tmp_path, stand_in()):
        await happens(lambda: len(processes(mark)) == 3)
        with_key = [pid for pid in processes(mark) if b"API_KEY=" in Path(f"/proc/{pid}/environ").read_bytes()]
        assert len(with_key) == 1, "the server alone has it"
