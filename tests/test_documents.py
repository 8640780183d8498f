"""The documents say what is so: links and paths lead somewhere, and tables that the code has are made from it."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from test_architecture import ORDER, PACKAGE, ROWS

from apixo_mcp.tasks.task import MOVES

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def purpose(name: str) -> str:
    """The first line of a room's or a file's docstring; empty where there is none yet."""
    path = ROOT / PACKAGE / name / "__init__.py"
    path = path if path.exists() else path.parent.with_suffix(".py")
    if not path.exists():
        return ""
    match = re.match(r'"""(.*?)(?:"""|\n)', path.read_text(encoding="utf-8"))
    return match[1] if match else ""


def rooms() -> str:
    """The rooms by row and the folders in them, with the order within those that have one."""
    lines = ["| row | room | what it is | order within, from the top |", "|---|---|---|---|"]
    for number, names in enumerate(ROWS, 1):
        for name in names:
            if words := purpose(name):
                order = ", ".join("all others" if entry == "*" else f"`{entry}`" for entry in ORDER.get(name, ()))
                lines.append(f"| {number} | `{name}` | {words} | {order} |")
                for folder in sorted(path.parent.name for path in (ROOT / PACKAGE / name).glob("*/__init__.py")):
                    lines.append(f"| | `{name}/{folder}` | {purpose(f'{name}/{folder}')} | |")
    return "\n".join(lines)


def moves() -> str:
    lines = ["| from | to |", "|---|---|"]
    for start, ends in MOVES.items():
        allowed = ", ".join(f"`{state}`" for state in MOVES if state in ends)
        lines.append(f"| `{start}` | {allowed or 'none: it has ended'} |")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("document", "mark", "table"),
    [("architecture.md", "rooms", rooms), ("life-of-a-task.md", "moves", moves)],
    ids=["rooms", "moves"],
)
def test_a_table_is_as_the_code_has_it(document: str, mark: str, table: Callable[[], str]):
    path = ROOT / "docs" / document
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(f"<!-- {mark} -->\n")
    _, _, after = rest.partition(f"<!-- /{mark} -->\n")
    assert after, f"the marks around the table are missing in {document}"
    present = f"{before}<!-- {mark} -->\n{table()}\n<!-- /{mark} -->\n{after}"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(present, encoding="utf-8", newline="\n")
        return
    assert text == present, f"{document} is behind the code: run `make snapshots`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_paths_lead_somewhere(document: Path):
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert "://" in target or (document.parent / target).exists(), target
    if document.name != "CHANGELOG.md":  # which tells of what was
        for path in re.findall(r"`((?:apixo_mcp|tests|docs)/[\w./-]+)`", text):
            assert (ROOT / path).exists(), path


def test_the_commands_of_make_exist():
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for document in DOCUMENTS:
        if document.name != "CHANGELOG.md":
            named = re.findall(r"`make ([a-z0-9-]+)|^make ([a-z0-9-]+)", document.read_text(encoding="utf-8"), re.M)
            assert {first or second for first, second in named} <= targets, document.name
