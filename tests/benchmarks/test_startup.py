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
from typing import Any, NamedTuple

import pytest

ROUNDS = 15
BARE_SERVER = """
from mcp.server import MCPServer

server = MCPServer("bare", version="1")

@server.tool()
def nothing() -> str:
    return ""

server.run()
"""
CLIENT = {"name": "bench", "version": "1"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT},
}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
DISCOVER = {"jsonrpc": "2.0", "id": 0, "method": "server/discover", "params": {"_meta": META}}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
LIST_MODERN = LIST | {"params": {"_meta": META}}
TOOLS = {True: "list_models", False: "nothing"}
"""The tool that is called, of ours and of the bare server."""

LIMITS = {"opened": 0.1, "listed": 0.1, "called": 1.4}
"""Of what the bare server takes from its spawning. The last is to become 1.25: half of the rest makes data classes."""


class Start(NamedTuple):
    """One start: seconds from spawn to three answers, and CPU seconds until the last."""

    opened: float
    listed: float
    called: float
    cpu: float


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


def start(command: list[str], environment: dict[str, str], opening: dict[str, Any], *then: dict[str, Any]) -> Start:
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    def ask(*messages: dict[str, Any]) -> float:
        stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
        stdin.flush()
        answer = json.loads(stdout.readline())
        took = time.perf_counter() - started
        assert "result" in answer, answer
        return took

    with process:
        times = ask(opening), ask(*then), ask(call(command, then[-1]))
        cpu = cpu_seconds(process.pid)
        stdin.close()
        process.wait(20)
    return Start(*times, cpu)


def call(command: list[str], after: dict[str, Any]) -> dict[str, Any]:
    params = {"name": TOOLS["apixo_mcp" in command], "arguments": {}, **after.get("params", {})}
    return {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}


def cpu_seconds(pid: int) -> float:
    """What a process has computed so far; unlike the clock it does not see what else the machine does."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return float("nan")
    fields = stat.read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    ("opening", "then"),
    [(INITIALIZE, (INITIALIZED, LIST)), (DISCOVER, (LIST_MODERN,))],
    ids=["initialize", "discover"],
)
def test_start_up_beside_a_bare_server(
    opening: dict[str, Any], then: tuple[dict[str, Any], ...], bare: list[str], tmp_path: Path
) -> None:
    environment = {**os.environ, "APIXO_MCP_HOME": str(tmp_path), "APIXO_API_KEY": "sk-bench"}
    ours = [sys.executable, "-m", "apixo_mcp"]
    for command in (bare, ours):  # byte code and disk cache
        start(command, environment, opening, *then)
    pairs = [
        (start(bare, environment, opening, *then), start(ours, environment, opening, *then)) for _ in range(ROUNDS)
    ]
    print(f"\nspawn to {opening['method']}, tools/list and a call answered, and CPU until then; median of {ROUNDS}")
    ratios: dict[str, float] = {}
    columns = (zip(*column, strict=True) for column in zip(*pairs, strict=True))
    for name, theirs, mine in zip(Start._fields, *columns, strict=True):
        medians = statistics.median(theirs), statistics.median(mine)
        paired = statistics.median(own / other for other, own in zip(theirs, mine, strict=True))
        ratios[name] = min(paired, medians[1] / medians[0])
        print(
            f"{name:>7}: bare {medians[0] * 1000:5.0f} ms, apixo-mcp {medians[1] * 1000:5.0f} ms; "
            f"ratio {medians[1] / medians[0]:.2f} of the medians, {paired:.2f} median of the pairs"
        )
    assert not {name: ratios[name] for name, limit in LIMITS.items() if ratios[name] > limit}
