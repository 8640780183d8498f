"""`apixo-mcp worker` on a database: as a process, with what watches over it, and as it ends."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest
from anyio.to_thread import run_sync
from support.amounts import here, in_time
from support.proxies import free_port
from support.stalling import stalling
from support.task_steps import ask
from support.wells import becomes

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.task import State

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.process]

DRAINED_WITHIN = 10.0


@contextmanager
def worker(folder: Path, box: Sandbox, database: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {
        **os.environ,
        "APIXO_API_KEY": "sk-worker",
        "APIXO_BASE_URL": box.url,
        "APIXO_MCP_HOME": str(folder / "home"),
        "APIXO_MCP_DOWNLOAD_DIR": str(folder / "pictures"),
        "APIXO_MCP_ALLOW_PRIVATE_HOSTS": "1",
        "APIXO_MCP_POLL_SCALE": "0.2",
        "APIXO_MCP_DATABASE_URL": database,
    }
    command = [sys.executable, "-m", "apixo_mcp", "worker", *arguments]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_it_follows_is_watched_over_and_ends_in_order(tmp_path: Path, postgres_url: str) -> None:
    port = free_port()
    async with Sandbox(speed=20) as box:
        settings = read_settings(
            home=tmp_path / "home",
            download_dir=tmp_path / "pictures",
            apixo_api_key="sk-worker",
            apixo_base_url=box.url,
            allow_private_hosts=True,
            poll_scale=0.2,
            database_url=postgres_url,
        )
        with worker(tmp_path, box, postgres_url, "--health-port", str(port)) as process:
            assert process.stderr
            assert "following what is open in the database" in await run_sync(process.stderr.readline)
            await becomes(port, lambda status: status == 200, 15)
            async with open_app(settings) as asked:
                task = (await ask(asked)).tasks[0]
                assert (await asked.service.wait(task, here(30))).state is State.SUCCESS
                metrics = await run_sync(
                    lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
                )
                assert re.search(r'apixo_polls_total\{gateway="apixo",outcome="\w+"\} [1-9]', metrics)
                assert "apixo_most_overdue_seconds 0.0" in metrics
                assert await asked.owners.add(Owner("alice"), "")
                with pytest.raises(urllib.error.HTTPError, match="401"):
                    await run_sync(urllib.request.urlopen, f"http://127.0.0.1:{port}/metrics")
            process.send_signal(signal.SIGTERM)
            with in_time(DRAINED_WITHIN):
                await run_sync(process.wait)
            assert process.returncode == 0


async def test_one_that_cannot_reach_its_database_says_so_within_15_s(tmp_path: Path, postgres_url: str) -> None:
    port, server = free_port(), urlsplit(postgres_url)
    assert server.port
    async with Sandbox() as box, stalling(server.port) as proxy:
        behind = postgres_url.replace(f":{server.port}/", f":{proxy.port}/")
        with worker(tmp_path, box, behind, "--health-port", str(port)):
            await becomes(port, lambda status: status == 200, 30)
            proxy.stall()
            noticed = await becomes(port, lambda status: status == 503, 15)
            await anyio.sleep(20)
            proxy.go_on()
            back = await becomes(port, lambda status: status == 200, 15)
    print(f"\nnot ready {noticed:.1f} s after it was cut off; ready again {back:.1f} s after that was over")
