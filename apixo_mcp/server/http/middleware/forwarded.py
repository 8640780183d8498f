"""What a proxy tells of the request that it passes on: believed of the proxies that are trusted, and of nobody else.

The headers stay where they are, believed or not: that they are there tells that the client is not a neighbour.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

_LONGEST = 4000  # characters that are read: a chain of proxies is short
_PAIR = re.compile(r"([a-z]{1,20})\s*=\s*(?:\"([^\"]{0,300})\"|([^\s;,\"]{0,300}))", re.IGNORECASE)
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Passed:
    """A request as the proxy got it.

    Attributes:
        client: the address of the client; empty where it cannot be read, None where the proxy does not tell it.
        scheme: `http` or `https`, empty where it does not tell it.
        host: the Host that the client named, empty where it does not tell it.
    """

    client: str | None = None
    scheme: str = ""
    host: str = ""


class TrustedProxies:
    """The proxies whose word counts.

    Args:
        networks: addresses and networks.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network, strict=False) for network in networks]

    def include(self, address: str) -> bool:
        """Tells whether the one at an address is trusted."""
        read = address_of(address)
        return read is not None and any(read in network for network in self._networks)

    def passed(self, headers: Mapping[str, str]) -> Passed:
        """Returns what a trusted proxy tells of a request.

        Where it has both kinds of headers the `X-` ones count: nearly every proxy writes those, and hands the other on
        as its client sent it.
        """
        if any(name.startswith("x-forwarded-") for name in headers):
            told = [{"for": one} for one in _listed(headers.get("x-forwarded-for", ""))]
            scheme = next(reversed(_listed(headers.get("x-forwarded-proto", ""))), "")
            host = next(reversed(_listed(headers.get("x-forwarded-host", ""))), "")
        else:
            told = [dict(_pairs(element)) for element in _elements(headers.get("forwarded", ""))]
            scheme = next((one["proto"] for one in reversed(told) if "proto" in one), "")
            host = next((one["host"] for one in reversed(told) if "host" in one), "")
        scheme = scheme.lower()
        chain = [one["for"] for one in told if "for" in one]
        return Passed(self._client(chain) if chain else None, scheme if scheme in ("http", "https") else "", host)

    def _client(self, chain: list[str]) -> str:
        """Returns the last in a chain that is no proxy of ours: what stands before it anybody may have written."""
        for text in reversed(chain):
            address = address_of(text)
            if address is None:
                return ""
            if not self.include(str(address)):
                return str(address)
        return str(address_of(chain[0]))


class ForwardedHeaders:
    """Makes of a request what its client sent, where a trusted proxy tells it.

    Args:
        app: what it stands before.
        proxies: that are trusted.
    """

    def __init__(self, app: ASGIApp, proxies: TrustedProxies) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and scope.get("client") and self._proxies.include(scope["client"][0]):
            scope = _told(scope, self._proxies)
        await self._app(scope, receive, send)


def address_of(text: str) -> _Address | None:
    """Returns the address in what a proxy writes of a client: with a port or in brackets as well."""
    text = text.strip().strip('"')
    if match := re.fullmatch(r"\[([^\]]{1,60})\](?::\d{1,5})?|([\d.]{1,15}):\d{1,5}", text):
        text = match[1] or match[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _told(scope: Scope, proxies: TrustedProxies) -> Scope:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1")
        if key == "forwarded" or key.startswith("x-forwarded-"):
            headers[key] = f"{headers[key]},{value.decode('latin-1')}" if key in headers else value.decode("latin-1")
    if not headers:
        return scope
    passed = proxies.passed({name: value[-_LONGEST:] for name, value in headers.items()})
    told = dict(scope)
    if passed.client is not None:
        told["client"] = (passed.client, 0) if passed.client else None
    if passed.scheme:
        told["scheme"] = passed.scheme
    if passed.host:
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        told["headers"] = [(b"host", passed.host.encode("latin-1")), *others]
    return told


def _listed(value: str) -> list[str]:
    return [one for part in value.split(",") if (one := part.strip())]


def _elements(value: str) -> list[str]:
    """Returns the elements of `Forwarded`; a comma within quotes parts none."""
    return re.findall(r"(?:[^,\"]|\"[^\"]*\")+", value)


def _pairs(element: str) -> Iterator[tuple[str, str]]:
    for match in _PAIR.finditer(element):
        yield match[1].lower(), match[2] if match[2] is not None else match[3]
