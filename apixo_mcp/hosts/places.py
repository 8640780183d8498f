"""Where each host keeps its configuration: platform by platform, with the source of each fact. Changes nothing."""

from pathlib import Path

from apixo_mcp.hosts.host import Place
from apixo_mcp.hosts.machine import Machine


def claude_desktop(machine: Machine) -> Place:
    """Finds Claude Desktop's.

    macOS and Windows: modelcontextprotocol.io/docs/develop/connect-local-servers. The Windows package of 2026 reads a
    copy of its own (github.com/anthropics/claude-code/issues/26073 and 25579: `Claude_*` under Packages). Linux is
    inferred from the Electron custom that its other two paths follow.
    """
    folder = machine.configuration / "Claude"
    if machine.platform == "windows":
        packages = machine.folder("LOCALAPPDATA", "AppData", "Local") / "Packages"
        packaged = sorted(path / "LocalCache" / "Roaming" / "Claude" for path in _children(packages, "Claude_*"))
        folder = next((path for path in packaged if path.is_dir()), folder)
    return Place(folder / "claude_desktop_config.json", (folder,))


def claude_code(machine: Machine) -> Place:
    """Finds Claude Code's, of its scope `user`.

    code.claude.com/docs/en/mcp ("MCP installation scopes": `~/.claude.json`); `CLAUDE_CONFIG_DIR` moves that file too,
    as its own command line does (tried with 2.1).
    """
    folder = machine.folder("CLAUDE_CONFIG_DIR")
    return Place(folder / ".claude.json", (folder if folder != machine.home else folder / ".claude",))


def cursor(machine: Machine) -> Place:
    """Finds Cursor's: cursor.com/docs/mcp ("Global configuration": `~/.cursor/mcp.json`)."""
    return Place(machine.home / ".cursor" / "mcp.json", (machine.home / ".cursor",))


def vscode(machine: Machine) -> Place:
    """Finds VS Code's: code.visualstudio.com/docs/agents/reference/mcp-configuration (`mcp.json` of the user profile).

    Where the folder of the default profile stands: code.visualstudio.com/docs/configure/settings. Insiders have a
    folder of their own, which counts where no other is there.
    """
    folders = [machine.configuration / name / "User" for name in ("Code", "Code - Insiders")]
    folder = next((path for path in folders if path.is_dir()), folders[0])
    return Place(folder / "mcp.json", (folder,))


def windsurf(machine: Machine) -> Place:
    """Finds Windsurf's: docs.windsurf.com/windsurf/cascade/mcp (`~/.codeium/windsurf/mcp_config.json`)."""
    folder = machine.home / ".codeium" / "windsurf"
    return Place(folder / "mcp_config.json", (folder,))


def codex(machine: Machine) -> Place:
    """Finds Codex's: developers.openai.com/codex/mcp (`~/.codex/config.toml`, or in `CODEX_HOME`)."""
    folder = machine.folder("CODEX_HOME", ".codex")
    return Place(folder / "config.toml", (folder,))


def gemini(machine: Machine) -> Place:
    """Finds Gemini CLI's: github.com/google-gemini/gemini-cli, docs/tools/mcp-server.md (`~/.gemini/settings.json`).

    `GEMINI_CLI_HOME` takes the place of the home folder (packages/core/src/utils/paths.ts).
    """
    folder = machine.folder("GEMINI_CLI_HOME") / ".gemini"
    return Place(folder / "settings.json", (folder,))


def opencode(machine: Machine) -> Place:
    """Finds opencode's: opencode.ai/docs/config (`~/.config/opencode/opencode.json`, on every platform).

    It reads `opencode.jsonc` after that, and makes this at its first start where there is neither (seen with 1.18).
    """
    folder = machine.folder("XDG_CONFIG_HOME", ".config") / "opencode"
    files = [folder / "opencode.jsonc", folder / "opencode.json"]
    return Place(next((path for path in files if _is_file(path)), files[1]), (folder,))


def goose(machine: Machine) -> Place:
    """Finds Goose's: github.com/aaif-goose/goose, documentation/docs/guides/config-files.md.

    macOS follows the XDG rules there; `GOOSE_PATH_ROOT` holds a folder `config` (documentation, environment variables).
    """
    root = Path(machine.environment.get("GOOSE_PATH_ROOT", ""))
    if root.is_absolute():
        folder = root / "config"
    elif machine.platform == "windows":
        folder = machine.configuration / "Block" / "goose" / "config"
    else:
        folder = machine.xdg_configuration / "goose"
    return Place(folder / "config.yaml", (folder,))


def lmstudio(machine: Machine) -> Place:
    """Finds LM Studio's: lmstudio.ai/docs/app/mcp (`~/.lmstudio/mcp.json`).

    A file beside it names another home, and old installations have one under `.cache` (inferred from
    github.com/lmstudio-ai/lmstudio-bug-tracker/issues/1371 and from programs that read `.lmstudio-home-pointer`).
    """
    folder = machine.home / ".lmstudio"
    named = _first_line(machine.home / ".lmstudio-home-pointer")
    others = (Path(named) if named else folder, machine.home / ".cache" / "lm-studio")
    if not folder.is_dir() or named:
        folder = next((path for path in others if path.is_absolute() and path.is_dir()), folder)
    return Place(folder / "mcp.json", (folder,))


def zed(machine: Machine) -> Place:
    """Finds Zed's: github.com/zed-industries/zed, crates/paths/src/paths.rs (`config_dir`, `settings_file`)."""
    if machine.platform == "windows":
        folder = machine.configuration / "Zed"
    elif machine.platform == "macos":
        folder = machine.home / ".config" / "zed"
    else:
        flatpak = Path(machine.environment.get("FLATPAK_XDG_CONFIG_HOME", ""))
        folder = (flatpak if flatpak.is_absolute() else machine.xdg_configuration) / "zed"
    return Place(folder / "settings.json", (folder,))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _children(folder: Path, pattern: str) -> list[Path]:
    try:
        return list(folder.glob(pattern))
    except OSError:
        return []


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline(4096).strip()
    except (OSError, ValueError):
        return ""
