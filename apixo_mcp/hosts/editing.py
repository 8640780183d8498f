"""Puts the server's entry into the text of a host's file, and takes it out. Pure.

Each change is read back before it is handed out: it says what was there and the entry, and nothing else.
"""

from collections.abc import Mapping
from typing import Any

from apixo_mcp.hosts.entry import Launch, server_entry
from apixo_mcp.hosts.host import SERVER_NAME, Host
from apixo_mcp.hosts.json_text import json_with, json_without
from apixo_mcp.hosts.jsonc import read_jsonc
from apixo_mcp.hosts.refusal import NotEditable
from apixo_mcp.hosts.toml_text import read_toml, toml_assigned, toml_span, toml_with, toml_without
from apixo_mcp.hosts.values import object_of, value_at
from apixo_mcp.hosts.yaml_text import read_yaml, yaml_span, yaml_with, yaml_without

_WITHOUT_COMMENTS = "has comments or commas before closing brackets, which {title} does not read: take them out first"


def entry_in(host: Host, text: str) -> Any:
    """Returns the entry that stands in a host's file, None where there is none.

    Raises:
        NotEditable: the text is not what the host reads.
    """
    return value_at(_read(host, text), host.entry_keys)


def installed(host: Host, text: str, launch: Launch) -> str:
    """Returns the text of a host's file with the server's entry.

    Raises:
        NotEditable: it cannot be put in without loss; why.
    """
    before = _read(host, text)
    present = value_at(before, host.entry_keys)
    entry = server_entry(host, launch, present)
    if present == entry:
        return text
    if host.format == "yaml":
        changed = yaml_with(text, host.keys[0], SERVER_NAME, entry)
    elif present is None:
        write = toml_with if host.format == "toml" else json_with
        changed = write(text, host.entry_keys, entry)
    else:
        write = toml_assigned if host.format == "toml" else _json_assigned
        changed = text
        for keys, value in _differences(host.entry_keys, present, entry):
            changed = write(changed, keys, value)
    _confirm(_read(host, changed), _placed(before, host.entry_keys, entry))
    return changed


def uninstalled(host: Host, text: str, *, list_too: bool = False) -> str:
    """Returns the text of a host's file without the server's entry; what else stands in it is kept.

    Args:
        host: whose file it is.
        text: that stands in it.
        list_too: whether the mapping that servers stand in goes too, where nothing is left in it, not even a comment.

    Raises:
        NotEditable: it cannot be taken out without loss; why.
    """
    before = _read(host, text)
    if value_at(before, host.entry_keys) is None:
        return text
    if host.format == "yaml":
        changed = yaml_without(text, host.keys[0], SERVER_NAME)
    elif host.format == "toml":
        changed = toml_without(text, host.entry_keys)
    else:
        changed = json_without(text, host.entry_keys)
    changed = _without_list(host, changed) if list_too else changed
    expected = _placed(before, host.entry_keys, None)
    _confirm(_without_empty(_read(host, changed), host.keys), _without_empty(expected, host.keys))
    return changed


def has_list(host: Host, text: str) -> bool:
    """Tells whether the mapping that servers stand in is there, with or without any.

    Raises:
        NotEditable: the text is not what the host reads.
    """
    return value_at(_read(host, text), host.keys) is not None


def says_nothing(host: Host, text: str) -> bool:
    """Tells whether a text has no setting and no comment."""
    return not text.strip().strip("{}" if host.format in ("json", "jsonc") else "").strip()


def span_of(host: Host, text: str) -> tuple[int, int]:
    """Returns from where to where the server's entry stands in a text; an empty one where that is not known."""
    try:
        if host.format == "yaml":
            return yaml_span(text, host.keys[0], SERVER_NAME)
        if host.format == "toml":
            return toml_span(text, host.entry_keys)
        node = read_jsonc(text).node(host.entry_keys)
        return (node.start, node.end) if node else (0, 0)
    except NotEditable:
        return (0, 0)


def _without_list(host: Host, text: str) -> str:
    """Returns a text without the mapping that servers stand in, where nothing stands in it; of TOML none is left."""
    if host.format == "yaml":
        return "".join(line for line in text.splitlines(keepends=True) if line.rstrip() != f"{host.keys[0]}: {{}}")
    if host.format == "toml":
        return text
    node = read_jsonc(text).node(host.keys)
    is_empty = node is not None and node.members == () and not text[node.start + 1 : node.end - 1].strip()
    return json_without(text, host.keys) if is_empty else text


def _json_assigned(text: str, keys: tuple[str, ...], value: Any) -> str:
    return json_without(text, keys) if value is None else json_with(text, keys, value)


def _read(host: Host, text: str) -> Any:
    if host.format == "toml":
        return read_toml(text)
    if host.format == "yaml":
        return read_yaml(text) or {}
    document = read_jsonc(text)
    if host.format == "json" and not document.is_plain:
        raise NotEditable(_WITHOUT_COMMENTS.format(title=host.title))
    if document.root is not None and document.root.members is None:
        raise NotEditable("holds something other than an object")
    return document.value or {}


def _placed(value: Any, keys: tuple[str, ...], entry: Any) -> Any:
    """Returns a value in which keys lead to an entry; None: to nothing."""
    if not keys:
        return entry
    there, (first, *inner) = object_of(value) or {}, keys
    placed = _placed(there.get(first), tuple(inner), entry)
    rest = {name: one for name, one in there.items() if name != first}
    return rest if placed is None else {**rest, first: placed}


def _without_empty(value: Any, keys: tuple[str, ...]) -> Any:
    """Returns a value without what is empty on the way of keys: whether that stays, formats have their own ways."""
    there = object_of(value)
    if not keys or there is None or keys[0] not in there:
        return value
    inner = _without_empty(there[keys[0]], keys[1:])
    return {name: one for name, one in {**there, keys[0]: inner}.items() if one or name != keys[0]}


def _differences(
    keys: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any]
) -> list[tuple[tuple[str, ...], Any]]:
    """Returns what of an entry is to be set to what; None: to be taken out."""
    changes: list[tuple[tuple[str, ...], Any]] = [((*keys, name), None) for name in old if name not in new]
    for name, value in new.items():
        before, inner = object_of(old.get(name)), object_of(value)
        if before is not None and inner is not None:
            changes += _differences((*keys, name), before, inner)
        elif name not in old or old[name] != value:
            changes.append(((*keys, name), value))
    return changes


def _confirm(after: Any, expected: Any) -> None:
    if after != expected:
        raise NotEditable("is written in a way that cannot be edited here")
