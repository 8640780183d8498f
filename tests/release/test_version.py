"""The version: from the newest tag, and the same words wherever there is none."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import apixo_mcp

ROOT = Path(__file__).resolve().parent.parent.parent
FALLBACK = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["version"][
    "fallback-version"
]


def version_of(package: Path) -> str:
    """Asks a copy of the package for its version, in a process that knows of no installed one."""
    program = f"import sys; sys.path.insert(0, {str(package.parent)!r}); import apixo_mcp; print(apixo_mcp.__version__)"
    run = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "apixo_mcp").mkdir()
    shutil.copy(ROOT / "apixo_mcp" / "__init__.py", tmp_path / "apixo_mcp")
    return tmp_path / "apixo_mcp"


@pytest.mark.process
def test_a_checkout_that_was_never_installed_has_the_version_of_a_build_without_tags(package: Path):
    assert version_of(package) == FALLBACK


@pytest.mark.process
def test_the_version_is_what_the_build_wrote(package: Path):
    (package / "_version.py").write_text('__version__ = "3.2.1"\n', encoding="utf-8")
    assert version_of(package) == "3.2.1"


def test_the_version_that_is_told_can_be_sent_in_a_header_and_in_a_label():
    assert apixo_mcp.__version__.isascii()
    assert not set(apixo_mcp.__version__) & set(" \"'\n\\")
