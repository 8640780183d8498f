"""Who beside its owner may come to read a host's file, so that a person knows before a key is written into it."""

import os
import stat
from pathlib import Path

from apixo_mcp.hosts.config_file import ConfigFile


def exposure(file: ConfigFile) -> list[str]:
    """Returns what to know of a file before a key stands in it: a sentence with what to do for each reason."""
    told: list[str] = []
    if file.content is not None and _others_read(file.target):
        told.append(
            f"Others on this machine can read {file.target}, and with it your key: `chmod 600 {file.target}` ends that."
        )
    if checkout := next((folder for folder in file.target.parents if _exists(folder / ".git")), None):
        told.append(
            f"{file.target} lies in a checkout of git, {checkout}: see that your key is not committed with it, "
            "or keep it in the system's store with --keyring."
        )
    return told


def _others_read(path: Path) -> bool:
    """Tells whether any user may read a file: its own mode, and that of each folder on the way."""
    if os.name == "nt":  # where rights are lists of users, and a home folder is its owner's alone
        return False
    try:
        is_readable = path.stat().st_mode & stat.S_IROTH
        return bool(is_readable) and all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)
    except OSError:
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
