"""Hides keys in what is printed of a host's file. Pure.

Of the server's own entry what is known to be none is shown; of everything else no value, for any may be a secret.
"""

import json
import re
from collections.abc import Collection

from apixo_mcp.hosts.editing import entry_in, span_of
from apixo_mcp.hosts.entry import launch_in
from apixo_mcp.hosts.host import Host
from apixo_mcp.hosts.refusal import NotEditable
from apixo_mcp.hosts.values import object_of
from apixo_mcp.variables.oddities import SECRET_ENDS

MASK = "********"

_NAME = r"[\w.-]{0,40}(?i:key|token|secret|passw(?:or)?d|credential|auth|cookie|dsn)[\w.-]{0,40}"
# A name that tells of a secret and the value behind it, in JSON, YAML or TOML.
_NAMED = re.compile(
    rf"""((?<![\w.-])["']?{_NAME}["']?[ \t]*[:=][ \t]*)("(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|[^\s"',{{\[]++)"""
)
_LOOKS = re.compile(r"(?<![\w-])(?:sk|pk|whsec|amt)[-_][-_.A-Za-z0-9]{8,}+|(?<![\w+=-])[A-Za-z0-9+_-]{32,}+={0,2}")
_IN_ADDRESS = re.compile(r"(://)[^/\s\"'@]++(@)")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*+"?(?P<name>[ \t\r\n]*+:)?')
_LINE = re.compile(r"([ \t]*+(?:- )?)((?:\"[^\"\n]*+\"|[\w.-]++)[ \t]*[:=](?=\s|$))?([^\r\n]*+)(\r?)")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*+"?')
_BETWEEN = re.compile(r"[\[\]{},\s]*(?:#.*)?")  # what may stand around the texts of a list
_ARGUMENT = re.compile(r"--?[a-z][a-z-]*|serve|stdio|http|sse|run|tool|apixo[_-]mcp(?:\[[a-z,-]+\])?")
"""An argument that is no secret: a flag without its value, or a word of ours or of what starts us."""
_VARIABLE = re.compile(r"APIXO_MCP_\w+|[A-Z]+_BASE_URL")
"""A variable of ours whose value may be shown, unless its name tells of a secret, or it is one of `SECRET_ENDS`."""
_TELLING = ("type", "name", "description")
_HARMLESS = re.compile(r"#.*|true|false|null|[0-9.]*|[\[\]{},]*")


def masked(text: str, secrets: Collection[str] = ()) -> str:
    """Returns a text without the keys in it.

    Args:
        text: an entry, or a part of one.
        secrets: keys that are known, which are hidden wherever they stand.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _NAMED.sub(_hide_value, text)
    text = _IN_ADDRESS.sub(rf"\1{MASK}\2", text)
    return _LOOKS.sub(_hide_key, text)


def shown(host: Host, text: str, secrets: Collection[str] = ()) -> str:
    """Returns the text of a host's file as it may be printed: its lines are those of the text."""
    start, end = span_of(host, text)
    hide = _hide_strings if host.format in ("json", "jsonc") else _hide_lines
    parts = (hide(text[:start], ()), hide(text[start:end], _known(host, text)), hide(text[end:], ()))
    return "".join(masked(part, secrets) for part in parts)


def _known(host: Host, text: str) -> Collection[str]:
    """Returns the texts of the server's own entry that are no secrets."""
    try:
        entry = object_of(entry_in(host, text)) or {}
    except NotEditable:
        return ()
    known = {value for name in _TELLING if isinstance(value := entry.get(name), str)}
    if host.format == "toml":
        table = ".".join(host.entry_keys)
        known |= {f"[{table}]", f"[{table}.env]"}
    if launch := launch_in(host, entry):
        known |= {launch.command, *filter(_ARGUMENT.fullmatch, launch.args)}
        known |= {value for name, value in launch.env.items() if _may_be_shown(name)}
    return known


def _may_be_shown(variable: str) -> bool:
    return bool(_VARIABLE.fullmatch(variable)) and not variable.endswith(SECRET_ENDS)


def _hide_strings(text: str, known: Collection[str]) -> str:
    return _STRING.sub(lambda match: match[0] if match["name"] else _quoted(match[0], known), text)


def _hide_lines(text: str, known: Collection[str]) -> str:
    return "\n".join(_LINE.sub(lambda match: _hide_line(match, known), line, count=1) for line in text.split("\n"))


def _hide_line(match: re.Match[str], known: Collection[str]) -> str:
    indentation, name, rest, end = match[1], match[2] or "", match[3], match[4]
    bare = rest.strip(" \t")
    if _HARMLESS.fullmatch(bare) or bare in known:
        return match[0]
    if known and _BETWEEN.fullmatch(_QUOTED.sub("", rest)):
        rest = _QUOTED.sub(lambda quoted: _quoted(quoted[0], known), rest)
        return f"{indentation}{name}{rest}{end}"
    return f"{indentation}{name}{' ' if name else ''}{MASK}{end}"


def _quoted(text: str, known: Collection[str]) -> str:
    """Returns a text in quotes, hidden where it is not known."""
    try:
        return text if json.loads(text) in known else f'"{MASK}"'
    except ValueError:
        return f'"{MASK}"'


def _hide_value(match: re.Match[str]) -> str:
    value = match[2]
    if value in ("true", "false", "null", '""', "''", "|", ">"):
        return match[0]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{match[1]}{quote}{MASK}{quote}"


def _hide_key(match: re.Match[str]) -> str:
    word = match[0]
    is_key = word[:3] in ("sk-", "pk-") or (any(map(str.isdigit, word)) and any(map(str.isalpha, word)))
    return MASK if is_key or word.startswith(("whsec_", "amt_")) else word
