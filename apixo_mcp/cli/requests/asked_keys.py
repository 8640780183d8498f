"""The keys that a host's file is to hold: from the environment, or asked for without showing them."""

from collections.abc import Mapping

import click

from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.variables.oddities import SECRET_ENDS
from apixo_mcp.variables.written import bare_key, is_set, trimmed


def keys_in(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the keys that are set, by their variables."""
    names = [listing.key_variable for listing in GATEWAYS.values()]
    return {name: bare_key(trimmed(value)) for name in names if is_set(name, value := environment.get(name, ""))}


def secrets_in(environment: Mapping[str, str]) -> list[str]:
    """Returns what is never shown: the keys, and the values of the settings that hold a secret."""
    held = [trimmed(value) for name, value in environment.items() if name.upper().endswith(SECRET_ENDS)]
    return [*keys_in(environment).values(), *filter(None, held)]


def asked_keys() -> dict[str, str]:
    """Asks a person at a terminal for the key of each gateway; nothing that is typed shows.

    Raises:
        click.Abort: the person would rather not.
    """
    keys: dict[str, str] = {}
    for listing in GATEWAYS.values():
        name = listing.key_variable
        asked = f"{name}, from {listing.site} (it does not show; Enter for none)"
        while typed := click.prompt(asked, default="", hide_input=True, show_default=False, err=True).strip():
            if is_set(name, typed):
                keys[name] = bare_key(trimmed(typed))
                break
            say("That is no key. Paste the key itself.", err=True)
    return keys
