"""Start-up against a bare server of the same SDK, interleaved in one run."""

import json
import os
import statistics
import subprocess
import sys
import time
import venv
from importlib.metadata import version
from pathlib import Path

import pytest

ROUNDS = 15
BARE_SERVER = """
from mcp.server import MCPServer

server = MCPServer("bare", version="1")

@server.tool()
def echo(text: str) -> str:
    return text

server.run()
"""
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a bare server with one tool, in an environment of the SDK alone."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"mcp=={version('mcp')}"]
    subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
    script = folder / "bare_server.py"
    script.write_text(BARE_SERVER, encoding="utf-8")
    return [str(python), str(script)]


def seconds_to_initialize(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        took = time.perf_counter() - started
        process.stdin.close()
        process.wait(20)
    assert "result" in answer, answer
    return took


def test_start_up_takes_at_most_1_15_times_a_bare_server(bare: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "APIXO_MCP_HOME": str(tmp_path), "APIXO_API_KEY": "sk-bench"}
    ours = [sys.executable, "-m", "apixo_mcp"]
    for command in (bare, ours):  # byte code and disk cache
        seconds_to_initialize(command, environment)
    pairs = [
        (seconds_to_initialize(bare, environment), seconds_to_initialize(ours, environment)) for _ in range(ROUNDS)
    ]
    theirs, mine = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(mine / theirs for theirs, mine in pairs)
    print(f"\nspawn to initialize, median of {ROUNDS}: bare {theirs * 1000:.0f} ms, apixo-mcp {mine * 1000:.0f} ms")
    print(f"ratio: {mine / theirs:.2f} of the medians, {ratio:.2f} median of the pairs")
    assert min(ratio, mine / theirs) <= 1.15
