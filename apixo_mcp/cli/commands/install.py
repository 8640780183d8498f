"""`install`: enters this server in a host's configuration."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from apixo_mcp.cli.checks.start_trial import DoesNotStart, tools_of
from apixo_mcp.cli.process.start import errors_told, settings_or_exit
from apixo_mcp.cli.requests.asked_keys import asked_keys, keys_in
from apixo_mcp.cli.requests.entered import Entered, Line, entered, has_key, setting
from apixo_mcp.cli.requests.targets import (
    agreed,
    by_hand,
    chosen,
    show_change,
    takes_hosts,
    tell_left,
    this_machine,
)
from apixo_mcp.cli.terminal.interrupts import INTERRUPTED
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.gateways.directory import GATEWAYS, key_variables
from apixo_mcp.hosts.difference import difference
from apixo_mcp.hosts.editing import installed
from apixo_mcp.hosts.entry import Launch
from apixo_mcp.hosts.exposure import exposure
from apixo_mcp.hosts.host import Host
from apixo_mcp.hosts.installing import Change, Present, carry_out_install, look, plan_install
from apixo_mcp.hosts.launch import Asker, commands
from apixo_mcp.hosts.machine import Machine
from apixo_mcp.hosts.masking import MASK, masked
from apixo_mcp.hosts.records import InstallRecords
from apixo_mcp.hosts.refusal import NotEditable
from apixo_mcp.hosts.table import HOSTS
from apixo_mcp.key_store import store_key

_INSTALL_IT = (
    "Install it (`uv tool install apixo-mcp`, or `pipx install apixo-mcp`; from a checkout with its path in place of "
    "the name), then run this again."
)
_NO_PROGRAM = (
    "Nothing was touched, for there is no installed apixo-mcp that a host could start: what `uvx` makes goes "
    f"some day. {_INSTALL_IT}"
)


@click.command()
@takes_hosts
@click.option("--all", "every", is_flag=True, help="Each host that is there.")
@click.option("--print", "prints", is_flag=True, help="Print what would be written, and touch nothing.")
@click.option("--sandbox", is_flag=True, help="With a built-in imitation of the gateways: no key, no cost.")
@click.option("--env", "given", metavar="NAME=VALUE", multiple=True, help="A setting for the server; repeatable.")
@click.option("--keyring", is_flag=True, help="Keep the keys in the system's store, not in the host's file.")
def install(
    hosts: Sequence[str],
    every: bool,
    prints: bool,
    yes: bool,
    sandbox: bool,
    given: Sequence[str],
    keyring: bool,
) -> None:
    """Enter this server in the configuration of hosts.

    The server is started once before anything is touched. What else stands in a file stays, byte for byte; a copy is
    kept, and the change is shown first.
    """
    env = dict(map(setting, given))
    machine = this_machine()
    asks = sys.stdin.isatty() and not yes and not prints
    with errors_told():
        targets = chosen(hosts, every=every, those=[host for host in HOSTS.values() if host.is_there(machine)])
        presents, refusals = _looked_at(targets, machine)
        keys = _keys([present for _, present in presents], asks=asks, is_sandbox=sandbox)
        wanted = [entered(host, present, keys, env, keyring=keyring) for host, present in presents]
        run = ("serve", "--sandbox") if sandbox else ()
        asker = Asker(sys.argv[0], Path(sys.executable))
        lines = [(*line, *run) for line in commands(machine, asker, extra="keyring" if keyring else "")]
        if not lines:
            raise DoesNotStart(_NO_PROGRAM)
        line = lines[0] if prints else _tried(lines, wanted, machine)
        failed = bool(refusals)
        for host, refusal in refusals:
            tell_left(host, machine, refusal, Launch(line[0], line[1:], {**_shown_keys(keys, sandbox), **env}))
        if prints:
            for one in wanted:
                _print(one, line)
        elif wanted:
            records = InstallRecords(settings_or_exit().home)
            for one in wanted:
                failed = not _entered(one, line, machine, records, asks=asks) or failed
            if not keys and not sandbox and not any(has_key(present) for _, present in presents):
                say(f"There is no key in it yet: set {key_variables()}, and run this again.", err=True)
    if failed:
        raise SystemExit(1)


def _looked_at(
    targets: Sequence[Host], machine: Machine
) -> tuple[list[tuple[Host, Present]], list[tuple[Host, NotEditable]]]:
    """Reads the file of each host; returns those that can be read, and why the others cannot."""
    presents: list[tuple[Host, Present]] = []
    refusals: list[tuple[Host, NotEditable]] = []
    for host in targets:
        try:
            presents.append((host, look(host, machine)))
        except NotEditable as refusal:
            refusals.append((host, refusal))
    return presents, refusals


def _shown_keys(keys: Mapping[str, str], is_sandbox: bool) -> Mapping[str, str]:
    """Returns the keys of an entry that a person makes by hand, which are hidden when it is shown: one at least."""
    return keys if keys or is_sandbox else {next(iter(GATEWAYS.values())).key_variable: MASK}


def _keys(presents: Sequence[Present], *, asks: bool, is_sandbox: bool) -> Mapping[str, str]:
    keys = {} if is_sandbox else keys_in(os.environ)
    for name in keys:
        say(f"{name}: from the environment", err=True)
    if is_sandbox or not asks or keys or all(map(has_key, presents)):
        return keys
    try:
        return asked_keys()
    except click.Abort:
        say("\nNothing was touched.", err=True)
        raise SystemExit(INTERRUPTED) from None


def _tried(lines: Sequence[Line], wanted: Sequence[Entered], machine: Machine) -> Line:
    """Returns the first command line that starts a server with what each host will set.

    Raises:
        DoesNotStart: none does; why not.
    """
    secrets = [secret for one in wanted for secret in one.secrets]
    reasons: list[str] = []
    for line in lines:
        try:
            for launch in _launches(line, wanted):
                tools = tools_of(launch, machine)
                say(f"Tried: {' '.join(line)} starts, and offers {len(tools)} tools.", err=True)
        except DoesNotStart as reason:
            reasons.append(f"{' '.join(line)} {masked(str(reason), secrets)}")
        else:
            return line
    # What came by `uvx --from` of a file or a checkout is not what `uvx` starts by the name.
    advice = [_INSTALL_IT] if all(Path(line[0]).stem == "uvx" for line in lines) else []
    raise DoesNotStart("\n".join(["Nothing was touched, for the server does not start:", *reasons, *advice]))


def _launches(line: Line, wanted: Sequence[Entered]) -> list[Launch]:
    """Returns each way in which a host will start the server and does not already."""
    launches: list[Launch] = []
    for one in wanted:
        try:
            is_new = installed(one.host, one.present.text, one.launch(line)) != one.present.text
        except NotEditable:
            continue
        if is_new and (launch := one.whole_launch(line)) not in launches:
            launches.append(launch)
    return launches


def _print(wanted: Entered, line: Line) -> None:
    host, launch, before = wanted.host, wanted.launch(line), wanted.present.text
    say(f"# {host.title}: {wanted.present.file.path}")
    try:
        lines = difference(host, before, installed(host, before, launch), wanted.secrets)
    except NotEditable as refusal:
        heading, *lines = by_hand(host, launch)
        say(f"# It {refusal}. {heading}")
    say("\n".join(lines or ["# It is as it should be, but for keys at most."]))


def _entered(wanted: Entered, line: Line, machine: Machine, records: InstallRecords, *, asks: bool) -> bool:
    """Enters the server in one host's file; tells whether it is there now."""
    host = wanted.host
    try:
        change = plan_install(host, wanted.present, wanted.launch(line), records)
        if change.is_nothing:
            _store(wanted)
            say(f"{host.title}: {change.file.path} has it already. Nothing was changed.")
            return True
        show_change(change, wanted.secrets)
        if change.launch and keys_in(change.launch.env):
            for reason in exposure(change.file):
                say(f"  {reason}", err=True)
        if not agreed(change, asks=asks):
            return False
        _store(wanted)
        copy = carry_out_install(change, records, tuple(wanted.stored or ()))
    except NotEditable as refusal:
        tell_left(host, machine, refusal, wanted.launch(line))
        return False
    _tell_entered(change, copy)
    return True


def _store(wanted: Entered) -> None:
    for variable, key in (wanted.stored or {}).items():
        store_key(variable, key)


def _tell_entered(change: Change, copy: Path | None) -> None:
    say(f"{change.host.title}: {change.file.path} was {'made' if change.file.content is None else 'changed'}.")
    if copy is not None:
        say(f"  What stood there before is kept in {copy}")
    say(f"  {change.host.after}")
