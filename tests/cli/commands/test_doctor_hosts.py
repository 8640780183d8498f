"""`doctor` on hosts: what each would start, found as the host would find it, with its key, and tried."""

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from support.shell import Typed, run

from apixo_mcp.cli.checks.hosts import program_trouble
from apixo_mcp.hosts.entry import Launch
from apixo_mcp.hosts.machine import Machine
from apixo_mcp.hosts.table import HOSTS

pytestmark = pytest.mark.anyio

WORKS = {"command": sys.executable, "args": ["-m", "apixo_mcp"], "env": {"APIXO_API_KEY": "sk-mine-too"}}


def entered(folder: Path, entry: Any, name: str = ".cursor") -> Path:
    """Enters a server in Cursor's file, in the home folder of the tests."""
    path = folder / "user" / name / "mcp.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = entry if isinstance(entry, str) else json.dumps({"mcpServers": {"apixo": entry} if entry else {}})
    path.write_text(text, encoding="utf-8")
    return path


async def told(typed: Typed, **given: str) -> list[dict[str, str]]:
    done = await run(typed, "doctor", "--json", **given)
    assert "sk-mine" not in done.output
    return [entry for entry in json.loads(done.stdout)["findings"] if entry["check"] == "hosts"]


async def test_no_host_is_there(typed: Typed):
    assert await told(typed) == []


async def test_a_host_without_the_server(typed: Typed, tmp_path: Path):
    entered(tmp_path, None)
    [host] = await told(typed)
    assert host["status"] == "ok"
    assert host["said"] == "has no server apixo; `apixo-mcp install cursor` enters it"


@pytest.mark.process
async def test_what_is_entered_is_started(typed: Typed, tmp_path: Path):
    entered(tmp_path, WORKS)
    [host] = await told(typed)
    assert host["status"] == "ok", host
    assert host["said"].endswith("which works")


@pytest.mark.process
async def test_a_server_that_does_not_start(typed: Typed, tmp_path: Path):
    entered(tmp_path, {**WORKS, "env": {**WORKS["env"], "APIXO_MCP_DAILY_BUDGET_USD": "plenty"}})
    [host] = await told(typed)
    assert host["status"] == "mend"
    assert "APIXO_MCP_DAILY_BUDGET_USD: must be a number" in host["said"]


async def test_a_file_that_no_host_reads(typed: Typed, tmp_path: Path):
    path = entered(tmp_path, '{"mcpServers": ')
    [host] = await told(typed)
    assert host["said"].startswith(str(path))
    assert host["mend"] == "Correct the file: Cursor may not read it either."


async def test_a_server_over_http_is_left_to_the_other_way(typed: Typed, tmp_path: Path):
    entered(tmp_path, {"url": "https://team.example/mcp"})
    [host] = await told(typed)
    assert host["status"] == "ok"
    assert "--remote URL" in host["said"]


@pytest.mark.parametrize(
    ("change", "said", "advice"),
    [
        ({"command": "bin/apixo-mcp"}, "found from one folder only", "Write its whole path."),
        ({"command": "/nowhere/apixo-mcp"}, "there is no such program", "Run `apixo-mcp install cursor`."),
        ({"command": "no-such-program-here"}, "(`spawn no-such-program-here ENOENT`)", "Run `apixo-mcp install"),
        ({"env": {}}, "starts the server without a key", "Set APIXO_API_KEY or RUXA_API_KEY in the `env`"),
        ({"env": {"APIXO_API_KEY": "<your key>"}}, "holds a placeholder and no key", "Write the key itself."),
    ],
)
async def test_an_entry_that_cannot_work(typed: Typed, tmp_path: Path, change: Any, said: str, advice: str):
    entered(tmp_path, {**WORKS, **change})
    [host] = await told(typed)
    assert host["status"] == "mend"
    assert said in host["said"]
    assert host["mend"].startswith(advice)


@pytest.mark.skipif(sys.platform == "win32", reason="a program without an ending is none there")
async def test_a_program_in_a_cache(typed: Typed, tmp_path: Path):
    program = tmp_path / "archive-v0" / "x" / "bin" / "apixo-mcp"
    program.parent.mkdir(parents=True)
    program.touch()
    program.chmod(stat.S_IRWXU)
    entered(tmp_path, {**WORKS, "command": str(program)})
    [host] = await told(typed)
    assert "lies in a cache that is emptied some day" in host["said"]


@pytest.mark.skipif(sys.platform == "win32", reason="a program without an ending is none there")
@pytest.mark.parametrize(
    ("name", "platform", "is_found"),
    [
        ("claude-desktop", "macos", False),
        ("claude-code", "macos", True),
        ("vscode", "macos", True),
        ("claude-desktop", "linux", True),
    ],
)
def test_a_program_that_only_a_shell_finds(tmp_path: Path, name: str, platform: Any, is_found: bool):
    program = tmp_path / "bin" / "uvx-of-a-test"
    program.parent.mkdir()
    program.touch()
    program.chmod(stat.S_IRWXU)
    machine = Machine(platform, tmp_path, {"PATH": str(program.parent)})
    trouble = program_trouble(HOSTS[name], Launch(program.name), machine)
    assert (trouble is None) is is_found
    if trouble is not None:
        assert "(`spawn uvx-of-a-test ENOENT`): it sees no PATH of your shell" in trouble[0]
        assert trouble[1] == f"Write the whole path, {program}."
        with_path = Launch(program.name, (), {"PATH": str(program.parent)})
        assert program_trouble(HOSTS[name], with_path, machine) is None


@pytest.mark.skipif(sys.platform == "win32", reason="a program without an ending is none there")
async def test_a_container_is_not_tried(typed: Typed, tmp_path: Path):
    program, mark = tmp_path / "docker", tmp_path / "was started"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    program.chmod(stat.S_IRWXU)
    entered(tmp_path, {**WORKS, "command": str(program), "args": ["run", "-i", "-v", "tasks:/data", "apixo-mcp"]})
    [host] = await told(typed)
    assert (host["status"], mark.exists()) == ("ok", False)
    assert "which is not tried" in host["said"]
