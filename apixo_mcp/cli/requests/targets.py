"""The hosts that a command is about, and what it says of each."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from apixo_mcp.cli.requests.asked_keys import secrets_in
from apixo_mcp.cli.terminal.interrupts import INTERRUPTED
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.errors import ApixoError
from apixo_mcp.hosts.difference import difference
from apixo_mcp.hosts.editing import installed
from apixo_mcp.hosts.entry import Launch
from apixo_mcp.hosts.host import Host
from apixo_mcp.hosts.installing import Change
from apixo_mcp.hosts.machine import Machine, platform_named
from apixo_mcp.hosts.masking import MASK, masked
from apixo_mcp.hosts.refusal import NotEditable
from apixo_mcp.hosts.table import HOSTS


class NoHost(ApixoError):
    """There is no host that a command could be about."""


def takes_hosts(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command hosts, and its help their names."""
    command.__doc__ = f"{command.__doc__}\n\n    HOST: {', '.join(HOSTS)}."
    argument = click.argument("hosts", metavar="HOST...", nargs=-1, type=click.Choice(list(HOSTS)))
    yes = click.option("--yes", is_flag=True, help="Ask nothing; keys come from the environment.")
    return argument(yes(command))


def this_machine() -> Machine:
    """Returns the machine that this process runs on."""
    return Machine(platform_named(sys.platform), Path.home(), {**os.environ})


def chosen(hosts: Sequence[str], *, every: bool, those: Sequence[Host]) -> list[Host]:
    """Returns the hosts that were named, or those that `--all` stands for.

    Raises:
        NoHost: it stands for none.
    """
    if bool(hosts) is every:
        raise click.UsageError("say either HOST or --all")
    if every and not those:
        raise NoHost(f"None was found of {', '.join(HOSTS)}. Name one to do it all the same.")
    return list(those) if every else [HOSTS[name] for name in dict.fromkeys(hosts)]


def show_change(change: Change, secrets: Sequence[str]) -> None:
    """Prints what changes in a host's file."""
    lines = difference(change.host, change.before, change.after, secrets)
    link = "" if change.file.target == change.file.path.absolute() else f" (a link to {change.file.target})"
    say(f"{change.host.title}: {change.file.path}{link}")
    say("\n".join(f"    {line}" for line in lines or ["(only a key changes, which is not shown)"]))


def agreed(change: Change, *, asks: bool) -> bool:
    """Asks a person whether a file is to be changed; tells where it is not."""
    verb = "Remove" if change.content is None else "Make" if change.file.content is None else "Change"
    try:
        if not asks or click.confirm(f"{verb} {change.file.path}?", default=True, err=True):
            return True
    except click.Abort:
        say("\nNothing more was changed.", err=True)
        raise SystemExit(INTERRUPTED) from None
    say(f"{change.host.title}: left as it was.")
    return False


def tell_left(host: Host, machine: Machine, refusal: NotEditable, launch: Launch | None = None) -> None:
    """Tells that a file was left as it was, why, and what to put into it by hand."""
    say(f"{host.title}: {host.config_path(machine)} {refusal}. It was left as it was.", err=True)
    if launch is not None:
        heading, *lines = by_hand(host, launch)
        say("\n".join([f"  {heading}", *(f"    {line}" for line in lines)]), err=True)


def by_hand(host: Host, launch: Launch) -> list[str]:
    """Returns a heading, and the lines of a file that holds nothing but the server, without keys."""
    text = masked(installed(host, "", launch), secrets_in(launch.env))
    stars = f", with your key in place of {MASK}" if MASK in text else ""
    return [f"By hand, this goes into it{stars}:", *text.splitlines()]
