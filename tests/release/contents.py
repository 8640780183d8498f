"""What a wheel and an sdist may hold: the committed rule, and what neither may ever hold. Values in, complaints out."""

import re
from collections.abc import Iterable, Mapping

PACKAGE = "apixo_mcp/"
SOURCES_OF_PAGES = "apixo_mcp/ui/src/"
WRITTEN_BY_BUILD = "apixo_mcp/_version.py"
OF_THE_WHEEL = frozenset({"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"})

ALWAYS_IN_SDIST = ("pyproject.toml", ".gitignore")  # hatchling adds them
NEEDED_IN_SDIST = ("README.md", "CHANGELOG.md", "LICENSE", "constraints.txt", "apixo_mcp/py.typed", "Makefile")

_KINDS = re.compile(r"\.(py|toml|json|sql|html)$|/py\.typed$")
"""The kinds of files in the package: code, data, the committed pages, and the mark of its types."""

_SECRETS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n[A-Za-z0-9+/]{40}"
    rb"|\bsk-[A-Za-z0-9]{32}|\bpypi-AgE[A-Za-z0-9_-]{16}|\bgh[pousr]_[A-Za-z0-9]{36}"
)


def of_wheel(names: Iterable[str], tracked: Iterable[str]) -> list[str]:
    """Returns what is wrong with a wheel's list of files, beside the paths that the repository tracks."""
    names = set(names)
    information = {name for name in names if ".dist-info/" in name}
    package = names - information
    due = {path for path in tracked if path.startswith(PACKAGE) and not path.startswith(SOURCES_OF_PAGES)}
    due.add(WRITTEN_BY_BUILD)
    about = {name.partition(".dist-info/")[2] for name in information}
    return [
        *(f"the wheel lacks {name}" for name in sorted(due - package)),
        *(f"the wheel holds {name}, which is not of the package" for name in sorted(package - due)),
        *(f"the wheel holds {name}, a kind of file that no package needs" for name in _odd(package & due)),
        *(f"the wheel lacks its {name}" for name in sorted(OF_THE_WHEEL - about)),
        *(f"the wheel holds {name} beside its metadata" for name in sorted(about - OF_THE_WHEEL)),
    ]


def of_sdist(names: Iterable[str], tracked: Iterable[str], include: Iterable[str]) -> list[str]:
    """Returns what is wrong with an sdist's list of files, their top folder left out.

    Args:
        names: what it holds.
        tracked: the paths that the repository keeps.
        include: the files and folders at the top of the checkout that it is made of.
    """
    names = set(names)
    include = {pattern.removeprefix("/") for pattern in include} | set(ALWAYS_IN_SDIST)
    due = {path for path in tracked if path in include or path.partition("/")[0] in include}
    due |= {"PKG-INFO", WRITTEN_BY_BUILD, *NEEDED_IN_SDIST}
    return [
        *(f"the sdist lacks {name}" for name in sorted(due - names)),
        *(f"the sdist holds {name}, which the repository does not keep" for name in sorted(names - due)),
    ]


def leaks(files: Mapping[str, bytes], places: Iterable[str]) -> list[str]:
    """Returns the files that name a place of the machine that built them, or hold what looks like a key."""
    sought = [place.encode() for place in places]
    return [
        f"{name} names a place of this machine, or holds a key"
        for name, data in files.items()
        if _SECRETS.search(data) or any(place in data for place in sought)
    ]


def differences(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> list[str]:
    """Returns the names under which two archives do not hold the same bytes."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _odd(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if not _KINDS.search(name))
