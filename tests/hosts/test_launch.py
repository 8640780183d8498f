"""Which command line is written: one that still starts tomorrow."""

from pathlib import Path

import pytest

from apixo_mcp.hosts.launch import Asker, commands, is_throw_away
from apixo_mcp.hosts.machine import Machine, Platform


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    path.chmod(0o755)
    return path


def told(home: Path, asker: Asker, platform: Platform = "linux", extra: str = "", **env: str) -> list[list[str]]:
    machine = Machine(platform, home, {"PATH": "", **env})
    lines = [list(line) for line in commands(machine, asker, extra=extra)]
    # What this machine itself has is left out.
    return [line for line in lines if line[0].startswith(str(home))]


@pytest.mark.parametrize(
    ("platform", "name"), [("linux", "apixo-mcp"), ("macos", "apixo-mcp"), ("windows", "apixo-mcp.exe")]
)
def test_the_program_beside_the_interpreter_comes_first(platform: Platform, name: str, tmp_path: Path):
    python = program(tmp_path / "venv/bin/python")
    script = program(tmp_path / "venv/bin" / name)
    lines = told(tmp_path, Asker(str(script), python), platform)
    assert lines == [[str(script)], [str(python), "-m", "apixo_mcp"]]


def test_the_name_on_the_path_outlives_the_environment_behind_it(tmp_path: Path):
    python = program(tmp_path / ".local/share/uv/tools/apixo-mcp/bin/python")
    script = program(tmp_path / ".local/share/uv/tools/apixo-mcp/bin/apixo-mcp")
    shim = tmp_path / ".local/bin/apixo-mcp"
    shim.parent.mkdir(parents=True)
    shim.symlink_to(script)
    assert told(tmp_path, Asker("apixo-mcp", python), PATH=str(shim.parent))[0] == [str(shim)]
    assert told(tmp_path, Asker(str(script), python))[0] == [str(shim)]


@pytest.mark.parametrize(
    "cache", [".cache/uv/archive-v0/x", "AppData/Local/uv/cache/environments-v2/x", ".cache/pipx/x"]
)
def test_nothing_in_a_cache_is_ever_written(cache: str, tmp_path: Path):
    python = program(tmp_path / cache / "bin/python")
    script = program(tmp_path / cache / "bin/apixo-mcp")
    assert is_throw_away(script)
    asker = Asker(str(script), python)
    assert told(tmp_path, asker) == []
    uvx = program(tmp_path / "uv/uvx")
    assert told(tmp_path, asker, UV=str(tmp_path / "uv/uv")) == [
        [str(uvx), "--offline", "apixo-mcp"],
        [str(uvx), "apixo-mcp"],
    ]
    installed = program(tmp_path / ".local/bin/apixo-mcp")
    assert told(tmp_path, asker, UV=str(tmp_path / "uv/uv"))[0] == [str(installed)]


def test_a_link_into_a_cache_is_one_too(tmp_path: Path):
    script = program(tmp_path / ".cache/uv/archive-v0/x/bin/apixo-mcp")
    link = tmp_path / ".local/bin/apixo-mcp"
    link.parent.mkdir(parents=True)
    link.symlink_to(script)
    assert told(tmp_path, Asker(str(link), script.with_name("python"))) == []


def test_uvx_brings_the_extra_that_is_needed(tmp_path: Path):
    uvx = program(tmp_path / ".local/bin/uvx")
    lines = told(tmp_path, Asker("", tmp_path / "none"), extra="keyring")
    assert lines[-1] == [str(uvx), "--from", "apixo-mcp[keyring]", "apixo-mcp"]
