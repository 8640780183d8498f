"""Folders that the settings name, and the room on their disks."""

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from apixo_mcp.cli.checks.finding import Finding
from apixo_mcp.cli.requests.folders import trouble_with
from apixo_mcp.settings import Settings
from apixo_mcp.views.words import amount_of

_HOME, _DOWNLOADS, _ROOTS = "APIXO_MCP_HOME", "APIXO_MCP_DOWNLOAD_DIR", "APIXO_MCP_ALLOWED_ROOTS"
LEAST_FREE = {_HOME: 100_000_000, _DOWNLOADS: 1_000_000_000}
"""Bytes under which the disk of a folder is told of: of the task store, and of results, among them long videos."""


def folder_findings(settings: Settings, unusable: Collection[str] = ()) -> Iterator[Finding]:
    """Yields each folder, whether it can be used, and what is odd about where it lies.

    Args:
        settings: which folders they are.
        unusable: the variables that say nothing; their folders are left out.
    """
    for folder, what, variable in _own_folders(settings, unusable):
        yield _own(folder, what, variable)
    for root in settings.allowed_roots:
        yield Finding("allowed folder", str(root), _trouble_with_root(root), _ROOTS)
    if _HOME in unusable:
        return
    for root in settings.allowed_roots if _DOWNLOADS in unusable else settings.roots:
        if settings.home.is_relative_to(root):
            yield Finding(
                "data folder (APIXO_MCP_HOME)",
                f"lies in {root}, from which files may be given to a gateway as inputs",
                f"Name a narrower folder than {root}, or set APIXO_MCP_HOME to one outside of it.",
                _DOWNLOADS if root == settings.download_dir else _ROOTS,
            )


def disk_findings(settings: Settings, unusable: Collection[str] = ()) -> Iterator[Finding]:
    """Yields the room on the disks that the folders are on, without those of unusable variables."""
    for folder, of, variable in _own_folders(settings, unusable):
        what = f"disk of the {of}"
        there = next((path for path in (folder, *folder.parents) if path.exists()), None)
        if there is None:
            continue
        try:
            free = shutil.disk_usage(there).free
        except OSError as error:
            yield Finding(what, f"the room on it is not known ({error.strerror})", variable=variable)
            continue
        advice = f"Free some space, or set {variable} to another disk: a full one stops new tasks and loses no old one."
        yield Finding(what, f"{amount_of(free)} free", "" if free >= LEAST_FREE[variable] else advice, variable)


def _own_folders(settings: Settings, unusable: Collection[str]) -> list[tuple[Path, str, str]]:
    own = [(settings.home, "data folder", _HOME), (settings.download_dir, "download folder", _DOWNLOADS)]
    return [one for one in own if one[2] not in unusable]


def _own(path: Path, what: str, variable: str) -> Finding:
    what = f"{what} ({variable})"
    if why := trouble_with(path):
        advice = f"It cannot be written to: {why}. Correct that, or set {variable} to another folder."
        return Finding(what, str(path), advice, variable)
    return Finding(what, str(path) if path.exists() else f"{path} (made when first needed)", variable=variable)


def _trouble_with_root(root: Path) -> str:
    return "" if root.is_dir() else f"Make this folder, or take it out of {_ROOTS}."
