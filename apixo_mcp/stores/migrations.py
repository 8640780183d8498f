"""The numbered scripts that bring a schema up to date, as they stand beside the code of their database."""

from functools import cache
from importlib import resources


@cache
def migrations_of(room: str) -> tuple[tuple[int, str], ...]:
    """Returns number and script of each step of a room's folder `migrations`, in order."""
    folder = resources.files(room) / "migrations"
    scripts = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return tuple(sorted((int(entry.name[:4]), entry.read_text(encoding="utf-8")) for entry in scripts))
