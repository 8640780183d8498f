"""Keys are planted, what can fail is made to fail at the loudest log level, and all that was written is read."""

import base64
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import anyio.to_thread
import pytest
from support.amounts import here
from support.driver import COMMAND, Process
from support.wire import Wire, answer, envelope

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

APIXO_KEY = "sk-planted/apixo+R7xQ2mZ81w=="
RUXA_KEY = "sk-planted/ruxa+K9vL4pT63d=="
SHOWN = "planted-visible-marker"


def traces(key: str) -> list[bytes]:
    """The key as it may turn up: plain, a long part of it, quoted, in Base64, backwards."""
    raw = key.encode()
    encoded = {base64.b64encode(b"x" * shift + raw)[4 * (shift > 0) + 2 : -4] for shift in range(3)}
    return [raw, raw[-10:], quote(key, safe="").encode(), key[::-1].encode(), *encoded]


def found_in(folder: Path) -> list[str]:
    found: list[str] = []
    for path in sorted(folder.rglob("*")):
        names = str(path.relative_to(folder)).encode()
        content = path.read_bytes() if path.is_file() else b""
        found += [
            f"{path}: {trace!r}" for key in (APIXO_KEY, RUXA_KEY) for trace in traces(key) if trace in names + content
        ]
    return found


def environment(url: str, folder: Path, **more: str) -> dict[str, str]:
    return {
        "APIXO_API_KEY": APIXO_KEY,
        "RUXA_API_KEY": RUXA_KEY,
        "APIXO_BASE_URL": url,
        "RUXA_BASE_URL": url,
        "APIXO_MCP_HOME": str(folder / "home"),
        "APIXO_MCP_DOWNLOAD_DIR": str(folder / "pictures"),
        "APIXO_MCP_ALLOW_PRIVATE_HOSTS": "1",
        "APIXO_MCP_POLL_SCALE": "0.01",
        "APIXO_MCP_LOG_LEVEL": "DEBUG",
    } | more


MARKS = (
    "", "[http:401]", "[http:500:html]", "[cut]", "[null-data]", "[look:401x1]", "[look:cutx2]", "[look:html]",
    "[fail:NSFW_DETECTED]", "[file:404]", "[file:cut]", "[file:html]", "[empty-result]", "[http:503]",
)  # fmt: skip


def test_the_search_finds_a_key_in_any_of_its_forms(tmp_path: Path):
    for number, text in enumerate(
        [
            APIXO_KEY,
            f"Bearer {RUXA_KEY}",
            quote(RUXA_KEY, safe=""),
            base64.b64encode(f"user:{APIXO_KEY}".encode()).decode(),
        ]
    ):
        (tmp_path / "file").write_text(f"before {text} after")
        assert found_in(tmp_path), number


@pytest.mark.usefixtures("in_full")
async def test_no_key_is_written_anywhere(box: Sandbox, wire: Wire, tmp_path: Path):
    echo = f"Authorization: Bearer {APIXO_KEY} was not accepted (api_key={APIXO_KEY})"
    wire.submits.extend(
        [
            envelope(None, 401, echo, 401),
            envelope(None, 500, echo, 500),
            answer(f"<html>{echo}</html>", 502, "text/html"),
            envelope({"taskId": "r1"}),
            envelope({"taskId": "r2"}),
        ]
    )
    wire.looks.extend(
        [envelope({"state": "failed", "failCode": APIXO_KEY, "failMsg": echo}), envelope(None, 401, echo, 401)]
    )
    (tmp_path / "said").mkdir()
    await anyio.to_thread.run_sync(everything_fails, box.url, tmp_path / "box", tmp_path / "said", True)
    await anyio.to_thread.run_sync(everything_fails, wire.url, tmp_path / "wire", tmp_path / "said", False)
    await anyio.to_thread.run_sync(commands, box.url, tmp_path)
    said = b"".join(path.read_bytes() for path in (tmp_path / "said").iterdir())
    assert b"DEBUG" in said, "nothing was logged at all"
    assert said.count(b"broken on purpose") >= 2, "nothing crashed"
    assert b"Traceback" in said
    assert SHOWN.encode() in said, "answers were not kept"
    assert not found_in(tmp_path)
    files = sum(path.is_file() for path in tmp_path.rglob("*"))
    print(f"\nsearched {files} files, {len(said):,} bytes of output")


BROKEN = """
import apixo_mcp.media.outcomes
import apixo_mcp.server.tools.handlers.models

def broken(*given, **named):
    raise RuntimeError(f"broken on purpose: {given!r} {named!r}")

apixo_mcp.server.tools.handlers.models.list_text = broken
apixo_mcp.media.outcomes.read_facts = broken
"""
"""Read by Python as it starts: a tool and the saving of a file crash."""


def everything_fails(url: str, folder: Path, said: Path, is_sandbox: bool) -> None:
    """One server at DEBUG, every kind of failure and crash, and at the end its store is broken under its feet."""
    (folder / "start").mkdir(parents=True)
    (folder / "start" / "sitecustomize.py").write_text(BROKEN)
    with Process(environment(url, folder, PYTHONPATH=str(folder / "start"))) as server:
        server.start()
        asked: list[int] = []
        for number, mark in enumerate(MARKS if is_sandbox else ("", "", "", "", "")):
            for model in ("nano-banana", "ruxa/google/nano-banana") if is_sandbox else ("nano-banana",):
                arguments = {"model": model, "prompt": f"{SHOWN} {number} {mark}", "wait_seconds": 5}
                asked.append(server.send("tools/call", {"name": "generate_image", "arguments": arguments}))
        answered: set[int] = set()
        while not answered.issuperset(asked):
            answered.add(json.loads(server.queue.get(timeout=90)).get("id"))
        until = time.monotonic() + here(60)
        while is_sandbox and b"broken on purpose" not in server.stderr():  # it saves files, and that crashes
            assert time.monotonic() < until, "nothing crashed"
            time.sleep(0.1)
        server.call("generate_image", {"model": APIXO_KEY[3:9], "prompt": "a fox", "provider": "x", "nonsense": 1})
        for tool in ("get_usage", "list_tasks", "list_models"):
            server.call(tool, {})
        server.ask("resources/read", {"uri": "apixo://tasks/tsk_none"})
        server.send_line(b"not json")
        with closing(sqlite3.connect(folder / "home" / "tasks.sqlite3", timeout=60)) as database:
            database.execute("drop table task")
        for tool, arguments in (
            ("generate_image", {"model": "nano-banana", "prompt": "after the crash"}),
            ("check_task", {"task_id": "tsk_x"}),
            ("list_tasks", {}),
        ):
            assert server.call(tool, arguments)["isError"]
        server.kill()
        server.reader.join(60)
        (said / f"stdout-{folder.name}").write_bytes(b"".join(server.lines))
        (said / f"stderr-{folder.name}").write_bytes(server.stderr())


def commands(url: str, folder: Path) -> None:
    """Commands that tell about settings, and starts that fail."""
    in_the_way = folder / "in-the-way"
    in_the_way.write_text("a file")
    for number, (words, more) in enumerate(
        (
            (["doctor"], {}),
            (["usage"], {}),
            (["tasks", "list"], {}),
            (["generate", "nano-banana", f"{SHOWN} [http:401]"], {}),
            ([], {"APIXO_MCP_HOME": str(in_the_way)}),
            ([], {"APIXO_BASE_URL": "ftp://wrong"}),
            ([], {"APIXO_MCP_POLL_SCALE": "none"}),
            (["doctor"], {"APIXO_API_KEY": f"{APIXO_KEY} with a space"}),
        )
    ):
        done = subprocess.run(
            [*COMMAND, *words],
            env=environment(url, folder / "commands", **more) | {"PATH": os.environ.get("PATH", "")},
            input=b"",
            capture_output=True,
            timeout=60,
            check=False,
        )
        (folder / "said" / f"command-{number}").write_bytes(done.stdout + done.stderr)


def test_a_crash_report_of_python_itself_holds_no_key(tmp_path: Path):
    """An exception that nobody catches, with a client and its key on the stack."""
    script = (
        "import faulthandler, logging, sys, anyio\n"
        "logging.basicConfig(level='DEBUG')\n"
        "from apixo_mcp.app import open_app\n"
        "from apixo_mcp.settings import read_settings\n"
        "async def main():\n"
        "    settings = read_settings()\n"
        "    async with open_app(settings) as app:\n"
        "        print(settings, app, app.accounts, vars(app.accounts['apixo'].gateway).keys())\n"
        "        faulthandler.dump_traceback(sys.stderr)\n"
        "        raise RuntimeError(repr((settings, app)))\n"
        "anyio.run(main)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment("http://127.0.0.1:9", tmp_path), capture_output=True, timeout=60
    )
    (tmp_path / "said").write_bytes(done.stdout + done.stderr)
    assert b"RuntimeError" in done.stderr
    assert not found_in(tmp_path)
