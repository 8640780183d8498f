"""Which way a request takes out of this machine: directly, or through the proxy that is set.

A proxy that can never work refuses the requests that need it, by the name of its variable. Nothing is told of a proxy
but its kind: its address may hold a password.
"""

import contextlib
import ipaddress
import re
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from apixo_mcp.errors import SettingRefused
from apixo_mcp.net.response import NotReached, words_for
from apixo_mcp.variables.environment import spelling
from apixo_mcp.variables.written import is_placeholder, trimmed

_KINDS = {"http": "http", "https": "https", "socks5": "socks5", "socks5h": "socks5h", "socks": "socks5"}
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
PROXIES_HELD_FOR = 1.0
"""Seconds: to look it up takes a fifth of a millisecond, longer than all else before a poll is sent."""
_ALLOWED = "write it as http://host:port, https://host:port or socks5://host:port, or take it out"

_PROXY_REFUSES = re.compile(r"(?i)^(?:401|403|405|407|501)\b|username|password|requested [a-z/ ]{1,40} from proxy")
"""Words of the library for a proxy that will not do it, however often it is asked."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that can be used.

    Attributes:
        url: as the HTTP library takes it; holds credentials.
        variable: where it is set, for people.
    """

    url: str
    variable: str


class Proxies:
    """The proxies of requests, looked up anew every second: what is set on a machine may change meanwhile.

    Args:
        clock: seconds, running evenly.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_up_at = clock()
        self._known: dict[tuple[str, str, int | None], Proxy | None] = {}

    def get(self, scheme: str, host: str, port: int | None = None) -> Proxy | None:
        """See `proxy_for`. One that is refused is not remembered."""
        if (now := self._clock()) - self._looked_up_at >= PROXIES_HELD_FOR:
            self._known, self._looked_up_at = {}, now
        known, place = self._known, (scheme, host, port)
        if place not in known:
            known[place] = proxy_for(scheme, host, port)
        return known[place]


def proxy_for(scheme: str, host: str, port: int | None = None) -> Proxy | None:
    """Returns the proxy for requests to a host; None where they go there directly.

    Raises:
        SettingRefused: one is set that can never work.
    """
    host = host.strip("[]").rstrip(".").lower()
    if is_loopback(host):
        return None
    proxies = urllib.request.getproxies()
    kind = next((kind for kind in (scheme, "all") if _is_set(proxies.get(kind, ""))), "")
    if not kind or _is_excepted(proxies.get("no", ""), host, port or _PORTS.get(scheme, 0)):
        return None
    if ":" not in host and urllib.request.proxy_bypass(host):  # the exceptions of Windows and macOS
        return None
    variable = spelling(f"{kind}_proxy") or "the proxy of this system's network settings"
    return Proxy(_usable(trimmed(proxies[kind]), variable), variable)


def is_loopback(host: str) -> bool:
    """Tells whether a host is this machine, which no proxy leads to."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def no_connection(where: str, error: Exception, proxy: Proxy | None) -> NotReached:
    """Makes the outcome of a connection that did not come about: behind a proxy, that may be its doing."""
    if proxy is None:
        return NotReached(f"{where} was not reached ({words_for(error)})")
    refuses = type(error).__name__ == "ProxyError" and _PROXY_REFUSES.search(str(error)) is not None
    said = f"{where} was not reached through the proxy that {proxy.variable} names ({words_for(error)})"
    return NotReached(said, proxy.variable if refuses else "")


def unusable_proxies() -> list[str]:
    """Tells what is wrong with the proxies that are set."""
    found: list[str] = []
    for scheme in ("https", "http"):
        try:
            proxy_for(scheme, "host.invalid")
        except SettingRefused as error:
            found.append(str(error))
    return list(dict.fromkeys(found))


def _is_set(value: str) -> bool:
    text = trimmed(value)
    return bool(text) and not is_placeholder(text)


def _usable(text: str, variable: str) -> str:
    """Returns the URL of a proxy.

    Raises:
        SettingRefused: it can never be used.
    """
    kind, separator, rest = text.partition("://")
    if not separator:
        kind, rest = "http", text
    kind = kind.lower()
    if kind not in _KINDS:
        shown = f" of the kind {kind}://" if re.fullmatch(r"[a-z0-9+.-]{1,20}", kind) else ""
        raise SettingRefused(variable, f"it names a proxy{shown}, which cannot be used; {_ALLOWED}")
    kind = _KINDS[kind]
    user, at, place = rest.rpartition("@")
    try:
        parts = urlsplit(f"//{place}")
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise SettingRefused(variable, f"its host or port cannot be read; {_ALLOWED}") from None
    if port == 0 or not re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+(%\w+)?", host) or len(host) > 253:
        raise SettingRefused(variable, f"its host or port cannot be read; {_ALLOWED}")
    if user and not re.fullmatch(r"[\x21-\x7e]+", user):
        raise SettingRefused(variable, "its user or password must be written with % and two digits a character")
    # What has a meaning in a URL is escaped: many passwords hold some of it.
    user = re.sub(r"[/?#@\[\]\\]|%(?![0-9A-Fa-f]{2})", lambda char: f"%{ord(char[0]):02X}", user)
    shown = f"[{host}]" if ":" in host else host
    return f"{kind}://{user}{at}{shown}:{port or _PORTS[kind]}"


def _is_excepted(exceptions: str, host: str, port: int) -> bool:
    """Tells whether `no_proxy` names a host: by `*`, a domain (a dot before it or not), an address or a network."""
    address = None
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
    for entry in re.split(r"[\s,;]+", trimmed(exceptions).lower()):
        name = entry.partition("://")[2] or entry
        if name == "*":
            return True
        if address is not None and (network := _network(name)) is not None:
            if address in network:
                return True
            continue
        if found := re.fullmatch(r"(\[[^]]*\]|[^:]*):(\d{1,5})", name):
            if int(found[2]) != port:
                continue
            name = found[1]
        name = name.strip("[]").removeprefix("*").lstrip(".").rstrip(".")
        if name and (host == name or host.endswith(f".{name}")):
            return True
    return False


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None
