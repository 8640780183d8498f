"""A client that closes its pipes, at any moment: the server ends, and has nothing to say about it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.pipe import INITIALIZED, PATIENCE, call, initialize, line, request

pytestmark = pytest.mark.process

FOX = {"model": "nano-banana", "prompt": "a fox [never]", "wait_seconds": 50}
WAITING = request("tools/call", {"name": "generate_image", "arguments": FOX, "_meta": {"progressToken": 1}}, 9)
MANY = [request("tools/list", {}, number) for number in range(40, 140)]

MOMENTS: dict[str, tuple[list[Any], int]] = {
    "before the handshake": ([initialize()], 0),
    "after the handshake, while it loads": ([initialize(), INITIALIZED, call(1)], 1),
    "in a wait": ([initialize(), INITIALIZED, call(1), WAITING], 3),
    "while answers are sent": ([initialize(), INITIALIZED, call(1), *MANY], 2),
}
"""What is sent, and how many lines are read before the pipes are closed."""


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("hears_errors", [True, False], ids=["", "no standard error"])
def test_closed_pipes_end_the_server_without_a_word(tmp_path: Path, moment: str, hears_errors: bool) -> None:
    sent, lines = MOMENTS[moment]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("APIXO_", "RUXA_"))}
    own = {"APIXO_MCP_HOME": str(tmp_path), "APIXO_MCP_DOWNLOAD_DIR": str(tmp_path / "files"), "APIXO_MCP_LINGER": "0"}
    command = [sys.executable, "-m", "apixo_mcp", "serve", "--sandbox"]
    said = tmp_path / "said"
    with (
        said.open("wb") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors if hears_errors else subprocess.PIPE,
            env=inherited | own,
        ) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(b"".join(map(line, sent)))
        server.stdin.flush()
        for _ in range(lines):
            assert server.stdout.readline()
        if server.stderr is not None:
            server.stderr.close()
        server.stdout.close()
        server.stdin.close()
        assert server.wait(PATIENCE) == 0
    assert said.read_text() == ""
