"""How a host can start this server so that it still starts tomorrow: an installed program, else `uvx`. Changes nothing.

What `uvx` and `pipx run` make lies in a cache, which is emptied some day; a path there is never written.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from apixo_mcp.hosts.machine import Machine
from apixo_mcp.installation import OF_PIPX_CACHE, OF_UV_CACHE

_PROGRAM = "apixo-mcp"


@dataclass(frozen=True, slots=True)
class Asker:
    """The process that asks.

    Attributes:
        command: how it was called, `sys.argv[0]`.
        python: its interpreter, not resolved: that of its virtual environment.
    """

    command: str
    python: Path


def commands(machine: Machine, asker: Asker, *, extra: str = "") -> Iterator[tuple[str, ...]]:
    """Yields the command lines that may start the server, the best first; whether one does is for a trial to tell.

    Args:
        machine: where programs are looked for.
        asker: the process that asks.
        extra: of the package that it must have.
    """
    seen: set[tuple[str, ...]] = set()
    for words in (*_installed(machine, asker), *_by_uvx(machine, extra)):
        if words not in seen:
            seen.add(words)
            yield words


def is_throw_away(path: Path) -> bool:
    """Tells whether a program lies in a cache that is emptied some day, itself or what a link of its name leads to."""
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError):
        return True
    caches = (OF_UV_CACHE, OF_PIPX_CACHE)
    return any(cache.search(str(one)) for cache in caches for one in (path, resolved))


def _installed(machine: Machine, asker: Asker) -> Iterator[tuple[str, ...]]:
    name = f"{_PROGRAM}.exe" if machine.platform == "windows" else _PROGRAM
    beside = asker.python.parent / name
    called = _found(asker.command, machine) if Path(asker.command).name in (name, _PROGRAM) else None
    # The name that people call it by outlives the environment behind it, where both are one program.
    places = [_found(_PROGRAM, machine), *(folder / name for folder in _tool_folders(machine)), called, beside]
    own = _target(beside)
    ours = [path for path in places if path is not None and own is not None and _target(path) == own]
    for path in (*ours, beside, *(path for path in places if path is not None)):
        if _is_program(path) and not is_throw_away(path):
            yield (str(path),)
    if _is_program(asker.python) and not is_throw_away(asker.python):
        yield (str(asker.python), "-m", "apixo_mcp")


def _by_uvx(machine: Machine, extra: str) -> Iterator[tuple[str, ...]]:
    name = "uvx.exe" if machine.platform == "windows" else "uvx"
    uv = machine.environment.get("UV", "")  # which uv sets for what it starts
    folders = [*([Path(uv).parent] if uv else []), *_tool_folders(machine), machine.home / ".cargo" / "bin"]
    if machine.platform != "windows":
        folders += [Path("/opt/homebrew/bin"), Path("/usr/local/bin"), Path("/usr/bin")]
    places = [_found("uvx", machine), *(folder / name for folder in folders)]
    uvx = next((path for path in places if path is not None and _is_program(path) and not is_throw_away(path)), None)
    if uvx is not None:
        package = ["--from", f"{_PROGRAM}[{extra}]", _PROGRAM] if extra else [_PROGRAM]
        yield (str(uvx), "--offline", *package)
        yield (str(uvx), *package)


def _tool_folders(machine: Machine) -> Sequence[Path]:
    """Returns where `uv tool install` and pipx put programs: docs.astral.sh/uv/reference/storage."""
    named = [machine.environment.get(name, "") for name in ("UV_TOOL_BIN_DIR", "XDG_BIN_HOME", "PIPX_BIN_DIR")]
    return [*(Path(one) for one in named if Path(one).is_absolute()), machine.home / ".local" / "bin"]


def _found(command: str, machine: Machine) -> Path | None:
    found = shutil.which(command, path=machine.environment.get("PATH", ""))
    return Path(found).absolute() if found else None


def _is_program(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _target(path: Path) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None
