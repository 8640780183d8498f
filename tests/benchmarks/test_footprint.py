"""What a hundred tasks at once cost one server process, and that it is quiet afterwards."""

import json
import re
import time
from pathlib import Path

import anyio
import pytest
from support.driver import Process, server_env
from support.imitation import Imitation
from support.sqlite_connections import connections

from apixo_mcp.app import open_app
from apixo_mcp.settings import read_settings

TASKS = 100
RSS_LIMIT_MB = 130
IDLE_SECONDS = 12
IDLE_CPU_LIMIT = 0.002  # of a core
SETTLED_AFTER = 2.0  # seconds: the catalog is built ahead, a second after the start
SWEPT_EVERY = 5.0
BALANCE = "/api/v1/apikeys/current-balance"
OF_A_SWEEP = 2  # statements: what has lapsed, and what is due


def memory_mb(pid: int, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def test_a_hundred_tasks_at_once_fit_and_leave_silence(tmp_path: Path):
    with Imitation() as gateway, Process(server_env(gateway, tmp_path)) as server:
        started = time.monotonic()
        server.start()
        print(f"\nstart: {time.monotonic() - started:.2f} s, RSS {memory_mb(server.process.pid, 'VmRSS'):.1f} MB")
        gateway.looks_needed = 5
        started = time.monotonic()
        numbers = [
            server.send(
                "tools/call",
                {
                    "name": "generate_image",
                    "arguments": {"model": "nano-banana", "prompt": f"fox number {number}", "wait_seconds": 50},
                },
            )
            for number in range(TASKS)
        ]
        waiting, tasks = set(numbers), []
        while waiting:
            line = server.queue.get(timeout=60)
            assert line
            message = json.loads(line)
            if message.get("id") in waiting:
                waiting.remove(message["id"])
                tasks.append(message["result"]["structuredContent"])
        took = time.monotonic() - started
        assert [task["state"] for task in tasks] == ["success"] * TASKS
        assert len({task["results"][0]["path"] for task in tasks}) == TASKS
        assert len(gateway.posts()) == TASKS

        before = len(gateway.requests())
        cpu = cpu_seconds(server.process.pid)
        time.sleep(IDLE_SECONDS)
        used = cpu_seconds(server.process.pid) - cpu
        now, peak = (memory_mb(server.process.pid, field) for field in ("VmRSS", "VmHWM"))
        print(f"{TASKS} tasks: {took:.2f} s, RSS {now:.1f} MB, peak {peak:.1f} MB; idle: {used / IDLE_SECONDS:.2%} CPU")
        later = [entry.path for entry in gateway.requests()[before:]]
        assert later in ([], [BALANCE]), "once what was spent is known, it may ask for what is left"
        assert peak < RSS_LIMIT_MB
        assert used / IDLE_SECONDS < IDLE_CPU_LIMIT


@pytest.mark.anyio
async def test_an_idle_program_hardly_reads_its_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opened = connections(monkeypatch)
    settings = read_settings(home=tmp_path, download_dir=tmp_path / "pictures", apixo_api_key="sk-idle")
    statements: list[str] = []
    async with open_app(settings, owners=False):  # as over a pipe
        await anyio.sleep(SETTLED_AFTER)
        opened[str(tmp_path / "tasks.sqlite3")].set_trace_callback(statements.append)
        await anyio.sleep(IDLE_SECONDS)
        found = list(statements)
    print(f"\nidle: {len(found)} statements in {IDLE_SECONDS} s")
    assert len(found) <= (IDLE_SECONDS / SWEPT_EVERY + 1) * OF_A_SWEEP


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100
