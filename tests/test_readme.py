"""The README is one screen, and no document names a setting that there is not."""

import re
from pathlib import Path

from apixo_mcp.settings import variables

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")]


def test_it_is_one_screen():
    assert len(README.splitlines()) <= 70


def test_the_commands_that_try_it():
    assert "make demo" in README
    assert "make test" in README


def test_no_document_names_a_setting_that_there_is_not():
    named = {name for path in DOCUMENTS for name in re.findall(r"APIXO_MCP_[A-Z_]+", path.read_text(encoding="utf-8"))}
    assert named - {"APIXO_MCP_COMMAND"} <= set(variables())  # which is of the examples


def test_every_setting_is_told():
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(variables())
