"""The names that the server answers to, and the pages that may speak to it.

A web page that got a name of its own to point at this machine, or at the proxy before it, is refused.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from apixo_mcp.settings import Settings

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""What only programs of this machine call it by."""

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[^\s:/\[\]@]{1,253})(?::(\d{1,5}))?", re.IGNORECASE)
_ORIGIN = re.compile(r"(https?)://([^/?#]{1,300})", re.IGNORECASE)
_USUAL_PORTS = {"http": "80", "https": "443"}
_Authority = tuple[str, str]  # a name, and a port or nothing


@dataclass(frozen=True, slots=True)
class Hosts:
    """What `Host` and `Origin` may say.

    Attributes:
        public: the name in the public URL, empty where there is none.
        public_origin: scheme, name and port of pages that this server serves under the public URL.
        allowed: further names, each with a port where that one alone counts.
    """

    public: str = ""
    public_origin: tuple[str, _Authority] | None = None
    allowed: tuple[_Authority, ...] = ()

    def is_known(self, host: str) -> bool:
        """Tells whether a Host is this server's."""
        name, port = authority_of(host)
        return name in LOOPBACK_NAMES or bool(name and name == self.public) or self._allows(name, port)

    def lets_in(self, origin: str) -> bool:
        """Tells whether a page of an origin may speak to this server: its own, this machine's or an allowed one."""
        match = _ORIGIN.fullmatch(origin)
        if match is None:
            return False
        scheme = match[1].lower()
        name, port = authority_of(match[2])
        port = port or _USUAL_PORTS[scheme]
        if (scheme, (name, port)) == self.public_origin:
            return True  # of this machine too, as where a proxy is tried out
        if name in LOOPBACK_NAMES:
            return scheme == "http"
        return self._allows(name, port)

    def _allows(self, name: str, port: str) -> bool:
        return any(name == one and wanted in ("", port) for one, wanted in self.allowed)


def hosts_of(settings: Settings) -> Hosts:
    """Returns the names that the settings give a server."""
    allowed = tuple(map(authority_of, settings.allowed_hosts))
    if not settings.public_url:
        return Hosts(allowed=allowed)
    url = urlsplit(settings.public_url)
    name, port = authority_of(url.netloc)
    return Hosts(name, (url.scheme, (name, port or _USUAL_PORTS.get(url.scheme, ""))), allowed)


def authority_of(host: str) -> _Authority:
    """Returns the name and the port in a Host; empty ones where it is none."""
    match = _AUTHORITY.fullmatch(host)
    return (match[1].lower().rstrip("."), match[2] or "") if match else ("", "")


def is_loopback_name(host: str) -> bool:
    """Tells whether a Host is a name that only programs of this machine use."""
    return authority_of(host)[0] in LOOPBACK_NAMES
