"""Start-up, and calls after it, against a bare server of the same SDK, interleaved in one run."""

import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from benchmarks.peers.environments import bare
from support.figures import at_most, paired, record
from support.timed_server import CLIENT, INITIALIZE, INITIALIZED, LIST, TimedServer

ROUNDS = 15
CALLS = 200
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
DISCOVER = {"jsonrpc": "2.0", "id": 0, "method": "server/discover", "params": {"_meta": META}}
LIST_MODERN = LIST | {"params": {"_meta": META}}
OURS = [sys.executable, "-m", "apixo_mcp"]
TOOLS = {True: "list_models", False: "nothing"}
"""The tool that is called, of ours and of the bare server."""

LIMITS = {"opened": 0.1, "listed": 0.1, "called": 1.25}
"""Of what the bare server takes from its spawning."""


class Start(NamedTuple):
    """One start: seconds from spawn to three answers, and CPU seconds until the last."""

    opened: float
    listed: float
    called: float
    cpu: float


@pytest.fixture(scope="module")
def bare_server() -> list[str]:
    """The command of a bare server with one tool, in an environment of the SDK alone."""
    peer = bare()
    peer.install()
    return peer.command()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # as hosts start it
    return {**kept, "APIXO_MCP_HOME": str(tmp_path), "APIXO_API_KEY": "sk-bench"}


def start(
    command: list[str], environment: dict[str, str], opening: dict[str, Any], then: tuple[dict[str, Any], ...]
) -> Start:
    with TimedServer(command, environment) as server:
        opened, listed = server.ask(opening).at, server.ask(*then).at
        called = server.ask(call(command, then[-1])).at
        return Start(opened, listed, called, server.cpu_seconds())


def call(command: list[str], after: dict[str, Any], number: int = 2) -> dict[str, Any]:
    params = {"name": TOOLS["apixo_mcp" in command], "arguments": {}, **after.get("params", {})}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


@pytest.mark.parametrize(
    ("opening", "then"),
    [(INITIALIZE, (INITIALIZED, LIST)), (DISCOVER, (LIST_MODERN,))],
    ids=["initialize", "discover"],
)
def test_start_up_beside_a_bare_server(
    opening: dict[str, Any], then: tuple[dict[str, Any], ...], bare_server: list[str], environment: dict[str, str]
) -> None:
    for command in (bare_server, OURS):  # byte code and disk cache
        start(command, environment, opening, then)
    pairs = [
        (start(bare_server, environment, opening, then), start(OURS, environment, opening, then)) for _ in range(ROUNDS)
    ]
    print(f"\nspawn to {opening['method']}, tools/list and a call answered, and CPU until then; median of {ROUNDS}")
    ratios: dict[str, float] = {}
    figures: dict[str, dict[str, Any]] = {}
    columns = (zip(*column, strict=True) for column in zip(*pairs, strict=True))
    for name, theirs, mine in zip(Start._fields, *columns, strict=True):
        figure = figures[name] = paired(mine, theirs)
        of_medians = figure["ours"] / figure["beside"]
        ratios[name] = min(figure["ratio"], of_medians)
        if name in LIMITS:
            figure["aim"] = at_most(LIMITS[name])
        print(
            f"{name:>7}: bare {figure['beside'] * 1000:5.0f} ms, apixo-mcp {figure['ours'] * 1000:5.0f} ms; "
            f"ratio {of_medians:.2f} of the medians, {figure['ratio']:.2f} median of the pairs"
        )
    record(f"start-{opening['method'].rpartition('/')[2]}", figures)
    assert not {name: ratios[name] for name, limit in LIMITS.items() if ratios[name] > limit}


def test_calls_of_a_running_server_beside_a_bare_one(bare_server: list[str], environment: dict[str, str]) -> None:
    took: tuple[list[float], list[float]] = [], []
    with TimedServer(OURS, environment) as ours, TimedServer(bare_server, environment) as theirs:
        servers = (ours, OURS, took[0]), (theirs, bare_server, took[1])
        for server, command, _ in servers:
            server.ask(INITIALIZE)
            server.ask(INITIALIZED, call(command, {}))
        for number in range(3, 3 + CALLS):
            for server, command, times in servers:
                began = time.perf_counter()
                server.ask(call(command, {}, number))
                times.append(time.perf_counter() - began)
    figure = paired(*took)
    print(f"\na call: bare {figure['beside'] * 1000:.2f} ms, list_models {figure['ours'] * 1000:.2f} ms")
    record("calls", {"call": figure})
