"""What is odd about the variables of a process, though it works without them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from apixo_mcp.variables.environment import SETTINGS_PREFIX
from apixo_mcp.variables.kinds import is_of_windows, paths_of
from apixo_mcp.variables.written import is_set, nearest_variable, trimmed

SECRET_ENDS = ("_API_KEY", "_NOTIFY_URL", "_NOTIFY_SECRET", "_DATABASE_URL")
"""How the names of variables end whose value is never shown."""

_OF_THE_EXAMPLES = f"{SETTINGS_PREFIX}COMMAND"  # which command they start
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")

Oddities = Iterator[tuple[str, str]]
"""A setting each, and a sentence about it."""


def near_misses(environment: Mapping[str, str], settings: Sequence[str]) -> Oddities:
    """Yields the setting that each variable like one was meant for, or the variable itself, and a sentence about it."""
    for variable, value in sorted(environment.items()):
        variable = variable.upper()  # as the settings do
        if not value or variable in (*settings, _OF_THE_EXAMPLES):
            continue
        near = nearest_variable(variable, settings, SETTINGS_PREFIX)
        if near is not None:
            hint = f"Did you mean {near}?" if near else "docs/settings.md lists them all."
            yield near or variable, f"{variable} is no setting and is ignored. {hint}"


def placeholders(environment: Mapping[str, str], settings: Sequence[str], lists: Collection[str]) -> Oddities:
    """Yields each documented variable that holds what a host was to fill in, and a sentence about it."""
    proxies = [(name, value) for name, value in sorted(environment.items()) if name.lower() in _PROXIES]
    for variable, value in (*_documented(environment, settings), *proxies):
        parts = paths_of(value) if variable in lists else [trimmed(value)]
        if any(part and not is_set(variable, part) for part in parts):
            shown = "" if variable.endswith(SECRET_ENDS) else f" ({trimmed(value)[:60]})"
            counts = f"{variable} holds a placeholder that nothing filled in{shown}, so it counts as not set."
            yield variable, f"{counts} Write the value itself, or take the variable out."


def relative_folders(environment: Mapping[str, str], folders: Sequence[str], lists: Collection[str]) -> Oddities:
    """Yields each variable of a folder that holds a path without a beginning, and a sentence about it."""
    for variable, value in _documented(environment, folders):
        if not is_set(variable, value):
            continue
        for text in filter(None, paths_of(value) if variable in lists else [trimmed(value)]):
            path = Path(text)
            is_whole = path.is_absolute() or text.startswith("~") or text[:5].lower() == "file:"
            if is_set(variable, text) and not is_whole and not is_of_windows(text):
                holds = f"{variable} holds {text[:60]!r}, which is not a whole path and is"
                yield variable, f"{holds} taken as {Path.home() / path}. Write the path from its beginning, or with ~/."


def _documented(environment: Mapping[str, str], settings: Sequence[str]) -> list[tuple[str, str]]:
    return [(name.upper(), value) for name, value in sorted(environment.items()) if name.upper() in settings and value]
