"""Copies the sources that a build is made from: a build writes among them, and programs may be running from here."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def copied(folder: Path) -> Path:
    """Copies what git would commit from here into a folder, with what git tells of the version.

    Returns:
        that folder; this one where it is no checkout, but an unpacked sdist.
    """
    if not (ROOT / ".git").exists():
        return ROOT
    listed = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in dict.fromkeys(_git(*listed).split("\0")[:-1]):
        if (ROOT / name).is_file():  # not one that was deleted since the last commit
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    (folder / ".git").write_text(f"gitdir: {_git('rev-parse', '--absolute-git-dir').strip()}\n", encoding="utf-8")
    return folder


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, encoding="utf-8")
    return done.stdout
