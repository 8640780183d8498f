"""The documents say what is so: links, anchors and paths lead somewhere, and what the code has is made from it."""

import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from documents import host_data, llms, tables
from test_architecture import ORDER, PACKAGE, ROWS

from apixo_mcp.tasks.task import MOVES

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)")


def purpose(name: str) -> str:
    """The first line of a room's or a file's docstring; empty where there is none yet."""
    path = ROOT / PACKAGE / name / "__init__.py"
    path = path if path.exists() else path.parent.with_suffix(".py")
    if not path.exists():
        return ""
    match = re.match(r'"""(.*?)(?:"""|\n)', path.read_text(encoding="utf-8"))
    return match[1] if match else ""


def rooms(_: str) -> str:
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


def moves(_: str) -> str:
    lines = ["| from | to |", "|---|---|"]
    for start, ends in MOVES.items():
        allowed = ", ".join(f"`{state}`" for state in MOVES if state in ends)
        lines.append(f"| `{start}` | {allowed or 'none: it has ended'} |")
    return "\n".join(lines)


PARTS: dict[tuple[str, str], Callable[[str], str]] = {
    ("architecture.md", "rooms"): rooms,
    ("life-of-a-task.md", "moves"): moves,
    ("settings.md", "settings"): tables.settings,
    ("models.md", "count"): tables.model_count,
    ("models.md", "models"): tables.models,
    ("tools.md", "tools"): tables.tools,
    ("commands.md", "commands"): tables.commands,
    ("faults.md", "codes"): tables.codes,
    ("hosts.md", "hosts"): tables.hosts,
}
"""What is made from the code: the document, the name of the marks around it, and what makes it from the page."""


@pytest.mark.parametrize(("document", "mark"), PARTS, ids=lambda name: name)
def test_a_part_is_as_the_code_has_it(document: str, mark: str):
    path = ROOT / "docs" / document
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(f"<!-- {mark} -->\n")
    _, _, after = rest.partition(f"<!-- /{mark} -->\n")
    assert after or text.endswith(f"<!-- /{mark} -->\n"), f"the marks are missing in {document}"
    present = f"{before}<!-- {mark} -->\n\n{PARTS[document, mark](text)}\n\n<!-- /{mark} -->\n{after}"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(present, encoding="utf-8", newline="\n")
        return
    assert text == present, f"{document} is behind the code: run `make snapshots`"


def test_what_language_models_read_is_as_the_pages_are():
    path = ROOT / "docs" / "llms.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(llms.index(), encoding="utf-8", newline="\n")
    assert path.read_text(encoding="utf-8") == llms.index(), "llms.txt is behind the pages: run `make snapshots`"


def test_the_page_of_configurations_has_the_table_of_hosts():
    path = ROOT / "docs" / "configure" / "hosts.js"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(host_data.module(), encoding="utf-8", newline="\n")
    assert path.read_text(encoding="utf-8") == host_data.module(), "hosts.js is behind the code: run `make snapshots`"


def test_each_setting_has_its_meaning():
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|  \|", page, re.MULTILINE) == [], "write what it means into docs/settings.md"


def test_each_page_is_in_the_navigation():
    navigation = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    listed = {path for _, _, path in llms.pages(navigation) if not path.startswith("files/")}
    assert listed == {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}


def anchors(text: str) -> set[str]:
    """The anchors that a page has both on the repository's host and on the site: each makes them by its own rule."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    made: set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        of_host = re.sub(r"[^\w -]", "", words).replace(" ", "-")
        of_site = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", words, flags=re.ASCII).strip())
        made |= {of_host} & {of_site}
    return made


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_paths_lead_somewhere(document: Path):
    text = document.read_text(encoding="utf-8")
    for target, anchor in LINK.findall(text):
        if "://" not in target and not target.startswith("mailto:"):
            path = document.parent / target if target else document
            assert path.exists(), target
            assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), f"{target}#{anchor}"
    if document.name != "CHANGELOG.md":  # which tells of what was
        for path in re.findall(r"`((?:apixo_mcp|tests|docs)/[\w./-]+)`", text):
            assert (ROOT / path).exists(), path


def test_the_commands_of_make_exist():
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for document in DOCUMENTS:
        if document.name != "CHANGELOG.md":
            named = re.findall(r"`make ([a-z0-9-]+)|^make ([a-z0-9-]+)", document.read_text(encoding="utf-8"), re.M)
            assert {first or second for first, second in named} <= targets, document.name
