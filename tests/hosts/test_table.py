"""Each host's file on each platform, as its documents have it; the platform is a value, so all are tried on any."""

from pathlib import Path

import pytest

from apixo_mcp.hosts.machine import Machine, Platform, platform_named
from apixo_mcp.hosts.table import HOSTS

DOCUMENTED = {
    "claude-desktop": (
        ".config/Claude/claude_desktop_config.json",
        "Library/Application Support/Claude/claude_desktop_config.json",
        "AppData/Roaming/Claude/claude_desktop_config.json",
    ),
    "claude-code": (".claude.json", ".claude.json", ".claude.json"),
    "cursor": (".cursor/mcp.json", ".cursor/mcp.json", ".cursor/mcp.json"),
    "vscode": (
        ".config/Code/User/mcp.json",
        "Library/Application Support/Code/User/mcp.json",
        "AppData/Roaming/Code/User/mcp.json",
    ),
    "windsurf": (".codeium/windsurf/mcp_config.json",) * 3,
    "codex": (".codex/config.toml",) * 3,
    "gemini": (".gemini/settings.json",) * 3,
    "opencode": (".config/opencode/opencode.json",) * 3,
    "goose": (
        ".config/goose/config.yaml",
        ".config/goose/config.yaml",
        "AppData/Roaming/Block/goose/config/config.yaml",
    ),
    "lmstudio": (".lmstudio/mcp.json",) * 3,
    "zed": (".config/zed/settings.json", ".config/zed/settings.json", "AppData/Roaming/Zed/settings.json"),
}
PLATFORMS: tuple[Platform, ...] = ("linux", "macos", "windows")


def test_every_host_of_the_command_line_is_in_the_table():
    assert list(HOSTS) == list(DOCUMENTED)


@pytest.mark.parametrize("name", DOCUMENTED)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_host_keeps_its_file_where_its_documents_say(name: str, platform: Platform, tmp_path: Path):
    expected = tmp_path / DOCUMENTED[name][PLATFORMS.index(platform)]
    assert HOSTS[name].config_path(Machine(platform, tmp_path, {})) == expected


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_host_is_there_once_its_folder_is(name: str, tmp_path: Path):
    machine = Machine("linux", tmp_path, {})
    assert not HOSTS[name].is_there(machine)
    if name == "claude-code":
        (tmp_path / ".claude").mkdir()
    else:
        HOSTS[name].config_path(machine).parent.mkdir(parents=True)
    assert HOSTS[name].is_there(machine)


@pytest.mark.parametrize(
    ("name", "platform", "variable", "expected"),
    [
        ("claude-code", "linux", "CLAUDE_CONFIG_DIR", ".claude.json"),
        ("codex", "linux", "CODEX_HOME", "config.toml"),
        ("gemini", "macos", "GEMINI_CLI_HOME", ".gemini/settings.json"),
        ("opencode", "windows", "XDG_CONFIG_HOME", "opencode/opencode.json"),
        ("goose", "macos", "XDG_CONFIG_HOME", "goose/config.yaml"),
        ("goose", "windows", "GOOSE_PATH_ROOT", "config/config.yaml"),
        ("goose", "windows", "APPDATA", "Block/goose/config/config.yaml"),
        ("vscode", "linux", "XDG_CONFIG_HOME", "Code/User/mcp.json"),
        ("claude-desktop", "windows", "APPDATA", "Claude/claude_desktop_config.json"),
        ("zed", "linux", "FLATPAK_XDG_CONFIG_HOME", "zed/settings.json"),
    ],
)
def test_a_variable_that_moves_a_hosts_folder_is_honoured(
    name: str, platform: Platform, variable: str, expected: str, tmp_path: Path
):
    elsewhere = tmp_path / "elsewhere"
    assert HOSTS[name].config_path(Machine(platform, tmp_path, {variable: str(elsewhere)})) == elsewhere / expected
    # A relative one would lead elsewhere from each folder.
    relative = HOSTS[name].config_path(Machine(platform, tmp_path, {variable: "elsewhere"}))
    assert relative == HOSTS[name].config_path(Machine(platform, tmp_path, {}))


def test_the_packaged_claude_desktop_of_windows_reads_a_copy_of_its_own(tmp_path: Path):
    packaged = tmp_path / "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude"
    packaged.mkdir(parents=True)
    machine = Machine("windows", tmp_path, {})
    assert HOSTS["claude-desktop"].config_path(machine) == packaged / "claude_desktop_config.json"
    assert HOSTS["claude-desktop"].is_there(machine)


def test_insiders_of_vs_code_count_where_there_is_no_other(tmp_path: Path):
    machine = Machine("linux", tmp_path, {})
    insiders = tmp_path / ".config/Code - Insiders/User"
    insiders.mkdir(parents=True)
    assert HOSTS["vscode"].config_path(machine) == insiders / "mcp.json"
    (tmp_path / ".config/Code/User").mkdir(parents=True)
    assert HOSTS["vscode"].config_path(machine) == tmp_path / ".config/Code/User/mcp.json"


def test_opencode_is_configured_where_its_last_word_stands(tmp_path: Path):
    machine = Machine("linux", tmp_path, {})
    folder = tmp_path / ".config/opencode"
    folder.mkdir(parents=True)
    (folder / "opencode.json").write_text("{}")
    assert HOSTS["opencode"].config_path(machine) == folder / "opencode.json"
    (folder / "opencode.jsonc").write_text("{}")
    assert HOSTS["opencode"].config_path(machine) == folder / "opencode.jsonc"


def test_lm_studio_is_where_its_pointer_says(tmp_path: Path):
    machine = Machine("linux", tmp_path, {})
    (tmp_path / ".cache/lm-studio").mkdir(parents=True)
    assert HOSTS["lmstudio"].config_path(machine) == tmp_path / ".cache/lm-studio/mcp.json"
    (tmp_path / ".lmstudio").mkdir()
    assert HOSTS["lmstudio"].config_path(machine) == tmp_path / ".lmstudio/mcp.json"
    (tmp_path / "models").mkdir()
    (tmp_path / ".lmstudio-home-pointer").write_text(f"{tmp_path / 'models'}\n")
    assert HOSTS["lmstudio"].config_path(machine) == tmp_path / "models/mcp.json"


def test_a_platform_has_one_name():
    names = [platform_named(name) for name in ("win32", "darwin", "linux", "freebsd14")]
    assert names == ["windows", "macos", "linux", "linux"]
