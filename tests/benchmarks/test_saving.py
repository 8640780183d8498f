"""Saving many files at once, each hashed and safely on the disk, beside `curl --parallel`, which only writes them.

The server is a process of its own (`support/file_server.py`): one sends 1 Gbit/s in all, the other as fast as it goes.
"""

import os
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from support.figures import at_least, record
from support.file_server import file_server
from support.media_wire import a_result, a_task

from apixo_mcp.media.local import LocalFiles
from apixo_mcp.media.saver import Saver
from apixo_mcp.net.http import Http
from apixo_mcp.tasks.task import FileState

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="compared with curl")

GIGABIT = 125e6  # bytes a second
ROUNDS = 7
LARGE, SMALL = (100, 2_000_000), (300, 20_000)
SMALL_LEAST = (
    0.12  # beside curl: of a small file nearly all is the place, the record and the disk, which curl does not do
)
MEMORY_LIMIT_MB = 64
"""With all of the files in flight: what waits to be written is bounded, whatever their sizes."""
STATUS, PEAKS = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def by_curl(server: str, folder: Path, count: int, size: int) -> float:
    """Seconds that curl takes for so many files, its start included."""
    config = folder / "files"
    config.write_text("".join(f'url = "{server}/{size}/{n}"\noutput = "{folder}/{n}.png"\n' for n in range(count)))
    command = ["curl", "--silent", "--fail", "--disable", "--parallel", "--config", str(config)]
    began = time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)  # it shows how far it is all the same
    took = time.perf_counter() - began
    assert sum(path.stat().st_size for path in folder.glob("*.png")) == count * size
    return took


async def saved(server: str, folder: Path, count: int, size: int) -> float:
    """Seconds that the saver takes for the files of so many tasks."""
    async with Http(allow_private_hosts=True) as http:
        saver = Saver(http, LocalFiles(folder))

        async def save(number: int) -> None:
            result = a_result(f"{server}/{size}/{number}")
            after = await saver.save(a_task(task_id=f"tsk_{number:026}"), result)
            assert (after.file, after.bytes) == (FileState.SAVED, size)

        began = time.perf_counter()
        async with anyio.create_task_group() as group:
            for number in range(count):
                group.start_soon(save, number)
        return time.perf_counter() - began


def by_us(server: str, folder: Path, count: int, size: int) -> float:
    return anyio.run(saved, server, folder, count, size)


def compared(case: str, server: str, folder: Path, count: int, size: int, least: float) -> float:
    """How fast we are beside curl, by the medians of interleaved rounds; each begins with nothing left to write.

    It is recorded by the name of the case, with the least that it should be.
    """
    ways: dict[str, Callable[[str, Path, int, int], float]] = {"curl": by_curl, "we": by_us}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS + 1):
        for name, way in ways.items():
            folder.mkdir()
            took[name].append(way(server, folder, count, size))
            shutil.rmtree(folder)
            os.sync()
    medians = {name: statistics.median(times[1:]) for name, times in took.items()}  # the first warms up
    print(f"\n{count} files of {size:,} bytes, load {os.getloadavg()[0]:.1f}: ", end="")
    print(
        ", ".join(
            f"{name} {medians[name]:.2f} s ({min(times[1:]):.2f}-{max(times[1:]):.2f})" for name, times in took.items()
        )
    )
    ratio = medians["curl"] / medians["we"]
    print(f"ratio {ratio:.2f}")
    figure = {"ours": medians["we"], "beside": medians["curl"], "ratio": ratio, "aim": at_least(least), "n": ROUNDS}
    record(f"saving-{case}", {f"saving-{case}": figure})
    return ratio


def memory_mb(field: str) -> float:
    found = re.search(rf"^{field}:\s+(\d+) kB$", STATUS.read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


@pytest.mark.skipif(not PEAKS.exists(), reason="measured by /proc")
def test_memory_while_files_are_saved(tmp_path: Path) -> None:
    with file_server(0) as server:
        by_us(server, tmp_path / "first", *SMALL)  # all that is loaded once
        before = memory_mb("VmRSS")
        PEAKS.write_text("5")  # man 5 proc: the peak begins anew
        by_us(server, tmp_path / "files", *LARGE)
        more = memory_mb("VmHWM") - before
    print(f"\n{more:.0f} MB more")
    assert more < MEMORY_LIMIT_MB


@pytest.mark.parametrize(
    ("case", "rate", "least"), [("gigabit", GIGABIT, 0.95), ("loopback", 0, 0.5)], ids=["gigabit", "loopback"]
)
def test_large_files_beside_curl(tmp_path: Path, case: str, rate: float, least: float) -> None:
    with file_server(rate) as server:
        assert compared(case, server, tmp_path / "files", *LARGE, least) >= least


def test_small_files_beside_curl(tmp_path: Path) -> None:
    with file_server(0) as server:
        assert compared("small", server, tmp_path / "files", *SMALL, SMALL_LEAST) >= SMALL_LEAST
