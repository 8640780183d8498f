"""`uninstall`: takes this server out of a host's configuration."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from apixo_mcp.cli.process.start import errors_told, settings_or_exit
from apixo_mcp.cli.requests.targets import agreed, chosen, show_change, takes_hosts, tell_left, this_machine
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.hosts.host import Host
from apixo_mcp.hosts.installing import Change, carry_out_uninstall, look, plan_uninstall
from apixo_mcp.hosts.machine import Machine
from apixo_mcp.hosts.records import InstallRecords
from apixo_mcp.hosts.refusal import NotEditable
from apixo_mcp.hosts.table import HOSTS
from apixo_mcp.key_store import forget_key


@click.command()
@takes_hosts
@click.option("--all", "every", is_flag=True, help="Each host that has it.")
@click.option("--print", "prints", is_flag=True, help="Print what would change, and touch nothing.")
def uninstall(hosts: Sequence[str], every: bool, prints: bool, yes: bool) -> None:
    """Take this server out of the configuration of hosts.

    A file that nobody has changed since is again what it was before, byte for byte; one that `install` made goes. Tasks
    and their files stay.
    """
    machine = this_machine()
    asks = sys.stdin.isatty() and not yes
    failed = False
    with errors_told():
        records = InstallRecords(settings_or_exit().home)
        having = [host for host in HOSTS.values() if records.read(host) is not None or _has_it(host, machine)]
        for host in chosen(hosts, every=every, those=having):
            try:
                change = plan_uninstall(host, machine, records)
                failed = not _taken_out(change, records, prints=prints, asks=asks) or failed
            except NotEditable as refusal:
                failed = True
                tell_left(host, machine, refusal)
    if failed:
        raise SystemExit(1)


def _has_it(host: Host, machine: Machine) -> bool:
    try:
        return look(host, machine).launch is not None
    except NotEditable:
        return False


def _taken_out(change: Change, records: InstallRecords, *, prints: bool, asks: bool) -> bool:
    """Takes the server out of one host's file; tells whether it is gone."""
    told = f"{change.host.title}: {change.file.path}"
    if change.is_nothing:
        say(f"{told} does not have it. Nothing was changed.")
        if not prints:
            _let_go(change, records)
        return True
    show_change(change, ())
    if prints:
        return True
    if not agreed(change, asks=asks):
        return False
    copies = _let_go(change, records)
    if change.content is None:
        say(f"{told} was removed, for it was made for this alone.")
    elif change.is_exact:
        say(f"{told} is again what it was before.")
    else:
        say(f"{told} no longer has it. What else was changed there since stays.")
    if copies:
        say(
            "\n".join(
                [
                    "  What stood there at other times is kept, with all keys that it had:",
                    *(f"    {copy}" for copy in copies),
                ]
            )
        )
    return True


def _let_go(change: Change, records: InstallRecords) -> list[Path]:
    """Undoes what was done for a host, and removes keys from the system's store that no other host needs."""
    copies = carry_out_uninstall(change, records)
    others = [record for host in HOSTS.values() if (record := records.read(host)) is not None]
    for variable in change.record.keyring if change.record else ():
        if not any(variable in other.keyring for other in others):
            forget_key(variable)
    return copies
