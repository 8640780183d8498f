"""The log: a line for each submit, end and saving, in a file that several processes share."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import anyio
import httpx2
import pytest
from anyio.to_thread import run_sync
from support.amounts import in_time
from support.program import happens, values_for
from support.shell import alone

from apixo_mcp.app import open_app
from apixo_mcp.cli.process.log import LogFile
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

SECRET = "a very secret fox"


async def generated(environment: dict[str, str], prompt: str, **variables: str) -> subprocess.CompletedProcess[str]:
    with in_time(60):
        return await run_sync(lambda: alone("generate", "nano-banana", prompt, **{**environment, **variables}))


@pytest.mark.process
async def test_the_work_is_told_and_nothing_of_the_prompt(environment: dict[str, str], tmp_path: Path):
    log = tmp_path / "logs" / "apixo.log"
    done = await generated(environment, SECRET, APIXO_MCP_LOG_FILE=str(log))
    assert done.returncode == 0, done.stderr
    told = log.read_text(encoding="utf-8")
    lines = [line.split(": ", 1)[1] for line in told.splitlines() if "telemetry.logs" in line]
    assert [line.split(" task=")[0] for line in lines] == ["admitted", "submitted", "ended", "saved"]
    admitted, submitted, ended, saved = (
        dict(fact.split("=") for fact in line.split() if "=" in fact) for line in lines
    )
    assert (admitted["owner"], admitted["how"]) == ("local", "new")
    assert submitted.keys() == {"task", "owner", "model", "gateway", "remote_id", "seconds", "usd"}
    assert (submitted["model"], submitted["gateway"]) == ("nano-banana", "apixo")
    assert (ended["state"], ended["results"], float(ended["seconds"]) >= 0) == ("success", "1", True)
    assert (saved["index"], saved["type"]) == ("0", "image/jpeg")
    assert int(saved["bytes"]) == Path(done.stdout.strip()).stat().st_size
    for word in ("secret", "fox", "http", "sk-mine"):
        assert word not in told
    assert "telemetry.logs" not in done.stderr, "standard error stays at its own level"


@pytest.mark.process
@pytest.mark.parametrize(
    ("prompt", "facts"),
    [
        ("[fail:CONTENT_VIOLATION] " + SECRET, {"state": "failed", "error": "CONTENT_VIOLATION"}),
        ("[http:402] " + SECRET, {"state": "failed", "charged": "no"}),
        ("[cut] " + SECRET, {"state": "unknown", "error": "SUBMIT_UNKNOWN", "charged": "unknown"}),
    ],
)
async def test_each_end_is_told(environment: dict[str, str], tmp_path: Path, prompt: str, facts: dict[str, str]):
    log = tmp_path / "apixo.log"
    await generated(environment, prompt, APIXO_MCP_LOG_FILE=str(log), APIXO_MCP_LOG_FORMAT="json")
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    [ended] = [entry for entry in entries if entry["message"].startswith("ended")]
    assert ended.items() >= {"level": "INFO", "model": "nano-banana", **facts}.items()
    assert ended["task"].startswith("tsk_")
    assert "secret" not in log.read_text(encoding="utf-8")


@pytest.mark.process
async def test_a_log_that_cannot_be_written_to_is_told_and_no_more(environment: dict[str, str], tmp_path: Path):
    (tmp_path / "file").touch()
    done = await generated(environment, SECRET, APIXO_MCP_LOG_FILE=str(tmp_path / "file" / "apixo.log"))
    assert done.returncode == 0, done.stderr
    assert "APIXO_MCP_LOG_FILE" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
async def test_a_level_counts_for_the_file_too(environment: dict[str, str], tmp_path: Path):
    log = tmp_path / "apixo.log"
    done = await generated(environment, SECRET, APIXO_MCP_LOG_FILE=str(log), APIXO_MCP_LOG_LEVEL="error")
    assert done.returncode == 0, done.stderr
    assert log.read_text(encoding="utf-8") == ""


OWNERS = """
import anyio, pathlib, sys
from apixo_mcp.app import open_app
from apixo_mcp.cli.process.log import start_logging
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner, Scope

async def main():
    settings = read_settings()
    start_logging(settings)
    async with open_app(settings, follow=False) as app:
        alice = Owner("alice\\n", Scope.READ, ("nano-*",), keys={"apixo": "ALICE_KEY"})
        await app.owners.add(alice, "a-hash")
        await app.owners.add(alice, "a-hash")
        await app.owners.change(alice.name, lambda _: alice)
        await app.owners.set_token(alice.name, "another-hash")
        await app.owners.revoke(alice.name)
        await app.owners.revoke("nobody")

anyio.run(main)
"""


@pytest.mark.process
@pytest.mark.parametrize("level", ["", "ERROR"])
async def test_each_change_of_owners_is_in_the_log_file_whatever_its_level(
    environment: dict[str, str], tmp_path: Path, level: str
):
    log = tmp_path / "apixo.log"
    variables = {**environment, "APIXO_MCP_LOG_FILE": str(log), "APIXO_MCP_LOG_FORMAT": "json"}
    if level:
        variables["APIXO_MCP_LOG_LEVEL"] = level
    command = [sys.executable, "-c", OWNERS]
    with in_time(60):
        done = await anyio.run_process(command, env={**os.environ, **variables}, check=False)
    told = done.stderr.decode()
    assert done.returncode == 0, told
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [entry["change"] for entry in entries] == ["added", "changed", "token set", "revoked"]
    assert {entry["logger"] for entry in entries} == {"apixo_mcp.audit"}
    assert entries[0]["terms"] == "scope read, no limits but the server's, models nano-*, apixo key of ALICE_KEY"
    assert "hash" not in log.read_text(encoding="utf-8")
    assert "audit" not in told, "standard error stays at its own level"


def test_a_file_that_is_full_makes_room(tmp_path: Path):
    path = tmp_path / "a.log"
    handler = LogFile(path, largest=100, kept=2)
    for number in range(50):
        handler.emit(logging.LogRecord("x", logging.INFO, "", 0, f"line {number:02}", None, None))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]
    lines = [line for name in ("a.log.2", "a.log.1", "a.log") for line in (tmp_path / name).read_text().splitlines()]
    assert lines == [f"line {number:02}" for number in range(50 - len(lines), 50)]
    assert all((tmp_path / name).stat().st_size <= 100 for name in ("a.log", "a.log.1", "a.log.2"))


def test_a_file_that_is_taken_away_is_written_anew(tmp_path: Path):
    path = tmp_path / "logs" / "a.log"
    handler = LogFile(path)
    path.unlink()
    path.parent.rmdir()
    handler.emit(logging.LogRecord("x", logging.INFO, "", 0, "still \ud83d here", None, None))
    assert path.read_text(encoding="utf-8") == "still \\ud83d here\n"


WRITER = """
import logging, pathlib, sys
from apixo_mcp.cli.process.log import LogFile
handler = LogFile(pathlib.Path(sys.argv[1]), largest=4000, kept=50)
for number in range(400):
    handler.emit(logging.LogRecord("x", logging.INFO, "", 0, f"{sys.argv[2]} {number:03}", None, None))
"""


@pytest.mark.process
def test_processes_that_share_a_file_lose_and_mix_nothing(tmp_path: Path):
    path = tmp_path / "a.log"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, name], stderr=subprocess.PIPE) for name in ("a", "b", "c")]
    told = [writer.communicate(timeout=60)[1] for writer in writers]
    assert told == [b""] * 3
    lines = [line for file in tmp_path.glob("a.log*") for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{name} {number:03}" for name in ("a", "b", "c") for number in range(400))


async def test_refused_requests_and_callbacks_are_told(box: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "apixo_mcp")
    listener = listen("127.0.0.1", 0)
    url = url_of(listener)
    values = {**values_for(box, tmp_path), "public_url": url}
    async with (
        open_app(read_settings(**values), public=True) as app,
        serving(app, build_server(app), listener),
        httpx2.AsyncClient(trust_env=False, timeout=60) as http,
    ):
        await http.get(f"{url}/mcp?secret=1", headers={"host": "evil.example"})
        await http.get(f"{url}/mcp", headers={"origin": "http://evil.example"})
        await http.get(f"{url}/nowhere/secret")
        await http.post(f"{url}/callbacks/secret", json={"taskId": "x"})
        await http.delete(f"{url}/healthz")
        await happens(lambda: len(caplog.records) >= 5)
    told = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert [line.split("status=")[1].split()[0] for line in told] == ["421", "403", "404", "404", "405"]
    assert "host='evil.example'" in told[0]
    assert "origin='http://evil.example'" in told[1]
    assert "path='/callbacks'" in told[3]
    assert "secret" not in "".join(told)
