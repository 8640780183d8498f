"""What a saved file is called: legal on Linux, macOS and Windows, and never decided from outside."""

import hashlib
import re
import sys
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime

from apixo_mcp.tasks.task import Result, Task

LONGEST_NAME = 120
SLUG = 40

_RESERVED = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$"}) | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"
}
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f]')


def slug(text: str, *, longest: int = SLUG) -> str:
    """Returns a prompt as part of a file name: lower case, letters and digits of any script, words joined by `-`."""
    words = "".join(
        char if char.isalnum() or unicodedata.category(char) in ("Mn", "Mc") else " "
        for char in unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text[:400]).lower())
    ).split()
    whole = writable("-".join(words))
    if len(whole) <= longest:
        return whole
    cut = whole[: longest + 1].rpartition("-")[0]
    return (cut if len(cut) > longest // 2 else whole[:longest]).strip("-")


def day(created_at: float) -> str:
    """Returns the name of the folder of a task's day (UTC), the same at every try."""
    return datetime.fromtimestamp(created_at, UTC).strftime("%Y-%m-%d")


def stem(task: Task, result: Result) -> str:
    """Returns `<slug>-<end of the task id>`, with `-2` for the second of several results."""
    several = len(task.results) > 1 or result.index > 0
    return group(task) + (f"-{result.index + 1}" if several else "")


def group(task: Task) -> str:
    """Returns what the names of all results of a task start with."""
    ending = re.sub(r"[^a-z0-9]", "", task.task_id.lower())[-6:] or "task"
    return f"{slug(task.prompt) or task.modality}-{ending}"


def part_name(task: Task, result: Result) -> str:
    """Returns the name of a file that is still arriving, the same at every try so that a later one goes on with it."""
    return f".{plain_id(task)}-{result.index}.part"


def plain_id(task: Task) -> str:
    """Returns the id of a task as it may stand in any name: one that is not like ours by its hash."""
    whole = task.task_id
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", whole):
        whole = hashlib.sha256(whole.encode(errors="replace")).hexdigest()[:32]
    return whole


def candidates(name: str) -> Iterator[str]:
    """Yields the name, then `name (2)`, `name (3)` and so on, each legal, while the ones before are taken."""
    base, dot, extension = legal(name).rpartition(".")
    if not base.strip(". "):
        base, dot, extension = name, "", ""
    for number in range(1, 10_000):
        suffix = ("" if number == 1 else f" ({number})") + dot + extension
        yield base[: LONGEST_NAME - len(suffix)].rstrip(". ") + suffix


def writable(name: str, encoding: str | None = None) -> str:
    """Returns the name, or what is left of it in ASCII where the file system takes no other characters (`LANG=C`).

    Args:
        encoding: by default that of the file system.
    """
    try:
        name.encode(encoding or sys.getfilesystemencoding())
    except UnicodeEncodeError:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        return re.sub("-{2,}", "-", plain).strip("-")
    return name


def legal(name: str) -> str:
    """Returns the nearest name that all three systems take; one that is legal already stays as it is."""
    clean = writable(_UNSAFE.sub("-", name).encode(errors="replace").decode()).strip().rstrip(". ")
    base, dot, extension = clean.rpartition(".")
    if dot and base.strip(". ") and len(extension) <= 16:
        clean = base[: LONGEST_NAME - len(extension) - 1].rstrip(". ") + dot + extension
    else:
        clean = clean[:LONGEST_NAME].rstrip(". ")
    clean = clean or "file"
    return f"_{clean[: LONGEST_NAME - 1]}" if clean.partition(".")[0].rstrip().lower() in _RESERVED else clean
