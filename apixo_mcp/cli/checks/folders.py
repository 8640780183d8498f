"""Folders that the settings name, and the room on their disks."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from apixo_mcp.cli.checks.finding import Finding
from apixo_mcp.cli.requests.folders import trouble_with
from apixo_mcp.settings import Settings

_ROOTS = "APIXO_MCP_ALLOWED_ROOTS"
LEAST_FREE = {"APIXO_MCP_HOME": 100_000_000, "APIXO_MCP_DOWNLOAD_DIR": 1_000_000_000}
"""Bytes under which the disk of a folder is told of: of the task store, and of results, among them long videos."""


def folder_findings(settings: Settings) -> Iterator[Finding]:
    """Yields each folder, whether it can be used, and what is odd about where it lies."""
    yield _own(settings.home, "data folder", "APIXO_MCP_HOME")
    yield _own(settings.download_dir, "download folder", "APIXO_MCP_DOWNLOAD_DIR")
    for root in settings.allowed_roots:
        yield Finding("allowed folder", str(root), _trouble_with_root(root), _ROOTS)
    for root in settings.roots:
        if settings.home.is_relative_to(root):
            yield Finding(
                "data folder (APIXO_MCP_HOME)",
                f"lies in {root}, from which files may be given to a gateway as inputs",
                f"Name a narrower folder than {root}, or set APIXO_MCP_HOME to one outside of it.",
                "APIXO_MCP_DOWNLOAD_DIR" if root == settings.download_dir else _ROOTS,
            )


def disk_findings(settings: Settings) -> Iterator[Finding]:
    """Yields the room on the disks that the folders are on."""
    for what, folder, variable in (
        ("disk of the data folder", settings.home, "APIXO_MCP_HOME"),
        ("disk of the download folder", settings.download_dir, "APIXO_MCP_DOWNLOAD_DIR"),
    ):
        there = next((path for path in (folder, *folder.parents) if path.exists()), None)
        if there is None:
            continue
        try:
            free = shutil.disk_usage(there).free
        except OSError as error:
            yield Finding(what, f"the room on it is not known ({error.strerror})", variable=variable)
            continue
        advice = f"Free some space, or set {variable} to another disk: a full one stops new tasks and loses no old one."
        yield Finding(what, f"{_amount(free)} free", "" if free >= LEAST_FREE[variable] else advice, variable)


def _own(path: Path, what: str, variable: str) -> Finding:
    what = f"{what} ({variable})"
    if why := trouble_with(path):
        advice = f"It cannot be written to: {why}. Correct that, or set {variable} to another folder."
        return Finding(what, str(path), advice, variable)
    return Finding(what, str(path) if path.exists() else f"{path} (made when first needed)", variable=variable)


def _trouble_with_root(root: Path) -> str:
    return "" if root.is_dir() else f"Make this folder, or take it out of {_ROOTS}."


def _amount(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
