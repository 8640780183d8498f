"""Builds the site of the documentation: `make docs`.

The pages of docs/ are read on the repository's host as they are, and link to files outside docs/. A site has only what
is in one folder: so those files are put beside the pages, under `files/`, and the links to them are turned there.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from llms import whole

ROOT = Path(__file__).resolve().parents[2]
DOCS, PAGES, SITE = ROOT / "docs", ROOT / "build" / "pages", ROOT / "build" / "site"
BESIDE = [ROOT / name for name in ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")]
"""Pages of the site that stand outside docs/, where hosts of repositories look for them."""
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(?=\))")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def place(path: Path) -> Path:
    """Returns where a file of the repository is in the folder of pages; of a folder its list of contents."""
    if path.is_dir():
        path = path / ("README.md" if (path / "README.md").exists() else "index.md")
    return PAGES / path.relative_to(DOCS) if path.is_relative_to(DOCS) else PAGES / "files" / path.relative_to(ROOT)


def turned(text: str, source: Path, linked: list[Path]) -> str:
    """Returns a page with its links as they are among the pages; adds what it links to outside docs/ to `linked`."""

    def turn(match: re.Match[str]) -> str:
        target = (source.parent / match[2]).resolve()
        if "://" in match[2] or match[2].startswith("mailto:") or not target.exists():
            return match[0]  # a link that leads nowhere is for the strict build to tell
        if not target.is_relative_to(DOCS):
            linked.append(target)
        return match[1] + Path(os.path.relpath(place(target), place(source).parent)).as_posix() + (match[3] or "")

    parts, fences = FENCE.split(text), FENCE.findall(text)
    prose = [LINK.sub(turn, part) for part in parts]
    return "".join(part + fence for part, fence in zip(prose, [*fences, ""], strict=True))


def gather() -> None:
    """Puts the pages and what they link to into one folder."""
    shutil.rmtree(PAGES, ignore_errors=True)
    waiting, done = [*(path for path in DOCS.rglob("*") if path.is_file()), *BESIDE], set[Path]()
    while waiting:
        source = waiting.pop()
        if source in done:
            continue
        done.add(source)
        target = place(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() and not (source / "README.md").exists():
            inside = sorted(path for path in source.iterdir() if path.is_file())
            waiting += inside
            lines = [
                f"# {source.relative_to(ROOT).as_posix()}",
                "",
                *(f"- [{path.name}]({path.name})" for path in inside),
            ]
            target.write_text("\n".join(lines) + "\n", encoding="utf-8")
        elif source.suffix == ".md" or source.is_dir():
            page = source / "README.md" if source.is_dir() else source
            target.write_text(turned(page.read_text(encoding="utf-8"), page, waiting), encoding="utf-8")
        else:
            shutil.copyfile(source, target)


def build() -> int:
    """Builds the site; returns the builder's exit code, other than 0 where a page or a link is wrong."""
    gather()
    (PAGES / "llms-full.txt").write_text(whole(), encoding="utf-8")
    shutil.rmtree(SITE, ignore_errors=True)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(build())
