"""Tells how this program is installed, and by which command an extra is added or it is brought up to date.

Tried with uv 0.9 and pipx 1.8: `uv tool install` and `pipx install --force` make the environment anew, so the command
names the extras that are there too.
"""

import importlib.util
import json
import os
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

_NAME = "apixo-mcp"
# docs.astral.sh/uv/concepts/cache (its buckets), and pipx's folders for `pipx run`: github.com/pypa/pipx, docs.
OF_UV_CACHE = re.compile(r"(?:^|[/\\])(?:archive|builds|environments)-v[0-9]+(?:[/\\]|$)")
"""What `uvx` makes, which is emptied some day."""
OF_PIPX_CACHE = re.compile(r"(?:^|[/\\])(?:\.cache[/\\]pipx|pipx[/\\]\.cache)(?:[/\\]|$)")
"""What `pipx run` makes, for some days."""
_PACKAGE = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Installation:
    """What this program runs in.

    Attributes:
        prefix: the environment's folder, as `sys.prefix`.
        python: its interpreter.
        origin: what it was installed from, as `direct_url.json` says (PEP 610); empty for a package of an index.
        extras: that are whole there.
        has_pip: whether the environment has pip.
    """

    prefix: Path
    python: str
    origin: str = ""
    extras: Sequence[str] = ()
    has_pip: bool = True


def adding(extra: str) -> str:
    """Returns a sentence on how an extra that is missing here is added, with the command."""
    return adding_to(_this(), extra)


def adding_to(installation: Installation, extra: str) -> str:
    """Returns the same for any installation."""
    place, source, is_editable = str(installation.prefix), *_origin(installation.origin)
    together = ",".join(sorted({*installation.extras, extra}))
    if OF_UV_CACHE.search(place):
        return f"Start it so: `uvx --from {_with(source, together)} {_NAME}`."
    if OF_PIPX_CACHE.search(place):
        return f"Start it so: `pipx run --spec {_with(source, together)} {_NAME}`."
    editable = "--editable " if is_editable else ""
    if (installation.prefix / "uv-receipt.toml").is_file():
        return f"Install it: `uv tool install {editable}{_with(source, together)}`."
    if (installation.prefix / "pipx_metadata.json").is_file():
        return f"Install it: `pipx install --force {editable}{_with(source, together)}`."
    return f"Install it: `{_pip(installation)} {editable}{_with(source, extra)}`."


def updating() -> str:
    """Returns how this program is brought up to date, for the middle of a sentence."""
    return updating_of(_this())


def updating_of(installation: Installation) -> str:
    """Returns the same for any installation."""
    place, (source, is_editable) = str(installation.prefix), _origin(installation.origin)
    if source != _NAME:
        return (
            f"bring {source.rpartition(' @ ')[2]} up to date{'' if is_editable else ', and install it from there anew'}"
        )
    if OF_UV_CACHE.search(place):
        return f"`uvx {_NAME}@latest`"
    if OF_PIPX_CACHE.search(place):
        return f"`pipx run --no-cache {_NAME}`"
    if (installation.prefix / "uv-receipt.toml").is_file():
        return f"`uv tool upgrade {_NAME}`"
    if (installation.prefix / "pipx_metadata.json").is_file():
        return f"`pipx upgrade {_NAME}`"
    return f"`{_pip(installation)} --upgrade {_NAME}`"


def _pip(installation: Installation) -> str:
    python = _quoted(installation.python)
    return f"{python} -m pip install" if installation.has_pip else f"uv pip install --python {python}"


def _with(source: str, extras: str) -> str:
    """Returns a requirement in quotes: shells give a meaning to brackets."""
    name, at, address = source.partition(" @ ")
    return f"'{name}[{extras}]{at}{address}'"


def _quoted(python: str) -> str:
    return f'"{python}"' if os.name == "nt" and " " in python else python if os.name == "nt" else shlex.quote(python)


def _origin(told: str) -> tuple[str, bool]:
    """Returns what names the package for an installer, and whether it is a checkout that is used in place."""
    try:
        origin = _fields(json.loads(told or "{}"))
        url, address = origin.get("url"), urlsplit(str(origin.get("url", "")))
    except ValueError:
        return _NAME, False
    if not isinstance(url, str) or not address.scheme:
        return _NAME, False
    if address.scheme == "file":
        return url2pathname(address.path), _fields(origin.get("dir_info")).get("editable") is True
    kind = _fields(origin.get("vcs_info")).get("vcs")
    return f"{_NAME} @ {f'{kind}+' if kind else ''}{url}", False


def _fields(value: object) -> dict[str, object]:
    return cast(dict[str, object], value) if isinstance(value, dict) else {}


def _this() -> Installation:
    try:
        package = metadata.distribution(_NAME)
        origin, wants = package.read_text("direct_url.json") or "", package.requires or ()
    except metadata.PackageNotFoundError:  # started from its folder, without being installed
        origin, wants = "", ()
    return Installation(
        Path(sys.prefix), sys.executable, origin, _whole_extras(wants), importlib.util.find_spec("pip") is not None
    )


def _whole_extras(wants: Sequence[str]) -> Sequence[str]:
    """Returns the extras all of whose packages are there."""
    extras: dict[str, list[str]] = {}
    for want in wants:
        package, _, marker = want.partition(";")
        named, extra = _PACKAGE.match(package), marker.partition("extra == ")[2].strip("\"' ")
        if named is not None and extra:
            extras.setdefault(extra, []).append(named[0])
    return [extra for extra, names in extras.items() if not extra.startswith("dev") and all(map(_is_there, names))]


def _is_there(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False
