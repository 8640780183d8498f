"""The changelog by fragments: what waits in changes/ makes a section, and what is misnamed there is refused."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.process


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "changes", tmp_path / "changes")
    return tmp_path


def towncrier(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "towncrier", "build", "--version", "9.9.9", "--date", "2030-01-02", *arguments]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, encoding="utf-8", timeout=120)


def test_what_waits_makes_a_section(checkout: Path):
    (checkout / "changes/+search.added.md").write_text("One letter finds what it means.\n", encoding="utf-8")
    draft = towncrier(checkout, "--draft")
    assert draft.returncode == 0, draft.stderr
    assert "## 9.9.9 (2030-01-02)" in draft.stdout
    assert "- One letter finds what it means.\n" in draft.stdout


def test_a_section_is_written_above_the_earlier_ones_which_stay(checkout: Path):
    before = (checkout / "CHANGELOG.md").read_text(encoding="utf-8")
    fragment = checkout / "changes/+search.fixed.md"
    fragment.write_text("One letter finds what it means.\n", encoding="utf-8")
    done = towncrier(checkout, "--keep")
    assert done.returncode == 0, done.stderr
    after = (checkout / "CHANGELOG.md").read_text(encoding="utf-8")
    head, _, history = before.partition("\n## ")
    assert after.startswith(f"{head}\n## 9.9.9 (2030-01-02)\n")
    assert after.endswith(f"\n## {history}")


def test_a_fragment_of_no_known_kind_is_refused(checkout: Path):
    (checkout / "changes/search.md").write_text("One letter.\n", encoding="utf-8")
    refused = towncrier(checkout, "--draft")
    assert refused.returncode == 1
    assert "search.md" in refused.stderr + refused.stdout
