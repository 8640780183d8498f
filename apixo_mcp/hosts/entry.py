"""A host's entry for this server: how each spells it, and what becomes of one that is there. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from apixo_mcp.hosts.host import SERVER_NAME, EntryShape, Host
from apixo_mcp.hosts.refusal import NotEditable
from apixo_mcp.hosts.values import object_of

_GOOSE_SECONDS = 300
"""How long Goose waits for an answer: its own default (hosts documentation, `GOOSE_DEFAULT_EXTENSION_TIMEOUT`)."""
_ELSEWHERE = ("url", "serverUrl", "httpUrl", "uri")
"""Fields of an entry that leads to a server over HTTP."""


class EntryFields(NamedTuple):
    """What a host calls the parts of an entry.

    Attributes:
        args: empty where the arguments stand in the command's list.
    """

    command: str = "command"
    args: str = "args"
    env: str = "env"


_FIELDS: dict[EntryShape, EntryFields] = {
    "plain": EntryFields(),
    "typed": EntryFields(),
    "goose": EntryFields(command="cmd", env="envs"),
    "opencode": EntryFields(args="", env="environment"),
}


@dataclass(frozen=True, slots=True)
class Launch:
    """How a host starts the server.

    Attributes:
        command: a whole path, as far as there is one.
        env: set for it beside what the host hands on.
        unset: variables that an entry that is there no longer sets.
    """

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    unset: tuple[str, ...] = ()


def entry_fields(host: Host) -> EntryFields:
    """Returns what a host calls the parts of an entry."""
    return _FIELDS[host.shape]


def server_entry(host: Host, launch: Launch, present: Any = None) -> dict[str, Any]:
    """Returns the entry of a host, made of the one that is there: fields and variables of others stay.

    Raises:
        NotEditable: what is there leads to a server over HTTP, or is no entry.
    """
    there = object_of(present)
    if present is not None and there is None:
        raise NotEditable(f"holds something under {'.'.join(host.entry_keys)} that is no server")
    entry, fields = dict(there or {}), entry_fields(host)
    if elsewhere := next((name for name in _ELSEWHERE if name in entry), ""):
        raise NotEditable(
            f"has an entry {SERVER_NAME} that leads to a server over HTTP (`{elsewhere}`); "
            f"`apixo-mcp uninstall {host.name}` takes it out"
        )
    variables = object_of(entry.get(fields.env) or {})
    kind = str if fields.args else list
    if not isinstance(entry.get(fields.command, kind()), kind) or variables is None:
        raise NotEditable(
            f"has an entry {SERVER_NAME} of another shape; `apixo-mcp uninstall {host.name}` takes it out"
        )
    kept = {name: value for name, value in variables.items() if name not in launch.unset}
    head: dict[str, Any] = {}
    if host.shape == "typed":
        head = {"type": "stdio"}
    elif host.shape == "goose":
        told = "Makes images, video, music and speech on APIXO and Ruxa AI."
        head = {"enabled": True, "type": "stdio", "name": SERVER_NAME, "description": told}
        head = {**head, **{name: entry[name] for name in ("enabled", "name", "description") if name in entry}}
    elif host.shape == "opencode":
        head = {"type": "local"}
    words: dict[str, Any] = {fields.command: [launch.command, *launch.args]}
    if fields.args:
        words = {fields.command: launch.command, fields.args: list(launch.args)}
    whole = {**head, **words, fields.env: {**kept, **launch.env}}
    if host.shape == "goose":
        whole["timeout"] = entry.get("timeout", _GOOSE_SECONDS)
    return {**entry, **whole} if present is not None else whole


def launch_in(host: Host, entry: Mapping[str, Any]) -> Launch | None:
    """Returns how an entry starts the server; None where it does not, or in a way that is not known."""
    fields = entry_fields(host)
    words: Any = entry.get(fields.command)
    if fields.args:
        rest: Any = entry.get(fields.args) or []
        words = [words, *rest] if isinstance(rest, list) else None
    variables = object_of(entry.get(fields.env) or {})
    if not isinstance(words, list) or not words or not isinstance(words[0], str) or variables is None:
        return None
    first, *args = map(str, cast("list[Any]", words))
    return Launch(first, tuple(args), {name: str(value) for name, value in variables.items()})
