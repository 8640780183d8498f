"""Starts ours, a bare SDK server and comparable servers in turns, and records what their starts take.

`make bench-peers` runs it. The servers are installed first; they are started where no network is, so that none can ask
or buy anything, and none has a key that is real. Where a process cannot be kept from the network, none is started.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

TESTS = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "packaging")]

import npm  # noqa: E402
from benchmarks.peers.environments import PLACE, Peer, bare, install_all, ours, peers  # noqa: E402
from support.figures import record  # noqa: E402
from support.timed_server import INITIALIZE, INITIALIZED, LIST, NoAnswerError, TimedServer  # noqa: E402

ROUNDS = 5
APART = ("unshare", "--user", "--map-root-user", "--net")  # util-linux: a network of its own, with nothing on it
WITHIN = "BENCH_WITHOUT_NETWORK"
SETTLED, SETTLES = 0.5, 8.0  # seconds without a tick of the processor, and how long that is waited for


@dataclass(frozen=True, slots=True)
class Start:
    """One start: seconds from the spawn to the answers, what `tools/list` holds, and what it took."""

    initialized: float
    listed: float
    tools: int
    size: int
    cpu: float
    cpu_settled: float
    memory: float


def start(peer: Peer, folder: Path) -> Start:
    """Starts it once in an empty home; raises NoAnswerError."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = {**kept, "HOME": str(folder), "TMPDIR": str(folder), **peer.env}
    with TimedServer(peer.command(), environment, folder) as server:
        initialized = server.ask(INITIALIZE).at
        answer = server.ask(INITIALIZED, LIST)
        cpu = server.cpu_seconds()
        settled(server)
        size = len(json.dumps(answer.result["tools"], separators=(",", ":"), ensure_ascii=False).encode())
        tools = len(answer.result["tools"])
        return Start(initialized, answer.at, tools, size, cpu, server.cpu_seconds(), server.memory_mb())


def settled(server: TimedServer) -> None:
    """Waits until it computes nothing any more: one may answer first and load afterwards."""
    until = time.monotonic() + SETTLES
    while time.monotonic() < until:
        before = server.cpu_seconds()
        time.sleep(SETTLED)
        if server.cpu_seconds() == before:
            return


def compare(missing: dict[str, str]) -> None:
    """Starts all in turns and records the medians; who does not start is recorded with why."""
    contenders = [peer for peer in (ours(), bare(), *peers()) if peer.name not in missing]
    starts: dict[str, list[Start]] = {peer.name: [] for peer in contenders}
    with TemporaryDirectory() as place:
        for turn in range(ROUNDS + 1):  # the first warms up byte code and disk
            for peer in list(contenders):
                folder = Path(place) / f"{turn}-{peer.folder.name}"
                folder.mkdir()
                try:
                    one = start(peer, folder)
                except NoAnswerError as error:
                    missing[peer.name] = f"did not start: {str(error)[:200].replace(str(PLACE), '…')}"
                    contenders.remove(peer)
                    continue
                if turn:
                    starts[peer.name].append(one)
    figures = {peer.name: medians(starts[peer.name], starts[bare().name]) for peer in contenders}
    told = {peer.name: versions(peer) for peer in contenders}
    for name, row in figures.items():
        print(name, {field: round(value, 3) for field, value in row.items()})
    record("peers", figures, versions=told, missing=missing, rounds=ROUNDS, node=node_version())


def medians(own: list[Start], bare_starts: list[Start]) -> dict[str, float]:
    """The medians of one, and the medians of its ratios to the bare server's start of the same turn."""
    fields = Start.__dataclass_fields__
    row = {name: float(statistics.median(getattr(one, name) for one in own)) for name in fields}
    for name in ("initialized", "listed", "cpu", "cpu_settled", "memory"):
        pairs = zip(own, bare_starts, strict=True)
        row[f"{name}_ratio"] = statistics.median(getattr(one, name) / getattr(other, name) for one, other in pairs)
    return row


def versions(peer: Peer) -> dict[str, Any]:
    registry = "npm" if peer.npm else "PyPI" if peer.pypi else ""
    return {"version": peer.version, "registry": registry, "sdk": peer.sdk(), "note": peer.note}


def node_version() -> str:
    return subprocess.run([npm.node(), "--version"], check=True, capture_output=True, text=True).stdout.strip()


def can_be_apart() -> bool:
    """Whether a process can be started here without any network."""
    unshare = shutil.which(APART[0])
    return unshare is not None and subprocess.run([*APART, "true"], check=False, capture_output=True).returncode == 0


def main() -> int:
    """Installs, then does the rest in a process without a network."""
    if WITHIN in os.environ:
        compare(json.loads(os.environ[WITHIN]))
        return 0
    if not can_be_apart():
        print("Left out: comparable servers. They are started only without a network, which needs Linux and unshare.")
        return 0
    missing = install_all()
    if {ours().name, bare().name} & missing.keys():
        print("Left out: comparable servers. The registries cannot be reached, so there is nothing to compare.")
        return 0
    environment = {**os.environ, WITHIN: json.dumps(missing)}
    return subprocess.run([*APART, sys.executable, __file__], check=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
