"""Prints what the changelog says of a version, for its release: `python packaging/notes.py VERSION`."""

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"


def notes(changelog: str, version: str) -> str:
    """Returns the section of a version without its heading.

    Raises:
        ValueError: where there is none, or it is still called unreleased.
    """
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    heading, _, text = next((section for section in sections if section.split()[0] == version), "").partition("\n")
    if not heading:
        raise ValueError(f"the changelog has no section for {version}: run `towncrier build --version {version}`")
    if "unreleased" in heading:
        raise ValueError(f"the changelog calls {version} unreleased: set its date")
    return text.strip() + "\n"


if __name__ == "__main__":
    print(notes(CHANGELOG.read_text(encoding="utf-8"), sys.argv[1]), end="")
