"""Hides keys in what is printed of a host's file. Pure.

Of the server's own entry the keys are hidden; of everything else every value, for anything there may be a secret.
"""

import re
from collections.abc import Collection

from apixo_mcp.hosts.editing import span_of
from apixo_mcp.hosts.host import Host

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
    parts = (hide(text[:start]), text[start:end], hide(text[end:]))
    return "".join(masked(part, secrets) for part in parts)


def _hide_strings(text: str) -> str:
    return _STRING.sub(lambda match: match[0] if match["name"] else f'"{MASK}"', text)


def _hide_lines(text: str) -> str:
    return "\n".join(_LINE.sub(_hide_line, line, count=1) for line in text.split("\n"))


def _hide_line(match: re.Match[str]) -> str:
    indentation, name, rest, end = match[1], match[2] or "", match[3], match[4]
    if _HARMLESS.fullmatch(rest.strip(" \t")):
        return match[0]
    return f"{indentation}{name}{' ' if name else ''}{MASK}{end}"


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
