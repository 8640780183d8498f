"""What each host that is there would start: its entry, the program behind it, its key, and whether that runs."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from anyio import to_thread

from apixo_mcp.cli.checks.finding import Finding
from apixo_mcp.cli.checks.start_trial import DoesNotStart, tools_of
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.hosts.editing import entry_in
from apixo_mcp.hosts.entry import Launch, entry_fields
from apixo_mcp.hosts.host import SERVER_NAME, Host
from apixo_mcp.hosts.installing import look
from apixo_mcp.hosts.launch import is_throw_away
from apixo_mcp.hosts.machine import Machine
from apixo_mcp.hosts.masking import masked
from apixo_mcp.hosts.refusal import NotEditable
from apixo_mcp.hosts.table import HOSTS
from apixo_mcp.variables.written import is_set, trimmed

_PATH_OF_APPS = "/usr/bin:/bin:/usr/sbin:/sbin"
"""What a program that was opened from the Dock sees on macOS (launchd's default)."""
_OF_THE_DOCK = ("claude-desktop", "cursor", "windsurf", "goose", "lmstudio")
"""Hosts of which `spawn uvx ENOENT` may be heard on macOS. Reported of the first two, inferred of the others; VS Code
and Zed read the environment of a login shell (their documentation), and the others are started in one."""
_FILLS_IN = ("claude-code", "cursor", "vscode", "windsurf", "gemini")
"""Hosts that put values in place of `${…}`: `examples/hosts` shows the first three; inferred of the others."""
_HANDING_ON = ("apixo-mcp", "uvx", "uv", "pipx", "py")
"""Programs, beside Python's, that start ours with the variables that they are given themselves."""
_FROM_A_SHELL = ("claude-code", "codex", "gemini", "opencode")
"""Hosts that people start in a shell, so that a key of it may reach the server."""


async def host_findings(machine: Machine) -> AsyncIterator[Finding]:
    """Yields of each host that was ever started here what it would start, tried where nothing speaks against it."""
    tried: dict[tuple[object, ...], str] = {}
    for host in HOSTS.values():
        if not host.is_there(machine):
            continue
        what, anew = f"host {host.title}", f"Run `apixo-mcp install {host.name}`."
        try:
            present = look(host, machine)
            entry = entry_in(host, present.text)
        except NotEditable as refusal:
            path = host.config_path(machine)
            yield Finding(what, f"{path} {refusal}", f"Correct the file: {host.title} may not read it either.")
            continue
        if entry is None:
            yield Finding(what, f"has no server {SERVER_NAME}; `apixo-mcp install {host.name}` enters it")
        elif present.launch is None:
            yield Finding(what, f"has a server {SERVER_NAME} that is not started here; for one over HTTP: --remote URL")
        elif trouble := program_trouble(host, present.launch, machine) or key_trouble(host, present.launch, machine):
            state, advice = trouble
            yield Finding(what, state, f"{advice} {anew}" if advice else anew)
        else:
            launch = present.launch
            if not _takes_variables(launch.command):
                yield Finding(what, f"starts {launch.command}, which is not tried: it may go on with tasks elsewhere")
                continue
            known = (launch.command, launch.args, *sorted(launch.env.items()))
            if known not in tried:
                say(f"apixo-mcp: trying what {host.title} starts, which may take a while", err=True)
                tried[known] = await to_thread.run_sync(_tried, launch, machine)
            reason = tried[known]
            state = f"{launch.command} {reason}" if reason else f"starts {launch.command}, which works"
            yield Finding(what, state, anew if reason else "")


def program_trouble(host: Host, launch: Launch, machine: Machine) -> tuple[str, str] | None:
    """Tells why a host does not find its program, and what helps; None where it does."""
    command = launch.command
    is_whole = Path(command).is_absolute()
    if not is_whole and ("/" in command or "\\" in command):
        return f"starts {command}, which is found from one folder only: hosts start anywhere", "Write its whole path."
    if is_whole:
        if not Path(command).is_file() or not os.access(command, os.X_OK):
            return f"starts {command}, and there is no such program", ""
        if is_throw_away(Path(command)):
            return f"starts {command}, which lies in a cache that is emptied some day", ""
        return None
    path = machine.environment.get("PATH", "")
    is_of_dock = machine.platform == "macos" and host.name in _OF_THE_DOCK
    seen = launch.env.get("PATH", "") or (_PATH_OF_APPS if is_of_dock else path)
    if shutil.which(command, path=seen):
        return None
    if whole := shutil.which(command, path=path):
        enoent = f"starts {command}, which it does not find (`spawn {command} ENOENT`): it sees no PATH of your shell"
        return enoent, f"Write the whole path, {whole}."
    return f"starts {command}, and there is no such program on the PATH (`spawn {command} ENOENT`)", ""


def key_trouble(host: Host, launch: Launch, machine: Machine) -> tuple[str, str] | None:
    """Tells what is wrong with the keys of an entry, and what helps; None where one may be there. Tells of no key."""
    if "--sandbox" in launch.args or is_set("APIXO_MCP_KEYRING", launch.env.get("APIXO_MCP_KEYRING", "")):
        return None
    variables = [listing.key_variable for listing in GATEWAYS.values()]
    written = {name: trimmed(launch.env[name]) for name in variables if launch.env.get(name, "").strip()}
    filled_in = [name for name, value in written.items() if value.startswith("$") and host.name in _FILLS_IN]
    if filled_in or any(is_set(name, value) for name, value in written.items()):
        return None
    if written:
        return f"{' and '.join(written)} in its entry holds a placeholder and no key", "Write the key itself."
    in_shell = any(is_set(name, machine.environment.get(name, "")) for name in variables)
    if host.name in _FROM_A_SHELL and in_shell:
        return None
    return (
        "starts the server without a key",
        f"Set {' or '.join(variables)} in the `{entry_fields(host).env}` of its entry.",
    )


def _tried(launch: Launch, machine: Machine) -> str:
    """Starts a server with what is written there, in an empty data folder; returns what went wrong."""
    secrets = [value for name, value in launch.env.items() if name.endswith("_KEY")]
    try:
        tools_of(launch, machine)
    except DoesNotStart as reason:
        return masked(str(reason), secrets)
    return ""


def _takes_variables(command: str) -> bool:
    """Tells whether a program hands the variables that it is given to our own.

    A container or another machine has a data folder of its own, whose tasks a trial would go on with.
    """
    name = re.split(r"[/\\]", command)[-1].lower().removesuffix(".exe")
    return name in _HANDING_ON or name.startswith("python")
