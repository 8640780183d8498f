"""What becomes of open tasks when the last server on a data folder ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.driver import Process, server_env
from support.imitation import Imitation

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform == "win32", reason="counts processes as POSIX does"),
]


ASK = {"model": "nano-banana", "prompt": "a fox", "wait_seconds": 0}


def workers(home: Path) -> list[int]:
    """The processes that follow this data folder."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if b"--until-idle" in command and str(home).encode() in environment:
            found.append(int(entry.name))
    return found


def wait_until(condition, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        subprocess.run([sys.executable, "-c", "pass"], check=True)  # a pause that gives the other processes the machine


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
class TestFollower:
    def test_a_task_is_followed_and_saved_after_the_server_has_gone(self, gateway: Imitation, tmp_path: Path) -> None:
        gateway.held = True
        with Process(server_env(gateway, tmp_path) | {"APIXO_MCP_LINGER": "1"}) as server:
            server.start().call("generate_image", ASK)
            gateway.wait_for_look(1)
            server.close_input()
            server.process.wait(60)
        wait_until(lambda: workers(tmp_path))
        assert len(workers(tmp_path)) == 1
        gateway.held = False
        wait_until(lambda: [path for path in tmp_path.rglob("*.png") if path.suffix == ".png"])
        wait_until(lambda: not workers(tmp_path))
        assert len(gateway.posts()) == 1

    def test_nobody_stays_where_nothing_is_open_or_it_is_turned_off(self, gateway: Imitation, tmp_path: Path) -> None:
        gateway.held = True
        with Process(server_env(gateway, tmp_path) | {"APIXO_MCP_LINGER": "0"}) as server:
            server.start().call("generate_image", ASK)
            gateway.wait_for_look(1)
            server.close_input()
            server.process.wait(60)
        assert workers(tmp_path) == []

    def test_there_is_one_follower_for_a_data_folder(self, gateway: Imitation, tmp_path: Path) -> None:
        gateway.held = True
        environment = server_env(gateway, tmp_path) | {"APIXO_MCP_LINGER": "1"}
        with Process(environment) as server:
            server.start().call("generate_image", ASK)
            gateway.wait_for_look(1)
            server.close_input()
            server.process.wait(60)
        before = sum(task.looks for task in gateway.tasks.values())
        gateway.wait_for_look(before + 1)  # the first follows: it holds the folder
        command = [sys.executable, "-m", "apixo_mcp", "worker", "--until-idle"]
        second = subprocess.run(command, env=os.environ | environment, capture_output=True, timeout=60, check=False)
        assert second.returncode == 0
        assert b"another worker" in second.stderr
        gateway.held = False
        wait_until(lambda: not workers(tmp_path))


@pytest.mark.parametrize("signals", [("SIGTERM", "SIGTERM"), ("SIGINT", "SIGINT"), ("SIGHUP",)])
def test_no_signal_cuts_off_the_answer_to_a_submit(
    gateway: Imitation, tmp_path: Path, signals: tuple[str, ...]
) -> None:
    gateway.create_delay = 1.5
    gateway.held = True
    with Process(server_env(gateway, tmp_path)) as server:
        server.start().send("tools/call", {"name": "generate_image", "arguments": ASK | {"wait_seconds": 50}})
        gateway.wait_for_post()
        for name in signals:
            server.process.send_signal(getattr(signal, name))
        server.process.wait(60)
    with Process(server_env(gateway, tmp_path)) as server:
        task = server.start().call("list_tasks", {})["structuredContent"]["tasks"][0]
    assert task["state"] in ("pending", "processing")
    assert len(gateway.posts()) == 1
