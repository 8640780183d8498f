"""What language models are given to read: a list of the pages with what each is about, and all pages in one text."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def pages(navigation: list[Any], section: str = "") -> Iterator[tuple[str, str, str]]:
    """Yields the pages of the site in their order: the section, the title (empty where the page has it), the path."""
    for entry in navigation:
        if isinstance(entry, str):
            yield section, "", entry
            continue
        for name, value in entry.items():
            yield from pages(value, name) if isinstance(value, list) else [(section, name, value)]


def sources() -> Iterator[tuple[str, str, str, Path]]:
    """Yields the same with the file of each page."""
    project = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    for section, title, path in pages(project["nav"]):
        yield (
            section,
            title,
            path,
            ROOT / path.removeprefix("files/") if path.startswith("files/") else ROOT / "docs" / path,
        )


def opening(text: str) -> str:
    """Returns the first sentence of a page's first paragraph, without links."""
    for paragraph in re.split(r"\n\s*\n", text):
        if not paragraph.lstrip().startswith(("#", "<", "!", "|", "```", "-", ">")):
            words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", " ".join(paragraph.split()))
            return re.split(r"(?<=[.。])(?:\s|$)|(?<=。)", words)[0].removesuffix(":")
    return ""


def index() -> str:
    """Returns `llms.txt`, by the proposal of llmstxt.org."""
    project = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    lines, current = [f"# {project['site_name']}", "", f"> {project['site_description']}", ""], ""
    for section, title, path, source in sources():
        text = source.read_text(encoding="utf-8")
        if section != current:
            lines += ["", f"## {section}", ""] if lines[-1] else [f"## {section}", ""]
            current = section
        heading = re.search(r"^# (.*)$", text, re.MULTILINE)
        name = title or (heading[1] if heading else path)
        lines.append(f"- [{name}]({path.removesuffix('.md')}.html): {opening(text)}")
    return "\n".join(lines) + "\n"


def whole() -> str:
    """Returns `llms-full.txt`: every page but the list of changes, one after the other."""
    texts = [source.read_text(encoding="utf-8").strip() for _, _, path, source in sources() if "CHANGELOG" not in path]
    return "\n\n".join(texts) + "\n"
