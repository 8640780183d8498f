"""Which addresses a URL that came from outside may lead to."""

import ipaddress
from urllib.parse import urlsplit

from apixo_mcp.errors import HostRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_VPN_RANGE = ipaddress.ip_network("198.18.0.0/15")  # what many VPN clients answer for every name; harmless over https


def is_public(address: Address, *, https: bool) -> bool:
    """Whether an address may be connected to where private hosts are not allowed."""
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if embedded is not None:
            return is_public(embedded, https=https)
    elif https and address in _VPN_RANGE:
        return True
    return address.is_global and not address.is_multicast


def check_url(url: str, *, allow_private: bool) -> None:
    """Refuses what can be told from a URL alone; names are checked again when they are resolved.

    Raises:
        HostRefused: not http(s), without a host, or a literal private address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise HostRefused(f"{url[:80]!r} is not a web address")
    if allow_private:
        return
    try:
        address = ipaddress.ip_address(parts.hostname)
    except ValueError:
        if parts.hostname == "localhost" or parts.hostname.endswith(".localhost"):
            raise HostRefused(_words(parts.hostname)) from None
        return
    if not is_public(address, https=parts.scheme == "https"):
        raise HostRefused(_words(parts.hostname))


def check_address(host: str, address: str, *, https: bool) -> None:
    """Refuses a private address that `host` resolved to.

    Raises:
        HostRefused: the address is private, loopback, link-local or reserved.
    """
    if not is_public(ipaddress.ip_address(address.split("%")[0]), https=https):
        raise HostRefused(_words(host))


def _words(host: str) -> str:
    return f"{host} is a private address, and APIXO_MCP_ALLOW_PRIVATE_HOSTS is off"
