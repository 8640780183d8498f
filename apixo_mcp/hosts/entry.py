"""A host's entry for this server: how each spells it, and what becomes of one that is there. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from apixo_mcp.hosts.host import SERVER_NAME, Host
from apixo_mcp.hosts.refusal import NotEditable
from apixo_mcp.hosts.values import object_of

_GOOSE_SECONDS = 300
"""How long Goose waits for an answer: its own default (hosts documentation, `GOOSE_DEFAULT_EXTENSION_TIMEOUT`)."""
_ELSEWHERE = ("url", "serverUrl", "httpUrl", "uri")
"""Fields of an entry that leads to a server over HTTP."""


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


def server_entry(host: Host, launch: Launch, present: Any = None) -> dict[str, Any]:
    """Returns the entry of a host, made of the one that is there: fields and variables of others stay.

    Raises:
        NotEditable: what is there leads to a server over HTTP, or is no entry.
    """
    there = object_of(present)
    if present is not None and there is None:
        raise NotEditable(f"holds something under {'.'.join(host.entry_keys)} that is no server")
    entry = dict(there or {})
    command, env = ("cmd", "envs") if host.shape == "goose" else ("command", "env")
    if elsewhere := next((name for name in _ELSEWHERE if name in entry), ""):
        raise NotEditable(
            f"has an entry {SERVER_NAME} that leads to a server over HTTP (`{elsewhere}`); "
            f"`apixo-mcp uninstall {host.name}` takes it out"
        )
    variables = object_of(entry.get(env) or {})
    if not isinstance(entry.get(command, ""), str) or variables is None:
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
    whole = {**head, command: launch.command, "args": list(launch.args), env: {**kept, **launch.env}}
    if host.shape == "goose":
        whole["timeout"] = entry.get("timeout", _GOOSE_SECONDS)
    return {**entry, **whole} if present is not None else whole


def launch_in(host: Host, entry: Mapping[str, Any]) -> Launch | None:
    """Returns how an entry starts the server; None where it does not, or in a way that is not known."""
    command, env = ("cmd", "envs") if host.shape == "goose" else ("command", "env")
    words: Any = entry.get("args") or []
    variables = object_of(entry.get(env) or {})
    if not isinstance(entry.get(command), str) or not isinstance(words, list) or variables is None:
        return None
    texts = map(str, cast("list[Any]", words))
    return Launch(entry[command], tuple(texts), {name: str(value) for name, value in variables.items()})
