"""Changes one table of a TOML text, and keeps every other byte of it. Pure.

A new table is text at the end. One that is there is changed by tomlkit, which keeps comments and order.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from apixo_mcp.hosts.refusal import NotEditable
from apixo_mcp.hosts.values import object_of


def read_toml(text: str) -> dict[str, Any]:
    """Returns what a text says.

    Raises:
        NotEditable: it is not TOML, with the place at fault.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise NotEditable(f"is not valid TOML ({str(error) or 'nested too deeply'})") from None


def toml_with(text: str, keys: tuple[str, ...], value: Mapping[str, Any]) -> str:
    """Returns a text in which keys lead to a table that was not there."""
    newline = "\r\n" if re.match(r"[^\n]*\r\n", text) else "\n"
    lines = newline.join(_table(keys, value)) + newline
    if not text.strip():
        return text + lines
    return f"{text}{'' if text.endswith(newline) else newline}{newline}{lines}"


def toml_assigned(text: str, keys: tuple[str, ...], value: Any) -> str:
    """Returns a text in which keys lead to a value, inside tables that are there; None takes it away.

    Raises:
        NotEditable: it would not come out as it is.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        if tomlkit.dumps(document) != text:
            raise NotEditable("is written in a way that an edit would not keep")
        table: Any = document
        for key in keys[:-1]:
            table = table[key]
        if value is None:
            del table[keys[-1]]
        else:
            table[keys[-1]] = value
        changed = tomlkit.dumps(document)
    except (TOMLKitError, LookupError, TypeError, ValueError, RecursionError):
        raise NotEditable("is written in a way that cannot be edited here") from None
    return re.sub(r"(?<!\r)\n", "\r\n", changed) if "\r\n" in text and not re.search(r"(?<!\r)\n", text) else changed


def toml_without(text: str, keys: tuple[str, ...]) -> str:
    """Returns a text without the table that keys lead to; the empty line goes that `toml_with` put before a last one.

    Raises:
        NotEditable: it would not come out as it is.
    """
    changed = toml_assigned(text, keys, None)
    newline = "\r\n" if changed.endswith("\r\n") else "\n"
    was_last = toml_span(text, keys)[1] == len(text)
    return changed.removesuffix(newline) if was_last and changed.endswith(newline * 2) else changed


def toml_span(text: str, keys: tuple[str, ...]) -> tuple[int, int]:
    """Returns from where to where a table stands with those in it; an empty one where it is written in another way."""
    name = ".".join(keys)
    heads = (f"[{name}]", f"[{name}.")
    start = end = at = 0
    is_within = False
    for line in text.splitlines(keepends=True):
        if line.startswith("["):
            is_within = line.startswith(heads)
            start = at if is_within and not end else start
        at += len(line)
        end = at if is_within else end
    return start, end


def _table(keys: tuple[str, ...], value: Mapping[str, Any]) -> list[str]:
    tables = {key: table for key, one in value.items() if (table := object_of(one)) is not None}
    lines = [f"[{'.'.join(map(_key, keys))}]"]
    lines += [f"{_key(key)} = {_value(one)}" for key, one in value.items() if key not in tables]
    for key, table in tables.items():
        lines += ["", *_table((*keys, key), table)]
    return lines


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)


def _value(value: Any) -> str:
    """Returns a text or a list of texts as TOML writes it, which is as JSON does."""
    return json.dumps(value, ensure_ascii=False)
