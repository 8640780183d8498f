"""What a person wants entered in a host's configuration."""

from collections.abc import Mapping
from dataclasses import dataclass

import click

from apixo_mcp.cli.requests.asked_keys import keys_in, secrets_in
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.hosts.entry import Launch
from apixo_mcp.hosts.host import Host
from apixo_mcp.hosts.installing import Present
from apixo_mcp.settings import variables

KEYRING = "APIXO_MCP_KEYRING"
_KEYS = tuple(listing.key_variable for listing in GATEWAYS.values())

Line = tuple[str, ...]
"""A command line: the program and its arguments."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What one host is to start the server with.

    Attributes:
        env: what its entry will set beside what it sets already.
        stored: keys for the system's store, by their variables; where there is that, the entry sets none.
    """

    host: Host
    present: Present
    env: Mapping[str, str]
    stored: Mapping[str, str] | None = None

    def launch(self, line: Line) -> Launch:
        """Returns the change of its entry, for a command line."""
        return Launch(line[0], line[1:], self.env, () if self.stored is None else _KEYS)

    def whole_launch(self, line: Line) -> Launch:
        """Returns how the host will start the server."""
        change = self.launch(line)
        kept = {name: value for name, value in self.present.env.items() if name not in change.unset}
        return Launch(change.command, change.args, {**kept, **self.env})

    @property
    def secrets(self) -> list[str]:
        """Every key, and every other secret, that may stand in what is printed."""
        return [one for env in (self.present.env, self.env, self.stored or {}) for one in secrets_in(env)]


def entered(host: Host, present: Present, keys: Mapping[str, str], env: Mapping[str, str], *, keyring: bool) -> Entered:
    """Returns what a host is to start the server with.

    Args:
        host: which it is.
        present: what stands in its file.
        keys: new ones, by their variables.
        env: settings.
        keyring: whether keys are kept in the system's store, those too that stand in the file now.
    """
    if keyring:
        return Entered(host, present, {**env, KEYRING: "1"}, {**keys_in(present.env), **keys})
    return Entered(host, present, {**keys, **env})


def has_key(present: Present) -> bool:
    """Tells whether an entry has a key, or is told to ask the system's store."""
    return bool(keys_in(present.env)) or present.env.get(KEYRING, "0") != "0"


def setting(word: str) -> tuple[str, str]:
    """Returns the name and the value of a setting for the server.

    Raises:
        click.BadParameter: it is none, or a key.
    """
    name, equals, value = word.partition("=")
    if name.upper() in _KEYS:
        told = f"set {name} in the environment: on a command line everybody on this machine sees it"
        raise click.BadParameter(told, param_hint="--env")
    if not equals or name.upper() not in variables():
        raise click.BadParameter(f"{name!r} is no setting; it takes NAME=VALUE", param_hint="--env")
    return name.upper(), value
