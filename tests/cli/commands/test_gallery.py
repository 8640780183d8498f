"""`gallery`, as a process of its own: opened once, by one browser, until Ctrl-C."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from support.program import environment, happens, values_for
from support.receiver import SECRET, Receiver
from support.shell import started
from support.task_steps import ask

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings

pytestmark = [pytest.mark.anyio, pytest.mark.process]


@contextmanager
def gallery(box: Sandbox, folder: Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """The running command, where its page is, and the path that opens it."""
    process = started("gallery", "--no-browser", variables=environment(values_for(box, folder) | more))
    try:
        assert process.stderr
        line = process.stderr.readline()
        found = re.search(r"(http://127\.0\.0\.1:\d+)(/open/\S+)", line)
        assert found, line + process.stderr.read()
        yield process, found[1], found[2]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


async def test_its_address_opens_it_once_and_in_one_browser(box: Sandbox, tmp_path: Path) -> None:
    with gallery(box, tmp_path) as (_, url, path):
        async with (
            httpx2.AsyncClient(base_url=url, timeout=60) as first,
            httpx2.AsyncClient(base_url=url, timeout=60) as second,
        ):
            assert (await second.get("/")).status_code == 401, "nobody comes in without its address"
            opened = await first.get(path)
            assert (opened.status_code, opened.headers["location"]) == (303, "/")
            assert (await first.get("/")).headers["content-type"].startswith("text/html")
            assert (await first.get("/api/tasks")).json() == {"tasks": []}
            again = await second.get(path)
            assert again.status_code == 403
            assert "works once" in again.text
            assert (await second.get("/api/tasks")).status_code == 401


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent in another way there")
async def test_ctrl_c_ends_it_though_a_page_listens(box: Sandbox, tmp_path: Path) -> None:
    with gallery(box, tmp_path) as (process, url, path):
        async with httpx2.AsyncClient(base_url=url, timeout=60) as browser:
            await browser.get(path)
            async with browser.stream("GET", "/api/events") as events:
                assert (await anext(events.aiter_lines())).startswith("retry")
                process.send_signal(signal.SIGINT)
                assert process.wait(60) in (0, 130)
                assert process.stderr
                assert "Traceback" not in process.stderr.read()


async def test_what_ends_while_it_is_open_is_told_to_the_operator_s_address(box: Sandbox, tmp_path: Path) -> None:
    receiver = Receiver()
    async with receiver.open():
        more = {"notify_url": receiver.url, "notify_secret": SECRET}
        with gallery(box, tmp_path, **more):
            async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as terminal:
                task = (await ask(terminal, "a fox [took:0]")).task
                await happens(lambda: len(receiver.of(task)) == 1)
