"""The plugin, as Claude Code's own command line validates, installs and starts it."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import npm
import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PLUGIN = ROOT / "packaging" / "claude-code"


@pytest.fixture(scope="module")
def claude() -> Path:
    """Claude Code's program: that of its package for this platform, which its installer would copy."""
    modules = npm.install(HERE)
    return next(
        path for name in ("claude", "claude.exe") for path in modules.glob(f"@anthropic-ai/claude-code-*/{name}")
    )


def run(claude: Path, home: Path, *words: str, **more: str) -> str:
    environment = {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "PATH": os.pathsep.join((str(home / "bin"), os.environ["PATH"])),
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "MCP_TIMEOUT": "60000",
        **more,
    }
    done = subprocess.run(
        [str(claude), *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder whose `uvx` is this project: the package is tried in test_uvx.py."""
    folder = tmp_path / "home"
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / "uvx"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = apixo-mcp ] || exit 3\necho "key=$APIXO_API_KEY." > "{folder}/environment"\n'
        f'exec "{sys.executable}" -m apixo_mcp\n',
        encoding="utf-8",
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.mark.parametrize("what", [ROOT, PLUGIN], ids=["marketplace", "plugin"])
def test_it_is_valid_and_only_the_version_is_left_to_the_commit(what: Path, claude: Path, home: Path):
    told = run(claude, home, "plugin", "validate", str(what))
    assert re.findall(r"Found (\d+) (.*):", told) == [("1", "warning")], told
    assert "No version specified" in told


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for uvx is a shell script")
def test_it_is_installed_with_its_skill_and_its_server_connects_without_a_key(claude: Path, home: Path):
    run(claude, home, "plugin", "marketplace", "add", "./")
    run(claude, home, "plugin", "install", "apixo@apixo-mcp")
    assert "making-media" in run(claude, home, "plugin", "details", "apixo")
    assert "Connected" in run(claude, home, "mcp", "get", "plugin:apixo:apixo")
    assert (home / "environment").read_text(encoding="utf-8") == "key=.\n"
    run(claude, home, "mcp", "get", "plugin:apixo:apixo", APIXO_API_KEY="sk-from-the-shell")
    assert (home / "environment").read_text(encoding="utf-8") == "key=sk-from-the-shell.\n"
