"""Commands that serve or stay, and what they say where they cannot: in processes of their own."""

import json
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner
from support.shell import alone, started

from apixo_mcp.cli.main import stdio_sandbox
from apixo_mcp.cli.program import program


@contextmanager
def taken() -> Iterator[str]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


def end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.communicate(timeout=90)
    assert process.returncode == 0 or sys.platform == "win32", "it did not end in an orderly way"


@pytest.mark.process
def test_a_sandbox_on_any_port_tells_its_real_address(folders: dict[str, str]):
    process = started("sandbox", "--port", "0", "--speed", "50", variables=folders)
    try:
        assert process.stdout
        told = [process.stdout.readline() for _ in range(7)]
        variables = dict(line.strip().split("=", 1) for line in told[1:])
        address = variables["APIXO_BASE_URL"]
        assert f"at {address}, 50 times as fast" in told[0]
        assert variables["APIXO_MCP_POLL_SCALE"] == "0.02"
        done = alone("doctor", **folders, **variables)
        assert f"{address} answers" in done.stdout, done
    finally:
        end(process)


@pytest.mark.process
def test_a_server_on_any_port_tells_its_real_address(folders: dict[str, str]):
    process = started("serve", "--transport", "http", "--port", "0", variables=folders)
    try:
        assert process.stderr
        found = re.search(r"serving at (http://127\.0\.0\.1:[1-9]\d*)/mcp and ", process.stderr.readline())
        assert found
        assert httpx2.get(f"{found[1]}/healthz", trust_env=False, timeout=60).json()["status"] == "ok"
    finally:
        end(process)


@pytest.mark.process
@pytest.mark.parametrize("words", [("sandbox",), ("serve", "--transport", "sse", "--sandbox")])
def test_a_port_that_is_taken(words: tuple[str, ...], folders: dict[str, str]):
    with taken() as port:
        done = alone(*words, "--port", port, **folders)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        rf"(apixo-mcp|Error): 127\.0\.0\.1 port {port} cannot be listened on: .+ "
        r"Choose another (--)?port\.\n",
        done.stderr,
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sandbox", "--speed", "0"), "'--speed': 0.0 is not in the range x>0"),
        (("sandbox", "--port", "70000"), "'--port': 70000 is not in the range 0<=x<=65535"),
        (("serve", "--port", "70000"), "'--port': 70000 is not in the range 0<=x<=65535"),
    ],
)
def test_a_number_out_of_range(words: tuple[str, ...], told: str):
    done = CliRunner().invoke(program, words)
    assert done.exit_code == 2
    assert told in done.stderr


@pytest.mark.process
def test_a_demo_of_no_model_says_so(folders: dict[str, str]):
    done = alone("demo", "--model", "nano-banan", **folders)
    assert done.returncode == 1
    assert "Did you mean nano-banana" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
def test_a_worker_tells_of_a_broken_store_in_a_line(folders: dict[str, str]):
    assert alone("tasks", "list", **folders).returncode == 0
    with closing(sqlite3.connect(Path(folders["APIXO_MCP_HOME"]) / "tasks.sqlite3")) as store:
        store.execute("DROP TABLE lease")
    done = alone("worker", **folders, APIXO_API_KEY="sk-mine", APIXO_MCP_LOG_LEVEL="CRITICAL")
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("apixo-mcp: ")
    assert "no such table: lease" in line


@pytest.mark.process
def test_a_worker_with_nothing_to_follow_leaves(folders: dict[str, str]):
    done = alone("worker", "--until-idle", **folders)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "nothing to follow, or another worker has this data folder\n"


@pytest.mark.process
@pytest.mark.parametrize("words", [("serve",), ("serve", "--sandbox"), ("worker",)])
def test_a_data_folder_that_cannot_be_made(words: tuple[str, ...], folders: dict[str, str], tmp_path: Path):
    (tmp_path / "file").touch()
    done = alone(*words, **folders | {"APIXO_MCP_HOME": str(tmp_path / "file")}, APIXO_MCP_PRICES="")
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("apixo-mcp: ")
    assert str(tmp_path / "file") in line


@pytest.mark.process
@pytest.mark.parametrize("words", [("serve",), ("serve", "--transport", "http")])
def test_a_setting_that_cannot_be_used(words: tuple[str, ...], folders: dict[str, str]):
    done = alone(*words, **folders, APIXO_MCP_AUTO_RETRY="often")
    assert (done.returncode, done.stdout) == (1, "")
    told = "apixo-mcp: APIXO_MCP_AUTO_RETRY: must be a whole number, at least 0, at most 10 (got 'often')\n"
    assert done.stderr == told


@pytest.mark.process
def test_a_variable_that_is_no_setting_is_logged_at_the_start(folders: dict[str, str]):
    done = alone("serve", **folders, APIXO_MCP_DOWNLOAD_FOLDER="/tmp")
    assert done.returncode == 0
    told = "APIXO_MCP_DOWNLOAD_FOLDER is no setting and is ignored. Did you mean APIXO_MCP_DOWNLOAD_DIR?"
    assert done.stderr.count(told) == 1


@pytest.mark.parametrize(
    ("words", "sandbox"),
    [
        ([], False),
        (["serve"], False),
        (["serve", "--transport", "stdio"], False),
        (["serve", "--sandbox"], True),
        (["serve", "--sandbox", "--transport=stdio"], True),
        (["--sandbox"], None),
        (["serve", "--transport", "http"], None),
        (["serve", "--port", "8000"], None),
        (["doctor"], None),
    ],
)
def test_what_hosts_start_does_without_the_command_line(words: list[str], sandbox: bool | None):
    assert stdio_sandbox(words) is sandbox


@pytest.mark.process
def test_a_server_with_a_sandbox_greets_as_it_would_without_the_early_stage(folders: dict[str, str]):
    process = started("serve", "--sandbox", variables=folders)
    said = [
        '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", '
        '"capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}\n',
        '{"jsonrpc": "2.0", "method": "notifications/initialized"}\n',
        '{"jsonrpc": "2.0", "id": 2, "method": "tools/list"}\n',
    ]
    try:
        assert process.stdin
        assert process.stdout
        process.stdin.writelines(said)
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        _, told = process.communicate(timeout=90)
    finally:
        process.kill()
    assert [answer["id"] for answer in answers] == [1, 2]
    assert "KEY" not in answers[0]["result"]["instructions"], "a sandbox needs no key"
    assert told == "", "it logs an error where the server greets otherwise"
