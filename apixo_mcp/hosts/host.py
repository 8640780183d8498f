"""What is known of a host before its file is read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from apixo_mcp.hosts.machine import Machine

Format = Literal["json", "jsonc", "toml", "yaml"]
"""`json`: the host reads no comments in it. `jsonc`: it does, or it is not known."""
EntryShape = Literal["plain", "typed", "goose", "opencode"]
"""`plain`: command, args, env. `typed`: `type` of `stdio` beside these. `goose`: as an extension of Goose. `opencode`:
`type` of `local`, and the arguments in the list of the command."""

SERVER_NAME = "apixo"
"""The name that the server is entered under, in every host."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host keeps its configuration on one machine.

    Attributes:
        config: the file.
        signs: files and folders any of which is there once the host was started.
    """

    config: Path
    signs: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """A program that starts MCP servers.

    Attributes:
        name: on the command line.
        title: for people.
        place: finds its configuration on a machine; looks at files, and changes none.
        format: what its file is written in.
        keys: under which servers stand in it, from the outside.
        after: what a person does for a change to count.
    """

    name: str
    title: str
    place: Callable[[Machine], Place]
    format: Format
    keys: tuple[str, ...]
    after: str
    shape: EntryShape = "plain"

    @property
    def entry_keys(self) -> tuple[str, ...]:
        """The keys that lead to the server's own entry."""
        return (*self.keys, SERVER_NAME)

    def config_path(self, machine: Machine) -> Path:
        """Returns its configuration's path, whether that is there or not."""
        return self.place(machine).config

    def is_there(self, machine: Machine) -> bool:
        """Tells whether it was ever started on this machine."""
        place = self.place(machine)
        return any(_exists(sign) for sign in (place.config, *place.signs))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that may not be read
        return False
