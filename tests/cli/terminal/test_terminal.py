"""Commands in a terminal: what is drawn fits it, and a server that was started by hand says what it waits for."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from anyio.to_thread import run_sync
from support.shell import COMMAND, Typed, made

if sys.platform == "win32":
    pytest.skip("a terminal is made as POSIX does it", allow_module_level=True)

import fcntl
import pty
import struct
import termios

pytestmark = [pytest.mark.anyio, pytest.mark.process]


def in_terminal(words: tuple[str, ...], variables: Mapping[str, str], columns: int, until: str = "") -> tuple[str, int]:
    """What a command shows in a terminal of so many columns until it ends, or until it has shown some words."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm", **variables}
    environment.pop("COLUMNS", None)
    process = subprocess.Popen(
        [*COMMAND, *words], env=environment, stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    shown, end = b"", time.monotonic() + 60
    try:
        while time.monotonic() < end and not (until and until.encode() in shown):
            if select.select([ours], [], [], 1.0)[0]:
                try:
                    shown += os.read(ours, 65536)
                except OSError:  # Linux: nobody has the other side any more
                    break
            elif process.poll() is not None:
                break
    finally:
        if until:
            process.send_signal(signal.SIGINT)
        code = process.wait(90)
        os.close(ours)
    return shown.decode(), code


def rows(shown: str) -> list[str]:
    """The bars that were drawn, one after the other in the same line."""
    return [part.rstrip() for part in re.split(r"[\r\n]+", shown) if "%" in part]


@pytest.mark.parametrize("columns", [20, 40, 80, 0])
async def test_a_bar_fits_its_terminal(environment: dict[str, str], columns: int):
    words = ("generate", "nano-banana", "a fox")
    shown, code = await run_sync(in_terminal, words, environment, columns)
    assert code == 0, shown
    drawn = rows(shown)
    assert drawn
    assert max(map(len, drawn)) < (columns or 41)
    assert ("#" in drawn[-1]) is (columns != 20)
    assert "\x1b" not in shown


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"TERM": "dumb", "NO_COLOR": "1"}])
async def test_a_terminal_that_can_write_no_line_anew_gets_lines(
    environment: dict[str, str], variables: dict[str, str]
):
    shown, code = await run_sync(in_terminal, ("generate", "nano-banana", "a fox"), environment | variables, 80)
    assert code == 0, shown
    assert not rows(shown)
    assert re.search(r"^ +\d+\.\d s  (pending|processing|saving|success)\r$", shown, re.M)


async def test_why_it_takes_long_stands_above_the_bar(environment: dict[str, str]):
    words = ("generate", "nano-banana", "a fox [429x1]")
    shown, code = await run_sync(in_terminal, words, environment, 40)
    assert code == 0, shown
    assert "asks for fewer requests (rate limit)" in shown
    assert "second try" in shown


@pytest.mark.parametrize("columns", [40, 80, 120])
async def test_a_list_fits_its_terminal(typed: Typed, environment: dict[str, str], columns: int):
    task_id = await made(typed, "a fox in the snow " * 5)
    shown, code = await run_sync(in_terminal, ("tasks", "list"), environment, columns)
    assert code == 0
    assert shown.startswith(task_id)
    *lines, path = shown.splitlines()
    assert max(map(len, lines)) < columns
    assert Path(path.strip()).is_file(), "a path is whole, however wide the terminal"


@pytest.mark.parametrize("words", [(), ("serve",), ("serve", "--sandbox")])
async def test_a_server_that_is_started_by_hand_says_what_it_waits_for(words: tuple[str, ...], folders: dict[str, str]):
    shown, code = await run_sync(in_terminal, words, folders, 80, "Ctrl-C ends this.")
    assert code in (0, -signal.SIGINT), shown
    assert "Traceback" not in shown
    assert "waiting for an MCP client on standard input" in shown
    assert '"mcpServers"' in shown
    assert ("APIXO_API_KEY" in shown) is ("--sandbox" not in words)


async def test_a_host_is_told_nothing(folders: dict[str, str]):
    def serve() -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, **folders}
        return subprocess.run([*COMMAND], env=environment, input=b"", capture_output=True, timeout=60, check=False)

    done = await run_sync(serve)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
